package dev.wheelwork

import java.nio.charset.CharacterCodingException

/**
 * What failed. The subclass says which reaction fits, [code] what it was, [remedy] what to do now.
 *
 * The message names what is broken and never holds text of a prompt or an answer.
 */
public sealed class WheelworkException(
    /** Stable, in `snake_case`; the same in every language. */
    public val code: String,
    message: String,
    /** One imperative sentence: what to do now. */
    public val remedy: String,
    /** The remedy for a program, in `snake_case`, such as `free_disk`; the same in every language. */
    public val remedyKind: String,
    /** The file, tensor, node or field, where there is one. */
    public val place: String?,
    cause: Throwable?,
) : Exception(message, cause) {
    /** Change the input or try again: nothing stored is damaged. */
    public class Retry internal constructor(code: String, message: String, remedy: String, remedyKind: String, place: String?, cause: Throwable?) :
        WheelworkException(code, message, remedy, remedyKind, place, cause)

    /** What is stored is damaged or incomplete: install it again. */
    public class Reinstall internal constructor(code: String, message: String, remedy: String, remedyKind: String, place: String?, cause: Throwable?) :
        WheelworkException(code, message, remedy, remedyKind, place, cause)

    /** This device, this build or this model cannot do what was asked. */
    public class Unsupported internal constructor(code: String, message: String, remedy: String, remedyKind: String, place: String?, cause: Throwable?) :
        WheelworkException(code, message, remedy, remedyKind, place, cause)

    /** A defect of Wheelwork: please report it. */
    public class Bug internal constructor(code: String, message: String, remedy: String, remedyKind: String, place: String?, cause: Throwable?) :
        WheelworkException(code, message, remedy, remedyKind, place, cause)
}

/** Has what a call across the language boundary throws arrive as this layer promises it. */
internal inline fun <T> translated(call: () -> T): T =
    try {
        call()
    } catch (failure: FfiException.Failed) {
        throw failure.translated()
    } catch (panic: InternalException) {
        // Its words may hold text of a message.
        throw WheelworkException.Bug("panicked", "a call panicked", "report this", "report", null, null)
    } catch (text: CharacterCodingException) {
        val remedy = "correct the surrogates that stand alone"
        throw WheelworkException.Retry("malformed_text", "the text is no valid UTF-16", remedy, "correct", null, text)
    }

internal fun FfiException.Failed.translated(): Exception {
    if (code == "closed") return IllegalStateException(reason, this)
    return when (`class`) {
        ErrorClass.RETRY -> WheelworkException.Retry(code, reason, remedy, remedyKind, place, this)
        ErrorClass.REINSTALL -> WheelworkException.Reinstall(code, reason, remedy, remedyKind, place, this)
        ErrorClass.UNSUPPORTED -> WheelworkException.Unsupported(code, reason, remedy, remedyKind, place, this)
        ErrorClass.BUG -> WheelworkException.Bug(code, reason, remedy, remedyKind, place, this)
    }
}

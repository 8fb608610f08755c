package dev.wheelwork

import dev.wheelwork.ffi.ErrorClass
import dev.wheelwork.ffi.FfiException
import dev.wheelwork.ffi.InternalException
import java.nio.charset.CharacterCodingException

/**
 * What failed. The subclass says which reaction fits, [code] what it was, [remedy] what to do now.
 *
 * The message names what is broken and never holds text of a prompt or an answer.
 */
public sealed class WheelworkException private constructor(fault: Fault) : Exception(fault.reason, fault.cause) {
    /** One of [ErrorCode]: stable, in `snake_case`, the same in every language. */
    public val code: String = fault.code

    /** One imperative sentence: what to do now. */
    public val remedy: String = fault.remedy

    /** The remedy for a program, in `snake_case`, such as `free_disk`; the same in every language. */
    public val remedyKind: String = fault.remedyKind

    /** The file, tensor, node or field; null where there is none. */
    public val place: String? = fault.place

    /** Change the input or try again: nothing stored is damaged. */
    public class Retry internal constructor(fault: Fault) : WheelworkException(fault)

    /** What is stored is damaged or incomplete: install it again. */
    public class Reinstall internal constructor(fault: Fault) : WheelworkException(fault)

    /** This device, this build or this model cannot do what was asked. */
    public class Unsupported internal constructor(fault: Fault) : WheelworkException(fault)

    /** A defect of Wheelwork: please report it. */
    public class Bug internal constructor(fault: Fault) : WheelworkException(fault)
}

/** What an exception of ours is made of. */
internal class Fault(
    val code: String,
    val reason: String,
    val remedy: String,
    val remedyKind: String,
    val place: String? = null,
    val cause: Throwable? = null,
)

/** Has what a call across the language boundary throws arrive as this layer promises it. */
internal inline fun <T> translated(call: () -> T): T =
    try {
        call()
    } catch (failure: FfiException.Failed) {
        throw failure.translated()
    } catch (panic: InternalException) {
        throw panicked()
    } catch (text: CharacterCodingException) {
        throw malformed(text)
    } catch (missing: LinkageError) {
        throw unlinked(missing)
    }

internal fun FfiException.Failed.translated(): Exception {
    if (code == "closed") return IllegalStateException(reason, this)
    val fault = Fault(code, reason, remedy, remedyKind, place, this)
    return when (`class`) {
        ErrorClass.RETRY -> WheelworkException.Retry(fault)
        ErrorClass.REINSTALL -> WheelworkException.Reinstall(fault)
        ErrorClass.UNSUPPORTED -> WheelworkException.Unsupported(fault)
        ErrorClass.BUG -> WheelworkException.Bug(fault)
    }
}

/** Without the panic's own words: they may hold text of a message. */
internal fun panicked(): WheelworkException =
    WheelworkException.Bug(Fault(ErrorCode.PANICKED, "a call panicked", "report this", "report"))

internal fun malformed(cause: Throwable): WheelworkException {
    val remedy = "correct the surrogates that stand alone"
    return WheelworkException.Retry(
        Fault(ErrorCode.MALFORMED_TEXT, "the text is no valid UTF-16", remedy, "correct", cause = cause),
    )
}

/** The native library is not there, or not of this release. */
internal fun unlinked(cause: LinkageError): WheelworkException {
    val reason = "the native library `wheelwork_uniffi` could not be loaded"
    val remedy = "ship the native library of this release and of this device's architecture with the app"
    return WheelworkException.Unsupported(Fault(ErrorCode.NATIVE_LIBRARY, reason, remedy, "install", cause = cause))
}

package dev.wheelwork

/**
 * What an answer must look like; the reasoning is not touched. A turn that ends otherwise than by [FinishReason.STOP] leaves
 * the answer unfinished. A form that is none is refused by the turn, with codes such as [ErrorCode.OUTPUT_INVALID].
 */
public sealed interface Output {
    /** Any text. */
    public data object Free : Output

    /**
     * JSON text that a schema describes.
     *
     * @property schema The schema (draft 2020-12 and earlier) as JSON text. Keywords that can't be held are an error.
     */
    public class JsonSchema(public val schema: String) : Output

    /**
     * Text that a regular expression matches as a whole.
     *
     * @property pattern In Rust's syntax, without anchors and look-around.
     */
    public class Regex(public val pattern: String) : Output

    /**
     * Text of a grammar.
     *
     * @property grammar In llguidance's dialect of Lark; it begins with the rule `start`.
     */
    public class Lark(public val grammar: String) : Output
}

/**
 * A function that the model may call.
 *
 * @property name Letters, digits, `_`, `-` and `.`.
 * @property description What it does and when to call it, for the model.
 * @property parameters A JSON schema of an object, as text: the arguments.
 */
public class Tool(public val name: String, public val description: String, public val parameters: String)

/** Whether the answer must call a tool. */
public enum class ToolChoice {
    /** As the model likes. */
    AUTO,

    /** The answer is one or more calls and nothing else. */
    REQUIRED,
}

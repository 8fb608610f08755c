package dev.wheelwork

/**
 * One message of a conversation. A value.
 *
 * @property role Who speaks.
 * @property toolCalls Tools that the model calls.
 * @property toolCallId For a tool's result: the id of the call that it answers; null where calls have none, as R1's.
 * @property name For a tool's result: the tool's name.
 * @property reasoning The reasoning in [text]; null where there is none.
 */
@ConsistentCopyVisibility
public data class Message internal constructor(
    public val role: Role,
    internal val content: String?,
    public val toolCalls: List<ToolCall> = emptyList(),
    public val toolCallId: String? = null,
    public val name: String? = null,
    public val reasoning: String? = null,
    internal val told: String? = null,
) {
    /**
     * What is said. An answer of the model holds its reasoning too, as the model wrote it, so that a conversation can be handed
     * on as it was; empty where the model does nothing but call tools.
     */
    public val text: String get() = content.orEmpty()

    /** What [text] says without the reasoning. */
    public val answer: String get() = told ?: text

    public companion object {
        /** Instructions. R1's authors advise to put them into the user's message instead. */
        @JvmStatic
        public fun system(text: String): Message = Message(Role.SYSTEM, text)

        /** What the person says. */
        @JvmStatic
        public fun user(text: String): Message = Message(Role.USER, text)

        /** What the model said. */
        @JvmStatic
        @JvmOverloads
        public fun assistant(text: String, toolCalls: List<ToolCall> = emptyList()): Message =
            Message(Role.ASSISTANT, text, toolCalls)

        /** The result of a tool call; where calls have ids, with the call's. */
        @JvmStatic
        @JvmOverloads
        public fun tool(result: String, name: String? = null, callId: String? = null): Message =
            Message(Role.TOOL, result, toolCallId = callId, name = name)
    }
}

/**
 * One call of a tool, in a message. A value.
 *
 * @property name The function's name.
 * @property arguments A JSON object, as text.
 * @property id Names the call for its result; null where calls have none, as R1's.
 * @property asText Whether templates see the arguments as text, as R1's wants them; else as an object.
 */
@ConsistentCopyVisibility
public data class ToolCall internal constructor(
    public val name: String,
    public val arguments: String,
    public val id: String?,
    public val asText: Boolean,
) {
    public companion object {
        /** A call as a model would make it. */
        @JvmStatic
        @JvmOverloads
        public fun of(name: String, arguments: String, id: String? = null, asText: Boolean = true): ToolCall =
            ToolCall(name, arguments, id, asText)
    }
}

/** Who speaks. */
public enum class Role {
    /** Instructions. */
    SYSTEM,

    /** The person. */
    USER,

    /** The model. */
    ASSISTANT,

    /** The result of a tool call. */
    TOOL,
}

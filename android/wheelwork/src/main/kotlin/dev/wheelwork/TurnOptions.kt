package dev.wheelwork

import kotlin.time.Duration

/** Keeps a block of options from reaching into the one around it. */
@DslMarker
@Target(AnnotationTarget.CLASS)
public annotation class WheelworkDsl

/**
 * How one turn is generated: what the block of [Chat.ask], [Chat.respond] and [Chat.answer] sets. The defaults take the model
 * authors' advice.
 *
 * The block runs at once on the caller's thread, and what it set is read before the call returns. A negative number is an
 * [IllegalArgumentException]; what the model refuses is a [WheelworkException] of the turn.
 */
@WheelworkDsl
public class TurnOptions {
    /** The most tokens to generate, reasoning included; by default to the context's end. */
    public var maxTokens: Int = UNLIMITED

    /** How a token is picked. */
    public var sampling: Sampling = Sampling.Model

    /** The form that the answer must have. */
    public var output: Output = Output.Free

    /** Functions that the model may call. */
    public var tools: List<Tool> = emptyList()

    /** Whether it must call one. */
    public var toolChoice: ToolChoice = ToolChoice.AUTO

    /** Texts that end the answer; they are not part of it. */
    public var stop: List<String> = emptyList()

    /** How much the model may reason. */
    public var think: Think = Think.Auto

    /** Whether the runtime opens the reasoning where the template leaves that to the model. */
    public var openReasoning: OpenReasoning = OpenReasoning.AUTO

    /** What the runtime ends reasoning with before the closing tag. */
    public var closing: Closing = Closing.OfPackage

    /** Reasoning ends while at least this many tokens are left for the answer; 0 lets reasoning take all of them. */
    public var answerReserve: Int = 0

    /** What happens where the model repeats itself without end. */
    public var onLoop: OnLoop = OnLoop.END

    /** What happens where the conversation no longer fits into the context. */
    public var onContextFull: OnContextFull = OnContextFull.Refuse

    /** Whether tokens are computed ahead that stood in the conversation before. */
    public var promptLookup: PromptLookup = PromptLookup.OFF

    /** How urgent the turn is; the higher one computes first. */
    public var priority: Priority = Priority.INTERACTIVE

    public companion object {
        /** No limit. */
        public const val UNLIMITED: Int = Int.MAX_VALUE
    }
}

/** How much the model may reason. */
public sealed interface Think {
    /** As much as it likes. */
    public data object Auto : Think

    /** Not at all. */
    public data object Off : Think

    /** Until the first limit is reached; then the runtime ends the reasoning, and the answer comes. */
    @ConsistentCopyVisibility
    public data class Budget internal constructor(internal val tokens: Int?, internal val time: Duration?) : Think

    public companion object {
        /** At most this many tokens of reasoning; 0 is [Off]. */
        @JvmStatic
        public fun budget(tokens: Int): Think = Budget(tokens, null)

        /** At most this long, since the first token. */
        public fun budget(time: Duration): Think = Budget(null, time)

        /** At most this many tokens and at most this long. */
        public fun budget(tokens: Int, time: Duration): Think = Budget(tokens, time)
    }
}

/** Whether the runtime opens the reasoning where the template leaves that to the model. */
public enum class OpenReasoning {
    /** Where the model reasons and the template does not open. */
    AUTO,

    /** Never; a closing tag that comes all the same is told by [Event.AnswerWasReasoning]. */
    OFF,
}

/** What the runtime ends reasoning with, before the closing tag. */
public sealed interface Closing {
    /** The phrase that the package names, if it names one. */
    public data object OfPackage : Closing

    /** Nothing: the tag stands alone. */
    public data object TagAlone : Closing

    /**
     * A phrase of yours. One that the model was not trained with costs some of its accuracy.
     *
     * @property text The phrase.
     */
    public class Phrase(public val text: String) : Closing
}

/** What happens where the model repeats itself without end. */
public enum class OnLoop {
    /** Ends the reasoning, so that an answer comes; a loop in the answer ends the turn. */
    END,

    /** Ends the turn. */
    STOP,

    /** Raises the temperature, once in a turn. */
    WARM,

    /** Goes on. */
    IGNORE,
}

/** What happens where the conversation no longer fits into the context. */
public sealed interface OnContextFull {
    /** The turn is refused with [ErrorCode.PROMPT_TOO_LONG]. */
    public data object Refuse : OnContextFull

    /** The oldest turns are dropped from the history; [Event.TurnsDropped] says so. */
    @ConsistentCopyVisibility
    public data class DropOldest internal constructor(internal val room: Int?) : OnContextFull

    public companion object {
        /** Drops the oldest turns until a quarter of the context is free for reasoning and answer. */
        @JvmStatic
        public fun dropOldest(): OnContextFull = DropOldest(null)

        /** Drops the oldest turns until this many tokens are free for reasoning and answer. */
        @JvmStatic
        public fun dropOldest(room: Int): OnContextFull = DropOldest(room)
    }
}

/** Whether tokens are computed ahead that stood in the conversation before. */
public enum class PromptLookup {
    /** Each token on its own. */
    OFF,

    /** Where the graphs can and it is quicker by what was measured in the turn. */
    AUTO,
}

/** How urgent a turn is; the higher one computes first. */
public enum class Priority {
    /** Nobody waits for it. */
    BACKGROUND,

    /** Somebody will want it. */
    NORMAL,

    /** Somebody reads along. */
    INTERACTIVE,
}

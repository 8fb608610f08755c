package dev.wheelwork

import kotlin.time.Duration

/**
 * One event of a turn. `when` over all of them needs no `else`; a kind that a new release adds is a new branch to write.
 *
 * Order: one [Started], then [ReasoningDelta]s and one [ReasoningEnded] where the model reasons, then [AnswerDelta]s and
 * [ToolCall]s, then one [Finished]. [PaceChanged] and [DeviceChanged] may come anywhere in between. Events are values: they
 * may be kept, compared and handed to any thread.
 */
public sealed interface Event {
    /**
     * The prompt is accepted; computing it starts now.
     *
     * @property placement Where the model runs, and why not on a better device.
     * @property promptTokens Tokens of the prompt.
     * @property reusedTokens Tokens of the prompt that stood in the cache already.
     * @property prefixTokens Of these, tokens that another conversation had computed.
     * @property resumedTokens Tokens of this turn that were generated before it was suspended: their text follows at once.
     * @property reasoning How the reasoning begins.
     */
    @ConsistentCopyVisibility
    public data class Started internal constructor(
        public val placement: Placement,
        public val promptTokens: Int,
        public val reusedTokens: Int,
        public val prefixTokens: Int,
        public val resumedTokens: Int,
        public val reasoning: ReasoningStart,
    ) : Event

    /**
     * The conversation no longer fitted, and its oldest turns are gone from the history.
     *
     * @property messages Messages that were dropped.
     * @property tokens Tokens by which the prompt got shorter.
     */
    @ConsistentCopyVisibility
    public data class TurnsDropped internal constructor(public val messages: Int, public val tokens: Int) : Event

    /**
     * More reasoning.
     *
     * @property text Complete characters only.
     */
    @ConsistentCopyVisibility
    public data class ReasoningDelta internal constructor(public val text: String) : Event

    /**
     * The reasoning is over; what follows is the answer.
     *
     * @property tokens Tokens of reasoning.
     * @property elapsed Since the first token.
     * @property cause Why.
     */
    @ConsistentCopyVisibility
    public data class ReasoningEnded internal constructor(
        public val tokens: Int,
        public val elapsed: Duration,
        public val cause: ReasoningEnd,
    ) : Event

    /**
     * What came as [AnswerDelta] so far was reasoning: the model closed it without having opened it. What follows is the
     * answer, and no [ReasoningEnded] comes. Only where [Started] said [ReasoningStart.LEFT_TO_MODEL].
     *
     * @property tokens Tokens of reasoning.
     * @property elapsed Since the first token.
     */
    @ConsistentCopyVisibility
    public data class AnswerWasReasoning internal constructor(
        public val tokens: Int,
        public val elapsed: Duration,
    ) : Event

    /**
     * The model went round in circles and samples more freely from here on.
     *
     * @property to The new temperature.
     * @property period Tokens of the passage that came again and again.
     */
    @ConsistentCopyVisibility
    public data class TemperatureRaised internal constructor(public val to: Float, public val period: Int) : Event

    /**
     * The device failed in the middle and the turn goes on elsewhere, from the same tokens: nothing is repeated.
     *
     * @property placement Where it runs from here on; what failed stands first in [Placement.notUsed].
     */
    @ConsistentCopyVisibility
    public data class DeviceChanged internal constructor(public val placement: Placement) : Event

    /**
     * The engine computes faster or slower from here on; see [Engine.setConditions].
     *
     * @property pace The new pace.
     */
    @ConsistentCopyVisibility
    public data class PaceChanged internal constructor(public val pace: Pace) : Event

    /**
     * More of the answer.
     *
     * @property text Complete characters only.
     */
    @ConsistentCopyVisibility
    public data class AnswerDelta internal constructor(public val text: String) : Event

    /**
     * The model calls a tool: run it, add its result with [Chat.push] and [Message.tool], and have the model
     * [respond][Chat.respond]. [Toolbox] does all of that.
     *
     * @property index Counts the calls of the turn, from 0.
     * @property name The function's name.
     * @property arguments A JSON object; whether it follows the tool's schema is not looked at.
     * @property known Whether a tool of this name was offered. Run no other.
     */
    @ConsistentCopyVisibility
    public data class ToolCall internal constructor(
        public val index: Int,
        public val name: String,
        public val arguments: String,
        public val known: Boolean,
    ) : Event

    /**
     * What came last as answer looked like a tool call, and is none.
     *
     * @property fault Why.
     */
    @ConsistentCopyVisibility
    public data class ToolCallRejected internal constructor(public val fault: ToolFault) : Event

    /**
     * The end; nothing follows.
     *
     * @property reason Why.
     * @property usage Tokens by kind.
     * @property timings Durations and rates.
     * @property tokenIds Every token that was generated or put in by the runtime, in order, stop token included.
     */
    @ConsistentCopyVisibility
    public data class Finished internal constructor(
        public val reason: FinishReason,
        public val usage: Usage,
        public val timings: Timings,
        public val tokenIds: List<Int>,
    ) : Event
}

/** How the reasoning of a turn begins. */
public enum class ReasoningStart {
    /** Not at all: the model does not reason, and limits of reasoning change nothing. */
    NO_REASONING,

    /** The template opened it. */
    IN_PROMPT,

    /** The runtime opened it. */
    OPENED,

    /** The model opens it, or does not. */
    LEFT_TO_MODEL,

    /** The caller asked for none. */
    SKIPPED,
}

/** Why reasoning ended. */
public enum class ReasoningEnd {
    /** The model closed it. */
    CLOSED,

    /** The budget was used up, or the rest was needed for the answer. */
    BUDGET,

    /** It repeated itself without end. */
    LOOP,

    /** The caller asked for the answer. */
    ANSWER_NOW,

    /** The caller asked for none. */
    SKIPPED,
}

/** Why a turn ended. */
public enum class FinishReason {
    /** A stop token or a stop text. */
    STOP,

    /** The caller's [TurnOptions.maxTokens]. */
    LENGTH,

    /** The model's context length. */
    CONTEXT_FULL,

    /** The model repeated itself without end. */
    REPETITION,

    /** The caller cancelled. */
    CANCELLED,

    /** The caller paused it: [Chat.resume] goes on. */
    SUSPENDED,
}

/** Why something that looks like a tool call is none. */
public enum class ToolFault {
    /** It names no function. */
    NO_NAME,

    /** It has no arguments. */
    NO_ARGUMENTS,

    /** Its arguments are not a JSON object. */
    NOT_JSON,

    /** It was not written to its end. */
    UNFINISHED,
}

/**
 * Tokens of a turn by kind.
 *
 * @property promptTokens Tokens of the prompt.
 * @property reusedTokens Of these, tokens that stood in the cache already.
 * @property completionTokens Tokens generated, all kinds together.
 * @property reasoningTokens Of these, reasoning.
 * @property draftedTokens Tokens that were computed ahead.
 * @property acceptedTokens Of these, tokens that came true.
 */
@ConsistentCopyVisibility
public data class Usage internal constructor(
    public val promptTokens: Int,
    public val reusedTokens: Int,
    public val completionTokens: Int,
    public val reasoningTokens: Int,
    public val draftedTokens: Int,
    public val acceptedTokens: Int,
)

/**
 * Durations and rates of a turn.
 *
 * @property prefill Computing the part of the prompt that was not in the cache.
 * @property firstToken From the call to the first token.
 * @property decode From the first token to the last.
 * @property total From the call to the end.
 * @property prefillTokensPerSecond New prompt tokens per second; 0 where there were none.
 * @property decodeTokensPerSecond Tokens after the first per second; 0 for fewer than two tokens.
 */
@ConsistentCopyVisibility
public data class Timings internal constructor(
    public val prefill: Duration,
    public val firstToken: Duration,
    public val decode: Duration,
    public val total: Duration,
    public val prefillTokensPerSecond: Double,
    public val decodeTokensPerSecond: Double,
)

package dev.wheelwork

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.fold

/**
 * What a turn said, as a whole. A value.
 *
 * @property text The answer.
 * @property reasoning What stands before the answer; empty where the model did not reason.
 * @property toolCalls The calls of tools, in their order.
 * @property finishReason Why the turn ended: anything but [FinishReason.STOP] may have cut the answer.
 * @property usage Tokens by kind.
 * @property timings Durations and rates.
 * @property placement Where the model ran at the end.
 */
@ConsistentCopyVisibility
public data class Answer internal constructor(
    public val text: String,
    public val reasoning: String,
    public val toolCalls: List<Event.ToolCall>,
    public val finishReason: FinishReason,
    public val usage: Usage,
    public val timings: Timings,
    public val placement: Placement,
)

/**
 * Collects a turn to its end and gives what it said. Takes as long as the turn. Errors: those of the flow, and an
 * [IllegalStateException] for a flow that is no whole turn.
 */
public suspend fun Flow<Event>.answer(): Answer = fold(TurnState.Waiting) { state, event -> state + event }.whole()

internal fun TurnState.whole(): Answer {
    val finished = checkNotNull(finished) { "the flow ended before its turn" }
    val placement = checkNotNull(placement) { "the flow began in the middle of its turn" }
    return Answer(
        answer, reasoning, toolCalls, finished.reason, finished.usage, finished.timings, placement,
    )
}

package dev.wheelwork

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.catch
import kotlinx.coroutines.flow.flow

/**
 * All of a turn so far: what a screen shows. A value.
 *
 * @property phase What the turn is at.
 * @property reasoning The reasoning so far.
 * @property answer The answer so far.
 * @property toolCalls The calls of tools so far.
 * @property placement Where the model runs; null before [Event.Started].
 * @property pace How fast the engine computes, as far as this turn was told.
 * @property droppedMessages Messages that the context had no room for any more.
 * @property finished The turn's last event; null before it.
 * @property failure What ended the turn instead; null where nothing did.
 */
@ConsistentCopyVisibility
public data class TurnState internal constructor(
    public val phase: Phase,
    public val reasoning: String,
    public val answer: String,
    public val toolCalls: List<Event.ToolCall>,
    public val placement: Placement?,
    public val pace: Pace,
    public val droppedMessages: Int,
    public val finished: Event.Finished?,
    public val failure: WheelworkException?,
) {
    /** What a turn is at. */
    public enum class Phase {
        /** Nothing came yet. */
        WAITING,

        /** The prompt is computed, or the model has not said anything yet. */
        READING,

        /** The model reasons. */
        REASONING,

        /** The model answers. */
        ANSWERING,

        /** It is over: see [finished]. */
        FINISHED,

        /** It failed: see [failure]. */
        FAILED,
    }

    /** The state after one more event. */
    public operator fun plus(event: Event): TurnState = when (event) {
        is Event.Started -> copy(phase = Phase.READING, placement = event.placement)
        is Event.TurnsDropped -> copy(droppedMessages = droppedMessages + event.messages)
        is Event.ReasoningDelta -> copy(phase = Phase.REASONING, reasoning = reasoning + event.text)
        is Event.ReasoningEnded -> copy(phase = Phase.ANSWERING)
        is Event.AnswerWasReasoning -> copy(reasoning = reasoning + answer, answer = "")
        is Event.TemperatureRaised -> this
        is Event.DeviceChanged -> copy(placement = event.placement)
        is Event.PaceChanged -> copy(pace = event.pace)
        is Event.AnswerDelta -> copy(phase = Phase.ANSWERING, answer = answer + event.text)
        is Event.ToolCall -> copy(phase = Phase.ANSWERING, toolCalls = toolCalls + event)
        is Event.ToolCallRejected -> this
        is Event.Finished -> copy(phase = Phase.FINISHED, finished = event)
    }

    public companion object {
        /** Before the first event: where a `StateFlow` begins. */
        @JvmField
        public val Waiting: TurnState =
            TurnState(Phase.WAITING, "", "", emptyList(), null, Pace.FULL, 0, null, null)
    }
}

/**
 * The turn as a state that grows, for a `StateFlow`: begins with [TurnState.Waiting], then one state an event. A
 * [WheelworkException] becomes the last state ([TurnState.failure]) instead of ending the flow, so that `stateIn` needs no
 * handler; what else is thrown goes on.
 *
 * ```kotlin
 * val state = chat.ask(question).turnState().stateIn(scope, SharingStarted.Eagerly, TurnState.Waiting)
 * ```
 */
public fun Flow<Event>.turnState(): Flow<TurnState> {
    val events = this
    return flow {
        var state = TurnState.Waiting
        emit(state)
        val states: Flow<TurnState> = flow { events.collect { emit(state + it) } }
        states
            .catch { failure ->
                if (failure !is WheelworkException) throw failure
                emit(state.copy(phase = TurnState.Phase.FAILED, failure = failure))
            }
            .collect {
                state = it
                emit(it)
            }
    }
}

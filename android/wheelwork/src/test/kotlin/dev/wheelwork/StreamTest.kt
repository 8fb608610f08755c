package dev.wheelwork

import app.cash.turbine.test
import app.cash.turbine.turbineScope
import java.io.File
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.flow.SharingStarted
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.stateIn
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** A turn as a stream: each event awaited, none left over. */
class StreamTest {
    @Test
    fun each_event_of_a_turn_comes_once_and_in_order() = withChat { _, chat ->
        chat.ask(QUESTION, GREEDY).test(timeout = 60.seconds) {
            assertTrue(awaitItem() is Event.Started)
            var reasoning = ""
            var event = awaitItem()
            while (event is Event.ReasoningDelta) {
                reasoning += event.text
                event = awaitItem()
            }
            assertTrue(reasoning.isNotBlank())
            assertEquals(ReasoningEnd.CLOSED, (event as Event.ReasoningEnded).cause)
            var answer = ""
            event = awaitItem()
            while (event is Event.AnswerDelta) {
                answer += event.text
                event = awaitItem()
            }
            assertTrue(answer.contains("734"), answer)
            assertEquals(FinishReason.STOP, (event as Event.Finished).reason)
            awaitComplete()
        }
    }

    @Test
    fun a_refused_turn_is_an_error_of_the_stream_and_nothing_else() = withChat { _, chat ->
        chat.ask("a \uD83D b").test(timeout = 60.seconds) {
            assertEquals(ErrorCode.MALFORMED_TEXT, (awaitError() as WheelworkException).code)
        }
        val state = chat.ask("a \uD83D b").turnState().toList()
        assertEquals(listOf(TurnState.Phase.WAITING, TurnState.Phase.FAILED), state.map { it.phase })
        assertEquals(ErrorCode.MALFORMED_TEXT, state.last().failure?.code)
    }

    @Test
    fun two_streams_at_once_are_whole() = withEngine { engine ->
        val (one, other) = List(2) { engine.chat() }
        turbineScope(timeout = 60.seconds) {
            val turns = listOf(one, other).map { it.ask(QUESTION, GREEDY).testIn(this) }
            val answers = turns.map { turn ->
                val events = mutableListOf<Event>()
                do events.add(turn.awaitItem()) while (events.last() !is Event.Finished)
                turn.awaitComplete()
                events.answer()
            }
            assertEquals(1, answers.toSet().size)
        }
    }

    @Test
    fun a_state_holds_all_that_the_events_said() = withChat { _, chat ->
        val events = mutableListOf<Event>()
        val states = chat.ask(QUESTION, GREEDY).also { chat.clear() }.turnState().toList()
        chat.clear()
        chat.ask(QUESTION, GREEDY).collect { events.add(it) }
        assertEquals(TurnState.Waiting, states.first())
        val last = states.last()
        assertEquals(TurnState.Phase.FINISHED, last.phase)
        assertEquals(events.reasoning() to events.answer(), last.reasoning to last.answer)
        assertEquals(Device.CPU, last.placement?.device)
        assertEquals(FinishReason.STOP, last.finished?.reason)
        assertNull(last.failure)
        for ((before, after) in states.zipWithNext()) {
            assertTrue(after.phase >= before.phase, "$before, then $after")
            assertTrue(after.reasoning.startsWith(before.reasoning) && after.answer.startsWith(before.answer))
        }
    }

    @Test
    fun a_state_flow_of_a_turn_ends_at_its_last_state() = withChat { _, chat ->
        val scope = CoroutineScope(Dispatchers.Default)
        val state = chat.ask(QUESTION, GREEDY).turnState().stateIn(scope, SharingStarted.Eagerly, TurnState.Waiting)
        val last = state.first { it.phase == TurnState.Phase.FINISHED }
        assertTrue(last.answer.contains("734"), last.answer)
        scope.cancel()
    }

    @Test
    fun an_answer_is_what_the_events_say() = withChat { _, chat ->
        val answer = chat.answer(QUESTION, GREEDY)
        chat.clear()
        val events = chat.ask(QUESTION, GREEDY).toList()
        assertEquals(events.answer() to events.reasoning(), answer.text to answer.reasoning)
        assertEquals(events.finished().usage.completionTokens, answer.usage.completionTokens)
        assertEquals(FinishReason.STOP, answer.finishReason)
    }

    @Test
    fun the_shape_that_an_app_reads_runs_as_it_stands() = withFolder { dir ->
        MODEL.copyRecursively(dir.resolve("r1.ortpackage"))
        withDeadline {
            var said = ""
            Engine.open(File(dir, "r1.ortpackage")) { memory = Memory.Check }.use { engine ->
                val chat = engine.chat { system = "Answer briefly." }
                chat.ask("12 + 30 = ?") { think = Think.budget(300) }.collect { event ->
                    said += when (event) {
                        is Event.AnswerDelta -> event.text
                        is Event.AnswerWasReasoning, is Event.DeviceChanged, is Event.Finished, is Event.PaceChanged,
                        is Event.ReasoningDelta, is Event.ReasoningEnded, is Event.Started, is Event.TemperatureRaised,
                        is Event.ToolCall, is Event.ToolCallRejected, is Event.TurnsDropped,
                        -> ""
                    }
                }
                val answer: Answer = chat.answer("And doubled?") { maxTokens = 400 }
                assertTrue(answer.usage.completionTokens > 0)
            }
            assertTrue(said.isNotBlank())
        }
    }
}

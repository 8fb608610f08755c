package dev.wheelwork

import dev.wheelwork.ffi.Priority as FfiPriority
import dev.wheelwork.ffi.Probe
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** One turn: its events, its pace, its end. */
class TurnTest {
    @Test
    fun reasoning_and_answer_arrive_apart_and_the_sum_is_right() = withChat { engine, chat ->
        val events = chat.ask(QUESTION, GREEDY).toList()
        val started = events.first() as Event.Started
        assertEquals(engine.placement, started.placement)
        assertEquals(Device.CPU, started.placement.device)
        assertEquals(Compilation.None, engine.compilation, "there is nothing better here")
        assertTrue(events.reasoning().isNotBlank())
        assertTrue(events.answer().contains("734"), events.answer())
        assertEquals(1, events.filterIsInstance<Event.ReasoningEnded>().size)
        val finished = events.finished()
        assertEquals(FinishReason.STOP, finished.reason)
        assertEquals(finished.usage.completionTokens, finished.tokenIds.size)
        assertEquals(listOf(Role.USER, Role.ASSISTANT), chat.messages().map { it.role })
    }

    @Test
    fun the_next_turn_computes_only_what_is_new() = withChat { _, chat ->
        chat.ask(QUESTION, GREEDY).toList()
        val started = chat.ask("12 + 30 = ?", GREEDY).toList().first() as Event.Started
        assertTrue(started.reusedTokens > 0 && started.reusedTokens < started.promptTokens, "$started")
    }

    @Test
    fun a_turn_can_do_without_reasoning() = withChat { _, chat ->
        val events = chat.ask(QUESTION) { think = Think.Off }.toList()
        assertEquals("", events.reasoning())
        assertEquals(ReasoningEnd.SKIPPED, events.filterIsInstance<Event.ReasoningEnded>().single().cause)
    }

    @Test
    fun the_answer_comes_when_it_is_asked_for() = withChat { _, chat ->
        val events = chat.ask(QUESTION, WANDERING)
            .onEach { if (it is Event.ReasoningDelta) chat.answerNow() }
            .toList()
        assertEquals(ReasoningEnd.ANSWER_NOW, events.filterIsInstance<Event.ReasoningEnded>().single().cause)
    }

    @Test
    fun rt_11_a_collector_that_takes_two_events_stops_the_turn() = withEngine { engine ->
        val probe = Probe()
        probe.chatOn(engine).use { chat ->
            assertEquals(2, chat.ask(QUESTION, ENDLESS).take(2).toList().size)
            // Waits for the turn's end: from here on nothing of it computes.
            chat.messages()
            val computed = probe.decodedTokens()
            delay(200)
            assertEquals(computed, probe.decodedTokens())
            assertTrue(computed <= AHEAD, "$computed tokens")
        }
    }

    @Test
    fun rt_11_a_slow_collector_holds_the_turn_back() = withEngine { engine ->
        val probe = Probe()
        probe.chatOn(engine).use { chat ->
            var read = 0u
            var furthest = 0u
            chat.ask(QUESTION, ENDLESS).collect {
                read += 1u
                delay(2)
                furthest = maxOf(furthest, probe.decodedTokens().let { if (it > read) it - read else 0u })
            }
            assertTrue(read > 2u * AHEAD, "$read events")
            assertTrue(furthest <= AHEAD, "computed $furthest tokens ahead of the collector")
        }
    }

    @Test
    fun rt_11_a_turn_that_nobody_reads_stops_at_a_full_queue() = withEngine { engine ->
        val probe = Probe()
        probe.chatOn(engine).use { chat ->
            chat.open().ask(QUESTION, TurnOptions().apply(ENDLESS).toFfi(), FfiPriority.NORMAL).use { turn ->
                turn.next()
                var before: UInt
                do {
                    before = probe.decodedTokens()
                    delay(300)
                } while (probe.decodedTokens() != before)
                assertTrue(before in 1u..AHEAD, "$before tokens")
            }
        }
    }

    @Test
    fun after_the_last_event_there_is_nothing() = withChat { _, chat ->
        chat.open().ask(QUESTION, TurnOptions().apply(GREEDY).toFfi(), FfiPriority.NORMAL).use { turn ->
            val events = mutableListOf<Event>()
            while (true) events.add(turn.next()?.toPublic() ?: break)
            assertTrue(events.answer().contains("734"))
            assertEquals(null, turn.next())
        }
    }

    private companion object {
        /** 64 events may wait for their reader, who takes 32 at once; tags, and tokens that are no whole character, make none. */
        const val AHEAD = 128u
    }
}

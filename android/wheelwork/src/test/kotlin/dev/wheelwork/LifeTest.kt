package dev.wheelwork

import dev.wheelwork.ffi.Probe
import java.io.File
import java.lang.ref.WeakReference
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test

/** Closing, garbage, many at once. */
class LifeTest {
    @Test
    fun bd_01_use_after_close_is_refused_and_closing_twice_is_fine() = withEngine { engine ->
        val chat = engine.chat()
        chat.close()
        chat.close()
        failure(IllegalStateException::class) { chat.messages() }
        failure(IllegalStateException::class) { chat.ask(QUESTION).toList() }
        val other = engine.chat()
        engine.close()
        engine.close()
        failure(IllegalStateException::class) { engine.chat() }
        failure(IllegalStateException::class) { engine.placement }
        failure(IllegalStateException::class) { other.ask(QUESTION).toList() }
        failure(IllegalStateException::class) { other.fork() }
        other.close()
    }

    @Test
    fun bd_01_closing_during_a_turn_cancels_it_first() = withEngine { engine ->
        val probe = Probe()
        for (close in listOf<(Chat) -> Unit>({ it.close() }, { engine.close() })) {
            val chat = probe.chatOn(engine)
            val events = chat.ask(QUESTION, ENDLESS).onEach { if (it is Event.Started) close(chat) }.toList()
            assertEquals(FinishReason.CANCELLED, events.finished().reason)
            val computed = probe.decodedTokens()
            delay(100)
            assertEquals(computed, probe.decodedTokens())
        }
    }

    @Test
    fun bd_02_what_is_never_closed_loses_nothing_that_was_saved() = withFolder { folder ->
        val file = folder.resolve("session")
        withEngine { engine ->
            val forgotten = WeakReference(converse(engine, file))
            var patience = 200
            while (forgotten.get() != null && patience > 0) {
                System.gc()
                delay(20)
                patience -= 1
            }
            assertEquals(null, forgotten.get(), "the conversation is still reachable")
            engine.restore(file).use { restored ->
                assertEquals(2, restored.chat.messages().size)
                assertTrue(restored.cachedTokens > 0, "${restored.recomputedBecause}")
            }
        }
    }

    @Test
    fun bd_06_64_conversations_at_once_all_get_their_answer() = withEngine { engine ->
        val answers = coroutineScope {
            List(64) { async { engine.chat().use { it.ask(QUESTION) {
                sampling = Sampling.Greedy
                maxTokens = 12
            }.toList() } } }.awaitAll()
        }
        assertEquals(1, answers.map { it.finished().tokenIds }.toSet().size)
        assertEquals(12, answers.first().finished().tokenIds.size)
    }

    @Test
    fun bd_06_of_64_turns_on_one_conversation_one_runs_and_the_others_are_told() = withChat { _, chat ->
        val mayEnd = CompletableDeferred<Unit>()
        val outcomes = coroutineScope {
            val turns = List(64) {
                async {
                    runCatching {
                        chat.ask(QUESTION, GREEDY).onEach { if (it is Event.Started) mayEnd.await() }.toList()
                    }.onFailure { if (it is WheelworkException) mayEnd.complete(Unit) }
                }
            }
            turns.awaitAll()
        }
        val refused = outcomes.mapNotNull { it.exceptionOrNull() }
        assertTrue(refused.isNotEmpty() && refused.all { it is WheelworkException && it.code == ErrorCode.BUSY }, "$refused")
        assertTrue(outcomes.any { it.isSuccess })
    }

    @Test
    fun bd_06_a_cancelled_job_stops_its_turn() = withEngine { engine ->
        val probe = Probe()
        probe.chatOn(engine).use { chat ->
            coroutineScope {
                val begun = CompletableDeferred<Unit>()
                val job = launch {
                    chat.ask(QUESTION, ENDLESS).collect { if (it is Event.ReasoningDelta) begun.complete(Unit) }
                }
                begun.await()
                job.cancelAndJoin()
            }
            // Waits for the turn's end.
            chat.messages()
            val computed = probe.decodedTokens()
            delay(100)
            assertEquals(computed, probe.decodedTokens())
            assertTrue(chat.ask(QUESTION, GREEDY).toList().answer().isNotBlank())
        }
    }

    @Test
    fun a_collector_without_a_dispatcher_runs_on_no_thread_of_rust() = withChat { _, chat ->
        val threads = withContext(Dispatchers.Unconfined) {
            chat.ask(QUESTION, GREEDY).map { Thread.currentThread().name.substringBefore(" @") }.toList()
        }
        // Where a coroutine goes on after a delay, `kotlinx.coroutines` says.
        val known = listOf("main", "DefaultDispatcher-worker", "kotlinx.coroutines.DefaultExecutor")
        val strangers = threads.toSet().filterNot { thread -> known.any { thread.startsWith(it) } }
        assertEquals(emptyList<String>(), strangers)
    }

    @Test
    fun a_hot_device_slows_the_engine_and_its_turns_say_so() = withChat { engine, chat ->
        val events = chat.ask(QUESTION, ENDLESS).onEach {
            if (it is Event.Started) engine.setConditions(Conditions(thermal = Thermal.SERIOUS, foreground = true))
        }.toList()
        assertEquals(Pace.SLOW, events.filterIsInstance<Event.PaceChanged>().single().pace)
        engine.setConditions(Conditions())
        assertTrue(chat.ask(QUESTION, GREEDY).toList().none { it is Event.PaceChanged })
    }

    @Test
    fun memory_stays_flat_over_100_turns() = withEngine { engine ->
        val status = File("/proc/self/status")
        assumeTrue(status.exists(), "only Linux tells what a process holds")
        suspend fun turns(number: Int): Long {
            repeat(number) {
                engine.chat().use { chat -> chat.ask(QUESTION, GREEDY).collect {} }
                // What the JVM's heap grows by is not what is looked for.
                System.gc()
            }
            return status.readLines().first { it.startsWith("RssAnon:") }.filter(Char::isDigit).toLong()
        }
        turns(20)
        val before = turns(1)
        val after = turns(100)
        println("RssAnon before and after 100 turns: $before kB, $after kB")
        assertTrue(after - before < FLAT_KB, "$before kB before, $after kB after")
    }

    /** A conversation that is saved and then forgotten. */
    private suspend fun converse(engine: Engine, file: File): Chat {
        val chat = engine.chat()
        chat.keepIn(file)
        chat.ask(QUESTION, GREEDY).toList()
        return chat
    }

    private companion object {
        /** A leak of one conversation's cache a turn would be twenty times as much. */
        const val FLAT_KB = 16_384L
    }
}

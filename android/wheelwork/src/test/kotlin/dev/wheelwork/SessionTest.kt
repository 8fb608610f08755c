package dev.wheelwork

import java.io.File
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.takeWhile
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Conversations that outlive their process, and copies of them. */
class SessionTest {
    @Test
    fun rt_08_reasoning_goes_on_after_a_process_that_ended_itself() = goesOnAfter { file ->
        assertEquals(HALTED, another("halt", file).waitFor())
    }

    @Test
    fun rt_08_reasoning_goes_on_after_a_process_that_was_killed() = goesOnAfter { file ->
        val process = another("wait", file)
        assertEquals(THINKING, process.inputReader().readLine())
        process.destroyForcibly().waitFor()
    }

    @Test
    fun a_file_has_one_conversation_that_writes_it() = withFolder { folder ->
        withChat { engine, chat ->
            val file = folder.resolve("session")
            chat.keepIn(file)
            engine.restore(file).use { restored ->
                assertTrue(restored.keptElsewhere)
                val refused = failure(WheelworkException::class) { restored.chat.keepIn(file) }
                assertEquals(ErrorCode.SESSION_IN_USE, refused.code)
            }
        }
    }

    private fun goesOnAfter(another: (File) -> Unit) = withFolder { folder ->
        withChat { engine, chat ->
            val undisturbed = chat.ask(QUESTION, ENDLESS).toList()
            val file = folder.resolve("session")
            another(file)
            engine.restore(file).use { restored ->
                assertTrue(restored.unfinishedTurn)
                assertFalse(restored.keptElsewhere, "the dead keep nothing")
                val events = restored.chat.resume().toList()
                assertTrue((events.first() as Event.Started).resumedTokens > 0)
                assertEquals(undisturbed.finished().tokenIds, events.finished().tokenIds)
                assertEquals(undisturbed.reasoning() to undisturbed.answer(), events.reasoning() to events.answer())
            }
        }
    }

    @Test
    fun rt_09_a_paused_turn_goes_on_with_the_same_text() = withFolder { folder ->
        withChat { engine, chat ->
            val undisturbed = chat.ask(QUESTION, ENDLESS).toList()
            chat.clear()
            val file = folder.resolve("session")
            val key = ByteArray(32) { 7 }
            chat.keepIn(file, key)
            var deltas = 0
            val begun = chat.ask(QUESTION, ENDLESS).onEach {
                if (it is Event.ReasoningDelta) deltas += 1
                if (deltas == 3) chat.pause()
            }.toList()
            assertEquals(FinishReason.SUSPENDED, begun.finished().reason)
            assertTrue(begun.finished().tokenIds.size < undisturbed.finished().tokenIds.size)
            // A copy of the file is what another process would find.
            val copy = folder.resolve("copy")
            file.copyTo(copy)
            engine.restore(copy, key).use { restored ->
                assertTrue(restored.unfinishedTurn)
                assertEquals(undisturbed.finished().tokenIds, restored.chat.resume().toList().finished().tokenIds)
            }
            val resumed = chat.resume().toList()
            assertTrue((resumed.first() as Event.Started).resumedTokens > 0)
            assertEquals(undisturbed.finished().tokenIds, resumed.finished().tokenIds)
            assertEquals(undisturbed.answer(), resumed.answer())
        }
    }

    @Test
    fun a_collector_that_is_cancelled_after_suspending_leaves_the_turn_suspended() = withChat { engine, chat ->
        val undisturbed = chat.ask(QUESTION, ENDLESS).toList()
        chat.clear()
        chat.ask(QUESTION, ENDLESS).onEach { if (it is Event.ReasoningDelta) chat.pause() }
            .takeWhile { it !is Event.ReasoningDelta }.collect()
        assertEquals(undisturbed.finished().tokenIds, chat.resume().toList().finished().tokenIds)
    }

    @Test
    fun rt_09_a_turn_is_saved_when_that_is_asked_for() = withFolder { folder ->
        withChat { engine, chat ->
            val file = folder.resolve("session")
            assertFalse(chat.saveNow(), "there is no turn")
            // Nothing is saved within the turn unless it is asked for.
            chat.keepIn(file, autosave = Autosave(tokens = 100_000, time = 1.hours))
            coroutineScope {
                val begun = CompletableDeferred<Unit>()
                val turn = launch {
                    chat.ask(QUESTION, ENDLESS).collect { if (it is Event.ReasoningDelta) begun.complete(Unit) }
                }
                begun.await()
                assertTrue(chat.saveNow(20.seconds))
                val copy = folder.resolve("copy")
                file.copyTo(copy)
                turn.cancelAndJoin()
                engine.restore(copy).use { restored ->
                    val started = restored.chat.resume().first() as Event.Started
                    assertTrue(started.resumedTokens > 0)
                }
            }
        }
    }

    @Test
    fun a_saved_conversation_opens_with_its_key_only() = withFolder { folder ->
        withChat { engine, chat ->
            chat.ask(QUESTION, GREEDY).toList()
            val file = folder.resolve("session")
            val key = ByteArray(32) { it.toByte() }
            chat.save(file, key)
            val plain = folder.resolve("plain")
            chat.save(plain)
            // The whole question: three digits stand in some megabytes of noise by chance.
            assertTrue(plain.holds(QUESTION))
            assertFalse(file.holds(QUESTION))
            failure(WheelworkException::class) { engine.restore(file).close() }
            failure(WheelworkException::class) { engine.restore(file, ByteArray(32)).close() }
            engine.restore(file, key).use { assertEquals(chat.messages(), it.chat.messages()) }
        }
    }

    @Test
    fun a_fork_and_its_origin_know_nothing_of_each_other() = withChat { _, chat ->
        chat.ask(QUESTION, GREEDY).toList()
        chat.fork().use { fork ->
            val asked = fork.ask("12 + 30 = ?", GREEDY).toList()
            assertTrue((asked.first() as Event.Started).reusedTokens > 0)
            assertEquals(2 to 4, chat.messages().size to fork.messages().size)
            assertEquals(asked.answer(), chat.ask("12 + 30 = ?", GREEDY).toList().answer())
        }
    }

    private fun File.holds(text: String): Boolean = readBytes().toString(Charsets.ISO_8859_1).contains(text)

    /** Runs [main] below in a JVM of its own. */
    private fun another(end: String, file: File): Process = jvm("dev.wheelwork.SessionTestKt", end, file.path)
}

private const val HALTED = 37
private const val THINKING = "thinking"

/** Asks, keeps the conversation in a file, and in the middle of the reasoning ends or waits to be killed. */
internal fun main(arguments: Array<String>): Unit = runBlocking {
    val (end, file) = arguments
    val chat = Engine.open(MODEL).chat()
    chat.keepIn(File(file), autosave = Autosave(tokens = 1))
    var deltas = 0
    chat.ask(QUESTION, ENDLESS).collect {
        if (it is Event.ReasoningDelta) deltas += 1
        if (deltas == 6) {
            if (end == "halt") Runtime.getRuntime().halt(HALTED)
            println(THINKING)
            awaitCancellation()
        }
    }
}

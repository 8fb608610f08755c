package dev.wheelwork

import dev.wheelwork.ffi.Probe
import dev.wheelwork.ffi.hasPanicked
import dev.wheelwork.ffi.panicInExport
import java.io.File
import java.io.RandomAccessFile
import kotlin.concurrent.thread
import kotlin.random.Random
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Promises about bad input that are no other file's. */
class RowTest {
    @Test
    fun rt_09_an_app_that_is_told_to_be_small_closes_saves_and_goes_on() = withFolder { folder ->
        val file = folder.resolve("session")
        withEngine { engine ->
            val undisturbed = engine.chat().ask(QUESTION, ENDLESS).toList()
            val chat = engine.chat()
            chat.keepIn(file)
            var deltas = 0
            chat.ask(QUESTION, ENDLESS).collect {
                if (it is Event.ReasoningDelta) deltas += 1
                if (deltas == 4) chat.pause()
            }
            engine.closeAndJoin()
            Engine.open(MODEL).use { again ->
                val restored = again.restore(file)
                assertTrue(restored.unfinishedTurn)
                assertEquals(undisturbed.finished().tokenIds, restored.chat.resume().toList().finished().tokenIds)
            }
        }
    }

    @Test
    fun rt_10_a_turn_that_is_cancelled_at_any_moment_from_any_thread_ends_and_the_next_one_is_whole() =
        withEngine { engine ->
            val random = Random(10)
            val chat = engine.chat()
            val whole = engine.chat().ask(QUESTION, GREEDY).toList().answer()
            repeat(30) { number ->
                var left = random.nextInt(40)
                val events = chat.ask(QUESTION, ENDLESS).onEach {
                    left -= 1
                    if (left == 0) thread { if (number % 2 == 0) chat.cancel() else chat.pause() }
                }.toList()
                val ends = setOf(FinishReason.CANCELLED, FinishReason.SUSPENDED, FinishReason.STOP)
                assertTrue(events.finished().reason in ends, "${events.finished()}")
                chat.clear()
            }
            repeat(1000) {
                coroutineScope {
                    val turn = launch { chat.ask(QUESTION, ENDLESS).collect {} }
                    delay(random.nextLong(20))
                    turn.cancelAndJoin()
                }
                chat.clear()
            }
            assertEquals(whole, chat.ask(QUESTION, GREEDY).toList().answer())
        }

    @Test
    fun rt_11_a_collector_that_throws_or_calls_back_ends_only_its_own_turn() = withChat { engine, chat ->
        failure(UnsupportedOperationException::class) {
            chat.ask(QUESTION, ENDLESS).collect { if (it is Event.ReasoningDelta) throw UnsupportedOperationException() }
        }
        val codes = mutableSetOf<String>()
        // Longer than what is computed ahead: at first the turn is under way for certain.
        var deltas = 0
        val events = chat.ask(QUESTION, ENDLESS).onEach {
            if (it is Event.ReasoningDelta) deltas += 1
            if (deltas in 1..3) {
                codes.add(failure(WheelworkException.Retry::class) { chat.messages() }.code)
                codes.add(failure(WheelworkException.Retry::class) { chat.ask("x").toList() }.code)
            }
        }.toList()
        assertEquals(setOf(ErrorCode.BUSY), codes)
        assertTrue(events.answer().contains("734"))
        assertTrue(engine.chat().ask(QUESTION, GREEDY).toList().answer().contains("734"))
    }

    @Test
    fun rt_17_characters_of_several_tokens_arrive_whole() = withChat { _, chat ->
        fun crabs(most: Int): TurnOptions.() -> Unit = {
            sampling = Sampling.Greedy
            think = Think.Off
            output = Output.Regex("(🦀é){6}")
            maxTokens = most
        }
        val events = chat.ask(QUESTION, crabs(TurnOptions.UNLIMITED)).toList()
        assertEquals("🦀é".repeat(6), events.answer())
        for (delta in events.filterIsInstance<Event.AnswerDelta>()) {
            assertEquals(delta.text, String(delta.text.toByteArray()), "a delta holds half a character")
        }
        assertTrue(events.finished().tokenIds.size > 12, "a character takes several tokens")
        // An end in the middle of a character.
        for (most in 1..8) {
            chat.clear()
            val cut = chat.ask(QUESTION, crabs(most)).toList().answer()
            assertFalse(cut.toByteArray().decodeToString().contains('\uD83E') && !cut.contains("🦀"), cut)
            assertTrue(cut.all { it in "🦀é\uFFFD" }, cut)
        }
    }

    @Test
    fun bd_07_a_panic_in_any_call_without_a_result_ends_nothing_but_the_call() = withChat { engine, chat ->
        val calls = listOf<Pair<String, suspend () -> Unit>>(
            "ChatHandle.cancel" to { chat.cancel() },
            "ChatHandle.suspend" to { chat.pause() },
            "ChatHandle.answer_now" to { chat.answerNow() },
            "ChatHandle.save_now" to { assertFalse(chat.saveNow()) },
            "ChatHandle.shut_down" to { engine.chat().closeAndJoin() },
            "TurnHandle.leave" to { engine.chat().ask(QUESTION, GREEDY).toList() },
            "devices" to { Engine.providers() },
        )
        for ((name, call) in calls) {
            panicInExport(name)
            call()
            assertTrue(hasPanicked(), name)
        }
        assertTrue(chat.ask(QUESTION, GREEDY).toList().answer().contains("734"))
    }

    @Test
    fun bd_01_a_turn_whose_handles_are_dropped_in_the_middle_goes_away() = withEngine { engine ->
        val probe = Probe()
        repeat(20) { probe.chatOn(engine).ask(QUESTION, ENDLESS).take(3).toList() }
        repeat(5) { System.gc() }
        assertTrue(engine.chat().ask(QUESTION, GREEDY).toList().answer().contains("734"))
    }

    @Test
    fun a_session_of_another_model_or_of_none_is_refused() = withFolder { folder ->
        withChat { engine, chat ->
            chat.answer(QUESTION, GREEDY)
            val file = folder.resolve("session")
            chat.save(file)
            val other = folder.resolve("other.ortpackage")
            PACKAGES.resolve("changed").copyRecursively(other)
            Engine.open(other).use { another ->
                // Of another model, the words are kept and the numbers are not.
                another.restore(file).use { restored ->
                    assertEquals(0, restored.cachedTokens)
                    assertTrue(!restored.recomputedBecause.isNullOrBlank())
                    assertEquals(chat.messages(), restored.chat.messages())
                }
            }
            val text = folder.resolve("text").apply { writeText("no session") }
            for (wrong in listOf(text, folder, folder.resolve("missing"))) {
                val failure = failure(WheelworkException::class) { engine.restore(wrong).close() }
                assertTrue(failure.remedy.isNotBlank(), "$wrong: $failure")
            }
            RandomAccessFile(file, "rw").use {
                it.seek(it.length() / 2)
                it.write(ByteArray(8) { 0x55 })
            }
            failure(WheelworkException::class) { engine.restore(file).close() }
            engine.salvage(file).use { assertTrue(it.damagedAt != null, "it says where") }
        }
    }

    @Test
    fun a_wrong_path_is_told_with_its_place() = withFolder { folder ->
        withDeadline {
            val empty = folder.resolve("empty").apply { mkdir() }
            val text = folder.resolve("text").apply { writeText("no model") }
            val newer = folder.resolve("newer").also { MODEL.copyRecursively(it) }
            newer.resolve("wheelwork.json").apply {
                writeText(readText().replaceFirst(Regex("\"format_version\": *\"[^\"]*\""), "\"format_version\": \"99.0\""))
            }
            for (path in listOf(folder.resolve("missing"), empty, text, newer, File("a\u0000b"))) {
                val failure = failure(WheelworkException::class) { Engine.open(path).close() }
                assertTrue(failure.remedy.isNotBlank(), "$path: $failure")
                failure(WheelworkException::class) { Engine.packageFacts(path) }
            }
        }
    }
}

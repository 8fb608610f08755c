package dev.wheelwork

import dev.wheelwork.ffi.Priority as FfiPriority
import dev.wheelwork.ffi.Probe
import java.io.File
import kotlin.reflect.KClass
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.toList
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assertions.fail
import org.junit.jupiter.api.Test

/** What fails arrives typed, and nothing else breaks. */
class FaultTest {
    @Test
    fun a_missing_model_says_what_to_do() = withEngine { _ ->
        val failure = failure(WheelworkException::class) { Engine.open(File("no-such-model")).close() }
        assertTrue(failure.code.isNotBlank() && failure.remedy.isNotBlank(), "$failure")
        assertTrue(failure.remedyKind.matches(Regex("[a-z_]+")), failure.remedyKind)
        assertTrue(failure.message!!.contains("no-such-model"), failure.message)
        assertTrue(failure is WheelworkException.Retry || failure is WheelworkException.Reinstall, "$failure")
    }

    @Test
    fun a_damaged_package_is_to_be_installed_again() = withFolder { folder ->
        withEngine { _ ->
            val copy = folder.resolve("damaged")
            MODEL.copyRecursively(copy)
            copy.walk().filter { it.extension == "onnx" }.forEach { it.writeBytes(it.readBytes().copyOf(100)) }
            val failure = failure(WheelworkException.Reinstall::class) { Engine.open(copy).close() }
            assertTrue(failure.code.isNotBlank() && failure.remedy.isNotBlank(), "$failure")
        }
    }

    @Test
    fun a_prompt_beyond_the_context_is_refused_with_both_numbers() = withChat { engine, chat ->
        val text = "478 + 256 = ? ".repeat(engine.contextLength)
        val failure = failure(WheelworkException.Retry::class) { chat.ask(text, GREEDY).toList() }
        assertEquals(ErrorCode.PROMPT_TOO_LONG, failure.code)
        assertTrue(failure.message!!.contains(engine.contextLength.toString()), failure.message)
        assertEquals(emptyList<Message>(), chat.messages())
    }

    @Test
    fun a_device_that_is_not_there_is_refused_with_reasons() = withEngine { _ ->
        val failure = failure(WheelworkException.Unsupported::class) {
            Engine.open(MODEL) {
                device = DevicePreference.GPU
                strict = true
            }.close()
        }
        assertEquals(ErrorCode.NO_USABLE_DEVICE, failure.code)
    }

    @Test
    fun options_out_of_range_are_refused_and_the_conversation_stands() = withChat { _, chat ->
        failure(WheelworkException.Retry::class) { chat.ask(QUESTION) { sampling = Sampling.Model.temperature(-1f) }.toList() }
        assertEquals(emptyList<Message>(), chat.messages())
        assertTrue(chat.ask(QUESTION, GREEDY).toList().answer().contains("734"))
    }

    @Test
    fun a_key_of_a_wrong_length_is_refused() = withChat { _, chat ->
        val failure = failure(WheelworkException.Retry::class) { chat.save(File("unused"), ByteArray(5)) }
        assertEquals(ErrorCode.SESSION_KEY_LENGTH, failure.code)
    }

    @Test
    fun bd_03_a_panic_in_a_token_is_caught_and_the_conversation_says_so() = withEngine { engine ->
        Probe().chatOn(engine, panicAt = 5u).use { chat ->
            val panic = failure(WheelworkException.Bug::class) { chat.ask(QUESTION, GREEDY).toList() }
            assertEquals(ErrorCode.PANICKED, panic.code)
            val next = failure(WheelworkException::class) { chat.ask(QUESTION, GREEDY).toList() }
            assertEquals(ErrorCode.SESSION_LOST, next.code)
        }
        // The engine and its other conversations go on.
        engine.chat().use { assertTrue(it.ask(QUESTION, GREEDY).toList().answer().contains("734")) }
    }

    @Test
    fun what_came_before_a_failure_is_read_before_it() = withEngine { engine ->
        Probe().chatOn(engine, panicAt = 5u).use { chat ->
            chat.open().ask(QUESTION, TurnOptions().apply(GREEDY).toFfi(), FfiPriority.NORMAL).use { turn ->
                // Nobody reads: the turn comes to its failure by itself.
                while (failure(WheelworkException::class) { chat.messages() }.code == ErrorCode.BUSY) delay(10)
                assertTrue(turn.waiting(100u).isNotEmpty())
                assertEquals(ErrorCode.PANICKED, failure(WheelworkException::class) { translated { turn.waiting(100u) } }.code)
                assertEquals(emptyList<Any>(), turn.waiting(100u))
                assertEquals(null, turn.next())
            }
        }
    }

    @Test
    fun bd_03_a_panic_in_a_call_is_caught_and_tells_no_text() = withChat { _, chat ->
        val panic = failure(WheelworkException.Bug::class) { translated { Probe().panicIn(chat.open()) } }
        assertEquals(ErrorCode.PANICKED, panic.code)
        assertFalse(panic.stackTraceToString().contains("on demand"))
        assertEquals(ErrorCode.SESSION_LOST, failure(WheelworkException::class) { chat.messages() }.code)
    }

    @Test
    fun bd_05_a_text_of_100_mb_comes_back_as_it_was() = withChat { _, chat ->
        val text = "0123456789 äöü 🦀 ".repeat(5_500_000)
        assertTrue(text.toByteArray().size > 100_000_000)
        chat.push(Message.user(text))
        assertEquals(text.hashCode(), chat.messages().single().text.hashCode())
        assertTrue(text == chat.messages().single().text)
    }

    @Test
    fun bd_05_nul_and_emoji_arrive_and_a_lone_surrogate_is_refused() = withChat { _, chat ->
        val text = "a\u0000b 🤔👩‍👩‍👧‍👦 é \uFFFD ｜ ▁"
        chat.push(Message.user(text))
        assertEquals(text, chat.messages().single().text)
        for (broken in listOf("a\uD83D", "\uDE00b", "\uDE00\uD83D")) {
            val failure = failure(WheelworkException.Retry::class) { chat.push(Message.user(broken)) }
            assertEquals(ErrorCode.MALFORMED_TEXT, failure.code)
            failure(WheelworkException.Retry::class) { chat.ask(broken).toList() }
        }
        assertEquals(1, chat.messages().size)
        chat.clear()
        val events = chat.ask("\u0000 🤔 $QUESTION") {
            sampling = Sampling.Greedy
            maxTokens = 4
        }.toList()
        assertEquals(FinishReason.LENGTH, events.finished().reason)
    }
}

/** The failure that a call must end with. */
internal suspend fun <T : Throwable> failure(kind: KClass<T>, call: suspend () -> Unit): T {
    try {
        call()
    } catch (thrown: Throwable) {
        if (kind.isInstance(thrown)) return kind.java.cast(thrown)
        throw thrown
    }
    fail<Unit>("expected ${kind.simpleName}, but nothing failed")
    error("unreachable")
}

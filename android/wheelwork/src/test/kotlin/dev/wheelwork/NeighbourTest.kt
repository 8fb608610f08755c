package dev.wheelwork

import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import uniffi.neighbour.Greeter
import uniffi.neighbour.Guest
import uniffi.neighbour.Refusal

/** A second library by UniFFI in the same process, as apps have: neither hides the other. */
class NeighbourTest {
    @Test
    fun both_libraries_answer_and_refuse_beside_each_other() = withChat { _, chat ->
        Greeter("Hello").use { greeter ->
            assertEquals("Hello Ada, Hello Ada", greeter.greet(Guest("Ada", 2u)))
            coroutineScope {
                List(8) { async { assertEquals("Hello Bo", greeter.greet(Guest("Bo", 1u))) } }.awaitAll()
                assertTrue(chat.answer(QUESTION, configure = GREEDY).text.isNotBlank())
            }
            failure(Refusal.Nameless::class) { greeter.greet(Guest("", 1u)) }
        }
        val refused = failure(WheelworkException::class) { chat.resume().collect {} }
        assertEquals(ErrorCode.NOTHING_TO_RESUME, refused.code)
    }
}

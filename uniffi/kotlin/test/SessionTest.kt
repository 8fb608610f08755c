package dev.wheelwork

import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Conversations that outlive their process, and copies of them. */
class SessionTest {
    @Test
    fun a_thought_goes_on_in_another_process_with_the_same_text() = withFolder { folder ->
        withChat { engine, chat ->
            val undisturbed = chat.ask(QUESTION, GREEDY).toList()
            val file = folder.resolve("session").toString()
            assertEquals(KILLED, runKilled(file))
            engine.restore(file).use { restored ->
                assertTrue(restored.unfinishedTurn)
                val events = restored.chat.resume().toList()
                assertTrue((events.first() as Event.Started).resumedTokens > 0u)
                assertEquals(undisturbed.finished().tokenIds, events.finished().tokenIds)
                assertEquals(undisturbed.reasoning() to undisturbed.answer(), events.reasoning() to events.answer())
            }
        }
    }

    @Test
    fun a_saved_conversation_opens_with_its_key_only() = withFolder { folder ->
        withChat { engine, chat ->
            chat.ask(QUESTION, GREEDY).toList()
            val file = folder.resolve("session").toString()
            val key = ByteArray(32) { it.toByte() }
            chat.save(file, key)
            assertTrue(!Files.readAllBytes(Path.of(file)).decodeToString().contains("478"))
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
            assertTrue((asked.first() as Event.Started).reusedTokens > 0u)
            assertEquals(2 to 4, chat.messages().size to fork.messages().size)
            assertEquals(asked.answer(), chat.ask("12 + 30 = ?", GREEDY).toList().answer())
        }
    }

    /** Runs [main] below in a JVM of its own. */
    private fun runKilled(file: String): Int {
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val properties = listOf("jna.library.path", "wheelwork.model").map { "-D$it=${System.getProperty(it)}" }
        val command = listOf(java) + properties +
            listOf("-cp", System.getProperty("java.class.path"), "dev.wheelwork.SessionTestKt", file)
        return ProcessBuilder(command).inheritIO().start().waitFor()
    }
}

private const val KILLED = 137

/** Asks, keeps the conversation in a file, and dies in the middle of the thought, closing nothing. */
internal fun main(arguments: Array<String>): Unit = runBlocking {
    val chat = Engine.open(MODEL).chat()
    chat.keepIn(arguments[0], autosave = Autosave(tokens = 1u))
    var deltas = 0
    chat.ask(QUESTION, GREEDY).collect {
        if (it is Event.ReasoningDelta) deltas += 1
        if (deltas == 6) Runtime.getRuntime().halt(KILLED)
    }
}

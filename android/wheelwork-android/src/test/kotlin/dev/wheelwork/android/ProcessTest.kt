package dev.wheelwork.android

import dev.wheelwork.ErrorCode
import dev.wheelwork.Event
import dev.wheelwork.WheelworkException
import java.io.File
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.flow.toList
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** Two processes of one app, and the death of one in the middle of its reasoning. */
@RunWith(RobolectricTestRunner::class)
class ProcessTest {
    @get:Rule
    val temporary = TemporaryFolder()

    @Test
    fun a_conversation_belongs_to_one_process_and_goes_on_after_its_death_with_the_same_text() {
        assumeTrue(System.getProperty(FOLDER) == null)
        val folder = temporary.root
        lateinit var undisturbed: List<Event>
        withHost { host -> undisturbed = host.conversation("whole").ask(QUESTION, ENDLESS).toList() }
        val process = anotherProcess<ProcessTest>(folder, FOLDER)
        try {
            val begun = File(folder, "begun")
            until { begun.exists() || !process.isAlive }
            assertTrue("the other process ended early:\n${File(folder, "log").readText()}", process.isAlive)
            FakeKeystore.file = File(folder, "keystore")
            withHost(Placed(app, folder)) { host ->
                val conversation = host.conversation("shared")
                val refused = failure(WheelworkException::class) { conversation.ask(QUESTION, GREEDY).toList() }
                assertEquals(ErrorCode.SESSION_IN_USE, refused.code)
                process.destroyForcibly().waitFor(20, TimeUnit.SECONDS)
                assertTrue(conversation.hasUnfinishedTurn())
                val events = conversation.resume().toList()
                assertTrue((events.first() as Event.Started).resumedTokens > 0)
                assertEquals(undisturbed.finished().tokenIds, events.finished().tokenIds)
                assertEquals(undisturbed.text(), events.text())
            }
        } finally {
            FakeKeystore.file = null
            process.destroyForcibly()
        }
    }

    /** What the other process does: it asks, says so, and waits to be killed. */
    @Test
    fun the_other_process() {
        val folder = File(System.getProperty(FOLDER) ?: return)
        FakeKeystore.file = File(folder, "keystore")
        withHost(Placed(app, folder)) { host ->
            var deltas = 0
            host.conversation("shared").ask(QUESTION, ENDLESS).collect {
                if (it is Event.ReasoningDelta || it is Event.AnswerDelta) deltas += 1
                if (deltas == ENOUGH) {
                    // A collector that waits leaves time for the file to be brought up to date.
                    File(folder, "begun").createNewFile()
                    awaitCancellation()
                }
            }
        }
    }

    private companion object {
        const val FOLDER = "wheelwork.other"
        const val ENOUGH = 40
    }
}

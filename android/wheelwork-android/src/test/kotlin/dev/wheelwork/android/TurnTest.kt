package dev.wheelwork.android

import android.content.ComponentCallbacks2
import android.os.Build
import androidx.test.core.app.ActivityScenario
import dev.wheelwork.ErrorCode
import dev.wheelwork.Event
import dev.wheelwork.FinishReason
import dev.wheelwork.TurnState
import dev.wheelwork.WheelworkException
import java.io.File
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.shadows.ShadowLog

/** Turns through what Android does to an app. */
@RunWith(RobolectricTestRunner::class)
class TurnTest {
    @Test
    fun a_question_opens_the_model_and_streams_its_answer() = withHost { host ->
        val events = host.conversation("stream").ask(QUESTION, GREEDY).toList()
        assertTrue(events.first() is Event.Started)
        assertTrue(events.any { it is Event.ReasoningDelta })
        assertTrue(events.text().contains("734"))
        assertTrue(host.state.value is ModelHost.State.Open)
    }

    @Test
    fun a_conversation_is_kept_from_its_first_question_on() = withHost { host ->
        val before = host.saved()
        val conversation = host.conversation("unsaid")
        assertTrue(conversation.messages().isEmpty())
        assertFalse(conversation.hasUnfinishedTurn())
        assertEquals(before, host.saved())
        conversation.ask(QUESTION, GREEDY).toList()
        assertTrue(host.saved().any { it.name == "unsaid" })
    }

    @Test
    fun a_collector_that_goes_away_leaves_the_turn_to_be_resumed() = withHost { host ->
        val undisturbed = host.conversation("whole").ask(QUESTION, ENDLESS).toList()
        val conversation = host.conversation("left")
        conversation.ask(QUESTION, ENDLESS).first { it is Event.ReasoningDelta || it is Event.AnswerDelta }
        assertTrue(conversation.hasUnfinishedTurn())
        val resumed = conversation.resume().toList()
        assertEquals(undisturbed.finished().tokenIds, resumed.finished().tokenIds)
        assertEquals(undisturbed.text(), resumed.text())
        assertFalse(conversation.hasUnfinishedTurn())
    }

    @Test
    fun a_screen_that_is_rotated_in_mid_stream_goes_on_with_the_same_text() {
        lateinit var undisturbed: List<Event>
        withHost { host -> undisturbed = host.conversation("whole").ask(QUESTION, ENDLESS).toList() }
        val host = ModelHost.of(app, MODEL)
        val asked = AtomicBoolean()
        ScreenActivity.seen.clear()
        ScreenActivity.conversation = host.conversation("rotated")
        ScreenActivity.begin = { if (asked.compareAndSet(false, true)) it.ask(QUESTION, ENDLESS) else null }
        ActivityScenario.launch(ScreenActivity::class.java).use { scenario ->
            until { ScreenActivity.seen.any { it is Event.ReasoningDelta || it is Event.AnswerDelta } }
            scenario.recreate()
            var state = TurnState.Waiting
            until {
                scenario.onActivity { state = it.state }
                state.phase == TurnState.Phase.FINISHED
            }
            assertEquals(undisturbed.text(), state.reasoning + state.answer)
            assertEquals(undisturbed.finished().tokenIds, state.finished!!.tokenIds)
        }
        assertTrue(ScreenActivity.seen.count { it is Event.Started } == 2)
        running { host.free() }
        host.close()
    }

    @Test
    fun memory_that_runs_short_pauses_saves_and_frees_and_the_turn_goes_on_later() = withHost { host ->
        val undisturbed = host.conversation("whole").ask(QUESTION, ENDLESS).toList()
        val conversation = host.conversation("trimmed")
        val begun = AtomicBoolean()
        val turn = async { conversation.ask(QUESTION, ENDLESS).onEach { if (it is Event.AnswerDelta || it is Event.ReasoningDelta) begun.set(true) }.toList() }
        while (!begun.get()) kotlinx.coroutines.delay(1)
        (app as android.app.Application).onTrimMemory(ComponentCallbacks2.TRIM_MEMORY_BACKGROUND)
        assertEquals(FinishReason.SUSPENDED, turn.await().finished().reason)
        host.state.first { it == ModelHost.State.Closed }
        val resumed = conversation.resume().toList()
        assertTrue((resumed.first() as Event.Started).resumedTokens > 0)
        assertEquals(undisturbed.finished().tokenIds, resumed.finished().tokenIds)
    }

    @Test
    fun the_end_of_the_last_hold_pauses_a_turn_that_nobody_sees() = withHost { host ->
        val holds = List(2) { host.holdInBackground() }
        val conversation = host.conversation("held")
        val begun = AtomicBoolean()
        val turn = async { conversation.ask(QUESTION, ENDLESS).onEach { if (it is Event.Started) begun.set(true) }.toList() }
        while (!begun.get()) kotlinx.coroutines.delay(1)
        repeat(2) { holds.first().close() }
        assertFalse(turn.isCompleted)
        holds.last().close()
        assertEquals(FinishReason.SUSPENDED, turn.await().finished().reason)
        assertTrue(conversation.hasUnfinishedTurn())
    }

    @Test
    fun a_level_that_asks_for_no_memory_of_ours_changes_nothing() = withHost { host ->
        host.engine()
        (app as android.app.Application).onTrimMemory(ComponentCallbacks2.TRIM_MEMORY_UI_HIDDEN)
        kotlinx.coroutines.delay(200)
        assertTrue(host.state.value is ModelHost.State.Open)
    }

    @Test
    fun a_second_tap_joins_the_opening_that_is_under_way() = withHost { host ->
        assertSame(host, ModelHost.of(app, MODEL))
        val engines = List(8) { async { host.engine() } }.awaitAll()
        assertEquals(1, engines.toSet().size)
    }

    @Test
    fun leaving_cancelling_and_freeing_in_mid_stream_from_any_thread_harms_nothing() = withHost { host ->
        repeat(if (Build.VERSION.SDK_INT == OLDEST) 1000 else 60) { round ->
            val conversation = host.conversation("round-${round % 3}")
            val turn = launch {
                try {
                    if (conversation.hasUnfinishedTurn()) conversation.resume().collect {} else conversation.ask(QUESTION, ENDLESS).collect {}
                } catch (refused: WheelworkException) {
                    assertTrue(refused.code, refused.code in setOf(ErrorCode.BUSY, ErrorCode.NOTHING_TO_RESUME))
                } catch (freed: IllegalStateException) {
                    assertTrue(freed.message.orEmpty(), "closed" in freed.message.orEmpty() || "cancel" in freed.message.orEmpty().lowercase())
                }
            }
            kotlinx.coroutines.delay((round % 7) * 3L)
            when (round % 4) {
                0 -> turn.cancelAndJoin()
                1 -> conversation.cancel()
                2 -> host.free()
                else -> conversation.delete()
            }
            if (turn.isActive) {
                conversation.cancel()
                turn.cancelAndJoin()
            }
        }
        assertTrue(host.conversation("after").ask(QUESTION, GREEDY).toList().text().contains("734"))
    }

    @Test
    fun nothing_of_a_prompt_or_an_answer_is_logged() {
        ShadowLog.clear()
        withHost { host -> host.conversation("quiet").ask("my secret is $SECRET", GREEDY).toList() }
        assertTrue(ShadowLog.getLogs().none { SECRET in it.msg.orEmpty() || "734" in it.msg.orEmpty() })
    }

    @Test
    fun a_conversation_is_encrypted_and_out_of_backups() = withHost { host ->
        host.conversation("kept").ask("my secret is $SECRET", GREEDY).toList()
        val file = File(WheelworkAndroid.sessionsDir(app), "kept.session")
        assertTrue(file.path.startsWith(app.noBackupFilesDir.path))
        assertFalse(SECRET in file.readText(Charsets.ISO_8859_1))
    }

    private companion object {
        // A thousand rounds take most of a minute, so one of the systems has them.
        const val OLDEST = Build.VERSION_CODES.O
        const val SECRET = "rhubarb"
    }
}

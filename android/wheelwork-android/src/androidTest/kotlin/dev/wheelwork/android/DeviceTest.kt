package dev.wheelwork.android

import android.content.Context
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import dev.wheelwork.Event
import dev.wheelwork.OnLoop
import dev.wheelwork.Output
import dev.wheelwork.PublicKey
import dev.wheelwork.Sampling
import dev.wheelwork.TurnOptions
import dev.wheelwork.TurnState
import dev.wheelwork.turnState
import java.io.File
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.last
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/**
 * What only a device or an emulator can prove: ART, the real loader, a real keystore, WorkManager as the system runs it. Unproven: it
 * is compiled by `cargo xtask android library`, and `.github/workflows/android-device.yml` would run it.
 */
@RunWith(AndroidJUnit4::class)
class DeviceTest {
    private val context: Context get() = InstrumentationRegistry.getInstrumentation().targetContext

    @Test
    fun the_libraries_load_and_models_can_run() = soon {
        val found = WheelworkAndroid.readiness(context)
        assertTrue((found as? Readiness.Lacking)?.let { "${it.what}: ${it.remedy}" }.orEmpty(), found is Readiness.Ready)
    }

    @Test
    fun an_asset_is_installed_in_place_and_its_model_reasons() = soon {
        PackageSources.asset(context, PACKAGE).use { assertTrue("it is compressed", it.isInPlace) }
        val state = ModelHost.of(context, installed()).conversation("device").ask(QUESTION) { sampling = Sampling.Greedy }.turnState().last()
        assertEquals(TurnState.Phase.FINISHED, state.phase)
        assertTrue("734" in state.reasoning + state.answer)
    }

    @Test
    fun a_turn_that_is_left_goes_on_with_the_same_text_behind_a_free() = soon {
        val host = ModelHost.of(context, installed())
        val undisturbed = host.conversation("whole").ask(QUESTION, ENDLESS).turnState().last()
        val left = host.conversation("left")
        left.ask(QUESTION, ENDLESS).first { it is Event.AnswerDelta || it is Event.ReasoningDelta }
        host.free()
        val resumed = left.resume().turnState().last()
        assertEquals(undisturbed.finished!!.tokenIds, resumed.finished!!.tokenIds)
        assertEquals(undisturbed.reasoning + undisturbed.answer, resumed.reasoning + resumed.answer)
    }

    @Test
    fun the_keystore_gives_the_same_key_twice() = soon {
        assertArrayEquals(SessionKey.read(context), SessionKey.read(context))
    }

    /** The model of the tests, installed by the system's WorkManager. */
    private suspend fun installed(): File {
        val key = context.assets.open("test.pub.pem").bufferedReader().use { it.readText() }
        Installs.enqueue(context, "device", InstallRequest.asset(PACKAGE).apply { keys = listOf(PublicKey.of(key)) })
        val end = Installs.state(context, "device").first { it is InstallState.Installed || it is InstallState.Failed }
        return (end as? InstallState.Installed)?.folder ?: error("the installation ended as $end")
    }

    private fun soon(test: suspend () -> Unit) = runBlocking { withTimeout(PATIENCE_MS) { test() } }

    private companion object {
        const val PACKAGE = "1.wwpkg"
        const val QUESTION = "478 + 256 = ?"
        const val PATIENCE_MS = 120_000L

        /** Says the same for hundreds of tokens, so that there is a middle. */
        val ENDLESS: TurnOptions.() -> Unit = {
            sampling = Sampling.Greedy
            onLoop = OnLoop.IGNORE
            output = Output.Regex("(734){100}")
        }
    }
}

package dev.wheelwork.chat

import android.os.Looper
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.compose.runtime.Composable
import dev.wheelwork.FinishReason
import dev.wheelwork.StoreStep
import dev.wheelwork.android.InstallState
import dev.wheelwork.compose.Exchange
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.seconds
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.shadows.ShadowLooper

internal const val PHONE = "w400dp-h800dp-port-notnight-xhdpi"

private val SUM = Exchange(
    question = "478 + 256 = ?",
    reasoning = "400 + 200 = 600, 78 + 56 = 134, 600 + 134 = 734.",
    reasoned = 12.seconds,
    answer = "478 + 256 = **734**",
    finish = FinishReason.STOP,
)

private val LIST = Exchange(
    question = "How do I check a sum?",
    reasoning = "Subtract one addend.",
    reasoned = 3.seconds,
    answer = "### Two ways\n- **Subtract**: `734 - 256` has to be 478.\n- *Estimate*: 480 + 260 is about 740.",
    finish = FinishReason.STOP,
)

/** A conversation. */
internal val TALK = Screen(listOf(SUM, LIST), isBusy = false)

/** A turn under way. */
internal val BUSY = Screen(listOf(SUM, Exchange("And 12 times that?", reasoning = "734 × 12", isWaiting = false)), isBusy = true)

internal val INSTALLING = Stage.Setup(install = InstallState.Running(StoreStep.RECEIVE, 412_000_000, 1_190_000_000))

/** A screen as a phone draws it; close it. */
internal fun shown(
    qualifiers: String = PHONE,
    fontScale: Float = 1f,
    content: @Composable () -> Unit,
): ActivityController<ComponentActivity> {
    RuntimeEnvironment.setQualifiers("+$qualifiers")
    RuntimeEnvironment.setFontScale(fontScale)
    val controller = Robolectric.buildActivity(ComponentActivity::class.java).setup()
    controller.get().setContent { ChatTheme { content() } }
    shadowOf(Looper.getMainLooper()).idle()
    ShadowLooper.idleMainLooper(1, TimeUnit.SECONDS)
    return controller
}

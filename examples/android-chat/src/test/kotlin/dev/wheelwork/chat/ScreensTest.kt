package dev.wheelwork.chat

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import androidx.compose.runtime.Composable
import java.io.File
import kotlin.math.abs
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** Screens as a person sees them, beside pictures that were looked at. */
@RunWith(RobolectricTestRunner::class)
class ScreensTest {
    @Test
    fun a_conversation_on_a_phone_in_the_light() = looksAs("chat-light", PHONE) { Talk(TALK) }

    @Test
    fun a_conversation_in_the_dark() = looksAs("chat-dark", "w400dp-h800dp-port-night-xhdpi") { Talk(TALK) }

    @Test
    fun a_conversation_in_large_text() = looksAs("chat-large-text", PHONE, fontScale = 1.6f) { Talk(TALK) }

    @Test
    fun a_conversation_on_a_tablet() = looksAs("chat-tablet", "w1000dp-h700dp-land-mdpi") { Talk(TALK) }

    @Test
    fun a_turn_under_way() = looksAs("chat-busy", PHONE) { Talk(BUSY) }

    @Test
    fun an_installation_with_its_progress() = looksAs("setup", PHONE) {
        SetupView(INSTALLING, {}, {}, {})
    }

    @Composable
    private fun Talk(screen: Screen) = ChatScreen(screen, Actions())

    private fun looksAs(name: String, qualifiers: String, fontScale: Float = 1f, content: @Composable () -> Unit) {
        val controller = shown(qualifiers, fontScale, content)
        val view = controller.get().window.decorView
        val found = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
        view.draw(Canvas(found))
        controller.close()
        val drawn = File(System.getProperty("wheelwork.drawn")!!, "$name.png")
        drawn.outputStream().use { found.compress(Bitmap.CompressFormat.PNG, 100, it) }
        val expected = File(System.getProperty("wheelwork.screens")!!, "$name.png")
        assertTrue("there is no $expected: look at $drawn, and copy it there", expected.isFile)
        val share = difference(found, BitmapFactory.decodeFile(expected.path))
        assertTrue("$share of the pixels differ from $expected: look at $drawn, and copy it there", share < TOLERANCE)
    }

    /** The share of pixels that differ by more than a shade. */
    private fun difference(found: Bitmap, expected: Bitmap): Double {
        if (found.width != expected.width || found.height != expected.height) return 1.0
        var different = 0
        for (y in 0 until found.height) {
            for (x in 0 until found.width) {
                val (a, b) = found.getPixel(x, y) to expected.getPixel(x, y)
                if ((0..16 step 8).any { abs((a shr it and 0xFF) - (b shr it and 0xFF)) > SHADE }) different += 1
            }
        }
        return different.toDouble() / (found.width * found.height)
    }

    private companion object {
        const val TOLERANCE = 0.001
        const val SHADE = 8
    }
}

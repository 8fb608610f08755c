package dev.wheelwork.android

import android.app.ActivityManager
import android.app.ApplicationExitInfo
import android.content.Intent
import android.os.BatteryManager
import android.os.PowerManager
import dev.wheelwork.Battery
import dev.wheelwork.Conditions
import dev.wheelwork.Engine
import dev.wheelwork.ErrorCode
import dev.wheelwork.Fit
import dev.wheelwork.Pace
import dev.wheelwork.Thermal
import dev.wheelwork.WheelworkException
import dev.wheelwork.android.WheelworkAndroid.forAndroid
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowActivityManager

/** What the phone tells: heat, battery, memory, how the last process ended. */
@RunWith(RobolectricTestRunner::class)
class PhoneTest {
    @Test
    @Config(minSdk = 29)
    fun heat_slows_the_engine() = withHost { host ->
        val engine = host.engine()
        assertEquals(Pace.FULL, engine.pace)
        shadowOf(app.service<PowerManager>()).setCurrentThermalStatus(PowerManager.THERMAL_STATUS_SEVERE)
        while (engine.pace == Pace.FULL || engine.pace == Pace.EASED) kotlinx.coroutines.delay(5)
    }

    @Test
    fun levels_of_heat_are_those_of_the_engine() {
        val levels = (PowerManager.THERMAL_STATUS_NONE..PowerManager.THERMAL_STATUS_SHUTDOWN).map { thermalOf(it) }
        val expected = listOf(
            Thermal.NOMINAL, Thermal.FAIR, Thermal.FAIR, Thermal.SERIOUS, Thermal.CRITICAL, Thermal.CRITICAL, Thermal.CRITICAL,
        )
        assertEquals(expected, levels)
        assertEquals(
            listOf(Thermal.NOMINAL, Thermal.NOMINAL, Thermal.FAIR, Thermal.SERIOUS),
            listOf(Float.NaN, 0.5f, 0.9f, 1.2f).map { thermalOf(it) },
        )
    }

    @Test
    fun a_battery_that_is_saved_or_nearly_empty_is_told() {
        val told = CopyOnWriteArrayList<Conditions>()
        val scope = CoroutineScope(Dispatchers.Default)
        scope.launch { phoneConditions(app).collect { told += it } }
        until { told.isNotEmpty() }
        assertEquals(Battery.ENOUGH, told.last().battery)
        val power = shadowOf(app.service<PowerManager>())
        power.setIsPowerSaveMode(true)
        app.sendBroadcast(Intent(PowerManager.ACTION_POWER_SAVE_MODE_CHANGED))
        until { told.last().battery == Battery.LOW }
        power.setIsPowerSaveMode(false)
        app.sendBroadcast(charge(percent = 60, plugged = 0))
        until { told.last().battery == Battery.ENOUGH }
        app.sendBroadcast(charge(percent = 9, plugged = 0))
        until { told.last().battery == Battery.LOW }
        app.sendBroadcast(charge(percent = 9, plugged = BatteryManager.BATTERY_PLUGGED_USB))
        until { told.last().battery == Battery.ENOUGH }
        scope.cancel()
    }

    private fun charge(percent: Int, plugged: Int) = Intent(Intent.ACTION_BATTERY_CHANGED)
        .putExtra(BatteryManager.EXTRA_LEVEL, percent)
        .putExtra(BatteryManager.EXTRA_SCALE, 100)
        .putExtra(BatteryManager.EXTRA_PLUGGED, plugged)

    @Test
    fun a_phone_of_3_gb_that_has_no_room_is_refused_with_numbers_and_with_what_would_fit() {
        memory(total = 3L shl 30, available = (216L shl 20) + 1_000_000, threshold = 216L shl 20)
        assertEquals(1_000_000L, PhoneMemory.of(app).availableBytes)
        withHost { host ->
            val refused = failure(WheelworkException::class) { host.engine() }
            assertEquals(ErrorCode.NOT_ENOUGH_MEMORY, refused.code)
            assertTrue(refused.message!!, "36604459 bytes" in refused.message!! && "1000000" in refused.message!!)
            assertTrue(host.state.value is ModelHost.State.Failed)
            val plan = Engine.memoryPlan(MODEL) { forAndroid(app) }
            assertEquals(Fit.TOO_LARGE to 1_000_000L, plan.fit to plan.available!!.bytes)
            assertEquals(0, plan.largestContextTokens)
            assertTrue(plan.needBytes > 1_000_000)
            // An app that was closed gives its memory back.
            memory(total = 3L shl 30, available = 1L shl 30, threshold = 216L shl 20)
            assertTrue(Engine.memoryPlan(MODEL) { forAndroid(app) }.largestContextTokens!! > 0)
            assertTrue(host.engine().contextLength > 0)
        }
    }

    @Test
    @Config(minSdk = 30)
    fun why_the_last_process_ended_is_told() {
        val told = ShadowActivityManager.ApplicationExitInfoBuilder.newBuilder()
            .setReason(ApplicationExitInfo.REASON_LOW_MEMORY)
            .setTimestamp(1_000)
            .setRss(2_000_000)
            .build()
        shadowOf(app.service<ActivityManager>()).addApplicationExitInfo(told)
        val last = LastExit.read(app).single()
        assertEquals(LastExit.Cause.LOW_MEMORY to 2_000_000L * 1024, last.cause to last.rssBytes)
    }

    @Test
    @Config(maxSdk = 29)
    fun before_android_11_no_exit_is_told() = assertEquals(emptyList<LastExit>(), LastExit.read(app))

    @Test
    fun the_session_key_stays_the_same_and_stands_in_its_file_encrypted() {
        FakeKeystore.install()
        val key = running { SessionKey.read(app) }
        assertEquals(32, key.size)
        assertTrue(key.contentEquals(running { SessionKey.read(app) }))
        val file = java.io.File(app.noBackupFilesDir, "wheelwork/keys/session.key")
        val hexadecimal = { bytes: ByteArray -> bytes.joinToString("") { "%02x".format(it) } }
        assertFalse(hexadecimal(key) in hexadecimal(file.readBytes()))
        FakeKeystore.set(null)
        running { failure(SessionKeyLost::class) { SessionKey.read(app) } }
        running { SessionKey.reset(app) }
        assertFalse(key.contentEquals(running { SessionKey.read(app) }))
    }

    @Test
    fun a_damaged_file_of_the_session_key_is_told_as_its_loss() {
        FakeKeystore.install()
        running { SessionKey.reset(app) }
        running { SessionKey.read(app) }
        val file = java.io.File(app.noBackupFilesDir, "wheelwork/keys/session.key")
        for (length in listOf(0, 5, 12, 20)) {
            file.writeBytes(ByteArray(length))
            running { failure(SessionKeyLost::class) { SessionKey.read(app) } }
        }
    }
}

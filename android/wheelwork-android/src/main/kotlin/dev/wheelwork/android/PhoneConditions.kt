package dev.wheelwork.android

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import androidx.lifecycle.DefaultLifecycleObserver
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.LifecycleOwner
import androidx.lifecycle.ProcessLifecycleOwner
import dev.wheelwork.Battery
import dev.wheelwork.Conditions
import dev.wheelwork.Thermal
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map

/**
 * How the phone is, for [dev.wheelwork.Engine.setConditions]: heat, battery and whether its user sees the app.
 *
 * A cold flow that begins with the state of now and never ends. Where the system tells how near it is to slowing down
 * (Android 11), that counts too, so the engine eases off before the phone does.
 */
public fun phoneConditions(context: Context): Flow<Conditions> {
    val application = context.applicationContext
    return combine(thermal(application), battery(application), foreground()) { thermal, battery, seen ->
        Triple(thermal, battery, seen)
    }
        .distinctUntilChanged()
        .map { (thermal, battery, seen) -> Conditions(thermal, battery, seen) }
        .flowOn(Dispatchers.Main)
        .conflate()
}

/** The levels of Android as those of the engine. */
internal fun thermalOf(status: Int): Thermal = when {
    status >= PowerManager.THERMAL_STATUS_CRITICAL -> Thermal.CRITICAL
    status >= PowerManager.THERMAL_STATUS_SEVERE -> Thermal.SERIOUS
    status >= PowerManager.THERMAL_STATUS_LIGHT -> Thermal.FAIR
    else -> Thermal.NOMINAL
}

/** 1 is where the status becomes severe. Not a number where the device has no sensor, or was asked too often. */
internal fun thermalOf(headroom: Float): Thermal = when {
    headroom >= 1f -> Thermal.SERIOUS
    headroom >= NEAR -> Thermal.FAIR
    else -> Thermal.NOMINAL
}

private const val NEAR = 0.85f

/** Android answers at most once a second, and what is foreseen for so many seconds is what was foreseen before. */
private val BETWEEN_LOOKS = 10.seconds

private fun thermal(context: Context): Flow<Thermal> {
    if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) return flowOf(Thermal.NOMINAL)
    val power = context.service<PowerManager>()
    val status = callbackFlow {
        val listener = PowerManager.OnThermalStatusChangedListener { trySend(it) }
        power.addThermalStatusListener(listener)
        trySend(power.currentThermalStatus)
        awaitClose { power.removeThermalStatusListener(listener) }
    }.map { thermalOf(it) }
    return combine(status, headroom(power)) { now, foreseen -> maxOf(now, foreseen) }
}

private fun headroom(power: PowerManager): Flow<Thermal> {
    if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) return flowOf(Thermal.NOMINAL)
    return flow {
        while (true) {
            emit(thermalOf(power.getThermalHeadroom(BETWEEN_LOOKS.inWholeSeconds.toInt())))
            delay(BETWEEN_LOOKS)
        }
    }
}

/** Low where its user saves it, or it has 15 % left and no charger. */
private fun battery(context: Context): Flow<Battery> = callbackFlow {
    val power = context.service<PowerManager>()
    fun look(charge: Intent?) {
        val level = charge?.getIntExtra(BatteryManager.EXTRA_LEVEL, -1) ?: -1
        val scale = charge?.getIntExtra(BatteryManager.EXTRA_SCALE, -1) ?: -1
        val isPlugged = (charge?.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) ?: 0) != 0
        val isShort = level >= 0 && scale > 0 && level * 100 <= LOW_PERCENT * scale
        trySend(if (!isPlugged && (power.isPowerSaveMode || isShort)) Battery.LOW else Battery.ENOUGH)
    }
    // Sticky: it gives the last charge without a receiver.
    fun charge(): Intent? = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))
    val receiver = object : BroadcastReceiver() {
        override fun onReceive(context: Context, intent: Intent) {
            look(if (intent.action == Intent.ACTION_BATTERY_CHANGED) intent else charge())
        }
    }
    val filter = IntentFilter(Intent.ACTION_BATTERY_CHANGED).apply {
        addAction(PowerManager.ACTION_POWER_SAVE_MODE_CHANGED)
    }
    // Only the system may send these, so Android asks for no flag that says who may.
    look(context.registerReceiver(receiver, filter))
    awaitClose { context.unregisterReceiver(receiver) }
}

private const val LOW_PERCENT = 15

private fun foreground(): Flow<Boolean> = callbackFlow {
    val lifecycle = ProcessLifecycleOwner.get().lifecycle
    val observer = object : DefaultLifecycleObserver {
        override fun onStart(owner: LifecycleOwner) {
            trySend(true)
        }

        override fun onStop(owner: LifecycleOwner) {
            trySend(false)
        }
    }
    trySend(lifecycle.currentState.isAtLeast(Lifecycle.State.STARTED))
    lifecycle.addObserver(observer)
    awaitClose { lifecycle.removeObserver(observer) }
}.flowOn(Dispatchers.Main.immediate)

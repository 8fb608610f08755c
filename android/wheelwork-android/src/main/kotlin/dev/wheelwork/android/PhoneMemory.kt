package dev.wheelwork.android

import android.app.ActivityManager
import android.content.Context
import dev.wheelwork.Memory

/**
 * The memory of this phone, as Android tells it now. A value.
 *
 * @property totalBytes All memory that the system has.
 * @property availableBytes What it could give before it begins to end processes.
 * @property isLow Whether it ends them already.
 * @property isLowRamDevice Whether the maker says that it has little.
 */
public data class PhoneMemory(
    public val totalBytes: Long,
    public val availableBytes: Long,
    public val isLow: Boolean,
    public val isLowRamDevice: Boolean,
) {
    /** What a model may take: all that is available. An open that needs more is refused, with both numbers. */
    public fun limit(): Memory = Memory.limit(availableBytes)

    public companion object {
        /** Asks the system; takes less than a millisecond. Ask again before each open: the answer changes by the second. */
        @JvmStatic
        public fun of(context: Context): PhoneMemory {
            val manager = context.service<ActivityManager>()
            val told = ActivityManager.MemoryInfo().also(manager::getMemoryInfo)
            return PhoneMemory(
                totalBytes = told.totalMem,
                // Below the threshold Android ends processes in the background, and what is left then is not ours to take.
                availableBytes = (told.availMem - told.threshold).coerceAtLeast(0),
                isLow = told.lowMemory,
                isLowRamDevice = manager.isLowRamDevice,
            )
        }
    }
}

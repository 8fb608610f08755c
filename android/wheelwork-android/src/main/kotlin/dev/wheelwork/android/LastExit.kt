package dev.wheelwork.android

import android.app.ActivityManager
import android.app.ApplicationExitInfo
import android.content.Context
import android.os.Build

/**
 * Why an earlier process of this app ended: what the next start tells where it was for want of memory. A value.
 *
 * @property cause Why.
 * @property timeMillis When, in milliseconds since 1970.
 * @property rssBytes Memory that it had in RAM then; 0 where the system did not say.
 * @property detail The system's own words; null where it has none.
 */
public data class LastExit(
    public val cause: Cause,
    public val timeMillis: Long,
    public val rssBytes: Long,
    public val detail: String?,
) {
    /** Why a process ended. */
    public enum class Cause {
        /** The system needed its memory. */
        LOW_MEMORY,

        /** Killed by a signal; where the kernel cannot tell, want of memory looks like this too. */
        SIGNALED,

        /** A crash in native code. */
        NATIVE_CRASH,

        /** An exception that nobody caught. */
        CRASH,

        /** It did not answer. */
        NOT_RESPONDING,

        /** It used too much of a resource. */
        EXCESSIVE_USE,

        /** It, its user or an update wanted that. */
        WANTED,

        /** Something else. */
        OTHER,
    }

    public companion object {
        /**
         * The last exits of this app, the newest first; empty before Android 11, which does not tell.
         *
         * @param limit the most of them.
         */
        @JvmStatic
        @JvmOverloads
        public fun read(context: Context, limit: Int = 5): List<LastExit> {
            if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) return emptyList()
            val manager = context.service<ActivityManager>()
            return manager.getHistoricalProcessExitReasons(context.packageName, 0, limit).map { told ->
                LastExit(cause(told.reason), told.timestamp, told.rss * KIB, told.description)
            }
        }

        private const val KIB = 1024L

        private fun cause(reason: Int): Cause = when (reason) {
            ApplicationExitInfo.REASON_LOW_MEMORY -> Cause.LOW_MEMORY
            ApplicationExitInfo.REASON_SIGNALED -> Cause.SIGNALED
            ApplicationExitInfo.REASON_CRASH_NATIVE -> Cause.NATIVE_CRASH
            ApplicationExitInfo.REASON_CRASH -> Cause.CRASH
            ApplicationExitInfo.REASON_ANR -> Cause.NOT_RESPONDING
            ApplicationExitInfo.REASON_EXCESSIVE_RESOURCE_USAGE -> Cause.EXCESSIVE_USE
            ApplicationExitInfo.REASON_EXIT_SELF,
            ApplicationExitInfo.REASON_USER_REQUESTED,
            ApplicationExitInfo.REASON_USER_STOPPED,
            ApplicationExitInfo.REASON_PERMISSION_CHANGE,
            -> Cause.WANTED
            else -> Cause.OTHER
        }
    }
}

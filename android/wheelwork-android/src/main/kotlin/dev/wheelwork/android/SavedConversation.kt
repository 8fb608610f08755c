package dev.wheelwork.android

import android.content.Context

/**
 * A conversation that has a file: what [ModelHost.conversation] goes on with. A value.
 *
 * @property name What [ModelHost.conversation] takes.
 * @property changedMillis When it was last written, in milliseconds since 1970.
 */
public data class SavedConversation(public val name: String, public val changedMillis: Long) {
    internal companion object {
        /** Of a file's name. */
        const val SUFFIX = ".session"

        /** All of this app, the last changed first. */
        fun list(context: Context): List<SavedConversation> {
            val files = WheelworkAndroid.sessionsDir(context).listFiles().orEmpty().filter { it.name.endsWith(SUFFIX) }
            return files.map { SavedConversation(it.name.removeSuffix(SUFFIX), it.lastModified()) }
                .sortedByDescending { it.changedMillis }
        }
    }
}

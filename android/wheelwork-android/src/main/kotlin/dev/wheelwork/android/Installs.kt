package dev.wheelwork.android

import android.content.Context
import android.content.Intent
import android.net.Uri
import androidx.work.BackoffPolicy
import androidx.work.Data
import androidx.work.ExistingWorkPolicy
import androidx.work.OneTimeWorkRequestBuilder
import androidx.work.WorkInfo
import androidx.work.WorkManager
import dev.wheelwork.InstallEvent
import dev.wheelwork.InstallReport
import dev.wheelwork.StoreStep
import java.io.File
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.map

/**
 * Installations that outlive the screen and the process: WorkManager runs them, with a notification of their progress, and again
 * after a kill or a restart of the phone.
 */
public object Installs {
    /**
     * Begins an installation, or leaves the one of that name alone that is under way: a second tap does no harm.
     *
     * @param name the app's own, such as the model's.
     */
    public fun enqueue(context: Context, name: String, request: InstallRequest) {
        enqueue(context, name, request, ExistingWorkPolicy.KEEP)
    }

    /** Begins it anew, whatever became of the last try: what a person asks for who taps "go on". What has arrived is used. */
    public fun resume(context: Context, name: String, request: InstallRequest) {
        enqueue(context, name, request, ExistingWorkPolicy.REPLACE)
    }

    /** Ends it within a piece. What has arrived stays until [dev.wheelwork.ModelStore.collectGarbage]. */
    public fun cancel(context: Context, name: String) {
        WorkManager.getInstance(context).cancelUniqueWork(WORK + name)
    }

    /** How it stands, now and whenever that changes; survives the process. */
    public fun state(context: Context, name: String): Flow<InstallState> =
        WorkManager.getInstance(context).getWorkInfosForUniqueWorkFlow(WORK + name).map { state(it.lastOrNull()) }

    private fun enqueue(context: Context, name: String, request: InstallRequest, existing: ExistingWorkPolicy) {
        if (request.kind == InstallRequest.Kind.DOCUMENT) keepPermission(context, Uri.parse(request.place))
        val work = OneTimeWorkRequestBuilder<InstallWorker>()
            .setInputData(request.toData())
            .setConstraints(request.constraints())
            .setBackoffCriteria(BackoffPolicy.EXPONENTIAL, BACKOFF_SECONDS, TimeUnit.SECONDS)
            .build()
        WorkManager.getInstance(context).enqueueUniqueWork(WORK + name, existing, work)
    }

    /** For longer than this process; a provider that offers none gives the document for as long as the process lives. */
    private fun keepPermission(context: Context, uri: Uri) {
        try {
            context.contentResolver.takePersistableUriPermission(uri, Intent.FLAG_GRANT_READ_URI_PERMISSION)
        } catch (notOffered: SecurityException) {
            android.util.Log.i(TAG, "the document's provider offers no lasting permission")
        }
    }

    private fun state(info: WorkInfo?): InstallState {
        if (info == null) return InstallState.None
        return when (info.state) {
            WorkInfo.State.ENQUEUED, WorkInfo.State.BLOCKED -> InstallState.Waiting(info.runAttemptCount > 0)
            WorkInfo.State.RUNNING -> InstallState.Running(
                info.progress.getString(STEP)?.let { name -> StoreStep.entries.find { it.name == name } },
                info.progress.getLong(DONE, 0),
                info.progress.getLong(TOTAL, 0),
            )
            WorkInfo.State.SUCCEEDED -> InstallState.Installed(
                info.outputData.getString(MODEL).orEmpty(),
                info.outputData.getLong(VERSION, 0),
                File(info.outputData.getString(FOLDER).orEmpty()),
            )
            WorkInfo.State.FAILED -> InstallState.Failed(
                info.outputData.getString(CODE).orEmpty(),
                info.outputData.getString(REASON).orEmpty(),
                info.outputData.getString(REMEDY).orEmpty(),
            )
            WorkInfo.State.CANCELLED -> InstallState.Cancelled
        }
    }

    internal fun progress(event: InstallEvent.Progress): Data = Data.Builder()
        .putString(STEP, event.step.name)
        .putLong(DONE, event.doneBytes)
        .putLong(TOTAL, event.totalBytes)
        .build()

    internal fun installed(report: InstallReport): Data = Data.Builder()
        .putString(MODEL, report.name)
        .putLong(VERSION, report.version)
        .putString(FOLDER, report.folder.path)
        .build()

    internal fun failed(code: String, reason: String, remedy: String): Data = Data.Builder()
        .putString(CODE, code)
        .putString(REASON, reason)
        .putString(REMEDY, remedy)
        .build()

    private const val TAG = "wheelwork"
    private const val WORK = "wheelwork-install-"
    private const val BACKOFF_SECONDS = 10L
    private const val STEP = "step"
    private const val DONE = "done"
    private const val TOTAL = "total"
    private const val MODEL = "model"
    private const val VERSION = "version"
    private const val FOLDER = "folder"
    private const val CODE = "code"
    private const val REASON = "reason"
    private const val REMEDY = "remedy"
}

/** How an installation stands. A value. */
public sealed interface InstallState {
    /** There is none of that name. */
    public data object None : InstallState

    /**
     * It waits for its turn, a network or the end of a pause.
     *
     * @property hasBegun Whether a try was broken off: shown as "paused".
     */
    public data class Waiting(public val hasBegun: Boolean) : InstallState

    /**
     * It is under way.
     *
     * @property step What is being done; null before the first.
     * @property doneBytes Bytes of content done in this step.
     * @property totalBytes Bytes of content that this step has to do.
     */
    public data class Running(public val step: StoreStep?, public val doneBytes: Long, public val totalBytes: Long) : InstallState

    /**
     * It is done.
     *
     * @property model The model's name.
     * @property version The counter that its maker raises with every release.
     * @property folder What [dev.wheelwork.Engine.open] takes.
     */
    public data class Installed(public val model: String, public val version: Long, public val folder: File) : InstallState

    /**
     * It failed, and is not tried again by itself.
     *
     * @property code One of [dev.wheelwork.ErrorCode] or [InstallFault]'s.
     * @property reason What failed.
     * @property remedy What to do now.
     */
    public data class Failed(public val code: String, public val reason: String, public val remedy: String) : InstallState

    /** It was cancelled. */
    public data object Cancelled : InstallState
}

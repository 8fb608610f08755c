package dev.wheelwork.android

import android.app.Notification
import android.content.Context
import android.content.pm.ServiceInfo
import android.net.Uri
import android.os.Build
import android.os.storage.StorageManager
import android.security.NetworkSecurityPolicy
import android.text.format.Formatter
import androidx.core.app.NotificationChannelCompat
import androidx.core.app.NotificationCompat
import androidx.core.app.NotificationManagerCompat
import androidx.work.CoroutineWorker
import androidx.work.Data
import androidx.work.ForegroundInfo
import androidx.work.WorkManager
import androidx.work.WorkerParameters
import dev.wheelwork.ErrorCode
import dev.wheelwork.InstallEvent
import dev.wheelwork.InstallReport
import dev.wheelwork.ModelStore
import dev.wheelwork.StoreStep
import dev.wheelwork.WheelworkException
import java.io.File
import java.io.IOException
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeSource

/**
 * Installs one package, as [Installs.enqueue] says. What has arrived stays when the worker is stopped, the process is killed or
 * the battery ends: WorkManager runs it again, and the store goes on from there.
 */
internal class InstallWorker(context: Context, parameters: WorkerParameters) : CoroutineWorker(context, parameters) {
    override suspend fun doWork(): Result {
        val request = InstallRequest.of(inputData) ?: return failed("no_request", "the work names no package", "use Installs.enqueue")
        becomeForeground()
        return try {
            NativeLibraries.load(applicationContext)?.let {
                val lacking = it.lacking()
                return failed(ErrorCode.NATIVE_LIBRARY, lacking.what, lacking.remedy)
            }
            open(request).use { from -> WheelworkAndroid.store(applicationContext, request.keys).use { install(it, request, from) } }
        } catch (fault: InstallFault) {
            if (fault.isForLater) Result.retry() else failed(fault.code, fault.message.orEmpty(), fault.remedy)
        } catch (failure: WheelworkException) {
            // Another installation, here or in another process.
            if (failure.code == ErrorCode.STORE_BUSY) Result.retry() else failed(failure.code, failure.message.orEmpty(), failure.remedy)
        }
    }

    override suspend fun getForegroundInfo(): ForegroundInfo = foregroundInfo(notification(null))

    private suspend fun install(store: ModelStore, request: InstallRequest, from: OpenSource): Result {
        if (from.isInPlace && request.kind != InstallRequest.Kind.DOWNLOAD) checkSpace(store.head(from.source).fileBytes)
        var report: InstallReport? = null
        var told = TimeSource.Monotonic.markNow() - BETWEEN_UPDATES
        var looked = told
        val events = store.install(from.source) {
            policy = request.policy
            allowDowngrade = request.allowDowngrade
        }
        events.collect { event ->
            when (event) {
                is InstallEvent.Finished -> report = event.report
                is InstallEvent.Progress -> {
                    if (event.step == StoreStep.RECEIVE && looked.elapsedNow() >= BETWEEN_UPDATES) {
                        looked = TimeSource.Monotonic.markNow()
                        checkSpace(event.totalBytes - event.doneBytes)
                    }
                    if (told.elapsedNow() >= BETWEEN_UPDATES) {
                        told = TimeSource.Monotonic.markNow()
                        tell(event)
                    }
                }
            }
        }
        val done = checkNotNull(report) { "the installation ended without a report" }
        return Result.success(Installs.installed(done))
    }

    private fun open(request: InstallRequest): OpenSource = when (request.kind) {
        InstallRequest.Kind.ASSET -> PackageSources.asset(applicationContext, request.place)
        InstallRequest.Kind.FILE -> PackageSources.file(File(request.place))
        InstallRequest.Kind.DOCUMENT -> PackageSources.document(applicationContext, Uri.parse(request.place))
        InstallRequest.Kind.DOWNLOAD -> {
            val policy = NetworkSecurityPolicy.getInstance()
            OpenSource(Download(request.place, policy::isCleartextTrafficPermitted).source(), false, null)
        }
    }

    /** Fails before the disk is full: other apps need some of it too. */
    private fun checkSpace(neededBytes: Long) {
        val storage = applicationContext.service<StorageManager>()
        val folder = WheelworkAndroid.modelsDir(applicationContext)
        val available = try {
            // More than is free: Android removes other apps' caches for it.
            storage.getAllocatableBytes(storage.getUuidForPath(folder))
        } catch (unknown: IOException) {
            folder.usableSpace
        }
        if (neededBytes + RESERVE_BYTES <= available) return
        throw InstallFault(
            "the model needs $neededBytes bytes and $RESERVE_BYTES bytes to spare, $available are available",
            InstallFault.NO_SPACE,
            "free storage and try again; what has arrived is kept",
        )
    }

    private suspend fun tell(event: InstallEvent.Progress) {
        setProgress(Installs.progress(event))
        if (NotificationManagerCompat.from(applicationContext).areNotificationsEnabled()) becomeForeground(event)
    }

    /** Android may refuse the foreground to an app that nobody sees; the work goes on without, for as long as it is let. */
    private suspend fun becomeForeground(event: InstallEvent.Progress? = null) {
        try {
            setForeground(foregroundInfo(notification(event)))
        } catch (refused: IllegalStateException) {
            if (refused is kotlinx.coroutines.CancellationException) throw refused
        }
    }

    private fun foregroundInfo(notification: Notification): ForegroundInfo =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) {
            ForegroundInfo(notificationId, notification, ServiceInfo.FOREGROUND_SERVICE_TYPE_DATA_SYNC)
        } else {
            ForegroundInfo(notificationId, notification)
        }

    private val notificationId: Int get() = id.hashCode()

    private fun notification(event: InstallEvent.Progress?): Notification {
        val context = applicationContext
        val channel = NotificationChannelCompat.Builder(CHANNEL, NotificationManagerCompat.IMPORTANCE_LOW)
            .setName(context.getString(R.string.wheelwork_install_channel))
            .build()
        NotificationManagerCompat.from(context).createNotificationChannel(channel)
        val builder = NotificationCompat.Builder(context, CHANNEL)
            .setSmallIcon(R.drawable.wheelwork_install)
            .setContentTitle(context.getString(R.string.wheelwork_install_title))
            .setOngoing(true)
            .setOnlyAlertOnce(true)
            .addAction(
                0,
                context.getString(R.string.wheelwork_install_cancel),
                WorkManager.getInstance(context).createCancelPendingIntent(id),
            )
        val total = event?.totalBytes ?: 0
        if (event == null || total == 0L) return builder.setProgress(0, 0, true).build()
        val (done, all) = Formatter.formatFileSize(context, event.doneBytes) to Formatter.formatFileSize(context, total)
        return builder
            .setContentText(context.getString(R.string.wheelwork_install_progress, done, all))
            .setProgress(STEPS, (event.doneBytes * STEPS / total).toInt(), false)
            .build()
    }

    private fun failed(code: String, reason: String, remedy: String): Result {
        val said: Data = Installs.failed(code, reason, remedy)
        return Result.failure(said)
    }
}

private const val CHANNEL = "wheelwork-install"
private const val STEPS = 1000
private const val RESERVE_BYTES = 64L shl 20
private val BETWEEN_UPDATES = 500.milliseconds

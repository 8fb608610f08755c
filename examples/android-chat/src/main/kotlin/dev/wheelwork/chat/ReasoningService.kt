package dev.wheelwork.chat

import android.app.Application
import android.app.Notification
import android.app.Service
import android.content.Intent
import android.content.pm.ServiceInfo
import android.os.Build
import android.os.IBinder
import androidx.core.app.NotificationChannelCompat
import androidx.core.app.NotificationCompat
import androidx.core.app.NotificationManagerCompat
import androidx.core.app.ServiceCompat
import androidx.core.content.ContextCompat
import dev.wheelwork.android.ModelHost

/** Has a turn go on while the screen is off: started while its user sees the app, ended with the turn. */
public class ReasoningService : Service() {
    override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        val type = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.UPSIDE_DOWN_CAKE) ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE else 0
        ServiceCompat.startForeground(this, NOTIFICATION, notification(), type)
        running = this
        if (hold == null) stopSelf()
        // Killed with its process, it is not started again: the conversation resumes when its user comes back.
        return START_NOT_STICKY
    }

    /** Android has given it all the time that it gives: the turn pauses, and resumes when its user comes back. */
    override fun onTimeout(startId: Int, fgsType: Int) {
        stopSelf()
    }

    override fun onDestroy() {
        running = null
        release()
    }

    override fun onBind(intent: Intent?): IBinder? = null

    private fun notification(): Notification {
        val channel = NotificationChannelCompat.Builder(CHANNEL, NotificationManagerCompat.IMPORTANCE_LOW)
        NotificationManagerCompat.from(this).createNotificationChannel(channel.setName("Reasoning").build())
        return NotificationCompat.Builder(this, CHANNEL)
            .setSmallIcon(android.R.drawable.ic_popup_sync)
            .setContentTitle("Working on your question")
            .setOngoing(true)
            .build()
    }

    internal companion object {
        private const val CHANNEL = "reasoning"
        private const val NOTIFICATION = 1
        private var hold: AutoCloseable? = null

        /** Once it is in the foreground: Android ends an app whose service is stopped before. */
        private var running: ReasoningService? = null

        /** Starts it with a turn and ends it after. On the main thread. */
        fun keep(app: Application, host: ModelHost, isAnswering: Boolean) {
            if (!isAnswering) {
                release()
                running?.stopSelf()
            } else if (hold == null) {
                try {
                    ContextCompat.startForegroundService(app, Intent(app, ReasoningService::class.java))
                    hold = host.holdInBackground()
                } catch (refused: IllegalStateException) {
                    // Nobody sees the app any more: Android lets no service begin, and the turn pauses as any other.
                    android.util.Log.i("chat", "no service may begin in the background")
                }
            }
        }

        private fun release() {
            hold?.close()
            hold = null
        }
    }
}

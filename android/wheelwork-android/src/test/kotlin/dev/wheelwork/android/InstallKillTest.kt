package dev.wheelwork.android

import android.content.pm.ServiceInfo
import android.util.Log
import androidx.work.Configuration
import androidx.work.impl.WorkManagerImpl
import androidx.work.impl.foreground.SystemForegroundService
import dev.wheelwork.PublicKey
import java.io.File
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import kotlinx.coroutines.flow.first
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLooper

/** Installations that are broken off in their middle, with WorkManager's own notes on the disk. */
@RunWith(RobolectricTestRunner::class)
class InstallKillTest {
    @get:Rule
    val temporary = TemporaryFolder()

    @After
    fun stop() {
        closeWork()
        Halves.mayEnd = true
    }

    @Test
    fun a_killed_installation_goes_on_by_itself_in_the_next_process() {
        assumeTrue(System.getProperty(FOLDER) == null)
        val folder = temporary.root
        val process = anotherProcess<InstallKillTest>(folder, FOLDER)
        try {
            until(told = { File(folder, "log").readText() }) { begun(folder).exists() || !process.isAlive }
            assertTrue("the other process ended early:\n${File(folder, "log").readText()}", process.isAlive)
        } finally {
            process.destroyForcibly().waitFor(20, TimeUnit.SECONDS)
        }
        val context = Placed(app, folder)
        // What has come is there, and no model.
        WheelworkAndroid.store(context).use { store ->
            val found = running { store.list() }
            assertEquals(emptyList<String>() to listOf("story"), found.models.map { it.name } to found.partials.map { it.name })
        }
        Halves.begin(mayEnd = true)
        startWork(context)
        // Nobody enqueues it again: WorkManager waits for ten seconds, on the main thread's clock, which stands still by itself.
        var looked = TimeSource.Monotonic.markNow()
        until(told = { state(context) }) {
            ShadowLooper.idleMainLooper(looked.elapsedNow().inWholeMilliseconds, TimeUnit.MILLISECONDS)
            looked = TimeSource.Monotonic.markNow()
            state(context) is InstallState.Installed
        }
        WheelworkAndroid.store(context).use { store -> assertEquals(listOf("story"), running { store.list() }.models.map { it.name }) }
    }

    /** What the other process does: it begins an installation and waits to be killed. */
    @Test
    fun the_other_process() {
        val folder = File(System.getProperty(FOLDER) ?: return)
        begin(Placed(app, folder), folder)
        until(atMost = 60.seconds) { false }
    }

    @Test
    @Config(minSdk = 35)
    fun a_service_whose_time_is_over_stops_within_a_second_and_leaves_what_came() {
        assumeTrue(System.getProperty(FOLDER) == null)
        val context = Placed(app, temporary.root)
        begin(context, temporary.root)
        // It was asked for before a byte had come, whatever the size.
        val asked = shadowOf(app as android.app.Application).nextStartedService
        val service = Robolectric.buildService(SystemForegroundService::class.java, asked).create()
        service.startCommand(0, 1)
        val since = TimeSource.Monotonic.markNow()
        service.get().onTimeout(1, ServiceInfo.FOREGROUND_SERVICE_TYPE_DATA_SYNC)
        until(told = { state(context) }) { state(context) == InstallState.Waiting(hasBegun = true) }
        assertTrue("it took ${since.elapsedNow()}", since.elapsedNow() < 1.seconds)
        WheelworkAndroid.store(context).use { store -> assertEquals(listOf("story"), running { store.list() }.partials.map { it.name }) }
    }

    /** Begins an installation that stops in its middle, and waits for that. */
    private fun begin(context: Placed, folder: File) {
        Halves.begin(mayEnd = false)
        startWork(context)
        val request = InstallRequest.document(Halves.DOCUMENT).also { it.keys = listOf(PublicKey.of(KEY.readText())) }
        Installs.enqueue(context, NAME, request)
        until(told = { state(context) }) { Halves.sent }
        // What was sent is written down some moments later.
        until { WheelworkAndroid.store(context).use { store -> running { store.list() }.partials.isNotEmpty() } }
        begun(folder).createNewFile()
    }

    /** Is there once half has come. */
    private fun begun(folder: File) = File(folder, "begun")

    private fun state(context: Placed): InstallState = running { Installs.state(context, NAME).first() }

    private fun startWork(context: Placed) {
        val configuration = Configuration.Builder().setMinimumLoggingLevel(Log.ERROR).build()
        // `WorkManager.initialize` makes one a process, for whatever context came first.
        WorkManagerImpl.setDelegate(WorkManagerImpl(context, configuration))
    }

    private fun closeWork() {
        WorkManagerImpl.setDelegate(null)
    }

    private companion object {
        const val FOLDER = "wheelwork.installing"
        const val NAME = "killed"
    }
}

package dev.wheelwork.android

import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.util.Log
import androidx.work.Configuration
import androidx.work.WorkInfo
import androidx.work.WorkManager
import androidx.work.testing.WorkManagerTestInitHelper
import com.sun.net.httpserver.HttpServer
import dev.wheelwork.ErrorCode
import dev.wheelwork.PublicKey
import dev.wheelwork.android.WheelworkAndroid.store
import java.io.File
import java.io.FileNotFoundException
import java.net.InetSocketAddress
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executors
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner

/** Packages installed by WorkManager, from everywhere that Android has them. */
@RunWith(RobolectricTestRunner::class)
class InstallTest {
    private val keys by lazy { listOf(PublicKey.of(KEY.readText())) }
    private val executor = Executors.newFixedThreadPool(2)

    @Before
    fun start() {
        val configuration = Configuration.Builder().setExecutor(executor).setMinimumLoggingLevel(Log.ERROR).build()
        WorkManagerTestInitHelper.initializeTestWorkManager(
            app, configuration, WorkManagerTestInitHelper.ExecutorsMode.PRESERVE_EXECUTORS,
        )
    }

    @After
    fun stop() {
        Storage.availableBytes = { Long.MAX_VALUE / 2 }
        WorkManagerTestInitHelper.closeWorkDatabase()
        executor.shutdown()
    }

    @Test
    fun an_asset_that_is_stored_uncompressed_is_read_in_place() {
        PackageSources.asset(app, "model.wwpkg").use { assertTrue("it is copied", it.isInPlace) }
        installs(InstallRequest.asset("model.wwpkg"))
    }

    @Test
    fun an_asset_that_is_compressed_is_streamed() {
        PackageSources.asset(app, "text.txt").use { assertTrue(!it.isInPlace) }
        assertEquals(ErrorCode.NOT_A_CONTAINER, fails("text", InstallRequest.asset("text.txt")).code)
    }

    @Test
    fun a_file_is_installed() = installs(InstallRequest.file(PACKAGE))

    @Test
    fun a_document_is_installed() {
        documents()
        installs(InstallRequest.document(Uri.parse("content://dev.wheelwork.documents/model")))
    }

    @Test
    fun a_document_without_permission_or_that_is_gone_is_a_typed_failure() {
        documents()
        for (name in listOf("revoked", "gone")) {
            val failed = fails(name, InstallRequest.document(Uri.parse("content://dev.wheelwork.documents/$name")))
            assertEquals(InstallFault.DOCUMENT_REVOKED, failed.code)
            assertTrue(failed.remedy, "picked again" in failed.remedy)
        }
    }

    @Test
    fun an_asset_that_is_not_there_and_a_package_of_a_stranger_are_typed_failures() {
        assertEquals(InstallFault.ASSET_MISSING, fails("missing", InstallRequest.asset("none.wwpkg")).code)
        assertEquals(ErrorCode.SIGNATURE_REQUIRED, fails("stranger", InstallRequest.file(PACKAGE), emptyList()).code)
        assertEquals(InstallFault.NOT_HTTPS, fails("plain", InstallRequest.download("ftp://example.org/x")).code)
    }

    @Test
    fun a_phone_that_is_full_refuses_before_and_in_the_middle_with_numbers_and_keeps_what_came() {
        for ((name, before) in listOf("before" to 1_000L, "middle" to Long.MAX_VALUE / 2)) {
            var looks = 0
            Storage.availableBytes = { if (looks++ == 0) before else 1_000L }
            val failed = fails(name, InstallRequest.file(PACKAGE))
            assertEquals(InstallFault.NO_SPACE, failed.code)
            assertTrue(failed.reason, "1000 are available" in failed.reason)
            assertEquals(emptyList<String>(), running { store(app).list() }.models.map { it.name })
        }
        Storage.availableBytes = { Long.MAX_VALUE / 2 }
        installs(InstallRequest.file(PACKAGE))
    }

    @Test
    fun a_download_that_breaks_off_goes_on_where_it_was() {
        val bytes = PACKAGE.readBytes()
        val asked = CopyOnWriteArrayList<Long>()
        val server = HttpServer.create(InetSocketAddress("127.0.0.1", 0), 0)
        server.createContext("/") { exchange ->
            val from = exchange.requestHeaders.getFirst("Range")?.removePrefix("bytes=")?.removeSuffix("-")?.toLong() ?: 0
            asked += from
            exchange.responseHeaders.add("ETag", "\"1\"")
            exchange.sendResponseHeaders(if (from > 0) 206 else 200, bytes.size - from)
            val isFirst = asked.size == 1
            val end = if (isFirst) bytes.size / 2 else bytes.size
            exchange.responseBody.use { out ->
                runCatching {
                    out.write(bytes, from.toInt(), end - from.toInt())
                    out.flush()
                }
                // The first connection breaks in the middle, once what was sent has been taken: a reset drops the rest.
                while (isFirst && runBlocking { store(app).list() }.partials.isEmpty()) Thread.sleep(2)
            }
        }
        server.start()
        try {
            val request = InstallRequest.download("http://127.0.0.1:${server.address.port}/model").also { it.keys = keys }
            Installs.enqueue(app, "download", request)
            meetConstraints("download")
            until(told = { "${state("download")} $asked" }) { state("download") == InstallState.Waiting(hasBegun = true) }
            assertEquals(listOf("story"), running { store(app).list() }.partials.map { it.name })
            Installs.resume(app, "download", request)
            meetConstraints("download")
            until(told = { "${state("download")} $asked" }) { state("download") is InstallState.Installed }
            assertTrue("$asked", asked.size > 1)
            val tail = running { Download("http://127.0.0.1:${server.address.port}/") { true }.bytes(TAIL).toList() }
            assertTrue(bytes.drop(TAIL.toInt()) == tail.flatMap { it.asList() })
            assertEquals(TAIL, asked.last())
        } finally {
            server.stop(0)
        }
    }

    @Test
    fun two_taps_are_one_installation_and_a_cancelled_one_is_told() {
        val request = InstallRequest.file(PACKAGE).also { it.keys = keys }
        repeat(2) { Installs.enqueue(app, "twice", request) }
        val infos = WorkManager.getInstance(app).getWorkInfosForUniqueWork("wheelwork-install-twice").get()
        assertEquals(1, infos.size)
        until { state("twice") is InstallState.Installed }
        assertEquals(InstallState.None, state("never"))
        val waiting = InstallRequest.download("https://example.invalid/x")
        Installs.enqueue(app, "later", waiting)
        assertEquals(InstallState.Waiting(hasBegun = false), state("later"))
        Installs.cancel(app, "later")
        until { state("later") == InstallState.Cancelled }
    }

    private companion object {
        const val TAIL = 3_000_000L
    }

    private fun installs(request: InstallRequest) {
        request.keys = keys
        Installs.enqueue(app, "model", request)
        var state: InstallState = InstallState.None
        until {
            state = state("model")
            state is InstallState.Installed || state is InstallState.Failed
        }
        val installed = state as? InstallState.Installed ?: throw AssertionError("$state")
        assertEquals("story" to 1L, installed.model to installed.version)
        assertTrue(installed.folder.path.startsWith(app.noBackupFilesDir.path))
        assertEquals(listOf("story"), running { store(app).list() }.models.map { it.name })
    }

    private fun fails(name: String, request: InstallRequest, trusted: List<PublicKey> = keys): InstallState.Failed {
        request.keys = trusted
        Installs.enqueue(app, name, request)
        meetConstraints(name)
        var state: InstallState = InstallState.None
        until {
            state = state(name)
            state is InstallState.Failed || state is InstallState.Installed
        }
        return state as InstallState.Failed
    }

    private fun state(name: String): InstallState = running { Installs.state(app, name).first() }

    /** A network is there, once the work has been noted. */
    private fun meetConstraints(name: String) {
        val manager = WorkManager.getInstance(app)
        var fresh: WorkInfo? = null
        until {
            val infos = manager.getWorkInfosForUniqueWork("wheelwork-install-$name").get()
            fresh = infos.find { it.state != WorkInfo.State.ENQUEUED || it.runAttemptCount == 0 }
            fresh != null
        }
        if (fresh!!.state == WorkInfo.State.ENQUEUED) {
            WorkManagerTestInitHelper.getTestDriver(app)!!.setAllConstraintsMet(fresh!!.id)
        }
    }

    private fun documents() {
        Robolectric.buildContentProvider(Documents::class.java).create("dev.wheelwork.documents")
    }

    /** A provider of documents: one that is there, one whose permission was taken back, one that is gone. */
    internal class Documents : ContentProvider() {
        override fun onCreate(): Boolean = true

        override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor = when (uri.lastPathSegment) {
            "model" -> ParcelFileDescriptor.open(PACKAGE, ParcelFileDescriptor.MODE_READ_ONLY)
            "revoked" -> throw SecurityException("Permission Denial")
            else -> throw FileNotFoundException()
        }

        override fun getType(uri: Uri): String = "application/octet-stream"

        override fun query(u: Uri, p: Array<String>?, s: String?, a: Array<String>?, o: String?): Cursor? = null

        override fun insert(uri: Uri, values: ContentValues?): Uri? = null

        override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

        override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0
    }
}

package dev.wheelwork.android

import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import java.io.File
import java.io.FileOutputStream
import kotlin.concurrent.thread
import org.robolectric.Robolectric

/** Gives the package as a cloud does, through a pipe: half of it, and the rest when it may. */
internal class Halves : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        // Robolectric's pipes are files, which end where nobody has written yet.
        val pipe = File.createTempFile("pipe", null).also { it.delete() }
        check(C.mkfifo(pipe.path, OWN) == 0) { "the system makes no pipe" }
        thread(isDaemon = true) { runCatching { pipe.outputStream().use(::send) } }
        return ParcelFileDescriptor.open(pipe, ParcelFileDescriptor.MODE_READ_ONLY).also { pipe.delete() }
    }

    private fun send(out: FileOutputStream) {
        val bytes = PACKAGE.readBytes()
        val half = bytes.size / 2
        out.write(bytes, 0, half)
        sent = true
        while (!mayEnd) Thread.sleep(5)
        out.write(bytes, half, bytes.size - half)
    }

    override fun getType(uri: Uri): String = "application/octet-stream"

    override fun query(u: Uri, p: Array<String>?, s: String?, a: Array<String>?, o: String?): Cursor? = null

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0

    companion object {
        private const val AUTHORITY = "dev.wheelwork.halves"

        /** Read and written by this user alone. */
        private const val OWN = 0b110_000_000

        val DOCUMENT: Uri = Uri.parse("content://$AUTHORITY/model")

        @Volatile
        var mayEnd = true

        @Volatile
        var sent = false

        /** From now on the app's documents are these. */
        fun begin(mayEnd: Boolean) {
            this.mayEnd = mayEnd
            sent = false
            Robolectric.buildContentProvider(Halves::class.java).create(AUTHORITY)
        }
    }
}

package dev.wheelwork.android

import dev.wheelwork.PackageSource
import java.io.EOFException
import java.io.IOException
import java.net.HttpURLConnection
import java.net.MalformedURLException
import java.net.URL
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn

/**
 * A package on a server, asked for from any position, so that what has arrived once is not sent again. The server has to know
 * `Range`; one that does not is read from the start.
 */
internal class Download(address: String, isPlainAllowed: (String) -> Boolean) {
    private val url: URL = try {
        URL(address)
    } catch (malformed: MalformedURLException) {
        throw InstallFault("the address is none", InstallFault.NOT_HTTPS, "give an `https` address", cause = malformed)
    }

    /** Names the file's content on the server; told at the first answer. */
    private var tag: String? = null

    init {
        val isTaken = url.protocol == "https" || (url.protocol == "http" && isPlainAllowed(url.host))
        if (!isTaken) {
            throw InstallFault(
                "the address begins with `${url.protocol}:`, expected `https:`",
                InstallFault.NOT_HTTPS,
                "give an `https` address",
            )
        }
    }

    fun source(): PackageSource = PackageSource.ranges { bytes(it) }

    /** The file's bytes from a position on. */
    internal fun bytes(from: Long): Flow<ByteArray> = flow {
        val connection = url.openConnection() as HttpURLConnection
        try {
            connection.connectTimeout = TIMEOUT_MS
            connection.readTimeout = TIMEOUT_MS
            // Compressed by the server, positions would mean nothing.
            connection.setRequestProperty("Accept-Encoding", "identity")
            if (from > 0) connection.setRequestProperty("Range", "bytes=$from-")
            check(connection.responseCode, connection.getHeaderField("ETag"))
            val stream = connection.inputStream
            var skip = if (connection.responseCode == HttpURLConnection.HTTP_PARTIAL) 0 else from
            // Some connections that break look as if the file had ended.
            var left = connection.contentLengthLong
            val piece = ByteArray(PIECE_BYTES)
            while (true) {
                currentCoroutineContext().ensureActive()
                val read = stream.read(piece)
                if (read < 0 && left > 0) throw EOFException("$left bytes before the end")
                if (read < 0) break
                left -= read
                val dropped = minOf(skip, read.toLong()).toInt()
                skip -= dropped
                if (dropped < read) emit(piece.copyOfRange(dropped, read))
            }
        } catch (fault: InstallFault) {
            throw fault
        } catch (broken: IOException) {
            throw InstallFault(
                "the connection to ${url.host} failed: ${broken.javaClass.simpleName}",
                InstallFault.CONNECTION,
                "try again; what has arrived is kept",
                isForLater = true,
                cause = broken,
            )
        } finally {
            connection.disconnect()
        }
    }.flowOn(Dispatchers.IO)

    private fun check(status: Int, found: String?) {
        if (status != HttpURLConnection.HTTP_OK && status != HttpURLConnection.HTTP_PARTIAL) {
            throw InstallFault(
                "${url.host} answers with status $status",
                InstallFault.REFUSED_BY_SERVER,
                "look at the address",
                isForLater = status >= HttpURLConnection.HTTP_INTERNAL_ERROR || status == TOO_MANY_REQUESTS,
            )
        }
        if (tag != null && found != null && tag != found) {
            throw InstallFault(
                "${url.host} gives another file than before",
                InstallFault.FILE_CHANGED,
                "try again: the store begins with the new one",
                isForLater = true,
            )
        }
        tag = found ?: tag
    }
}

private const val TIMEOUT_MS = 30_000
private const val PIECE_BYTES = 256 * 1024
private const val TOO_MANY_REQUESTS = 429

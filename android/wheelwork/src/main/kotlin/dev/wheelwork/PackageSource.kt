package dev.wheelwork

import dev.wheelwork.ffi.InstallHandle
import dev.wheelwork.ffi.PackagePipe
import dev.wheelwork.ffi.PackageSource as FfiPackageSource
import java.io.File
import java.io.InputStream
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.takeWhile
import kotlinx.coroutines.launch

/** Where a `.wwpkg` package comes from. Opening one takes no time; it is read while a flow is collected. */
public sealed interface PackageSource {
    public companion object {
        /** A file. */
        @JvmStatic
        public fun file(file: File): PackageSource = OfFile(file)

        /**
         * An open file of this process, or a part of one: what Android's content providers and assets give. It stays the
         * caller's, is opened once more by its number, and may be closed at the first event. A system may refuse that for
         * files of other apps; [stream] takes their bytes instead.
         *
         * @param offset where the package begins in the file, in bytes.
         * @param length in bytes; by default to the file's end.
         */
        @JvmStatic
        @JvmOverloads
        public fun descriptor(descriptor: Int, offset: Long = 0, length: Long = Long.MAX_VALUE): PackageSource =
            OfDescriptor(descriptor, offset, length)

        /** All bytes of the package in their order, in pieces of any length: a download of the app's own. Read once. */
        @JvmStatic
        public fun bytes(pieces: Flow<ByteArray>): PackageSource = OfBytes { position ->
            if (position == 0L) pieces else null
        }

        /** All bytes of the package from a stream, which is closed at the end. Read once. */
        @JvmStatic
        public fun stream(stream: InputStream): PackageSource = bytes(stream.pieces())

        /**
         * Bytes from a position on: a download that can go on in the middle. It is asked for the position again wherever what
         * follows is here already, from an earlier try or an earlier version.
         *
         * @param from gives the package's bytes from a position on, in pieces of any length.
         */
        @JvmStatic
        public fun ranges(from: (position: Long) -> Flow<ByteArray>): PackageSource = OfBytes(from)
    }
}

internal class OfFile(val file: File) : PackageSource

internal class OfDescriptor(val descriptor: Int, val offset: Long, val length: Long) : PackageSource

/** Null from a position that can't be had: the bytes before it are pushed, too. */
internal class OfBytes(val from: (Long) -> Flow<ByteArray>?) : PackageSource

private const val PIECE_BYTES = 256 * 1024

private fun InputStream.pieces(): Flow<ByteArray> = flow {
    use { stream ->
        while (true) {
            val piece = ByteArray(PIECE_BYTES)
            val read = stream.read(piece)
            if (read < 0) break
            if (read > 0) emit(piece.copyOf(read))
        }
    }
}.flowOn(Dispatchers.IO)

/** What can be read more than once; bytes that are pushed are refused there. */
internal fun PackageSource.seekable(): FfiPackageSource = when (this) {
    is OfFile -> FfiPackageSource.File(path = file.path)
    is OfDescriptor -> FfiPackageSource.Descriptor(
        descriptor = descriptor,
        offset = offset.count("offset"),
        length = length.count("length").takeIf { length != Long.MAX_VALUE },
    )
    is OfBytes -> FfiPackageSource.Pushed(pipe = PackagePipe.open())
}

/** The events of what `begin` starts with this source, whose bytes are pushed meanwhile where it has to be. */
internal fun PackageSource.fed(begin: (FfiPackageSource) -> InstallHandle): Flow<InstallEvent> {
    val source = this
    fun events(from: FfiPackageSource): Flow<InstallEvent> =
        pulled({ begin(from) }, { next()?.toPublic() }, { cancel() })
    if (source !is OfBytes) return flow { events(onIo { source.seekable() }).collect { emit(it) } }
    return flow {
        val pipe = onIo { PackagePipe.open() }
        var broken: Throwable? = null
        try {
            coroutineScope {
                // The installation ends with an error of the pipe's; what broke the transfer says more.
                val feeding = launch {
                    try {
                        source.feed(pipe)
                    } catch (failure: WheelworkException) {
                        // The installation tells it, or needs no more bytes.
                        pipe.abandon()
                    } catch (failure: Throwable) {
                        broken = failure
                        pipe.abandon()
                    }
                }
                events(FfiPackageSource.Pushed(pipe)).collect { emit(it) }
                feeding.cancel()
            }
        } catch (failure: WheelworkException) {
            throw if (failure.code == ErrorCode.PIPE_ABANDONED) broken ?: failure else failure
        } finally {
            pipe.close()
        }
    }
}

/** Pushes all that is wanted. */
private suspend fun OfBytes.feed(pipe: PackagePipe) {
    var wanted = 0L
    var pieces = checkNotNull(from(0)) { "a source without its first bytes" }
    while (true) {
        var at = wanted
        var next: Flow<ByteArray>? = null
        pieces.takeWhile { piece ->
            wanted = translated { pipe.push(at.toULong(), piece) }.toCount()
            at += piece.size
            next = if (wanted > at) from(wanted) else null
            next == null
        }.collect()
        pieces = next ?: break
    }
    pipe.finish()
}

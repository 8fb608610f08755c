package dev.wheelwork.android

import android.content.Context
import android.content.res.AssetFileDescriptor
import android.net.Uri
import android.system.ErrnoException
import android.system.Os
import android.system.OsConstants
import dev.wheelwork.PackageSource
import java.io.Closeable
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException

/**
 * A package that can be read, and what has to be closed after.
 *
 * @property source For [dev.wheelwork.ModelStore.install].
 * @property isInPlace Whether it is read where it stands, at any position: else its bytes come once, in their order.
 */
public class OpenSource internal constructor(
    public val source: PackageSource,
    public val isInPlace: Boolean,
    private val owner: Closeable?,
) : Closeable {
    /** Call it once the installation is over. */
    override fun close() {
        owner?.close()
    }
}

/** Packages of Android's: assets and documents. */
public object PackageSources {
    /**
     * A package in the APK's assets: in place where it is stored uncompressed, else as a stream. Error:
     * [InstallFault.ASSET_MISSING].
     */
    public fun asset(context: Context, path: String): OpenSource {
        val assets = context.assets
        return try {
            // Android has no descriptor for what is compressed.
            val descriptor = try {
                assets.openFd(path)
            } catch (compressed: FileNotFoundException) {
                return streamed(assets.open(path))
            }
            inPlace(descriptor) ?: streamed(descriptor.createInputStream())
        } catch (missing: IOException) {
            throw InstallFault("the APK has no asset `$path`", InstallFault.ASSET_MISSING, "add it below src/main/assets", cause = missing)
        }
    }

    /**
     * A document that its user picked: in place where it is a file, else as a stream (what a cloud gives). Error:
     * [InstallFault.DOCUMENT_REVOKED].
     */
    public fun document(context: Context, uri: Uri): OpenSource {
        val descriptor = try {
            context.contentResolver.openAssetFileDescriptor(uri, "r") ?: throw FileNotFoundException("the provider has crashed")
        } catch (refused: SecurityException) {
            throw revoked(refused)
        } catch (gone: FileNotFoundException) {
            throw revoked(gone)
        }
        return inPlace(descriptor) ?: streamed(descriptor.createInputStream())
    }

    internal fun file(file: File) = OpenSource(PackageSource.file(file), true, null)

    /** Null where it is a pipe, or a file that the system opens no second time. */
    private fun inPlace(descriptor: AssetFileDescriptor): OpenSource? {
        val number = descriptor.parcelFileDescriptor.fd
        if (!canOpenAgain(number)) return null
        val length = descriptor.declaredLength.takeIf { it != AssetFileDescriptor.UNKNOWN_LENGTH } ?: Long.MAX_VALUE
        return OpenSource(PackageSource.descriptor(number, descriptor.startOffset, length), true, descriptor)
    }

    /** The store opens it by its number, which the system may refuse for files of other apps. */
    private fun canOpenAgain(number: Int): Boolean = try {
        Os.close(Os.open("/proc/self/fd/$number", OsConstants.O_RDONLY, 0))
        File("/proc/self/fd/$number").canonicalFile.isFile
    } catch (refused: ErrnoException) {
        false
    }

    private fun streamed(stream: java.io.InputStream) = OpenSource(PackageSource.stream(stream), false, stream)

    private fun revoked(cause: Exception) = InstallFault(
        "the picked document cannot be read any more",
        InstallFault.DOCUMENT_REVOKED,
        "have it picked again; take the permission for longer with `takePersistableUriPermission`",
        cause = cause,
    )
}

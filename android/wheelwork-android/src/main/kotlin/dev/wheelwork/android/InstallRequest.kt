package dev.wheelwork.android

import android.net.Uri
import androidx.work.Constraints
import androidx.work.Data
import androidx.work.NetworkType
import dev.wheelwork.PublicKey
import dev.wheelwork.SignaturePolicy
import java.io.File

/**
 * A package to install in the background: what [Installs.enqueue] takes. It holds names only, so it outlives the process.
 */
public class InstallRequest private constructor(internal val kind: Kind, internal val place: String) {
    /** Whose signatures count. */
    public var keys: List<PublicKey> = emptyList()

    /** What is done with a package that none of [keys] has signed. */
    public var policy: SignaturePolicy = SignaturePolicy.REQUIRE

    /** Whether a lower version than the installed one is accepted. */
    public var allowDowngrade: Boolean = false

    /** Whether a download waits for a network that costs nothing. */
    public var unmeteredOnly: Boolean = true

    internal enum class Kind { ASSET, FILE, DOCUMENT, DOWNLOAD }

    internal fun toData(): Data = Data.Builder()
        .putString(KIND, kind.name)
        .putString(PLACE, place)
        .putStringArray(KEYS, keys.map { it.pem }.toTypedArray())
        .putString(POLICY, policy.name)
        .putBoolean(DOWNGRADE, allowDowngrade)
        .build()

    internal fun constraints(): Constraints {
        val network = if (unmeteredOnly) NetworkType.UNMETERED else NetworkType.CONNECTED
        return Constraints.Builder()
            .setRequiredNetworkType(if (kind == Kind.DOWNLOAD) network else NetworkType.NOT_REQUIRED)
            .build()
    }

    public companion object {
        /** A file in the APK's `assets`. One that is stored uncompressed (`noCompress += "wwpkg"`) is read in place. */
        @JvmStatic
        public fun asset(path: String): InstallRequest = InstallRequest(Kind.ASSET, path)

        /** A file that the app can read. */
        @JvmStatic
        public fun file(file: File): InstallRequest = InstallRequest(Kind.FILE, file.path)

        /**
         * A document that its user picked. [Installs.enqueue] takes the permission for longer than this process, where the
         * provider offers that.
         */
        @JvmStatic
        public fun document(uri: Uri): InstallRequest = InstallRequest(Kind.DOCUMENT, uri.toString())

        /** A file of a server: an `https` address that the app or its user chose. Nothing else is ever connected to. */
        @JvmStatic
        public fun download(url: String): InstallRequest = InstallRequest(Kind.DOWNLOAD, url)

        private const val KIND = "kind"
        private const val PLACE = "place"
        private const val KEYS = "keys"
        private const val POLICY = "policy"
        private const val DOWNGRADE = "downgrade"

        /** What was put by [toData]; null where it was not. */
        internal fun of(data: Data): InstallRequest? {
            val kind = Kind.entries.find { it.name == data.getString(KIND) } ?: return null
            return InstallRequest(kind, data.getString(PLACE) ?: return null).apply {
                keys = data.getNullableStringArray(KEYS).orEmpty().filterNotNull().map { PublicKey.of(it) }
                policy = SignaturePolicy.entries.find { it.name == data.getString(POLICY) } ?: SignaturePolicy.REQUIRE
                allowDowngrade = data.getBoolean(DOWNGRADE, false)
            }
        }
    }
}

package dev.wheelwork.android

import dev.wheelwork.WheelworkException
import java.io.IOException

/**
 * What keeps a package of Android's from being read or written; errors of the package itself are [WheelworkException]s.
 *
 * @property code Stable, in `snake_case`.
 * @property remedy What to do now.
 * @property isForLater Whether the same may succeed later.
 */
public class InstallFault internal constructor(
    message: String,
    public val code: String,
    public val remedy: String,
    internal val isForLater: Boolean = false,
    cause: Throwable? = null,
) : IOException(message, cause) {
    public companion object {
        /** The document is gone, or its user or its provider took the permission back. */
        public const val DOCUMENT_REVOKED: String = "document_revoked"

        /** The APK has no such asset. */
        public const val ASSET_MISSING: String = "asset_missing"

        /** The phone's storage has no room for it. */
        public const val NO_SPACE: String = "store_no_space"

        /** The address is none of `https`. */
        public const val NOT_HTTPS: String = "not_https"

        /** The server cannot be reached, or broke off. */
        public const val CONNECTION: String = "connection"

        /** The server gives no such file. */
        public const val REFUSED_BY_SERVER: String = "refused_by_server"

        /** The server's file is another one than before. */
        public const val FILE_CHANGED: String = "file_changed"
    }
}

package dev.wheelwork

import dev.wheelwork.ffi.publicKey
import dev.wheelwork.ffi.trustKey
import dev.wheelwork.ffi.trustedKeys
import java.io.File

/**
 * A key that verifies signatures. A value.
 *
 * @property pem The text of its file: Ed25519, `SubjectPublicKeyInfo` in PEM.
 * @property fingerprint What signatures name it by: SHA-256 in lowercase hexadecimal.
 */
@ConsistentCopyVisibility
public data class PublicKey internal constructor(public val pem: String, public val fingerprint: String) {
    public companion object {
        /** Reads a key from the text of its PEM file. Takes microseconds. Error: [ErrorCode.NOT_A_KEY], for a weak key too. */
        @JvmStatic
        public fun of(pem: String): PublicKey = translated { publicKey(pem).toPublic() }

        /**
         * The keys that were trusted on this device ([trust]), in the app's own folder for keys. Reads small files. Errors:
         * [ErrorCode.KEY_FILE], [ErrorCode.NOT_A_KEY].
         */
        public suspend fun trusted(keysDir: File): List<PublicKey> =
            onIo { trustedKeys(keysDir.path).map { it.toPublic() } }

        /**
         * Trusts a key from now on: what a person decides. Writes a small file into the app's own folder for keys. Error:
         * [ErrorCode.KEY_FILE].
         */
        public suspend fun trust(keysDir: File, key: PublicKey): Unit = onIo { trustKey(keysDir.path, key.pem) }
    }
}

/** What is done with packages that none of the app's keys has signed. */
public enum class SignaturePolicy {
    /** They are refused. */
    REQUIRE,

    /** They are used, and how the signature stands is told. */
    WARN,

    /** Signatures are not looked at. */
    OFF,
}

/** How the signature of a package stands. A value. */
public sealed interface SignatureState {
    /**
     * Signed by a trusted key, and unchanged since.
     *
     * @property key The key's fingerprint.
     */
    @ConsistentCopyVisibility
    public data class Valid internal constructor(public val key: String) : SignatureState

    /** Nobody signed it. */
    public data object Missing : SignatureState

    /**
     * Signed by a key that was not given as trusted.
     *
     * @property hint What the signature calls the key.
     */
    @ConsistentCopyVisibility
    public data class UnknownKey internal constructor(public val hint: String) : SignatureState

    /**
     * There is something in the signature's place, and it is no signature of this package.
     *
     * @property why The broken rule.
     */
    @ConsistentCopyVisibility
    public data class Invalid internal constructor(public val why: String) : SignatureState

    /** It was not looked at. */
    public data object NotChecked : SignatureState
}

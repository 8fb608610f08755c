package dev.wheelwork.android

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import android.util.AtomicFile
import java.io.File
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.security.SecureRandom
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * The 32 bytes that conversations are encrypted with. They are random, and stand in a file of the app's own only as encrypted by
 * a key that never leaves the phone's keystore.
 *
 * A keystore that has lost its key (the app was moved to another phone, its user removed the lock screen on some models) makes
 * the kept conversations unreadable for good: [read] says so by [SessionKeyLost], and [reset] begins anew.
 */
public object SessionKey {
    /** The key; made at the first call. Takes some ten milliseconds. Error: [SessionKeyLost]. */
    public suspend fun read(context: Context): ByteArray = withContext(Dispatchers.IO) {
        MAKING.withLock {
            val file = file(context)
            if (file.baseFile.isFile) unwrap(file.readFully()) else make(file)
        }
    }

    /** Forgets the key: what was encrypted with it cannot be read any more, and the next [read] makes another. */
    public suspend fun reset(context: Context): Unit = withContext(Dispatchers.IO) {
        MAKING.withLock {
            file(context).delete()
            keystore().deleteEntry(ALIAS)
        }
    }

    private val MAKING = Mutex()

    private fun file(context: Context) = AtomicFile(File(WheelworkAndroid.own(context, "keys"), "session.key"))

    private fun make(file: AtomicFile): ByteArray {
        val key = ByteArray(KEY_BYTES).also { SecureRandom().nextBytes(it) }
        val cipher = Cipher.getInstance(CIPHER).apply { init(Cipher.ENCRYPT_MODE, wrapping() ?: generate()) }
        val wrapped = cipher.iv + cipher.doFinal(key)
        val out = file.startWrite()
        try {
            out.write(wrapped)
            file.finishWrite(out)
        } catch (failure: IOException) {
            file.failWrite(out)
            throw failure
        }
        return key
    }

    private fun unwrap(wrapped: ByteArray): ByteArray {
        val wrapping = wrapping() ?: throw SessionKeyLost(null)
        try {
            val cipher = Cipher.getInstance(CIPHER)
            cipher.init(Cipher.DECRYPT_MODE, wrapping, GCMParameterSpec(TAG_BITS, wrapped, 0, IV_BYTES))
            return cipher.doFinal(wrapped, IV_BYTES, wrapped.size - IV_BYTES)
        } catch (failure: GeneralSecurityException) {
            throw SessionKeyLost(failure)
        } catch (failure: IllegalArgumentException) {
            throw SessionKeyLost(failure)
        }
    }

    private fun keystore(): KeyStore = KeyStore.getInstance(KEYSTORE).apply { load(null) }

    private fun wrapping(): SecretKey? = keystore().getKey(ALIAS, null) as SecretKey?

    private fun generate(): SecretKey {
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec = KeyGenParameterSpec.Builder(ALIAS, purposes)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(KEY_BYTES * 8)
            .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, KEYSTORE).apply { init(spec) }.generateKey()
    }

    private const val KEYSTORE = "AndroidKeyStore"
    private const val ALIAS = "dev.wheelwork.sessions"
    private const val CIPHER = "AES/GCM/NoPadding"
    private const val KEY_BYTES = 32
    private const val IV_BYTES = 12
    private const val TAG_BITS = 128
}

/** The keystore cannot decrypt the session key any more. */
public class SessionKeyLost internal constructor(cause: Throwable?) :
    Exception("the phone's keystore cannot decrypt the key of the kept conversations: remove them and call SessionKey.reset", cause)

package dev.wheelwork.android

import java.io.File
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey
import javax.crypto.spec.SecretKeySpec

/** The phone's keystore, which Robolectric lacks: holds one key, in memory or where another process finds it. */
internal object FakeKeystore {
    private var key: SecretKey? = null

    /** For tests with two processes. */
    var file: File? = null

    fun install() {
        if (Security.getProvider(NAME) == null) Security.addProvider(Registered())
    }

    fun get(): SecretKey? {
        val file = file ?: return key
        return if (file.exists()) SecretKeySpec(file.readBytes(), "AES") else null
    }

    fun set(new: SecretKey?) {
        val file = file
        when {
            file == null -> key = new
            new == null -> file.delete()
            else -> file.writeBytes(new.encoded)
        }
    }

    private const val NAME = "AndroidKeyStore"

    private class Registered : Provider(NAME, "1", "a keystore for tests") {
        init {
            put("KeyStore.$NAME", Store::class.java.name)
            put("KeyGenerator.AES", Generator::class.java.name)
        }
    }

    class Generator : KeyGeneratorSpi() {
        override fun engineInit(random: SecureRandom) = Unit

        override fun engineInit(spec: AlgorithmParameterSpec, random: SecureRandom?) = Unit

        override fun engineInit(bits: Int, random: SecureRandom?) = Unit

        override fun engineGenerateKey(): SecretKey =
            SecretKeySpec(ByteArray(32).also { SecureRandom().nextBytes(it) }, "AES").also { set(it) }
    }

    class Store : KeyStoreSpi() {
        override fun engineGetKey(alias: String, password: CharArray?): Key? = get()

        override fun engineDeleteEntry(alias: String) = set(null)

        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit

        override fun engineContainsAlias(alias: String): Boolean = get() != null

        override fun engineIsKeyEntry(alias: String): Boolean = get() != null

        override fun engineSize(): Int = if (get() == null) 0 else 1

        override fun engineAliases(): Enumeration<String> = Collections.emptyEnumeration()

        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null

        override fun engineGetCertificate(alias: String): Certificate? = null

        override fun engineGetCreationDate(alias: String): Date? = null

        override fun engineIsCertificateEntry(alias: String): Boolean = false

        override fun engineGetCertificateAlias(cert: Certificate): String? = null

        override fun engineSetKeyEntry(alias: String, key: Key, password: CharArray?, chain: Array<Certificate>?) = refuse()

        override fun engineSetKeyEntry(alias: String, key: ByteArray, chain: Array<Certificate>?) = refuse()

        override fun engineSetCertificateEntry(alias: String, cert: Certificate) = refuse()

        override fun engineStore(stream: OutputStream, password: CharArray) = refuse()

        private fun refuse(): Unit = throw UnsupportedOperationException("the tests' keystore makes its key itself")
    }
}

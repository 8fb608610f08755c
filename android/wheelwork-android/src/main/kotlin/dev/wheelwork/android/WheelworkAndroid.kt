package dev.wheelwork.android

import android.content.Context
import dev.wheelwork.Availability
import dev.wheelwork.Engine
import dev.wheelwork.ErrorCode
import dev.wheelwork.ModelStore
import dev.wheelwork.OpenOptions
import dev.wheelwork.PublicKey
import dev.wheelwork.WheelworkException
import java.io.File

/**
 * Where an app begins: whether models can run on this phone, and where everything stands.
 *
 * All folders are in the app's own storage that Android leaves out of backups and of transfers to a new phone.
 */
public object WheelworkAndroid {
    /**
     * Whether models can run here, and what lacks, with the line that adds it. Loads the native libraries, which stay loaded:
     * up to some seconds at the first call.
     */
    public suspend fun readiness(context: Context): Readiness {
        val abis = supportedAbis()
        if (abis.none { it in ABIS }) {
            return Readiness.Lacking(
                what = "no native library for this processor (${abis.joinToString()}), expected one of ${ABIS.joinToString()}",
                remedy = "offer the app to 64-bit devices only: `ndk { abiFilters += listOf(\"arm64-v8a\", \"x86_64\") }`",
                cause = null,
            )
        }
        NativeLibraries.load(context)?.let { return it.lacking() }
        return when (val found = Engine.availability()) {
            is Availability.Available -> Readiness.Ready(found.onnxRuntime, found.providers)
            is Availability.Unavailable -> found.why.lacking()
        }
    }

    /** The models of this app; each call opens the same folder. */
    public fun store(context: Context, keys: List<PublicKey> = emptyList()): ModelStore = ModelStore(modelsDir(context), keys)

    /** The folder of [store]. */
    public fun modelsDir(context: Context): File = own(context, "models")

    /** Where conversations are kept, encrypted with [SessionKey]. */
    public fun sessionsDir(context: Context): File = own(context, "sessions")

    /**
     * What suits a phone: the folders for notes and keys are this app's, and memory is held against what Android says is free
     * ([PhoneMemory]). Call it first in the block of [Engine.open]; what follows it wins.
     */
    public fun OpenOptions.forAndroid(context: Context) {
        trialsDir = own(context, "trials")
        keysDir = own(context, "keys")
        cacheDir = own(context, "cache")
        memory = PhoneMemory.of(context).limit()
    }

    /** A folder of ours. */
    internal fun own(context: Context, name: String): File =
        File(context.noBackupFilesDir, "wheelwork/$name").apply { mkdirs() }

    /** Of the native library. */
    internal val ABIS = listOf("arm64-v8a", "x86_64")
}

/** Whether models can run on this phone in this app. */
public sealed interface Readiness {
    /**
     * They can.
     *
     * @property onnxRuntime The ONNX Runtime that the app ships.
     * @property providers What this phone has of every provider, the best device first, and why the others cannot be used.
     */
    public class Ready internal constructor(
        public val onnxRuntime: dev.wheelwork.OnnxRuntime,
        public val providers: List<dev.wheelwork.DetectedProvider>,
    ) : Readiness

    /**
     * They cannot.
     *
     * @property what What lacks.
     * @property remedy What to do: for a library the line of the app's `build.gradle.kts`.
     * @property cause The error, where one was told.
     */
    public class Lacking internal constructor(
        public val what: String,
        public val remedy: String,
        public val cause: WheelworkException?,
    ) : Readiness
}

private fun WheelworkException.lacking(): Readiness.Lacking {
    val remedy = when (code) {
        ErrorCode.ONNXRUNTIME_NOT_LOADABLE, ErrorCode.ONNXRUNTIME_TOO_OLD -> "add `$ONNX_RUNTIME_LINE` to build.gradle.kts"
        ErrorCode.NATIVE_LIBRARY -> "add `$LIBRARY_LINE` to build.gradle.kts"
        else -> remedy
    }
    return Readiness.Lacking(message.orEmpty(), remedy, this)
}

/** A release that is published for Android and runs all packages. */
internal const val ONNX_RUNTIME_LINE = "implementation(\"com.microsoft.onnxruntime:onnxruntime-android:1.27.0\")"

internal const val LIBRARY_LINE = "implementation(\"dev.wheelwork:wheelwork-android:VERSION\")"

private fun supportedAbis(): List<String> = android.os.Build.SUPPORTED_ABIS.orEmpty().toList()

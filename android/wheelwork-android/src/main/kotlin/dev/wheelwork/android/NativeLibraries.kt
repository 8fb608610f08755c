package dev.wheelwork.android

import android.content.Context
import android.system.ErrnoException
import android.system.Os

/** What has to be so before the first native library loads, and loading ours the way that runs its `JNI_OnLoad`. */
internal object NativeLibraries {
    /** Read by ONNX Runtime when it loads. */
    const val TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"

    /** Where Qualcomm's driver looks for the code that it runs on the NPU. */
    const val ADSP_VARIABLE = "ADSP_LIBRARY_PATH"

    /** What the generated bindings load instead of the name that they have for a desktop. */
    private const val OVERRIDE = "uniffi.component.wheelwork.libraryOverride"

    private const val NAME = "wheelwork"

    /** Sets the variables of this process; a folder that the app set for itself stays first. */
    fun prepare(context: Context) {
        set(TELEMETRY_VARIABLE, "1")
        val folder = context.applicationInfo.nativeLibraryDir ?: return
        val told = Os.getenv(ADSP_VARIABLE)
        if (told == null || folder !in told.split(';')) set(ADSP_VARIABLE, listOfNotNull(told, folder).joinToString(";"))
    }

    /** Loads the library of the APK; what is missing otherwise. A process that names its own library has it already. */
    fun load(context: Context): MissingLibrary? {
        prepare(context)
        if (System.getProperty(OVERRIDE) != null) return null
        return try {
            System.loadLibrary(NAME)
            System.setProperty(OVERRIDE, NAME)
            null
        } catch (missing: UnsatisfiedLinkError) {
            MissingLibrary("lib$NAME.so", missing)
        }
    }

    private fun set(name: String, value: String) {
        try {
            Os.setenv(name, value, true)
        } catch (refused: ErrnoException) {
            throw IllegalStateException("the system refuses to set $name", refused)
        }
    }
}

/** A library that is not in the APK, or not for this processor. */
internal class MissingLibrary(private val file: String, private val why: UnsatisfiedLinkError) {
    fun lacking(): Readiness.Lacking =
        Readiness.Lacking("$file could not be loaded: ${why.message}", "add `$LIBRARY_LINE` to build.gradle.kts", null)
}

package dev.wheelwork.android

import dev.wheelwork.ErrorCode
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.shadows.ShadowBuild

/** What is told where a library lacks. Runs before the process has an ONNX Runtime: it loads but one. */
@RunWith(RobolectricTestRunner::class)
class ReadinessTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun an_onnx_runtime_that_cannot_be_used_is_told_with_the_line_that_adds_another() {
        ShadowBuild.setSupportedAbis(arrayOf("x86_64"))
        val right = C.getenv(VARIABLE)!!
        val cut = folder.newFile("cut.so").apply { writeBytes(File(right).inputStream().use { it.readNBytes(100_000) }) }
        try {
            for (wrong in listOfNotNull(File(folder.root, "missing.so"), cut, old())) {
                C.setenv(VARIABLE, wrong.path, 1)
                val found = running { WheelworkAndroid.readiness(app) } as Readiness.Lacking
                assertTrue(found.cause!!.code, found.cause!!.code in setOf(ErrorCode.ONNXRUNTIME_NOT_LOADABLE, ErrorCode.ONNXRUNTIME_TOO_OLD))
                assertTrue(found.remedy, "com.microsoft.onnxruntime:onnxruntime-android:" in found.remedy)
            }
        } finally {
            C.setenv(VARIABLE, right, 1)
        }
        val ready = running { WheelworkAndroid.readiness(app) } as Readiness.Ready
        assertTrue(ready.onnxRuntime.version.matches(Regex("""\d+\.\d+\.\d+""")))
        assertTrue(ready.providers.isNotEmpty())
    }

    @Test
    fun a_phone_without_a_processor_of_ours_is_told() {
        ShadowBuild.setSupportedAbis(arrayOf("armeabi-v7a", "armeabi"))
        val found = running { WheelworkAndroid.readiness(app) } as Readiness.Lacking
        assertTrue(found.what, "armeabi-v7a" in found.what && "arm64-v8a" in found.what)
    }

    @Test
    fun the_app_s_start_turns_telemetry_off_in_this_process() {
        app
        assertEquals("1", C.getenv(NativeLibraries.TELEMETRY_VARIABLE))
        assertTrue(app.applicationInfo.nativeLibraryDir.orEmpty() in C.getenv(NativeLibraries.ADSP_VARIABLE).orEmpty())
    }

    /** An ONNX Runtime that says that it is of an older release; null where there is no C compiler. */
    private fun old(): File? {
        val source = folder.newFile("old.c").apply {
            writeText(
                """
                struct base { const void *(*api)(unsigned); const char *(*version)(void); };
                static const void *api(unsigned number) { return 0; }
                static const char *version(void) { return "1.16.3"; }
                static const struct base base = { api, version };
                const struct base *OrtGetApiBase(void) { return &base; }
                """.trimIndent(),
            )
        }
        val library = File(folder.root, "old.so")
        val compiled = runCatching {
            ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.path, source.path).inheritIO().start().waitFor()
        }
        return library.takeIf { compiled.getOrNull() == 0 }
    }

    private companion object {
        const val VARIABLE = "ORT_DYLIB_PATH"
    }
}

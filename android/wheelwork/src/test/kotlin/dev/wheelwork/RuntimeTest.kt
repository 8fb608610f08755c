package dev.wheelwork

import java.io.File
import java.io.RandomAccessFile
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Tag
import org.junit.jupiter.api.Test

/** What the native libraries are, and what is told where they are not. */
class RuntimeTest {
    @Test
    fun what_models_run_on_is_told_without_one() = withDeadline {
        val available = Engine.availability() as Availability.Available
        assertTrue(available.onnxRuntime.version.matches(Regex("""\d+\.\d+\.\d+""")), "${available.onnxRuntime}")
        val cpu = available.providers.single { it.device == Device.CPU }
        assertEquals(null to ProviderSupport.SUPPORTED, cpu.unusable to cpu.support)
        assertTrue(available.providers.filter { it.unusable != null }.all { it.unusable!!.words.isNotBlank() })
        assertTrue(Engine.providers().size >= available.providers.size)
    }

    @Test
    fun memory_and_package_are_told_before_a_model_is_opened() = withEngine { engine ->
        val plan = Engine.memoryPlan(MODEL)
        assertTrue(plan.needBytes > 0 && plan.contextLimit == engine.contextLength, "$plan")
        val limited = Engine.memoryPlan(MODEL) { memory = Memory.limit(1) }
        assertEquals(Fit.TOO_LARGE, limited.fit)
        val refused = failure(WheelworkException::class) { Engine.open(MODEL) { memory = Memory.limit(1) }.close() }
        assertTrue(refused.message!!.contains("bytes"), refused.message)
        assertTrue(engine.memoryPlan(64).kvBytes < engine.memoryPlan(128).kvBytes)
        val facts = Engine.packageFacts(MODEL)
        assertEquals(engine.modelName, facts.name)
        assertTrue(facts.variants.single { it.name == engine.placement.variant }.reasons == engine.reasons)
        assertTrue(engine.countTokens(QUESTION) in 1..QUESTION.length)
        engine.chat().use { chat ->
            val predicted = chat.promptTokens(QUESTION)
            assertEquals(predicted, chat.answer(QUESTION) { maxTokens = 1 }.usage.promptTokens)
        }
    }

    @Test
    @Tag("once")
    fun a_missing_cut_foreign_or_old_onnx_runtime_is_told_with_a_remedy() = withFolder { folder ->
        val here = File(System.getenv("ORT_DYLIB_PATH"))
        val text = folder.resolve("text.so").apply { writeText("no library") }
        val cut = folder.resolve("cut.so").apply { writeBytes(here.inputStream().use { it.readNBytes(100_000) }) }
        val foreign = folder.resolve("foreign.so").also { here.copyTo(it) }
        // ELF's machine: another one than this process's.
        RandomAccessFile(foreign, "rw").use {
            it.seek(18)
            it.write(0xF3)
        }
        val candidates = mutableListOf(folder.resolve("missing.so"), text, cut, foreign)
        old(folder)?.let { candidates.add(it) }
        for (library in candidates) {
            assertEquals(ErrorCode.ONNXRUNTIME_NOT_LOADABLE + " set_library_path", told(library), library.name)
        }
    }

    @Test
    @Tag("once")
    fun a_native_library_that_is_not_there_is_told_with_a_remedy() = withFolder { folder ->
        val said = jvm("dev.wheelwork.RuntimeTestKt", libraries = folder).inputReader().readText()
        assertEquals("${ErrorCode.NATIVE_LIBRARY} install", said.trim())
    }

    /** What a JVM with that library says of it. */
    private fun told(library: File): String =
        jvm("dev.wheelwork.RuntimeTestKt", environment = mapOf("ORT_DYLIB_PATH" to library.path))
            .inputReader().readText().trim()

    /** A library that says that it is of an older release; null where there is no C compiler. */
    private fun old(folder: File): File? {
        val source = folder.resolve("old.c").apply {
            writeText(
                """
                struct base { const void *(*api)(unsigned); const char *(*version)(void); };
                static const void *api(unsigned number) { return 0; }
                static const char *version(void) { return "1.20.1"; }
                static const struct base BASE = { api, version };
                const struct base *OrtGetApiBase(void) { return &BASE; }
                """.trimIndent(),
            )
        }
        val library = folder.resolve("old.so")
        return library.takeIf { run("cc", "-shared", "-fPIC", "-o", library.path, source.path) }
    }
}

/** A JVM of its own that runs a `main` of the tests. */
internal fun jvm(
    main: String,
    vararg arguments: String,
    libraries: File = File(System.getProperty("jna.library.path")),
    environment: Map<String, String> = emptyMap(),
): Process {
    val java = File(System.getProperty("java.home"), "bin/java").path
    val properties = listOf("wheelwork.model", "wheelwork.packages").map { "-D$it=${System.getProperty(it)}" }
    val quick = listOf("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m")
    val command = listOf(java) + quick + properties + "-Djna.library.path=${libraries.path}" +
        listOf("-cp", System.getProperty("java.class.path"), main) + arguments
    return ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT)
        .apply {
            environment().putAll(environment)
            // Where Cargo says that its own libraries stand.
            environment().remove("LD_LIBRARY_PATH")
        }
        .start()
}

/** Says whether models can run. */
internal fun main(): Unit = runBlocking {
    when (val availability = Engine.availability()) {
        is Availability.Available -> println("available")
        is Availability.Unavailable -> println("${availability.why.code} ${availability.why.remedyKind}")
    }
}

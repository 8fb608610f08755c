package dev.wheelwork

import app.cash.turbine.test
import java.io.File
import java.io.IOException
import java.io.RandomAccessFile
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Tag
import org.junit.jupiter.api.Test

/** The models of a device: installed, updated, damaged, repaired, removed. */
@Tag("once")
class StoreTest {
    @Test
    fun a_model_is_installed_updated_and_removed() = withStore { store ->
        val first = store.install(PackageSource.file(PACKAGE_1)).report()
        assertEquals("story" to 1L, first.name to first.version)
        assertTrue(first.isNew && first.signature is SignatureState.Valid)
        assertNull(first.replacedVersion)
        assertFalse(store.install(PackageSource.file(PACKAGE_1)).report().isNew, "it is there already")
        Engine.open(first.folder).use { assertTrue(it.chat().answer(QUESTION, GREEDY).text.contains("734")) }
        val second = store.install(PackageSource.file(PACKAGE_2)).report()
        assertEquals(1L, second.replacedVersion)
        assertEquals(listOf(2L), store.list().models.map { it.source?.version })
        assertEquals(emptyList<Damage>(), store.verify("story").report().damage)
        store.remove("story")
        assertEquals(emptyList<InstalledModel>(), store.list().models)
        assertEquals(ErrorCode.STORE_NOT_INSTALLED, failure(WheelworkException.Retry::class) { store.remove("story") }.code)
    }

    @Test
    fun progress_comes_before_the_one_end() = withStore { store ->
        store.install(PackageSource.file(PACKAGE_1)).test(timeout = 60.seconds) {
            var event = awaitItem()
            val steps = mutableListOf<StoreStep>()
            while (event is InstallEvent.Progress) {
                assertTrue(event.doneBytes <= event.totalBytes, "$event")
                if (steps.lastOrNull() != event.step) steps.add(event.step)
                event = awaitItem()
            }
            assertTrue((event as InstallEvent.Finished).report.isNew)
            assertEquals(steps.distinct(), steps, "no step comes back")
            awaitComplete()
        }
    }

    @Test
    fun bytes_streams_and_descriptors_install_as_a_file_does() = withStore { store ->
        val id = store.head(PackageSource.file(PACKAGE_1)).id
        val sources = listOf(
            PackageSource.stream(PACKAGE_1.inputStream()),
            PackageSource.bytes(flow { PACKAGE_1.readBytes().asList().chunked(100_000).forEach { emit(it.toByteArray()) } }),
            PackageSource.ranges { position -> flow { emit(PACKAGE_1.readBytes().drop(position.toInt()).toByteArray()) } },
        )
        for (source in sources) {
            val report = store.install(source).report()
            assertEquals(id to true, report.id to report.isNew)
            store.remove("story")
        }
        val descriptor = descriptorOf(PACKAGE_1)
        assumeTrue(descriptor != null, "this system names no descriptors")
        assertEquals(id, store.install(PackageSource.descriptor(descriptor!!)).report().id)
    }

    @Test
    fun a_download_that_breaks_off_is_its_own_error_and_goes_on_later() = withStore { store ->
        val bytes = PACKAGE_1.readBytes()
        val broken = PackageSource.bytes(flow {
            emit(bytes.copyOf(bytes.size / 2))
            throw IOException("the network is gone")
        })
        assertEquals("the network is gone", failure(IOException::class) { store.install(broken).report() }.message)
        assertEquals(emptyList<InstalledModel>(), store.list().models)
        assertEquals(listOf("story"), store.list().partials.map { it.name })
        var asked = listOf<Long>()
        val ranges = PackageSource.ranges { position ->
            asked += position
            flow { emit(bytes.copyOfRange(position.toInt(), bytes.size)) }
        }
        val report = store.install(ranges).report()
        assertTrue(report.resumedBytes > 0, "$report")
        assertTrue(asked.first() == 0L, "$asked")
        val cut = PackageSource.bytes(flow { emit(bytes.copyOf(bytes.size / 2)) })
        store.remove("story")
        failure(WheelworkException::class) { store.install(cut).report() }
    }

    @Test
    fun damage_is_told_and_repaired_and_only_by_the_right_package() = withStore { store ->
        val report = store.install(PackageSource.file(PACKAGE_1)).report()
        damage(report.folder)
        val damage = store.verify("story").report().damage
        assertTrue(damage.isNotEmpty() && damage.all { it is Damage.Chunk }, "$damage")
        val other = failure(WheelworkException::class) { store.repair("story", PackageSource.file(PACKAGE_2)).report() }
        assertEquals(ErrorCode.STORE_OTHER_PACKAGE, other.code)
        store.repair("story", PackageSource.file(PACKAGE_1)).report()
        assertEquals(emptyList<Damage>(), store.verify("story").report().damage)
    }

    @Test
    fun an_older_version_is_refused_unless_that_is_wanted() = withStore { store ->
        store.install(PackageSource.file(PACKAGE_2)).report()
        val refused = failure(WheelworkException.Retry::class) { store.install(PackageSource.file(PACKAGE_1)).report() }
        assertEquals(ErrorCode.STORE_DOWNGRADE, refused.code)
        assertEquals(listOf(2L), store.list().models.map { it.source?.version })
        store.install(PackageSource.file(PACKAGE_1)) { allowDowngrade = true }.report()
        assertEquals(listOf(1L), store.list().models.map { it.source?.version })
    }

    @Test
    fun a_signature_of_nobody_known_is_refused_unless_that_is_wanted() = withFolder { folder ->
        withDeadline {
            ModelStore(folder.resolve("models")).use { store ->
                val source = PackageSource.file(PACKAGE_1)
                assertTrue(store.head(source).signature is SignatureState.UnknownKey)
                failure(WheelworkException::class) { store.install(source).report() }
                assertEquals(emptyList<InstalledModel>(), store.list().models)
                val report = store.install(source) { policy = SignaturePolicy.WARN }.report()
                assertTrue(report.signature is SignatureState.UnknownKey)
                val refused = failure(WheelworkException::class) { PublicKey.of("no key") }
                assertEquals(ErrorCode.NOT_A_KEY, refused.code)
                val keys = folder.resolve("keys")
                PublicKey.trust(keys, KEY)
                assertEquals(listOf(KEY), PublicKey.trusted(keys))
            }
        }
    }

    @Test
    fun what_is_no_package_is_refused_with_its_place() = withFolder { folder ->
        withStore { store ->
            val text = folder.resolve("text.wwpkg").apply { writeText("no package") }
            val cut = folder.resolve("cut.wwpkg").apply { writeBytes(PACKAGE_1.readBytes().copyOf(1000)) }
            val newer = folder.resolve("newer.wwpkg").apply {
                // The version of the form stands behind the magic; see docs/package-format.md.
                writeBytes(PACKAGE_1.readBytes().also { it[VERSION_AT] = 99 })
            }
            for (file in listOf(folder.resolve("missing.wwpkg"), folder, text, cut, newer)) {
                val failure = failure(WheelworkException::class) { store.install(PackageSource.file(file)).report() }
                assertTrue(failure.remedy.isNotBlank() && failure.code in CODES, "$file: ${failure.code}")
            }
            assertEquals(emptyList<InstalledModel>(), store.list().models)
        }
    }

    @Test
    fun two_at_once_on_one_store_one_installs_and_the_other_is_told() = withStore { store ->
        val begun = CompletableDeferred<Unit>()
        coroutineScope {
            val bytes = PACKAGE_1.readBytes()
            val source = PackageSource.bytes(flow {
                emit(bytes.copyOf(bytes.size - 1000))
                awaitCancellation()
            })
            val first = launch {
                store.install(source).collect {
                    if (it is InstallEvent.Progress && it.step == StoreStep.RECEIVE) begun.complete(Unit)
                }
            }
            begun.await()
            val told = failure(WheelworkException.Retry::class) { store.remove("other") }
            assertEquals(ErrorCode.STORE_BUSY, told.code)
            first.cancelAndJoin()
        }
        // Who cancels and begins the next need not wait.
        assertTrue(store.install(PackageSource.file(PACKAGE_1)).report().isNew)
    }

    @Test
    fun full_storage_is_told_with_its_figures_and_nothing_is_lost() = withFolder { folder ->
        val models = folder.resolve("small").apply { mkdir() }
        assumeTrue(run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", models.path), "mounting is not allowed here")
        try {
            withDeadline {
                ModelStore(models, listOf(KEY)).use { store ->
                    assertTrue(store.freeBytes() <= 1L shl 20)
                    val full = failure(WheelworkException.Retry::class) {
                        store.install(PackageSource.file(PACKAGE_1)).report()
                    }
                    assertEquals(ErrorCode.STORE_NO_SPACE to "free_disk", full.code to full.remedyKind)
                    assertEquals(emptyList<InstalledModel>(), store.list().models)
                }
            }
        } finally {
            run("umount", models.path)
        }
    }

    @Test
    fun bd_01_a_closed_store_is_refused() = withFolder { folder ->
        withDeadline {
            val store = ModelStore(folder, listOf(KEY))
            store.close()
            store.close()
            failure(IllegalStateException::class) { store.list() }
            failure(IllegalStateException::class) { store.install(PackageSource.file(PACKAGE_1)).report() }
        }
    }

    @Test
    fun bd_04_what_a_source_or_a_collector_throws_arrives_as_it_is_and_ends_the_installation() = withStore { store ->
        val source = PackageSource.bytes(flow { throw IllegalArgumentException("mine") })
        assertEquals("mine", failure(IllegalArgumentException::class) { store.install(source).report() }.message)
        failure(UnsupportedOperationException::class) {
            store.install(PackageSource.file(PACKAGE_1)).onEach { throw UnsupportedOperationException() }.report()
        }
        assertTrue(store.install(PackageSource.file(PACKAGE_1)).report().isNew)
    }

    private companion object {
        const val VERSION_AT = 8

        val CODES: Set<String> = ErrorCode::class.java.fields.mapNotNull { it.get(null) as? String }.toSet()
    }
}

internal val PACKAGES: File = File(System.getProperty("wheelwork.packages"))

/** Two versions of the shipped model, signed with [KEY]. */
internal val PACKAGE_1: File = PACKAGES.resolve("1.wwpkg")
internal val PACKAGE_2: File = PACKAGES.resolve("2.wwpkg")

internal val KEY: PublicKey by lazy { PublicKey.of(PACKAGES.resolve("test.pub.pem").readText()) }

internal fun withStore(test: suspend (ModelStore) -> Unit): Unit = withFolder { folder ->
    withDeadline { ModelStore(folder.resolve("models"), listOf(KEY)).use { test(it) } }
}

/** Changes a byte in the middle of the largest file. */
internal fun damage(model: File) {
    val largest = model.walk().filter { it.isFile }.maxBy { it.length() }
    RandomAccessFile(largest, "rw").use { file ->
        file.seek(file.length() / 2)
        val byte = file.read()
        file.seek(file.length() / 2)
        file.write(byte xor 1)
    }
}

/** Whether a program said that it did it. */
internal fun run(vararg command: String): Boolean =
    runCatching { ProcessBuilder(*command).inheritIO().start().waitFor() == 0 }.getOrDefault(false)

/** A descriptor of this process on a file, found where Linux lists them. */
private fun descriptorOf(file: File): Int? {
    // Never closed: the test needs it open.
    OPEN.add(RandomAccessFile(file, "r"))
    val open = File("/proc/self/fd").listFiles().orEmpty()
    return open.firstOrNull { runCatching { it.canonicalFile == file.canonicalFile }.getOrDefault(false) }?.name?.toInt()
}

private val OPEN = mutableListOf<RandomAccessFile>()

package dev.wheelwork

import java.io.File
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Tag
import org.junit.jupiter.api.Test

/** Two processes on one store: one changes it, the other is told that it is busy. */
@Tag("once")
class StoreProcessesTest {
    @Test
    fun a_store_that_another_process_changes_is_busy_until_that_one_ends_or_dies() = withStoreFolder { models, store ->
        store.install(PackageSource.file(PACKAGE_1)).report()
        damage(store.list().models.single().folder)
        val other = jvm("dev.wheelwork.StoreProcessesTestKt", "hold", models.path)
        try {
            assertEquals(HOLDS, other.inputReader().readLine())
            val changes = listOf<suspend () -> Unit>(
                { store.install(PackageSource.file(PACKAGE_1)).report() },
                { store.install(PackageSource.file(PACKAGE_2)).report() },
                { store.repair("story", PackageSource.file(PACKAGE_1)).report() },
                { store.remove("story") },
            )
            for (change in changes) {
                assertEquals(ErrorCode.STORE_BUSY, failure(WheelworkException.Retry::class) { change() }.code)
            }
            // Looking changes nothing.
            assertEquals(listOf(1L), store.list().models.map { it.source?.version })
            assertTrue(store.verify("story").report().damage.isNotEmpty())
        } finally {
            other.destroyForcibly().waitFor()
        }
        store.repair("story", PackageSource.file(PACKAGE_1)).report()
        assertEquals(1L, store.install(PackageSource.file(PACKAGE_2)).report().replacedVersion)
        assertEquals(emptyList<Damage>(), store.verify("story").report().damage)
    }

    @Test
    fun two_processes_that_install_and_update_at_once_leave_one_model_that_is_whole() = withStoreFolder { models, store ->
        val other = jvm("dev.wheelwork.StoreProcessesTestKt", "change", models.path)
        try {
            val lines = other.inputReader()
            assertEquals(READY, lines.readLine())
            val here = changes(store)
            val there = lines.readLine().toInt()
            println("$CHANGES changes each; busy $here times here, $there times there")
        } finally {
            other.destroyForcibly().waitFor()
        }
        store.collectGarbage()
        val model = store.list().models.single()
        assertEquals(emptyList<Damage>(), store.verify("story").report().damage)
        Engine.open(model.folder).use { assertTrue(it.chat().answer(QUESTION, GREEDY).text.isNotBlank()) }
    }

    @Test
    fun a_model_that_is_open_goes_on_while_another_process_replaces_it() = withStoreFolder { models, store ->
        Engine.open(store.install(PackageSource.file(PACKAGE_1)).report().folder).use { engine ->
            val before = engine.chat().answer(QUESTION, GREEDY).text
            val other = jvm("dev.wheelwork.StoreProcessesTestKt", "change", models.path)
            try {
                val lines = other.inputReader()
                assertEquals(READY, lines.readLine())
                assertEquals(0, lines.readLine().toInt(), "nobody else changes the store")
            } finally {
                other.destroyForcibly().waitFor()
            }
            assertEquals(before, engine.chat().answer(QUESTION, GREEDY).text)
        }
    }

    private fun withStoreFolder(test: suspend (File, ModelStore) -> Unit) = withFolder { folder ->
        val models = folder.resolve("models")
        withDeadline { ModelStore(models, listOf(KEY)).use { test(models, it) } }
    }
}

private const val HOLDS = "holds"
private const val READY = "ready"

/** How often each process installs or updates. */
private const val CHANGES = 10

/** Installs one version and then the other until it has done so; how often it was told that the store is busy. */
private suspend fun changes(store: ModelStore): Int {
    var refusals = 0
    repeat(CHANGES) { number ->
        val source = PackageSource.file(if (number % 2 == 0) PACKAGE_1 else PACKAGE_2)
        while (!isInstalled(store, source)) {
            refusals += 1
            delay(5)
        }
    }
    return refusals
}

/** False where the store is busy; any other failure is the caller's. */
private suspend fun isInstalled(store: ModelStore, source: PackageSource): Boolean = try {
    store.install(source) { allowDowngrade = true }.report()
    true
} catch (refused: WheelworkException.Retry) {
    if (refused.code != ErrorCode.STORE_BUSY) throw refused
    false
}

/** The other process: holds the store with an installation that does not end, or changes it. */
internal fun main(arguments: Array<String>): Unit = runBlocking {
    val (work, models) = arguments
    ModelStore(File(models), listOf(KEY)).use { store ->
        if (work == "change") {
            println(READY)
            println(changes(store))
            return@runBlocking
        }
        val bytes = PACKAGE_2.readBytes()
        val source = PackageSource.bytes(flow {
            emit(bytes.copyOf(bytes.size / 2))
            awaitCancellation()
        })
        var holds = false
        store.install(source).collect {
            val isReceiving = it is InstallEvent.Progress && it.step == StoreStep.RECEIVE
            if (isReceiving && !holds) println(HOLDS)
            holds = holds || isReceiving
        }
    }
}

package dev.wheelwork

import java.io.File
import kotlin.concurrent.thread
import kotlin.random.Random
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Tag
import org.junit.jupiter.api.Test

/** JVMs that are killed at random while they install, update, repair and remove. */
@Tag("once")
class StoreKillTest {
    @Test
    fun a_killed_jvm_leaves_the_old_or_the_new_model_whole(): Unit = runBlocking {
        val kills = Integer.getInteger("wheelwork.kills", 100)
        val hit = coroutineScope {
            List(WORKERS) { worker -> async(Dispatchers.IO) { killed(worker, kills / WORKERS) } }.awaitAll()
        }.flatten()
        println("${hit.size} JVMs killed: in the middle of ${hit.groupingBy { it }.eachCount()}")
        assertTrue(hit.toSet().size > 1, "the kills fell into one operation only: $hit")
    }

    /** Kills so many JVMs on a store of their own; in which operation each was. */
    private suspend fun killed(worker: Int, kills: Int): List<String> {
        val random = Random(worker)
        val hit = mutableListOf<String>()
        withFolder { folder ->
            val models = folder.resolve("models")
            var before: Long? = null
            repeat(kills) { number ->
                // Some operations take milliseconds, others a good part of a second.
                val kill = random.nextLong(if (number % 2 == 0) KILL_WITHIN_MS else SOON_MS)
                val operations = JournalOf(models, random.nextInt()).runFor(kill)
                hit.add(operations.lastOrNull()?.takeUnless { it.isDone }?.name ?: "nothing")
                before = whole(models, operations, before, "worker $worker, kill $number")
            }
        }
        return hit
    }

    /** Looks at what a killed JVM has left; the version that is installed. */
    private suspend fun whole(models: File, operations: List<Operation>, before: Long?, place: String): Long? {
        ModelStore(models, listOf(KEY)).use { store ->
            // What the last operation found, and what it should make.
            val done = operations.filter { it.isDone }
            val old = if (done.isEmpty()) before else done.last().result
            val last = operations.lastOrNull()?.takeUnless { it.isDone }
            val expected = if (last == null) setOf(old) else setOf(old, last.result)
            val found = store.list().models.singleOrNull()?.source?.version
            assertTrue(found in expected, "$place: $found in the middle of $last, expected one of $expected")
            if (found == null) return null
            if (last?.name == "repair") store.repair("story", PackageSource.file(packageOf(found))).report()
            assertEquals(emptyList<Damage>(), store.verify("story").report().damage, "$place: in the middle of $last")
            return found
        }
    }

    private companion object {
        const val WORKERS = 2
        const val KILL_WITHIN_MS = 500L
        const val SOON_MS = 40L
    }
}

/** What a JVM said that it would do, and whether it did. */
private class Operation(val name: String, val result: Long?, var isDone: Boolean = false) {
    override fun toString(): String = "$name to $result"
}

/** A JVM that works on a store and writes down what it does. */
private class JournalOf(private val models: File, private val seed: Int) {
    /** Kills it some milliseconds after its first operation began. */
    fun runFor(milliseconds: Long): List<Operation> {
        val process = jvm("dev.wheelwork.StoreKillTestKt", models.path, seed.toString())
        try {
            val operations = mutableListOf<Operation>()
            for (line in process.inputReader().lineSequence()) {
                if (operations.isEmpty()) killIn(milliseconds, process)
                if (line == DONE) operations.lastOrNull()?.isDone = true
                else line.split(' ').let { operations.add(Operation(it[0], it[1].toLongOrNull())) }
            }
            return operations
        } finally {
            process.destroyForcibly().waitFor()
        }
    }

    /** By its handle, which leaves the stream open: what was written before the kill is still read. */
    private fun killIn(milliseconds: Long, process: Process) = thread {
        Thread.sleep(milliseconds)
        process.toHandle().destroyForcibly()
    }
}

private const val DONE = "done"

private fun packageOf(version: Long): File = if (version == 1L) PACKAGE_1 else PACKAGE_2

/** Installs, updates, repairs and removes for ever; says each first, and when it is done. */
internal fun main(arguments: Array<String>): Unit = runBlocking {
    val (models, seed) = arguments
    val random = Random(seed.toInt())
    val store = ModelStore(File(models), listOf(KEY))
    val out = System.out
    fun say(text: String) {
        out.println(text)
        out.flush()
    }
    var installed = store.list().models.singleOrNull()?.source?.version
    while (true) {
        val present = installed
        when (val choice = random.nextInt(8)) {
            0, 1, 2 -> {
                val version = if (choice == 0) 1L else 2L
                say("install $version")
                store.install(PackageSource.file(packageOf(version))) { allowDowngrade = true }.report()
                installed = version
            }
            3, 4 -> if (present != null) {
                say("repair $present")
                damage(store.list().models.single().folder)
                store.repair("story", PackageSource.file(packageOf(present))).report()
            } else continue
            else -> if (present != null) {
                say("remove none")
                store.remove("story")
                installed = null
            } else continue
        }
        say(DONE)
    }
}

package dev.wheelwork

import java.io.File
import java.util.concurrent.locks.LockSupport
import kotlin.concurrent.thread
import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeSource
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.awaitCancellation
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
        val middle = Work.entries.associateWith { work -> hit.count { it == work } }
        println("${hit.size} JVMs killed, in the middle of: $middle; after the end: ${hit.count { it == null }}")
        if (kills >= Work.entries.size * ENOUGH) {
            assertTrue(middle.values.all { it > 0 }, "some work was never killed in its middle: $middle")
        }
    }

    /** Kills so many JVMs on a store of their own, each in the next work; in the middle of which each was, or null. */
    private suspend fun killed(worker: Int, kills: Int): List<Work?> {
        val random = Random(worker)
        // How long each work takes is learnt from those that were killed too late.
        val lasts = Work.entries.associateWith { FIRST_GUESS }.toMutableMap()
        val hit = mutableListOf<Work?>()
        withFolder { folder ->
            val models = folder.resolve("models")
            var before: Long? = null
            repeat(kills) { number ->
                val work = Work.entries[number % Work.entries.size]
                val operations = JournalOf(models, work).killedWithin(lasts.getValue(work), random)
                val last = operations.last()
                last.took?.let { lasts[work] = it }
                hit.add(work.takeIf { !last.isDone })
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
            val last = operations.last().takeUnless { it.isDone }
            val expected = if (last == null) setOf(old) else setOf(old, last.result)
            val found = store.list().models.singleOrNull()?.source?.version
            assertTrue(found in expected, "$place: $found in the middle of $last, expected one of $expected")
            if (found == null) return null
            if (last?.work == Work.REPAIR) store.repair("story", PackageSource.file(packageOf(found))).report()
            assertEquals(emptyList<Damage>(), store.verify("story").report().damage, "$place: in the middle of $last")
            return found
        }
    }

    private companion object {
        const val WORKERS = 2

        /** Of so many kills in a work, one at least falls into its middle. */
        const val ENOUGH = 10

        val FIRST_GUESS: Duration = 50.milliseconds
    }
}

/** What a JVM is killed in. */
private enum class Work { INSTALL, UPDATE, REPAIR, REMOVE }

/** What a JVM said that it would do, and whether it did. */
private class Operation(val work: Work, val result: Long?, var isDone: Boolean = false) {
    val start = TimeSource.Monotonic.markNow()

    /** Null where it did not end. */
    var took: Duration? = null

    override fun toString(): String = "$work to $result"
}

/** A JVM that brings a store to where a work can be done, does it, and writes down what it does. */
private class JournalOf(private val models: File, private val work: Work) {
    /** Kills it at a random moment of so long a time after the work began. */
    fun killedWithin(time: Duration, random: Random): List<Operation> {
        val process = jvm("dev.wheelwork.StoreKillTestKt", models.path, work.name)
        try {
            val operations = mutableListOf<Operation>()
            for (line in process.inputReader().lineSequence()) {
                if (line == DONE) {
                    operations.last().isDone = true
                    operations.last().took = operations.last().start.elapsedNow()
                    continue
                }
                val (name, result) = line.split(' ')
                operations.add(Operation(Work.valueOf(name), result.toLongOrNull()))
                if (operations.last().work == work) {
                    killIn(random.nextLong(time.inWholeNanoseconds.coerceAtLeast(1)), process)
                }
            }
            assertEquals(work, operations.lastOrNull()?.work, "the JVM ended by itself")
            return operations
        } finally {
            process.destroyForcibly().waitFor()
        }
    }

    /** By its handle, which leaves the stream open: what was written before the kill is still read. */
    private fun killIn(nanoseconds: Long, process: Process) = thread {
        LockSupport.parkNanos(nanoseconds)
        process.toHandle().destroyForcibly()
    }
}

private const val DONE = "done"

private fun packageOf(version: Long): File = if (version == 1L) PACKAGE_1 else PACKAGE_2

/** Brings a store to where a work can be done, does it and waits to be killed; says each step first, and when it is done. */
internal fun main(arguments: Array<String>): Unit = runBlocking {
    val (models, work) = arguments
    val store = ModelStore(File(models), listOf(KEY))
    val out = System.out

    suspend fun doing(work: Work, result: Long?, call: suspend () -> Unit) {
        out.println("$work $result")
        out.flush()
        call()
        out.println(DONE)
        out.flush()
    }

    suspend fun install(work: Work, version: Long) = doing(work, version) {
        store.install(PackageSource.file(packageOf(version))) { allowDowngrade = true }.report()
    }

    suspend fun remove() = doing(Work.REMOVE, null) { store.remove("story") }

    val present = store.list().models.singleOrNull()?.source?.version
    when (Work.valueOf(work)) {
        Work.INSTALL -> {
            if (present != null) remove()
            install(Work.INSTALL, 1L)
        }
        Work.UPDATE -> {
            if (present == null) install(Work.INSTALL, 1L)
            install(Work.UPDATE, if (present == 2L) 1L else 2L)
        }
        Work.REPAIR -> {
            if (present == null) install(Work.INSTALL, 1L)
            val version = present ?: 1L
            damage(store.list().models.single().folder)
            doing(Work.REPAIR, version) { store.repair("story", PackageSource.file(packageOf(version))).report() }
        }
        Work.REMOVE -> {
            if (present == null) install(Work.INSTALL, 1L)
            remove()
        }
    }
    awaitCancellation()
}

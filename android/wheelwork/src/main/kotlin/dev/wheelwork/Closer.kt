package dev.wheelwork

import java.util.concurrent.Executor
import java.util.concurrent.SynchronousQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CompletableDeferred

/** Lets go of something of Rust's, once, and not on the caller's thread: that may wait for a step of the model. */
internal class Closer(private val name: String, private val release: () -> Unit) {
    private val isClosed = AtomicBoolean()
    private val done = CompletableDeferred<Unit>()

    /** Whether it was the first time. */
    fun close(): Boolean {
        val isFirst = isClosed.compareAndSet(false, true)
        if (isFirst) {
            CLOSING.execute {
                try {
                    release()
                } finally {
                    done.complete(Unit)
                }
            }
        }
        return isFirst
    }

    /** Waits until everything is free again; [close] has to come first. */
    suspend fun join(): Unit = done.await()

    /** An [IllegalStateException] once it was closed. */
    fun checkOpen(): Unit = check(!isClosed.get()) { "the $name was closed" }
}

/** Lets go of what nobody took. */
internal fun free(handle: AutoCloseable): Unit = CLOSING.execute { handle.close() }

/** Its threads are none of a daemon: a process that returns from `main` ends once what it closed is free. */
private val CLOSING: Executor = run {
    val count = AtomicInteger()
    ThreadPoolExecutor(0, Int.MAX_VALUE, 50, TimeUnit.MILLISECONDS, SynchronousQueue()) { work ->
        Thread(work, "wheelwork-close-${count.incrementAndGet()}").apply { isDaemon = false }
    }
}

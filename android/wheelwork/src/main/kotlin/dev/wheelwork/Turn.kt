package dev.wheelwork

import dev.wheelwork.ffi.TurnHandle
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeSource
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull

/** A turn as a cold flow. Going away cancels what is still computed, unless it was paused. */
internal fun turn(begin: () -> TurnHandle): Flow<Event> = held(begin, { leave() }) { handle ->
    while (true) {
        val look = TimeSource.Monotonic.markNow()
        val waiting = translated { handle.waiting(TOGETHER) }
        for (event in waiting) emit(event.toPublic())
        if (waiting.isEmpty()) emit(onIo { handle.next() }?.toPublic() ?: break)
        // To be woken for each token would take more from a fast model than its reader gains; see docs/performance.md. The end
        // is waited for with them: it is not late.
        if (waiting.size.toUInt() < TOGETHER) {
            withTimeoutOrNull(BETWEEN_LOOKS - look.elapsedNow()) { onIo { handle.gathered(TOGETHER) } }
        }
    }
}

/** Events that one look takes at most: they are computed ahead of the collector, beside those that wait in the engine. */
private const val TOGETHER = 32u

/** The shortest time from one look to the next: half of what a screen shows a picture for. */
private val BETWEEN_LOOKS: Duration = 8.milliseconds

/**
 * What a handle tells, as a cold flow. Each item is asked for, so the collector's pace is the handle's. What waits for one is
 * resumed on [Dispatchers.IO]: a collector without a dispatcher would else go on on Rust's thread.
 */
internal fun <H : AutoCloseable, T : Any> pulled(
    begin: () -> H,
    next: suspend H.() -> T?,
    leave: H.() -> Unit,
): Flow<T> = held(begin, leave) { handle -> while (true) emit(onIo { handle.next() } ?: break) }

/** A cold flow of what `read` emits of a handle, which is left and closed on every way out. */
private fun <H : AutoCloseable, T> held(
    begin: () -> H,
    leave: H.() -> Unit,
    read: suspend FlowCollector<T>.(H) -> Unit,
): Flow<T> = flow {
    var handle: H? = null
    try {
        // Noted inside: a cancel on the way back from there must find it.
        withContext(Dispatchers.IO) { handle = translated(begin) }
        read(checkNotNull(handle))
    } finally {
        handle?.leave()
        handle?.close()
    }
}

/** What `make` opens, away from the caller's thread; closed again if the caller is cancelled meanwhile. */
internal suspend fun <T : AutoCloseable> obtain(make: () -> T): T {
    var made: T? = null
    var isTaken = false
    try {
        withContext(Dispatchers.IO) { made = translated(make) }
        isTaken = true
        return checkNotNull(made)
    } finally {
        if (!isTaken) made?.close()
    }
}

/** A call that may read or write files, or wait, away from the caller's thread. */
internal suspend fun <T> onIo(call: suspend () -> T): T = withContext(Dispatchers.IO) { translated { call() } }

package dev.wheelwork

import dev.wheelwork.ffi.TurnHandle
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext

/** A turn as a cold flow. Going away cancels what is still computed, unless it was paused. */
internal fun turn(begin: () -> TurnHandle): Flow<Event> = pulled(begin, { next()?.toPublic() }, { leave() })

/**
 * What a handle tells, as a cold flow. Each item is asked for, so the collector's pace is the handle's. What waits for one is
 * resumed on [Dispatchers.IO]: a collector without a dispatcher would else go on on Rust's thread. The handle is left and
 * closed on every way out.
 */
internal fun <H : AutoCloseable, T : Any> pulled(
    begin: () -> H,
    next: suspend H.() -> T?,
    leave: H.() -> Unit,
): Flow<T> = flow {
    var handle: H? = null
    try {
        // Noted inside: a cancel on the way back from there must find it.
        withContext(Dispatchers.IO) { handle = translated(begin) }
        while (true) emit(onIo { handle?.next() } ?: break)
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

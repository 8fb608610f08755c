package dev.wheelwork

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext

/**
 * A turn as a cold flow. Each event is asked for, so the collector's pace is the turn's. What waits for one is resumed on
 * [Dispatchers.IO]: a collector without a dispatcher would else go on on Rust's thread. The handle is closed on every way
 * out, which cancels what is still computed, unless it was suspended.
 */
internal fun turn(begin: () -> TurnHandle): Flow<Event> = flow {
    var turn: TurnHandle? = null
    try {
        // Noted inside: a cancel on the way back from there must find it.
        withContext(Dispatchers.IO) { turn = translated(begin) }
        while (true) emit(onIo { turn?.next() } ?: break)
    } finally {
        turn?.leave()
        turn?.close()
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

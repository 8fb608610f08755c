package dev.wheelwork.android

import android.content.Context
import dev.wheelwork.Autosave
import dev.wheelwork.Chat
import dev.wheelwork.Event
import dev.wheelwork.FinishReason
import dev.wheelwork.Message
import dev.wheelwork.TurnOptions
import java.io.File
import java.util.concurrent.ConcurrentHashMap
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull

/**
 * A conversation that outlives screens, the engine and the process: see [ModelHost.conversation].
 *
 * A turn is a cold flow as [Chat.ask] gives. A collector that goes away (a screen that is rotated or left) does not cancel the
 * turn but pauses it within a token, and [resume] goes on: its events come again from the start. [cancel] ends it for good.
 */
public class Conversation internal constructor(
    private val host: ModelHost,
    private val context: Context,
    private val file: File,
) {
    /** Guarded by the host's lock, as is its opening. */
    @Volatile
    private var chat: Chat? = null

    /** Whether that one has the file; guarded by the host's lock. */
    private var isKept = false

    @Volatile
    private var unfinished = false

    /** Whether the turn under way was ended for good, whatever its last events say. */
    @Volatile
    private var cancelled = false

    private val turns: MutableSet<Job> = ConcurrentHashMap.newKeySet()

    /** Those of them whose collector has gone. */
    private val left: MutableSet<Job> = ConcurrentHashMap.newKeySet()

    /** Adds a user's message and answers it; opens the model if need be. Errors, in the flow: those of [ModelHost.engine] and [Chat.ask]. */
    public fun ask(text: String, configure: TurnOptions.() -> Unit = {}): Flow<Event> =
        turn({ ended(left) }) { it.ask(text, configure) }

    /**
     * Goes on with a turn that was paused, or that an earlier process left unfinished, as [Chat.resume]. One that is under way is
     * taken over: its collector is told that it was paused. So a new screen may come before the old one has gone.
     */
    public fun resume(): Flow<Event> = turn({ ended(turns) }) { it.resume() }

    /** Whether [resume] has a turn to go on with. Opens the model if need be. */
    public suspend fun hasUnfinishedTurn(): Boolean = host.locked {
        opened()
        unfinished
    }

    /** As [hasUnfinishedTurn], as far as this process knows: false before the first use. Takes no time. */
    public val hasPausedTurn: Boolean get() = unfinished

    /** The conversation so far. Opens the model if need be. */
    public suspend fun messages(): List<Message> = host.locked { opened() }.messages()

    /** Ends the turn under way for good. Returns at once. */
    public fun cancel() {
        if (turns.isEmpty()) return
        cancelled = true
        unfinished = false
        quietly { it.cancel() }
    }

    /** Ends the turn under way within a token and leaves it to [resume]. Returns at once. */
    public fun pause() {
        if (turns.isNotEmpty()) quietly { it.pause() }
    }

    /** Ends the reasoning of the turn under way at its next token, so that the answer comes. Returns at once. */
    public fun answerNow() {
        quietly { it.answerNow() }
    }

    /** Forgets it, with its file. */
    public suspend fun delete() {
        host.locked { forget() }
    }

    private suspend fun forget() {
        cancel()
        release()
        unfinished = false
        withContext(Dispatchers.IO) { java.nio.file.Files.deleteIfExists(file.toPath()) }
    }

    /** In the host's lock: pauses the turn, waits until it stands in the file, and lets go of the conversation. */
    internal suspend fun release() {
        ended(turns)
        chat?.closeAndJoin()
        chat = null
        isKept = false
    }

    /** In the host's lock: pauses and waits for the end. */
    private suspend fun ended(these: Set<Job>) {
        if (these.isEmpty()) return
        pause()
        for (turn in these) {
            // One whose collector does not take its last events is left as it is paused.
            withTimeoutOrNull(PATIENCE) { turn.join() } ?: turn.cancelAndJoin()
        }
    }

    /** In the host's lock. A conversation without a file gets none yet: nothing was said in it. */
    private suspend fun opened(): Chat {
        chat?.let { return it }
        val engine = host.opened()
        if (!file.exists()) return engine.chat().also { chat = it }
        val key = SessionKey.read(context)
        val restored = engine.restore(file, key)
        keep(restored.chat, key)
        unfinished = restored.unfinishedTurn
        return restored.chat
    }

    /** In the host's lock: what is said from here on stands in the file. */
    private suspend fun kept(): Chat {
        val open = opened()
        if (isKept) return open
        // Of another process, meanwhile.
        if (file.exists()) {
            release()
            return opened()
        }
        keep(open, SessionKey.read(context))
        return open
    }

    private suspend fun keep(open: Chat, key: ByteArray) {
        try {
            open.keepIn(file, key, AUTOSAVE)
        } catch (failure: Throwable) {
            open.close()
            chat = null
            throw failure
        }
        chat = open
        isKept = true
    }

    /** The turn's own coroutine collects it, so that there is time to pause it before whoever wants its events has gone. */
    private fun turn(before: suspend () -> Unit, begin: (Chat) -> Flow<Event>): Flow<Event> = flow {
        val events = Channel<Event>(Channel.RENDEZVOUS)
        var chat: Chat? = null
        var turn: Job? = null
        try {
            host.locked {
                val open = kept().also { chat = it }
                before()
                cancelled = false
                turn = SCOPE.launch(start = CoroutineStart.UNDISPATCHED) {
                    try {
                        begin(open).collect {
                            val isOver = it is Event.Finished && it.reason != FinishReason.SUSPENDED
                            unfinished = !isOver && !cancelled
                            events.send(it)
                        }
                        events.close()
                    } catch (gone: CancellationException) {
                        events.close()
                    } catch (failure: Throwable) {
                        events.close(failure)
                    }
                }.also { job ->
                    turns.add(job)
                    job.invokeOnCompletion {
                        turns.remove(job)
                        left.remove(job)
                    }
                }
            }
            for (event in events) emit(event)
        } finally {
            val own = turn
            if (own != null && own.isActive) {
                left.add(own)
                withContext(NonCancellable) {
                    try {
                        chat?.pause()
                    } catch (closed: IllegalStateException) {
                        // Its host was freed meanwhile, which paused it.
                    }
                    events.cancel()
                    own.cancelAndJoin()
                    left.remove(own)
                }
            }
        }
    }

    private fun quietly(call: (Chat) -> Unit) {
        try {
            chat?.let(call)
        } catch (closed: IllegalStateException) {
            // The host was freed meanwhile: there is no turn any more.
        }
    }
}

/** The turns of this process, whoever collects them. */
private val SCOPE = CoroutineScope(SupervisorJob() + Dispatchers.Default)

/** A process that is killed loses at most this much of its reasoning. */
private val AUTOSAVE = Autosave(tokens = 16, time = 2.seconds)
private val PATIENCE = 2.seconds

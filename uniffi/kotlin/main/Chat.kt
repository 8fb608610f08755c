package dev.wheelwork

import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.flow.Flow

/**
 * A conversation; one turn at a time, another is a [WheelworkException] with the code `busy`.
 *
 * A turn is a cold [Flow]: collecting it starts it, cancelling the collector ends it within a token, and a collector
 * that takes its time holds it up. May be used from any thread.
 */
public class Chat internal constructor(private val handle: ChatHandle) : AutoCloseable {
    /** Adds a user's message and answers it. */
    public fun ask(
        text: String,
        options: Options = Options(),
        priority: Priority = Priority.INTERACTIVE,
    ): Flow<Event> = turn { handle.ask(text, options, priority) }

    /** Answers the messages as they stand. */
    public fun respond(
        options: Options = Options(),
        priority: Priority = Priority.INTERACTIVE,
    ): Flow<Event> = turn { handle.respond(options, priority) }

    /**
     * Goes on with a turn that was suspended, or that an earlier process left unfinished, with the options that it
     * began with; its events come again from the start.
     */
    public fun resume(priority: Priority = Priority.INTERACTIVE): Flow<Event> = turn { handle.resume(priority) }

    /** Adds a message without answering it. */
    public suspend fun push(message: Message): Unit = onIo { handle.push(message) }

    /** The conversation so far. */
    public suspend fun messages(): List<Message> = onIo { handle.messages() }

    /** Forgets the conversation. */
    public suspend fun clear(): Unit = onIo { handle.clear() }

    /**
     * Computes the messages so far and keeps their keys and values for all conversations of the engine, which has to be
     * opened with `prefixCacheBytes`. For system messages and examples, never for what a person wrote. Takes as long as
     * a turn's prefill.
     */
    public suspend fun sharePrefix(): Unit = onIo { handle.sharePrefix() }

    /** Tokens in the cache. */
    public suspend fun cachedTokens(): UInt = onIo { handle.cachedTokens() }

    /**
     * Saves the conversation with its cache to a file, which is complete or the one before.
     *
     * @param key 32 secret bytes that encrypt it.
     */
    public suspend fun save(path: String, key: ByteArray? = null): Unit = onIo { handle.save(path, key) }

    /** As [save], and keeps the file up to date from now on, within a turn as `autosave` says. */
    public suspend fun keepIn(
        path: String,
        key: ByteArray? = null,
        autosave: Autosave = Autosave(),
    ): Unit = onIo { handle.keepIn(path, key, autosave) }

    /** Another conversation that goes on from here, with a copy of the cache. */
    public suspend fun fork(): Chat = obtain { Chat(handle.fork()) }

    /** Ends the turn under way within a token; its flow ends with [Event.Finished]. */
    public fun cancel() {
        handle.cancel()
    }

    /**
     * Ends the turn under way within a token and leaves it unfinished; its flow ends with [Event.Finished]. [resume]
     * goes on with it, in this process or, where the conversation is kept in a file, in another: what an app does when
     * it goes to the background.
     */
    public fun suspend() {
        handle.suspend()
    }

    /**
     * Has the turn under way saved at its next token and waits for that. False where it was not: no turn, nobody
     * collects it, a token takes longer than `atMost`, or the conversation is kept in no file.
     */
    public suspend fun saveNow(atMost: Duration = 2.seconds): Boolean =
        onIo { handle.saveNow(atMost.inWholeMilliseconds.coerceAtLeast(0).toULong()) }

    /** Ends the reasoning of the turn under way at its next token, so that the answer comes. */
    public fun answerNow() {
        handle.answerNow()
    }

    /** Cancels the turn under way and lets go of the cache. May be called more than once. */
    override fun close() {
        if (!handle.uniffiIsDestroyed) handle.shutDown()
        handle.close()
    }

    /** For what extends this layer; use it only while the conversation is open. */
    internal fun handle(): ChatHandle = handle
}

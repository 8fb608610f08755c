package dev.wheelwork

import dev.wheelwork.ffi.ChatHandle
import java.io.File
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.first

/**
 * A conversation; one turn at a time, another is a [WheelworkException] with the code [ErrorCode.BUSY].
 *
 * A turn is a cold [Flow]: collecting it starts it, cancelling the collector ends it within a token, and a collector that
 * takes its time holds it up. May be used from any thread; suspending calls leave the caller's thread at once. After [close]
 * every call is an [IllegalStateException].
 */
public class Chat internal constructor(
    private val handle: ChatHandle,
    private val engine: Closer,
) : AutoCloseable {
    private val closer = Closer("conversation") {
        handle.shutDown()
        handle.close()
    }

    /**
     * Adds a user's message and answers it.
     *
     * Costs nothing until it is collected; may be collected again, which asks again. Where the turn fails, the message is not
     * added. Errors, in the flow: [ErrorCode.BUSY], [ErrorCode.PROMPT_TOO_LONG], options out of range, and those of the model.
     */
    public fun ask(text: String, configure: TurnOptions.() -> Unit = {}): Flow<Event> {
        val options = TurnOptions().apply(configure)
        val (values, priority) = options.toFfi() to options.priority.toFfi()
        return turn { open().ask(text, values, priority) }
    }

    /** Answers the messages as they stand; else as [ask]. */
    public fun respond(configure: TurnOptions.() -> Unit = {}): Flow<Event> {
        val options = TurnOptions().apply(configure)
        val (values, priority) = options.toFfi() to options.priority.toFfi()
        return turn { open().respond(values, priority) }
    }

    /**
     * Goes on with a turn that was paused, or that an earlier process left unfinished, with the options that it began with;
     * its events come again from the start. Errors, in the flow: as [ask], and where there is no such turn.
     */
    public fun resume(priority: Priority = Priority.INTERACTIVE): Flow<Event> {
        val urgency = priority.toFfi()
        return turn { open().resume(urgency) }
    }

    /**
     * Asks and waits for the whole answer. Takes as long as the turn; cancelling the caller ends it within a token. Errors: as
     * [ask].
     */
    public suspend fun answer(text: String, configure: TurnOptions.() -> Unit = {}): Answer =
        ask(text, configure).answer()

    /** Adds a message without answering it. Error: [ErrorCode.BUSY] during a turn. */
    public suspend fun push(message: Message): Unit = onIo { open().push(message.toFfi()) }

    /** The conversation so far. Error: [ErrorCode.BUSY] during a turn. */
    public suspend fun messages(): List<Message> = onIo { open().messages().map { it.toPublic() } }

    /** Forgets the conversation. Error: [ErrorCode.BUSY] during a turn. */
    public suspend fun clear(): Unit = onIo { open().clear() }

    /**
     * Computes the messages so far and keeps their keys and values for all conversations of the engine, which has to be
     * opened with [OpenOptions.prefixCacheBytes]. For system messages and examples, never for what a person wrote. Takes as
     * long as a turn's prefill; cancelling the caller ends it, and the conversation goes on as before. Errors:
     * [ErrorCode.BUSY] during a turn, [ErrorCode.PREFIX_CACHE_OFF].
     */
    public suspend fun sharePrefix(): SharedPrefix =
        pulled({ open().sharePrefix() }, { next()?.toPublic() }, { cancel() }).first()

    /**
     * Tokens of the prompt that a turn with these options would have: of the messages so far and a user's message. Nothing is
     * dropped from the history for it. Takes the milliseconds that the start of a turn takes. Errors: [ErrorCode.BUSY]
     * during a turn; [ErrorCode.PROMPT_TOO_LONG], which tells their number; options out of range.
     *
     * @param text the message; null for the messages as they stand.
     */
    public suspend fun promptTokens(text: String?, configure: TurnOptions.() -> Unit = {}): Int {
        val values = TurnOptions().apply(configure).toFfi()
        return onIo { open().promptTokens(text, values).toCount() }
    }

    /** Tokens in the cache. Error: [ErrorCode.BUSY] during a turn. */
    public suspend fun cachedTokens(): Int = onIo { open().cachedTokens().toCount() }

    /**
     * Saves the conversation with its cache to a file, which is complete or the one before. Writes some kilobytes a token.
     * Errors: [ErrorCode.BUSY] during a turn, and those of the file, which is then as it was.
     *
     * @param key 32 secret bytes that encrypt it; null leaves it readable.
     */
    public suspend fun save(file: File, key: ByteArray? = null): Unit = onIo { open().save(file.path, key) }

    /**
     * As [save], and keeps the file up to date from now on, within a turn as `autosave` says. Error besides those of [save]:
     * [ErrorCode.SESSION_IN_USE] where another conversation is kept in the file.
     */
    public suspend fun keepIn(
        file: File,
        key: ByteArray? = null,
        autosave: Autosave = Autosave(),
    ): Unit = onIo { open().keepIn(file.path, key, autosave.toFfi()) }

    /**
     * Another conversation that goes on from here, with a copy of the cache. Errors: [ErrorCode.BUSY] during a turn, and where
     * memory for the cache is short.
     */
    public suspend fun fork(): Chat = obtain { Chat(open().fork(), engine) }

    /** Ends the turn under way within a token; its flow ends with [Event.Finished]. Returns at once. */
    public fun cancel(): Unit = open().cancel()

    /**
     * Ends the turn under way within a token and leaves it unfinished; its flow ends with [Event.Finished]. [resume] goes on
     * with it, in this process or, where the conversation is kept in a file, in another: what an app does when it goes to the
     * background. Returns at once.
     */
    public fun pause(): Unit = open().suspend()

    /**
     * Has the turn under way saved at its next token and waits for that. False where it was not: no turn, nobody collects it,
     * a token takes longer than `atMost`, or the conversation is kept in no file.
     */
    public suspend fun saveNow(atMost: Duration = 2.seconds): Boolean =
        onIo { open().saveNow(atMost.milliseconds()) }

    /** Ends the reasoning of the turn under way at its next token, so that the answer comes. Returns at once. */
    public fun answerNow(): Unit = open().answerNow()

    /**
     * Cancels the turn under way and lets go of the cache. Returns at once; [closeAndJoin] waits. May be called more than
     * once, from any thread.
     */
    override fun close() {
        closer.close()
    }

    /** As [close], and waits until the cache is free. */
    public suspend fun closeAndJoin() {
        closer.close()
        closer.join()
    }

    /** The handle of an open conversation. */
    internal fun open(): ChatHandle {
        engine.checkOpen()
        closer.checkOpen()
        return handle
    }
}

/**
 * When a kept file is brought up to date within a turn; the first of the two counts. It is at the turn's end, whatever stands
 * here.
 *
 * @property tokens After this many tokens.
 * @property time After this long.
 */
public class Autosave(public val tokens: Int = 32, public val time: Duration = 5.seconds)

package dev.wheelwork.async

import dev.wheelwork.Answer
import dev.wheelwork.Autosave
import dev.wheelwork.Chat
import dev.wheelwork.Event
import dev.wheelwork.Message
import dev.wheelwork.Priority
import dev.wheelwork.SharedPrefix
import dev.wheelwork.TurnOptions
import dev.wheelwork.answer
import dev.wheelwork.ask
import dev.wheelwork.lastAnswer
import java.io.File
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executor
import java.util.function.Consumer
import kotlin.time.toKotlinDuration
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.withContext

/**
 * [Chat] for Java. A turn is a [CompletableFuture] of its whole answer; a [TurnListener] gets the events meanwhile, and holds
 * the turn up while it runs. Cancelling the future ends the turn within a token; until then another one is `busy`.
 *
 * May be used from any thread; no call waits.
 *
 * @property chat The conversation itself.
 */
public class AsyncChat(public val chat: Chat) : AutoCloseable {
    /** As [Chat.answer]. */
    @JvmOverloads
    public fun answer(text: String, configure: Consumer<TurnOptions> = Consumer {}): CompletableFuture<Answer> {
        val turn = chat.ask(text) { configure.accept(this) }
        return promise { turn.answer() }
    }

    /** As [Chat.answer] with a [dev.wheelwork.Toolbox]. */
    @JvmOverloads
    public fun answer(
        text: String,
        tools: AsyncToolbox,
        configure: Consumer<TurnOptions> = Consumer {},
    ): CompletableFuture<Answer> {
        val turns = chat.ask(text, tools.toolbox) { configure.accept(this) }
        return promise { turns.lastAnswer() }
    }

    /** As [Chat.ask]: the listener is called on the executor, for one event after the other. */
    @JvmOverloads
    public fun ask(
        text: String,
        executor: Executor,
        listener: TurnListener,
        configure: Consumer<TurnOptions> = Consumer {},
    ): CompletableFuture<Answer> = told(chat.ask(text) { configure.accept(this) }, executor, listener)

    /** As [Chat.ask] with a [dev.wheelwork.Toolbox]: the listener gets the events of all turns. */
    @JvmOverloads
    public fun ask(
        text: String,
        tools: AsyncToolbox,
        executor: Executor,
        listener: TurnListener,
        configure: Consumer<TurnOptions> = Consumer {},
    ): CompletableFuture<Answer> =
        told(chat.ask(text, tools.toolbox) { configure.accept(this) }, executor, listener)

    /** As [Chat.respond]. */
    @JvmOverloads
    public fun respond(
        executor: Executor,
        listener: TurnListener,
        configure: Consumer<TurnOptions> = Consumer {},
    ): CompletableFuture<Answer> = told(chat.respond { configure.accept(this) }, executor, listener)

    /** As [Chat.resume]. */
    @JvmOverloads
    public fun resume(
        executor: Executor,
        listener: TurnListener,
        priority: Priority = Priority.INTERACTIVE,
    ): CompletableFuture<Answer> = told(chat.resume(priority), executor, listener)

    /** As [Chat.push]. */
    public fun push(message: Message): CompletableFuture<Void?> = promiseNothing { chat.push(message) }

    /** As [Chat.messages]. */
    public fun messages(): CompletableFuture<List<Message>> = promise { chat.messages() }

    /** As [Chat.clear]. */
    public fun clear(): CompletableFuture<Void?> = promiseNothing { chat.clear() }

    /** As [Chat.sharePrefix]. */
    public fun sharePrefix(): CompletableFuture<SharedPrefix> = promise { chat.sharePrefix() }

    /** As [Chat.cachedTokens]. */
    public fun cachedTokens(): CompletableFuture<Int> = promise { chat.cachedTokens() }

    /** As [Chat.save]. */
    @JvmOverloads
    public fun save(file: File, key: ByteArray? = null): CompletableFuture<Void?> =
        promiseNothing { chat.save(file, key) }

    /** As [Chat.keepIn]. */
    @JvmOverloads
    public fun keepIn(file: File, key: ByteArray? = null, autosave: Autosave = Autosave()): CompletableFuture<Void?> =
        promiseNothing { chat.keepIn(file, key, autosave) }

    /** As [Chat.fork]. */
    public fun fork(): CompletableFuture<AsyncChat> = promise { AsyncChat(chat.fork()) }

    /** As [Chat.saveNow]. */
    public fun saveNow(atMost: java.time.Duration): CompletableFuture<Boolean> =
        promise { chat.saveNow(atMost.toKotlinDuration()) }

    /** As [Chat.cancel]. */
    public fun cancel(): Unit = chat.cancel()

    /** As [Chat.pause]. */
    public fun pause(): Unit = chat.pause()

    /** As [Chat.answerNow]. */
    public fun answerNow(): Unit = chat.answerNow()

    /** As [Chat.close]. */
    override fun close() {
        chat.close()
    }

    /** As [Chat.closeAndJoin]. */
    public fun closeAsync(): CompletableFuture<Void?> = promiseNothing { chat.closeAndJoin() }

    private fun told(turn: Flow<Event>, executor: Executor, listener: TurnListener): CompletableFuture<Answer> =
        promise {
            val dispatcher = executor.asCoroutineDispatcher()
            turn.onEach { withContext(dispatcher) { listener.tell(it) } }.lastAnswer()
        }
}

/** What happens in a turn; each method does nothing unless it is written. */
public interface TurnListener {
    /** Any event; called before the ones below. */
    public fun onEvent(event: Event) {}

    /** More reasoning. */
    public fun onReasoning(text: String) {}

    /** More of the answer. */
    public fun onAnswer(text: String) {}

    /** A call of a tool. */
    public fun onToolCall(call: Event.ToolCall) {}

    /** The end. */
    public fun onFinished(finished: Event.Finished) {}
}

private fun TurnListener.tell(event: Event) {
    onEvent(event)
    when (event) {
        is Event.ReasoningDelta -> onReasoning(event.text)
        is Event.AnswerDelta -> onAnswer(event.text)
        is Event.ToolCall -> onToolCall(event)
        is Event.Finished -> onFinished(event)
        else -> {}
    }
}

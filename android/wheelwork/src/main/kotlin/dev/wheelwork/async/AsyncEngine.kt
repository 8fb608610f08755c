package dev.wheelwork.async

import dev.wheelwork.Availability
import dev.wheelwork.ChatOptions
import dev.wheelwork.Compilation
import dev.wheelwork.Conditions
import dev.wheelwork.Engine
import dev.wheelwork.MemoryPlan
import dev.wheelwork.OpenOptions
import dev.wheelwork.PackageFacts
import dev.wheelwork.Placement
import dev.wheelwork.PrepareReport
import dev.wheelwork.PublicKey
import dev.wheelwork.Restored
import dev.wheelwork.report
import java.io.File
import java.util.concurrent.CompletableFuture
import java.util.function.Consumer
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.future.future

/**
 * [Engine] for Java: what suspends there is a [CompletableFuture] here. Cancelling a future ends what it waits for; what goes
 * wrong is its exception, a [dev.wheelwork.WheelworkException] or an [IllegalStateException] after [close].
 *
 * ```java
 * AsyncEngine engine = AsyncEngine.open(folder, options -> options.setMemory(Memory.Check.INSTANCE)).get();
 * ```
 *
 * May be used from any thread; no call waits.
 */
public class AsyncEngine private constructor(private val engine: Engine) : AutoCloseable {
    /** As [Engine.placement]. */
    public val placement: Placement get() = engine.placement

    /** As [Engine.compilation]. */
    public val compilation: Compilation get() = engine.compilation

    /** As [Engine.modelName]. */
    public val modelName: String get() = engine.modelName

    /** As [Engine.contextLength]. */
    public val contextLength: Int get() = engine.contextLength

    /** As [Engine.chat]. */
    @JvmOverloads
    public fun chat(configure: Consumer<ChatOptions> = Consumer {}): CompletableFuture<AsyncChat> =
        promise { AsyncChat(engine.chat { configure.accept(this) }) }

    /** As [Engine.restore]; the conversation is an [AsyncChat] of [Restored.chat]. */
    @JvmOverloads
    public fun restore(file: File, key: ByteArray? = null): CompletableFuture<Restored> =
        promise { engine.restore(file, key) }

    /** As [Engine.salvage]. */
    @JvmOverloads
    public fun salvage(file: File, key: ByteArray? = null): CompletableFuture<Restored> =
        promise { engine.salvage(file, key) }

    /** As [Engine.awaitBetterDevice]. */
    public fun betterDevice(): CompletableFuture<Compilation> = promise { engine.awaitBetterDevice() }

    /** As [Engine.countTokens]. */
    public fun countTokens(text: String): CompletableFuture<Int> = promise { engine.countTokens(text) }

    /** As [Engine.setConditions]. */
    public fun setConditions(conditions: Conditions): Unit = engine.setConditions(conditions)

    /** As [Engine.close]. */
    override fun close() {
        engine.close()
    }

    /** As [Engine.closeAndJoin]. */
    public fun closeAsync(): CompletableFuture<Void?> = promiseNothing { engine.closeAndJoin() }

    public companion object {
        /** As [Engine.availability]. */
        @JvmStatic
        public fun availability(): CompletableFuture<Availability> = promise { Engine.availability() }

        /** As [Engine.memoryPlan]. */
        @JvmStatic
        @JvmOverloads
        public fun memoryPlan(
            folder: File,
            configure: Consumer<OpenOptions> = Consumer {},
        ): CompletableFuture<MemoryPlan> = promise { Engine.memoryPlan(folder) { configure.accept(this) } }

        /** As [Engine.packageFacts]. */
        @JvmStatic
        @JvmOverloads
        public fun packageFacts(folder: File, keys: List<PublicKey> = emptyList()): CompletableFuture<PackageFacts> =
            promise { Engine.packageFacts(folder, keys) }

        /** As [Engine.prepare]. */
        @JvmStatic
        @JvmOverloads
        public fun prepare(
            folder: File,
            configure: Consumer<OpenOptions> = Consumer {},
        ): CompletableFuture<PrepareReport> = promise { Engine.prepare(folder) { configure.accept(this) }.report() }

        /** As [Engine.open]. */
        @JvmStatic
        @JvmOverloads
        public fun open(
            folder: File,
            configure: Consumer<OpenOptions> = Consumer {},
        ): CompletableFuture<AsyncEngine> = promise { AsyncEngine(Engine.open(folder) { configure.accept(this) }) }
    }
}

private val SCOPE = CoroutineScope(SupervisorJob() + Dispatchers.Default)

internal fun <T> promise(call: suspend () -> T): CompletableFuture<T> = SCOPE.future { call() }

internal fun promiseNothing(call: suspend () -> Unit): CompletableFuture<Void?> = SCOPE.future {
    call()
    null
}

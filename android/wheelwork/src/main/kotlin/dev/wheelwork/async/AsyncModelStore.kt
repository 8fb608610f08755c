package dev.wheelwork.async

import dev.wheelwork.GarbageReport
import dev.wheelwork.InstallEvent
import dev.wheelwork.InstallOptions
import dev.wheelwork.InstallReport
import dev.wheelwork.ModelStore
import dev.wheelwork.PackageHead
import dev.wheelwork.PackageSource
import dev.wheelwork.PublicKey
import dev.wheelwork.StoreContents
import dev.wheelwork.VerifyEvent
import dev.wheelwork.VerifyReport
import dev.wheelwork.report
import java.io.File
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executor
import java.util.function.Consumer
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.withContext

/**
 * [ModelStore] for Java: what takes long is a [CompletableFuture] of its report; a listener gets the progress meanwhile, on the
 * executor that it came with. Cancelling the future ends the work, and leaves the old or the new model whole.
 *
 * May be used from any thread; no call waits. Errors: those of [ModelStore], as the future's exception.
 */
public class AsyncModelStore @JvmOverloads constructor(folder: File, keys: List<PublicKey> = emptyList()) : AutoCloseable {
    private val store = ModelStore(folder, keys)

    /** As [ModelStore.install]. */
    @JvmOverloads
    public fun install(
        source: PackageSource,
        executor: Executor,
        listener: Consumer<InstallEvent>,
        configure: Consumer<InstallOptions> = Consumer {},
    ): CompletableFuture<InstallReport> {
        val events = told(store.install(source) { configure.accept(this) }, executor, listener)
        return promise { events.report() }
    }

    /** As [ModelStore.repair]. */
    @JvmOverloads
    public fun repair(
        name: String,
        source: PackageSource,
        executor: Executor,
        listener: Consumer<InstallEvent>,
        configure: Consumer<InstallOptions> = Consumer {},
    ): CompletableFuture<InstallReport> {
        val events = told(store.repair(name, source) { configure.accept(this) }, executor, listener)
        return promise { events.report() }
    }

    /** As [ModelStore.verify]. */
    public fun verify(name: String, executor: Executor, listener: Consumer<VerifyEvent>): CompletableFuture<VerifyReport> {
        val events = told(store.verify(name), executor, listener)
        return promise { events.report() }
    }

    /** As [ModelStore.list]. */
    public fun list(): CompletableFuture<StoreContents> = promise { store.list() }

    /** As [ModelStore.remove]. */
    public fun remove(name: String): CompletableFuture<Void?> = promiseNothing { store.remove(name) }

    /** As [ModelStore.collectGarbage]. */
    public fun collectGarbage(partials: Boolean): CompletableFuture<GarbageReport> =
        promise { store.collectGarbage(partials) }

    /** As [ModelStore.freeBytes]. */
    public fun freeBytes(): CompletableFuture<Long> = promise { store.freeBytes() }

    /** As [ModelStore.head]. */
    public fun head(source: PackageSource): CompletableFuture<PackageHead> = promise { store.head(source) }

    /** As [ModelStore.close]. */
    override fun close() {
        store.close()
    }
}

private fun <T : Any> told(events: Flow<T>, executor: Executor, listener: Consumer<T>): Flow<T> {
    val dispatcher = executor.asCoroutineDispatcher()
    return events.onEach { withContext(dispatcher) { listener.accept(it) } }
}

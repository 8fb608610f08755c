package dev.wheelwork

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * An open model with the thread that computes; any number of conversations share it.
 *
 * Close it to give the memory back at once, whatever conversations are still held: their turns are cancelled, and using
 * them afterwards is an [IllegalStateException]. What is never closed is freed some time after nothing refers to it;
 * nothing that was saved depends on that. May be used from any thread.
 */
public class Engine private constructor(private val handle: EngineHandle) : AutoCloseable {
    /** Where the model runs, and why not on a better device. */
    public val placement: Placement get() = translated { handle.placement() }

    /**
     * Whether graphs for a better device are being compiled in the background; turns that begin after it run there. A
     * process that returns from its `main` meanwhile may crash within the device's libraries; a killed one does not.
     */
    public val isCompiling: Boolean get() = translated { handle.isCompiling() }

    /** The package's name. */
    public val modelName: String get() = translated { handle.modelName() }

    /** The longest sequence in tokens. */
    public val contextLength: UInt get() = translated { handle.contextLength() }

    /** Starts an empty conversation. */
    public suspend fun chat(): Chat = obtain { Chat(handle.chat()) }

    /**
     * Starts a conversation where a file says that one stood.
     *
     * @param key the 32 bytes that it was encrypted with.
     */
    public suspend fun restore(path: String, key: ByteArray? = null): Restored =
        obtain { Restored(handle.restore(path, key)) }

    /**
     * As [restore] from a damaged file, of which all that is whole is read. The conversation can be kept in another file
     * only: the damaged one is the only copy of the rest.
     */
    public suspend fun salvage(path: String, key: ByteArray? = null): Restored =
        obtain { Restored(handle.salvage(path, key)) }

    /**
     * Says how the device is: where it is hot, low on battery or in a pocket, the engine rests between steps and lets
     * turns of low priority wait. Every turn under way emits [Event.PaceChanged].
     */
    public fun setConditions(conditions: Conditions): Unit = translated { handle.setConditions(conditions) }

    /** Cancels every turn and lets go of the model. May be called more than once. */
    override fun close() {
        if (!handle.uniffiIsDestroyed) handle.shutDown()
        handle.close()
    }

    /** For what extends this layer; use it only while the engine is open. */
    internal fun handle(): EngineHandle = handle

    public companion object {
        /** Opens a model: a package folder, or a model folder of onnxruntime-genai. Takes 0.1 to some seconds. */
        public suspend fun open(path: String, options: OpenOptions = OpenOptions()): Engine =
            obtain { Engine(EngineHandle.open(path, options)) }

        /** Every execution provider that Wheelwork knows of, the best device first. */
        public suspend fun devices(): List<ProviderFacts> =
            withContext(Dispatchers.IO) { translated { dev.wheelwork.devices() } }
    }
}

/** What a session file gave. */
public class Restored internal constructor(record: RestoredChat) : AutoCloseable {
    /** The conversation. */
    public val chat: Chat = Chat(record.chat)

    /** Tokens whose keys and values are back. */
    public val cachedTokens: UInt = record.cachedTokens

    /** Why the next turn computes the whole conversation again; null where it does not. */
    public val recomputedBecause: String? = record.recomputedBecause

    /** Whether a turn was under way: [Chat.resume] goes on with it. */
    public val unfinishedTurn: Boolean = record.unfinishedTurn

    /** Bytes at the file's end that were no whole record. */
    public val droppedBytes: ULong = record.droppedBytes

    /** Whether another conversation, here or in another process, is kept in the file: this one cannot be. */
    public val keptElsewhere: Boolean = record.keptElsewhere

    /** Closes the conversation. */
    override fun close() {
        chat.close()
    }
}

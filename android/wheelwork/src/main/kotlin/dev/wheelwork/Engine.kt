package dev.wheelwork

import dev.wheelwork.ffi.ChatHandle
import dev.wheelwork.ffi.CompilationEvent
import dev.wheelwork.ffi.EngineHandle
import dev.wheelwork.ffi.OpenEvent
import dev.wheelwork.ffi.OpenHandle
import dev.wheelwork.ffi.PrepareHandle
import dev.wheelwork.ffi.allowDevicesAgain as ffiAllowDevicesAgain
import dev.wheelwork.ffi.detectDevices as ffiDetectDevices
import dev.wheelwork.ffi.devices as ffiDevices
import dev.wheelwork.ffi.memoryPlan as ffiMemoryPlan
import dev.wheelwork.ffi.onnxRuntime as ffiOnnxRuntime
import dev.wheelwork.ffi.packageFacts as ffiPackageFacts
import dev.wheelwork.ffi.preparedForm as ffiPreparedForm
import java.io.File
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.withContext

/**
 * An open model with the thread that computes; any number of conversations share it.
 *
 * Close it to give the memory back, whatever conversations are still held: their turns are cancelled, and using them
 * afterwards is an [IllegalStateException]. What is never closed is freed some time after nothing refers to it; nothing that
 * was saved depends on that. May be used from any thread; suspending calls leave the caller's thread at once.
 */
public class Engine private constructor(private val handle: EngineHandle) : AutoCloseable {
    private val closer = Closer("engine") {
        handle.shutDown()
        handle.close()
    }

    /** Where the model runs, and why not on a better device. Takes no time. */
    public val placement: Placement get() = translated { open().placement().toPublic() }

    /**
     * How far the graphs are that are compiled for a better device in the background. A process that returns from its `main`
     * meanwhile may crash within the device's libraries; a killed one does not. Takes no time.
     */
    public val compilation: Compilation get() = translated { open().compilationState().toPublic() }

    /** The package's name. Takes no time. */
    public val modelName: String get() = translated { open().modelName() }

    /** The longest sequence in tokens. Takes no time. */
    public val contextLength: Int get() = translated { open().contextLength().toCount() }

    /** Whether the model reasons; if not, limits of reasoning change nothing. Takes no time. */
    public val reasons: Boolean get() = translated { open().reasons() }

    /** The ONNX Runtime that the model runs on. Takes no time. */
    public val onnxRuntime: OnnxRuntime get() = translated { open().onnxRuntime().toPublic() }

    /** How fast the engine computes now, by the conditions that it was told last. Takes no time. */
    public val pace: Pace get() = translated { open().pace().toPublic() }

    /**
     * Waits until the graphs that are compiled in the background are ready or given up: seconds to minutes. Returns at once
     * where none are. Cancelling the caller ends the waiting and nothing else.
     *
     * @param onGraph is told of each graph that is being compiled; called in the caller's coroutine.
     */
    public suspend fun awaitBetterDevice(onGraph: (CompiledGraph) -> Unit = {}): Compilation {
        var state: Compilation = Compilation.None
        val waiting = onIo { open().compilation() } ?: return state
        pulled({ waiting }, { next() }, { cancel() }).collect { event ->
            when (event) {
                is CompilationEvent.Graph ->
                    onGraph(CompiledGraph(event.graph, event.number.toCount(), event.graphs.toCount()))
                is CompilationEvent.Finished -> state = event.state.toPublic()
            }
        }
        return state
    }

    /**
     * What the package says of itself, as it was when it was opened. Reads licence files and a tokenizer: some tenths of a
     * second. Error: a licence file that is not what the package's card says.
     *
     * @param keys by which its signature is told.
     */
    public suspend fun packageFacts(keys: List<PublicKey> = emptyList()): PackageFacts =
        onIo { open().packageFacts(keys.map { it.pem }).toPublic() }

    /** What one more conversation of so many tokens takes of the memory, the model's own aside. Below a millisecond. */
    public suspend fun memoryPlan(contextTokens: Int): MemoryPlan {
        val tokens = contextTokens.count("contextTokens")
        return onIo { open().memoryPlan(tokens).toPublic() }
    }

    /**
     * Tokens of a text in which nothing is a control token, without what a template puts around it; see [Chat.promptTokens].
     * Some milliseconds for a long text.
     */
    public suspend fun countTokens(text: String): Int = onIo { open().countTokens(text).toCount() }

    /** What is held of prefixes that conversations share; null where the engine was opened without room for them. */
    public suspend fun prefixUsage(): PrefixUsage? = onIo { open().prefixUsage()?.toPublic() }

    /** Forgets the prefixes that conversations share, for instance when the system runs short of memory. */
    public suspend fun clearPrefixes(): Unit = onIo { open().clearPrefixes() }

    /**
     * Starts a conversation, by default an empty one. Takes some milliseconds; computes nothing yet. Error: where memory for
     * the cache is short.
     */
    public suspend fun chat(configure: ChatOptions.() -> Unit = {}): Chat {
        val options = ChatOptions().apply(configure)
        val first = options.system?.let { listOf(Message.system(it)) }.orEmpty() + options.messages
        val messages = first.map { it.toFfi() }
        return obtain {
            val chat = open().chat()
            try {
                messages.forEach { chat.push(it) }
                adopt(chat)
            } catch (failure: Throwable) {
                chat.close()
                throw failure
            }
        }
    }

    /**
     * Starts a conversation where a file says that one stood. Reads the file. Errors: a file that is no session or belongs to
     * another model, a wrong key, and as [chat].
     *
     * @param key the 32 bytes that it was encrypted with; null where it is not.
     */
    public suspend fun restore(file: File, key: ByteArray? = null): Restored =
        obtain { open().restore(file.path, key).toPublic { chat -> adopt(chat) } }

    /**
     * As [restore] from a damaged file, of which all that is whole is read. The conversation can be kept in another file only:
     * the damaged one is the only copy of the rest.
     */
    public suspend fun salvage(file: File, key: ByteArray? = null): Restored =
        obtain { open().salvage(file.path, key).toPublic { chat -> adopt(chat) } }

    /**
     * Says how the device is: where it is hot, low on battery or in a pocket, the engine rests between steps and lets turns
     * of low priority wait. Every turn under way emits [Event.PaceChanged]. Returns at once.
     */
    public fun setConditions(conditions: Conditions): Unit =
        translated { open().setConditions(conditions.toFfi()) }

    /**
     * Cancels every turn and lets go of the model. Returns at once; [closeAndJoin] waits until the memory is free. May be
     * called more than once, from any thread.
     */
    override fun close() {
        closer.close()
    }

    /** As [close], and waits until the memory is free: a step of the model at most. */
    public suspend fun closeAndJoin() {
        closer.close()
        closer.join()
    }

    /** A conversation of this engine, which is closed with it. */
    internal fun adopt(chat: ChatHandle): Chat = Chat(chat, closer)

    /** The handle of an open engine. */
    internal fun open(): EngineHandle {
        closer.checkOpen()
        return handle
    }

    public companion object {
        /**
         * Opens a model: a package folder, or a model folder of onnxruntime-genai. Takes 0.1 to some seconds, more where graphs
         * are compiled, away from the caller's thread; cancelling the caller ends it at once. Each fault of package, device,
         * memory or ONNX Runtime has its [ErrorCode]; nothing stays open after one.
         */
        public suspend fun open(folder: File, configure: OpenOptions.() -> Unit = {}): Engine {
            val options = OpenOptions().apply(configure)
            val (values, engineValues) = options.toFfi() to options.toEngineFfi()
            return opened({ OpenHandle.begin(folder.path, values, engineValues) }, options.onStep)
        }

        /**
         * Whether models can run here at all: before one is downloaded. Loads the native library and ONNX Runtime with its
         * providers, which stay loaded: up to some seconds at the first call. What is missing is told, not thrown.
         */
        public suspend fun availability(): Availability =
            try {
                Availability.Available(onnxRuntime(), devices())
            } catch (missing: WheelworkException) {
                Availability.Unavailable(missing)
            }

        /** Every execution provider that Wheelwork knows of, the best device first. Loads the native library only. */
        public suspend fun providers(): List<ProviderFacts> = onIo { ffiDevices().map { it.toPublic() } }

        /**
         * What this machine has of every provider, the best device first, and why the others cannot be used. Loads ONNX
         * Runtime and the providers' libraries, which stay loaded: up to some seconds at the first call. Errors: ONNX Runtime
         * missing, too old or made for another machine.
         */
        public suspend fun devices(): List<DetectedProvider> = onIo { ffiDetectDevices().map { it.toPublic() } }

        /** The ONNX Runtime of this process, loaded if need be: some ten milliseconds. Errors: as [devices]. */
        public suspend fun onnxRuntime(): OnnxRuntime = onIo { ffiOnnxRuntime().toPublic() }

        /**
         * What opening a model with the same options would take of the memory. A model that does not fit is no error:
         * [MemoryPlan.fit]. Reads no weights: some ten milliseconds, and the first call loads ONNX Runtime. Errors: those of
         * opening a model before its graph is loaded.
         */
        public suspend fun memoryPlan(folder: File, configure: OpenOptions.() -> Unit = {}): MemoryPlan {
            val values = OpenOptions().apply(configure).toFfi()
            return onIo { ffiMemoryPlan(folder.path, values).toPublic() }
        }

        /**
         * What a package folder says of itself. Reads descriptions and tokenizer, no weights: some tenths of a second. Needs
         * no ONNX Runtime. Errors: those of the package.
         *
         * @param keys by which its signature is told.
         */
        public suspend fun packageFacts(folder: File, keys: List<PublicKey> = emptyList()): PackageFacts {
            val pems = keys.map { it.pem }
            return onIo { ffiPackageFacts(folder.path, pems).toPublic() }
        }

        /**
         * Prepares a model for this machine, once, so that it opens with less memory: the graph that an open with the same
         * options would take on the CPU. [OpenOptions.keysDir] says that it is to stand beside an installed model,
         * [OpenOptions.cacheDir] where it stands for others.
         *
         * A cold flow: collecting it begins, cancelling the collector ends it; [report] waits for the end. It takes some
         * seconds a gigabyte, memory as an open without it, and the disk meanwhile holds the weights twice more. A model opens
         * as before meanwhile, and after an error, a cancel or the end of the process. Errors, in the flow:
         * [ErrorCode.PREPARE_NO_PLACE], [ErrorCode.PREPARE_NO_SPACE], [ErrorCode.PREPARE_BUSY] and those of opening a model.
         */
        public fun prepare(folder: File, configure: OpenOptions.() -> Unit = {}): Flow<PrepareEvent> {
            val values = OpenOptions().apply(configure).toFfi()
            return pulled({ PrepareHandle.begin(folder.path, values) }, { next()?.toPublic() }, { cancel() })
        }

        /**
         * Whether a model has a form that is prepared for this machine, and why it would not be used: judged by its record and
         * its sizes. Reads no weights. Errors: those of opening a model before its graph is loaded.
         */
        public suspend fun preparedForm(folder: File, configure: OpenOptions.() -> Unit = {}): Prepared {
            val values = OpenOptions().apply(configure).toFfi()
            return onIo { ffiPreparedForm(folder.path, values).toPublic() }
        }

        /**
         * Lets devices be tried again that took the process down or could not compile a model: what the remedy
         * `allow_device_again` asks for. Returns how many were forgotten. Removes small files. Error:
         * [ErrorCode.TRIALS_IO].
         */
        public suspend fun allowDevicesAgain(trialsDir: File): Int =
            onIo { ffiAllowDevicesAgain(trialsDir.path).toCount() }

        /** Pulls an opening to its end; whatever ends it, nothing is left open. */
        private suspend fun opened(begin: () -> OpenHandle, onStep: (OpenStep) -> Unit): Engine {
            var opening: OpenHandle? = null
            var opened: EngineHandle? = null
            var isTaken = false
            try {
                // Noted inside: a cancel on the way back from there must find it.
                withContext(Dispatchers.IO) { opening = translated(begin) }
                while (opened == null) {
                    val event = onIo {
                        opening?.next()?.also { if (it is OpenEvent.Opened) opened = it.engine }
                    }
                    checkNotNull(event) { "the opening ended without an end" }.toPublic()?.let(onStep)
                }
                val engine = Engine(checkNotNull(opened))
                isTaken = true
                return engine
            } finally {
                opening?.cancel()
                opening?.close()
                if (!isTaken) opened?.let { free(it) }
            }
        }
    }
}

/** How a conversation begins: what the block of [Engine.chat] sets. */
@WheelworkDsl
public class ChatOptions {
    /** Instructions, put before everything else; null: none. R1's authors advise to put them into the question instead. */
    public var system: String? = null

    /** Messages that the conversation begins with. */
    public var messages: List<Message> = emptyList()
}

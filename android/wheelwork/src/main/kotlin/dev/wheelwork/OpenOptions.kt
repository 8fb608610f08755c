package dev.wheelwork

import java.io.File

/** How a model is opened: what the block of [Engine.open] sets. The defaults suit most. */
@WheelworkDsl
public class OpenOptions {
    /** The device to run on. */
    public var device: DevicePreference = DevicePreference.AUTO

    /** Fail where the wanted device can't be used, instead of taking another and saying so. */
    public var strict: Boolean = false

    /** CPU threads. */
    public var threads: Threads = Threads.Auto

    /**
     * CPU threads for turns in the background and on a warm device; by default as many as ever. It takes a second session of
     * the graph, loaded when it is first wanted.
     */
    public var powerSavingThreads: Threads = Threads.Auto

    /** The longest sequence in tokens; by default the package's. */
    public var contextLength: Int = TurnOptions.UNLIMITED

    /** The template that makes a prompt of messages. */
    public var chatTemplate: ChatTemplate = ChatTemplate.OfPackage

    /** How keys and values are cached. */
    public var kvCache: KvCache = KvCache.OF_PACKAGE

    /** Leave a form that was prepared for this machine alone. */
    public var plain: Boolean = false

    /**
     * Whose kernels the prepared form computes with on the CPU. A form that was prepared with another choice is
     * [Prepared.STALE].
     */
    public var kernels: Kernels = Kernels.AUTO

    /** Where prepared forms of models that are not installed stand, on the models' file system; null: nowhere. */
    public var cacheDir: File? = null

    /** Room for prefixes that conversations share ([Chat.sharePrefix]), in bytes; 0: they share nothing. */
    public var prefixCacheBytes: Long = 0

    /** Options of the device's execution provider, used only where that provider is. */
    public var providerOptions: Map<String, String> = emptyMap()

    /**
     * Where it is noted which providers were tried on this machine, so that one that took the process down is not tried
     * again; null: nowhere.
     */
    public var trialsDir: File? = null

    /**
     * Where the app keeps the key by which forms that were prepared or compiled beside an installed model are known as made
     * here; null: those are not used.
     */
    public var keysDir: File? = null

    /** What memory is held against. */
    public var memory: Memory = Memory.Check

    /** Take a device as it is, without comparing what it computes for a fixed prompt at its first use. */
    public var skipSelfCheck: Boolean = false

    /** Events that may wait for a collector before its turn has to, at least 1. A step brings few; a handful more may wait. */
    public var waitingEvents: Int = 64

    /** The most tokens of a prompt in one step, at least 1: how long other turns wait for a long prompt. */
    public var prefillTokens: Int = 128

    /** Is told what is being done; called in the coroutine that opens. */
    public var onStep: (OpenStep) -> Unit = {}
}

/** The device that the caller wants. */
public enum class DevicePreference {
    /** The best one that package and build can use. */
    AUTO,

    /** A neural processing unit. */
    NPU,

    /** A GPU. */
    GPU,

    /** The CPU. */
    CPU,
}

/** How many threads compute. */
public sealed interface Threads {
    /** One for each core; for [OpenOptions.powerSavingThreads], as many as ever. */
    public data object Auto : Threads

    /** So many. */
    @ConsistentCopyVisibility
    public data class Count internal constructor(internal val count: Int) : Threads

    public companion object {
        /** This many, at least 1. */
        @JvmStatic
        public fun of(count: Int): Threads {
            require(count > 0) { "$count threads, expected at least 1" }
            return Count(count)
        }
    }
}

/** The template that makes a prompt of messages. */
public sealed interface ChatTemplate {
    /** The one in the package. */
    public data object OfPackage : ChatTemplate

    /**
     * Another.
     *
     * @property source The template's text; it is run within a budget of steps and memory.
     */
    public class Jinja(public val source: String) : ChatTemplate
}

/** How keys and values should be cached. */
public enum class KvCache {
    /** As the package says. */
    OF_PACKAGE,

    /** 32-bit floats. */
    FLOAT,

    /** 8-bit integers with scales, where the package has that graph. */
    INT8,
}

/** Whose kernels a model is prepared for on the CPU. */
public enum class Kernels {
    /** Those that are faster on this machine, by shape of matrix: both are measured when the model is prepared. */
    AUTO,

    /** ONNX Runtime's. */
    OFF,

    /** Ours wherever they can, without measuring. */
    OWN,
}

/** What memory is held against when a model is opened. */
public sealed interface Memory {
    /** What the system says is free; nothing where it does not say. */
    public data object Check : Memory

    /** What the app says is free. */
    @ConsistentCopyVisibility
    public data class Limit internal constructor(internal val bytes: Long) : Memory

    /** Nothing: the model is opened whatever it takes. */
    public data object Unchecked : Memory

    public companion object {
        /** At most this many bytes. */
        @JvmStatic
        public fun limit(bytes: Long): Memory {
            require(bytes >= 0) { "$bytes bytes, expected 0 or more" }
            return Limit(bytes)
        }
    }
}

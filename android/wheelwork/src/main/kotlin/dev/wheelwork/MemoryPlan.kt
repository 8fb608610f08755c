package dev.wheelwork

/**
 * What a model, or one more conversation of an open model, takes of the memory: estimates. *Anonymous* memory is the app's
 * own, for which a system kills apps; *mapped* files can be dropped and read again. A value.
 *
 * @property contextTokens Tokens of the conversation that is counted.
 * @property contextLimit The longest sequence in tokens that the model allows.
 * @property kvCache How keys and values are cached.
 * @property prepared Whether the form prepared for this machine is counted, and why not.
 * @property packedWeightsBytes Anonymous: weights that ONNX Runtime copies; 0 for a prepared form and an open model.
 * @property mappedWeightsBytes Mapped: weights that are read from their files.
 * @property runtimeBytes Anonymous: ONNX Runtime, vocabulary and merges; 0 for an open model.
 * @property kvBytesPerToken Keys and values of one token.
 * @property kvBytes Anonymous: keys and values of [contextTokens].
 * @property kvGrowthBytes Anonymous, while the cache grows to that: the smaller one that it is copied from.
 * @property workingBytes Anonymous: activations of a prefill, and logits.
 * @property prefixCacheBytes Anonymous: room for shared prefixes; 0 for an open model.
 * @property needBytes All anonymous memory together.
 * @property available What is free; null where nobody says.
 * @property fit How the need stands to it.
 * @property largestContextTokens The most tokens of a conversation that would fit; null where nobody says what is free.
 */
@ConsistentCopyVisibility
public data class MemoryPlan internal constructor(
    public val contextTokens: Int,
    public val contextLimit: Int,
    public val kvCache: KvForm,
    public val prepared: Prepared,
    public val packedWeightsBytes: Long,
    public val mappedWeightsBytes: Long,
    public val runtimeBytes: Long,
    public val kvBytesPerToken: Long,
    public val kvBytes: Long,
    public val kvGrowthBytes: Long,
    public val workingBytes: Long,
    public val prefixCacheBytes: Long,
    public val needBytes: Long,
    public val available: AvailableMemory?,
    public val fit: Fit,
    public val largestContextTokens: Int?,
)

/**
 * Memory that may be taken. A value.
 *
 * @property bytes How much.
 * @property toldBy Who says so.
 */
@ConsistentCopyVisibility
public data class AvailableMemory internal constructor(public val bytes: Long, public val toldBy: String)

/** How a plan stands to what is free. */
public enum class Fit {
    /** Everything fits. */
    FITS,

    /** The need fits, the mapped weights do not fit beside it: tokens will wait for the disk. */
    WEIGHTS_FROM_DISK,

    /** It does not fit. */
    TOO_LARGE,

    /** Nobody says what is free, or the model runs on a device whose memory is not known here. */
    UNKNOWN,
}

/** Whether a model runs on the form prepared for this machine ([Engine.prepare]), and why not. */
public enum class Prepared {
    /** It does. */
    USED,

    /** It was not wanted. */
    NOT_WANTED,

    /** No folder was given for it, or no folder for keys. */
    NO_PLACE,

    /** It was never made. */
    MISSING,

    /** One was made for another machine, ONNX Runtime, package or version. */
    STALE,

    /** It came with the model, and nothing proves that it was made on this machine. Preparing replaces it. */
    NOT_MADE_HERE,

    /** It is damaged. Preparing again replaces it. */
    DAMAGED,
}

/**
 * What is held of prefixes that conversations share. A value.
 *
 * @property entries Prefixes.
 * @property tokens Tokens, those that two prefixes share counted once.
 * @property bytes Bytes of ids, keys and values.
 * @property limitBytes The most bytes.
 */
@ConsistentCopyVisibility
public data class PrefixUsage internal constructor(
    public val entries: Int,
    public val tokens: Int,
    public val bytes: Long,
    public val limitBytes: Long,
)

/**
 * What [Chat.sharePrefix] did. A value.
 *
 * @property tokens Tokens of the shared prefix.
 * @property computedTokens Of these, tokens that had to be computed.
 */
@ConsistentCopyVisibility
public data class SharedPrefix internal constructor(public val tokens: Int, public val computedTokens: Int)

/** What [Engine.prepare] tells: its steps, then one [Finished]. A value. */
public sealed interface PrepareEvent {
    /** The weights are packed for this CPU: most of the time. */
    public data object Pack : PrepareEvent

    /**
     * They are written.
     *
     * @property doneBytes Bytes so far.
     * @property totalBytes Bytes in all.
     */
    @ConsistentCopyVisibility
    public data class Collect internal constructor(
        public val doneBytes: Long,
        public val totalBytes: Long,
    ) : PrepareEvent

    /**
     * Products are timed, computed by ONNX Runtime and by our kernels.
     *
     * @property done Shapes of matrices so far.
     * @property total Shapes in all.
     */
    @ConsistentCopyVisibility
    public data class Measure internal constructor(
        public val done: Int,
        public val total: Int,
    ) : PrepareEvent

    /** The prepared form is opened and compared with the plain one. */
    public data object Compare : PrepareEvent

    /**
     * The end; nothing follows.
     *
     * @property report What was done.
     */
    @ConsistentCopyVisibility
    public data class Finished internal constructor(public val report: PrepareReport) : PrepareEvent
}

/**
 * What a preparation did. A value.
 *
 * @property isNew False where a valid prepared form was there already.
 * @property diskBytes Bytes on the disk that it takes beside the package.
 * @property peakDiskBytes Bytes that preparing needed at its peak, beside the package.
 * @property plainMemoryBytes Memory of the process's own that opening the plain form took; null where it was not opened or the
 *   system does not tell.
 * @property preparedMemoryBytes The same of the prepared form.
 * @property kernels The products of each shape of matrix, and whose kernels compute them; empty where ours compute none.
 * @property attention The attentions, and whose kernels compute them; null where ours were not wanted or cannot.
 * @property time How long it took.
 */
@ConsistentCopyVisibility
public data class PrepareReport internal constructor(
    public val isNew: Boolean,
    public val diskBytes: Long,
    public val peakDiskBytes: Long,
    public val plainMemoryBytes: Long?,
    public val preparedMemoryBytes: Long?,
    public val kernels: List<ProductChoice>,
    public val attention: AttentionChoice?,
    public val time: kotlin.time.Duration,
)

/**
 * The products of one shape of matrix, and whose kernels compute them. A value.
 *
 * @property k Elements of a row of activations.
 * @property n Elements of a row of results.
 * @property bits Bits of a weight as it is computed with: its own with our kernels, those that it is stored in with ONNX
 *   Runtime's.
 * @property blockSize Weights that share a scale.
 * @property products How many the graph has.
 * @property onnxruntime What ONNX Runtime's operator takes; null where it was not measured.
 * @property ours What ours takes; null where it was not measured.
 * @property isOurs Whether ours compute them.
 */
@ConsistentCopyVisibility
public data class ProductChoice internal constructor(
    public val k: Long,
    public val n: Long,
    public val bits: Long,
    public val blockSize: Long,
    public val products: Int,
    public val onnxruntime: ProductTime?,
    public val ours: ProductTime?,
    public val isOurs: Boolean,
)

/**
 * The attentions of a graph, and whose kernels compute them. A value.
 *
 * @property nodes How many the graph has.
 * @property context Tokens that were cached when steps were timed; 0 where none were.
 * @property onnxruntime What a whole step takes with ONNX Runtime's; null where it was not measured.
 * @property ours What a whole step takes with ours; null where it was not measured.
 * @property isOurs Whether ours compute them.
 */
@ConsistentCopyVisibility
public data class AttentionChoice internal constructor(
    public val nodes: Int,
    public val context: Int,
    public val onnxruntime: ProductTime?,
    public val ours: ProductTime?,
    public val isOurs: Boolean,
)

/**
 * How long products of one shape take, each of them alone, or a step with attention: the best of several takes. A value.
 *
 * @property token For one token.
 * @property prompt For 64 tokens of a prompt.
 */
@ConsistentCopyVisibility
public data class ProductTime internal constructor(
    public val token: kotlin.time.Duration,
    public val prompt: kotlin.time.Duration,
)

package dev.wheelwork

/**
 * Where a model runs, and why not on a better device. A value: reading it costs nothing and never fails.
 *
 * @property device The device that runs the graph.
 * @property provider ONNX Runtime's name of the execution provider, such as `CPUExecutionProvider`.
 * @property kernels Whose code computes.
 * @property simulator Whether the device is computed by this machine's CPU: right numbers, nothing of its speed.
 * @property variant The package's variant, such as `cpu`.
 * @property threads Threads of ONNX Runtime's pool.
 * @property kvCache How keys and values are cached.
 * @property prepared Whether it runs on the form prepared for this machine, and why not.
 * @property notPrepared Why it does not, for a person; null where it does.
 * @property graphs Which provider really got the nodes of each graph.
 * @property selfCheck What the provider computed for a fixed prompt; null on the CPU, which needs no check.
 * @property notUsed The devices that were asked for, or would be better, and are not used.
 */
@ConsistentCopyVisibility
public data class Placement internal constructor(
    public val device: Device,
    public val provider: String,
    public val kernels: KernelSet,
    public val simulator: Boolean,
    public val variant: String,
    public val threads: Int,
    public val kvCache: KvForm,
    public val prepared: Prepared,
    public val notPrepared: String?,
    public val graphs: List<GraphPlacement>,
    public val selfCheck: SelfCheck?,
    public val notUsed: List<NotUsed>,
)

/**
 * How the nodes of a graph were shared out.
 *
 * @property graph The graph's file.
 * @property weightBytes Bytes of weights, or of compiled binaries, that the graph reads.
 * @property shares Each provider that got any.
 */
@ConsistentCopyVisibility
public data class GraphPlacement internal constructor(
    public val graph: String,
    public val weightBytes: Long,
    public val shares: List<Share>,
)

/**
 * What a provider got of a graph.
 *
 * @property provider ONNX Runtime's name of the execution provider.
 * @property nodes How many nodes.
 * @property operators Their operators, each once, in alphabetical order.
 */
@ConsistentCopyVisibility
public data class Share internal constructor(
    public val provider: String,
    public val nodes: Int,
    public val operators: List<String>,
)

/**
 * A device that is not used.
 *
 * @property provider ONNX Runtime's name of the execution provider.
 * @property device The kind of device.
 * @property kind Why, for a program.
 * @property reason Why, for a person: reads well after "because".
 * @property detail What the system or ONNX Runtime said; null where it said nothing.
 */
@ConsistentCopyVisibility
public data class NotUsed internal constructor(
    public val provider: String,
    public val device: Device,
    public val kind: NotUsedReason,
    public val reason: String,
    public val detail: String?,
)

/**
 * What a provider computed for a fixed prompt, against the logits that the package holds, or the CPU's where the graph runs
 * there too.
 */
public sealed interface SelfCheck {
    /**
     * The expected logits.
     *
     * @property relativeRms Up to this relative root mean square difference, the larger one of prefill and decode.
     */
    @ConsistentCopyVisibility
    public data class Passed internal constructor(public val relativeRms: Float) : SelfCheck

    /** It passed at an earlier open with the same libraries and package. */
    public data object PassedBefore : SelfCheck

    /** The package holds no logits to compare with. */
    public data object NotInPackage : SelfCheck

    /** Memory is short for the graph on the CPU, which it would be compared with. */
    public data object NoMemory : SelfCheck

    /** The caller wanted none. */
    public data object Skipped : SelfCheck
}

/** A kind of device. */
public enum class Device {
    /** A neural processing unit. */
    NPU,

    /** A GPU. */
    GPU,

    /** The CPU. */
    CPU,
}

/** Whose code computes a graph. */
public enum class KernelSet {
    /** ONNX Runtime's own, or those of the provider that it drives. */
    ONNX_RUNTIME,

    /** Our own, for x86-64 with AVX-512 VNNI. */
    AVX512_VNNI,

    /** Our own, for x86-64 with AVX2 and AVX-VNNI. */
    AVX_VNNI,

    /** Our own, for x86-64 with AVX2. */
    AVX2,

    /** Our own, for 64-bit Arm with dot products. */
    DOT_PRODUCT,

    /** Our own, for any CPU. */
    PORTABLE,
}

/** How keys and values are cached. */
public enum class KvForm {
    /** 32-bit floats. */
    FLOAT,

    /** 8-bit integers with scales: a quarter of the memory. */
    INT8,
}

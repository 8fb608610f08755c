package dev.wheelwork

/** How far the graphs are that are compiled for a better device in the background. A value. */
public sealed interface Compilation {
    /** Nothing is compiled: the model runs on the best device that there is for it. */
    public data object None : Compilation

    /** They are being compiled, loaded or checked. */
    public data object UnderWay : Compilation

    /** The turns that begin from now on run on the device. */
    public data object Ready : Compilation

    /**
     * The device is not used.
     *
     * @property reason The kind of reason.
     * @property words The same for a person: reads well after "because".
     * @property detail What was said; null where nothing was.
     */
    @ConsistentCopyVisibility
    public data class Failed internal constructor(
        public val reason: NotUsedReason,
        public val words: String,
        public val detail: String?,
    ) : Compilation
}

/**
 * A graph that is being compiled. A value.
 *
 * @property graph The graph's file.
 * @property number Which one it is, from 1.
 * @property graphs How many there are.
 */
@ConsistentCopyVisibility
public data class CompiledGraph internal constructor(
    public val graph: String,
    public val number: Int,
    public val graphs: Int,
)

/** What [Engine.open] does at the moment; [OpenOptions.onStep] is told. A value. */
public sealed interface OpenStep {
    /** Descriptions and tokenizer are read, a device is chosen, the graph is verified. */
    public data object Describe : OpenStep

    /**
     * The graph is loaded with its weights: most of the time. Comes again where a device is refused and the next is tried.
     *
     * @property provider ONNX Runtime's name of the execution provider.
     * @property device The device.
     */
    @ConsistentCopyVisibility
    public data class Load internal constructor(public val provider: String, public val device: Device) : OpenStep

    /**
     * A graph is compiled for this device, once, because nothing else can run the model meanwhile.
     *
     * @property graph The graph's file.
     * @property number Which one it is, from 1.
     * @property graphs How many there are.
     */
    @ConsistentCopyVisibility
    public data class Compile internal constructor(
        public val graph: String,
        public val number: Int,
        public val graphs: Int,
    ) : OpenStep

    /**
     * What the device computes is compared with what it should, at its first use.
     *
     * @property provider ONNX Runtime's name of the execution provider.
     */
    @ConsistentCopyVisibility
    public data class SelfCheck internal constructor(public val provider: String) : OpenStep
}

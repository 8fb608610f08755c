package dev.wheelwork

/**
 * One way to run a model. A value.
 *
 * @property provider ONNX Runtime's name of the execution provider.
 * @property device The device it drives.
 * @property hardware What the device is, for a person.
 * @property inThisBuild Whether this build has code for it. Whether the machine has the device is told by [Engine.devices].
 */
@ConsistentCopyVisibility
public data class ProviderFacts internal constructor(
    public val provider: String,
    public val device: Device,
    public val hardware: String,
    public val inThisBuild: Boolean,
)

/**
 * What this machine has of a way to run a model. A value.
 *
 * @property provider ONNX Runtime's name of the execution provider.
 * @property device The device it drives.
 * @property hardware What the device is, for a person.
 * @property support How far it was proven.
 * @property simulator Whether this machine's CPU only computes what the device would.
 * @property options The names that [OpenOptions.providerOptions] takes for it.
 * @property devices The devices that it offers here; none for what ONNX Runtime's own library holds, and where it cannot be
 *   used.
 * @property unusable Why it cannot be used; null where it can.
 */
@ConsistentCopyVisibility
public data class DetectedProvider internal constructor(
    public val provider: String,
    public val device: Device,
    public val hardware: String,
    public val support: ProviderSupport,
    public val simulator: Boolean,
    public val options: List<String>,
    public val devices: List<DetectedDevice>,
    public val unusable: Unusable?,
)

/**
 * A device that a provider offers. A value.
 *
 * @property kind What it is. Where it is a CPU and the provider drives another kind, it is simulated there.
 * @property vendor Who made it, as the system says; may be empty.
 * @property providerVendor Who made the provider.
 */
@ConsistentCopyVisibility
public data class DetectedDevice internal constructor(
    public val kind: Device,
    public val vendor: String,
    public val providerVendor: String,
)

/**
 * Why a provider cannot be used. A value.
 *
 * @property reason The kind of reason.
 * @property words The same for a person: reads well after "because".
 * @property detail What the system or ONNX Runtime said; null where it said nothing.
 */
@ConsistentCopyVisibility
public data class Unusable internal constructor(
    public val reason: NotUsedReason,
    public val words: String,
    public val detail: String?,
)

/**
 * The process's ONNX Runtime. A value.
 *
 * @property version `MAJOR.MINOR.PATCH`.
 * @property path The file that was loaded, as it was given to the system's loader.
 * @property build What the library says of its build.
 */
@ConsistentCopyVisibility
public data class OnnxRuntime internal constructor(
    public val version: String,
    public val path: String,
    public val build: String,
)

/** How far a provider was proven. */
public enum class ProviderSupport {
    /** Tested; taken wherever it can be used. */
    SUPPORTED,

    /** Nobody ran it on the hardware that it is for. Taken where its device is asked for by name. */
    UNPROVEN,

    /** This build has no code for it. */
    NOT_IN_THIS_BUILD,
}

/** Whether models can run here at all; see [Engine.availability]. */
public sealed interface Availability {
    /**
     * They can.
     *
     * @property onnxRuntime What they run on.
     * @property providers What this machine has of every provider, the best device first.
     */
    @ConsistentCopyVisibility
    public data class Available internal constructor(
        public val onnxRuntime: OnnxRuntime,
        public val providers: List<DetectedProvider>,
    ) : Availability

    /**
     * They cannot.
     *
     * @property why The native library or ONNX Runtime missing, too old or made for another machine, with a remedy.
     */
    public class Unavailable internal constructor(public val why: WheelworkException) : Availability
}

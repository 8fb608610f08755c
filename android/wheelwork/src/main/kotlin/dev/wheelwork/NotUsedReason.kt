package dev.wheelwork

/** Why a device is not used. */
public enum class NotUsedReason {
    /** This build has no code for the provider. */
    NOT_IN_THIS_BUILD,

    /** The package was not quantised for it. */
    NO_VARIANT,

    /** The caller asked for another device. */
    NOT_REQUESTED,

    /** Nobody ran the provider on its hardware; it is taken where its device is asked for. */
    UNPROVEN,

    /** The provider's library is not there, or switched off. */
    LIBRARY_MISSING,

    /** The provider's library is there and does not load. */
    LIBRARY_REFUSED,

    /** The provider finds no device that it can drive. */
    NO_DEVICE,

    /** The provider only simulates the device here, and that was not asked for by name. */
    SIMULATOR_ONLY,

    /** The package's compiled graphs are for other systems-on-chip or newer libraries, and no compiler is here. */
    NO_MATCHING_BINARY,

    /** Its graphs are being compiled for this system-on-chip, once; the device is used when they are. */
    COMPILING,

    /** It refused, now or earlier, to compile its graphs for this system-on-chip. */
    COMPILE_FAILED,

    /** A file of the variant is not what the package says it is. */
    DAMAGED,

    /** At an earlier use of the provider the process ended. */
    CRASHED_BEFORE,

    /** Another process is trying the provider at this moment. */
    BEING_TRIED,

    /** The provider computed other numbers than the package holds. */
    SELF_CHECK_FAILED,

    /** A run failed in the middle of a turn. */
    RUN_FAILED,

    /** The provider does not load the graph. */
    SESSION_FAILED,

    /** This ONNX Runtime does not load the graph; another of the package's is used. */
    RUNTIME_TOO_OLD,

    /** The provider loaded the graph and took none of the nodes that compute. */
    TOOK_NO_NODES,
}

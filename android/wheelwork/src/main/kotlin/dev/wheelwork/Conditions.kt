package dev.wheelwork

/**
 * The state of the device, as the system tells an app; by default there is nothing to save.
 *
 * @property thermal How warm it is.
 * @property battery What it runs on.
 * @property foreground Whether its user sees the app.
 */
public class Conditions @JvmOverloads constructor(
    public val thermal: Thermal = Thermal.NOMINAL,
    public val battery: Battery = Battery.ENOUGH,
    public val foreground: Boolean = true,
)

/**
 * How warm a device is: the levels of iOS. Android's light and moderate are [FAIR], its severe is [SERIOUS], and what is
 * above is [CRITICAL].
 */
public enum class Thermal {
    /** As it should be. */
    NOMINAL,

    /** Warm. */
    FAIR,

    /** The system slows down. */
    SERIOUS,

    /** The system is about to switch things off. */
    CRITICAL,
}

/** What a device runs on. */
public enum class Battery {
    /** A charger, or a battery with enough left. */
    ENOUGH,

    /** A battery with little left, or one whose user wants to save it, and no charger. */
    LOW,
}

/** How fast an engine computes. */
public enum class Pace {
    /** All of the time. */
    FULL,

    /** Two thirds of the time. */
    EASED,

    /** A third of the time; background turns wait. */
    SLOW,

    /** A seventh of the time; all but interactive turns wait. */
    MINIMAL,
}

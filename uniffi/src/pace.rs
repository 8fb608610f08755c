//! How fast an engine may compute, by the state of the device; the tables stand in [`wheelwork::engine::pace`].

use wheelwork::engine::pace;

use crate::convert::mirror;

/// The state of the device, as the system tells an app. The defaults have nothing to save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Conditions {
    /// How warm it is; absent, as it should be.
    #[uniffi(default = None)]
    pub thermal: Option<Thermal>,
    /// What it runs on; absent, a charger or a battery with enough left.
    #[uniffi(default = None)]
    pub battery: Option<Battery>,
    /// Whether its user sees the app.
    #[uniffi(default = true)]
    pub foreground: bool,
}

mirror! {
    /// How warm a device is: the levels of iOS; Android's light and moderate are `Fair`, its severe is `Serious`, and what is
    /// above is `Critical`.
    Thermal = pace::Thermal {
        /// As it should be.
        Nominal,
        /// Warm.
        Fair,
        /// The system slows down.
        Serious,
        /// The system is about to switch things off.
        Critical,
    }
    /// What a device runs on.
    Battery = pace::Battery {
        /// A charger, or a battery with enough left.
        Enough,
        /// A battery with little left, or one whose user wants to save it, and no charger.
        Low,
    }
    /// How fast an engine computes.
    Pace = pace::Pace {
        /// All of the time.
        Full,
        /// Two thirds of the time.
        Eased,
        /// A third of the time; background turns wait.
        Slow,
        /// A seventh of the time; all but interactive turns wait.
        Minimal,
    }
}

impl From<Conditions> for pace::Conditions {
    fn from(conditions: Conditions) -> Self {
        Self {
            thermal: conditions.thermal.map_or_else(Default::default, Into::into),
            battery: conditions.battery.map_or_else(Default::default, Into::into),
            foreground: conditions.foreground,
        }
    }
}

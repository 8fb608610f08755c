//! How fast an engine may compute, by the state of the device.
//!
//! [`Conditions`] -> [`Pace`], the slowest of what each condition asks for:
//!
//! | condition | pace |
//! |---|---|
//! | [`Thermal::Nominal`], charged or charging, in the foreground | [`Pace::Full`] |
//! | [`Thermal::Fair`], or [`Battery::Low`] | [`Pace::Eased`] |
//! | [`Thermal::Serious`], or not in the foreground | [`Pace::Slow`] |
//! | [`Thermal::Critical`] | [`Pace::Minimal`] |
//!
//! A pace has these effects: after each step the engine rests for a multiple of what the step took, and turns below some
//! priority wait.
//!
//! | pace | rest, in steps | computes at most | who computes |
//! |---|---|---|---|
//! | full | 0 | all of the time | all |
//! | eased | 0.5 | 2/3 of the time | all |
//! | slow | 2 | 1/3 of the time | normal and interactive turns |
//! | minimal | 6 | 1/7 of the time | interactive turns |
//!
//! At any pace but the full one, and for background turns at every pace, devices save power: an NPU in
//! another mode of power, the CPU with [`OpenOptions::power_saving_threads`](field@crate::OpenOptions::power_saving_threads)
//! where the app has set that. Rests lower the mean of power and heat, fewer threads their peak. A rest ends early for a
//! turn that is cancelled and when the pace changes.

use std::time::Duration;

use serde::Serialize;

/// The state of the device, as the system tells an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// How warm it is.
    pub thermal: Thermal,
    /// What it runs on.
    pub battery: Battery,
    /// Whether its user sees the app.
    pub foreground: bool,
}

impl Default for Conditions {
    /// Nothing to save.
    fn default() -> Self {
        Self { thermal: Thermal::Nominal, battery: Battery::Enough, foreground: true }
    }
}

/// How warm a device is: the levels of iOS; Android's light and moderate are [`Thermal::Fair`], its severe is
/// [`Thermal::Serious`], and what is above is [`Thermal::Critical`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thermal {
    /// As it should be.
    #[default]
    Nominal,
    /// Warm.
    Fair,
    /// The system slows down.
    Serious,
    /// The system is about to switch things off.
    Critical,
}

/// What a device runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Battery {
    /// A charger, or a battery with enough left.
    #[default]
    Enough,
    /// A battery with little left, or one whose user wants to save it, and no charger.
    Low,
}

/// How fast an engine computes; see [the tables](self).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// All of the time.
    #[default]
    Full,
    /// Two thirds of the time.
    Eased,
    /// A third of the time; background turns wait.
    Slow,
    /// A seventh of the time; all but interactive turns wait.
    Minimal,
}

/// How urgent a turn is. The higher one computes first; see [`crate::engine`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Nobody waits for it: summaries, titles, indexing.
    Background,
    /// Somebody will want it.
    #[default]
    Normal,
    /// Somebody reads along.
    Interactive,
}

impl Conditions {
    /// What they ask for.
    #[must_use]
    pub fn pace(&self) -> Pace {
        let thermal = match self.thermal {
            Thermal::Nominal => Pace::Full,
            Thermal::Fair => Pace::Eased,
            Thermal::Serious => Pace::Slow,
            Thermal::Critical => Pace::Minimal,
        };
        let battery = match self.battery {
            Battery::Enough => Pace::Full,
            Battery::Low => Pace::Eased,
        };
        let foreground = if self.foreground { Pace::Full } else { Pace::Slow };
        thermal.max(battery).max(foreground)
    }
}

impl Pace {
    /// How long the engine rests after a step that took so long.
    #[must_use]
    pub fn rest_after(self, step: Duration) -> Duration {
        match self {
            Self::Full => Duration::ZERO,
            Self::Eased => step / 2,
            Self::Slow => step.saturating_mul(2),
            Self::Minimal => step.saturating_mul(6),
        }
    }

    /// The lowest priority that computes.
    #[must_use]
    pub fn lowest_priority(self) -> Priority {
        match self {
            Self::Full | Self::Eased => Priority::Background,
            Self::Slow => Priority::Normal,
            Self::Minimal => Priority::Interactive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_condition_sets_the_pace() {
        let calm = Conditions::default();
        assert_eq!(calm.pace(), Pace::Full);
        let low = Conditions { battery: Battery::Low, ..calm };
        assert_eq!(low.pace(), Pace::Eased);
        assert_eq!(Conditions { foreground: false, ..low }.pace(), Pace::Slow);
        assert_eq!(Conditions { thermal: Thermal::Critical, ..low }.pace(), Pace::Minimal);
    }

    #[test]
    fn a_slower_pace_rests_longer_and_lets_fewer_compute() {
        let step = Duration::from_millis(30);
        let paces = [Pace::Full, Pace::Eased, Pace::Slow, Pace::Minimal];
        assert!(paces.windows(2).all(|pair| pair[0].rest_after(step) < pair[1].rest_after(step)));
        assert!(paces.windows(2).all(|pair| pair[0].lowest_priority() <= pair[1].lowest_priority()));
        assert_eq!(Pace::Slow.rest_after(Duration::MAX), Duration::MAX);
    }
}

//! How hard a device works for a call.

/// How hard a device works for a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effort {
    /// Somebody waits.
    #[default]
    Full,
    /// Nobody does, or the device is warm or low on battery.
    PowerSaving,
}

/// How a provider is told of the effort with each run: a run option and what it says, for prefill and for decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerformanceModes {
    /// The provider's name of the run option.
    pub option: &'static str,
    /// For [`Effort::Full`].
    pub full: [&'static str; 2],
    /// For [`Effort::PowerSaving`].
    pub power_saving: [&'static str; 2],
}

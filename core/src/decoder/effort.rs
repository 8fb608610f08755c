//! How hard a device works for a call, as Qualcomm's provider is told with each run:
//!
//! | | prefill | decode |
//! |---|---|---|
//! | [`Effort::Full`] | `burst` | `sustained_high_performance` |
//! | [`Effort::Sparing`] | `balanced` | `low_balanced` |
//!
//! A prompt is over in some calls and somebody waits for it; an answer goes on for minutes, which a burst does not.

/// How hard a device works for a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effort {
    /// Somebody waits.
    #[default]
    Full,
    /// Nobody does, or the device is warm or low on battery.
    Sparing,
}

impl Effort {
    /// The provider's names of the mode for prefill and for decode.
    pub(super) fn modes(self) -> [&'static str; 2] {
        match self {
            Self::Full => ["burst", "sustained_high_performance"],
            Self::Sparing => ["balanced", "low_balanced"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_mode_of_its_own() {
        let modes = [Effort::Full, Effort::Sparing].map(Effort::modes).concat();
        let different: std::collections::BTreeSet<_> = modes.iter().collect();
        assert_eq!(different.len(), 4, "{modes:?}");
    }
}

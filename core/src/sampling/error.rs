//! Errors of sampling.

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, retry, set};

/// Why no token could be picked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum SamplingError {
    /// An option that is not a number or outside its range.
    #[error("{option} is {value}, expected {expected}")]
    OutOfRange { option: &'static str, value: f32, expected: &'static str },
    /// The model's output can't be sampled from.
    #[error("the logits of this step are unusable: {fault}")]
    NumericalFailure { fault: LogitFault },
}

/// What is wrong with logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogitFault {
    /// At least one is NaN.
    #[error("at least one is not a number")]
    NotANumber,
    /// At least one is +∞.
    #[error("at least one is infinite")]
    Infinite,
    /// There is none, or all are −∞.
    #[error("no token is possible")]
    NothingPossible,
}

impl Diagnostic for SamplingError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::OutOfRange { option, expected, .. } => {
                retry("sampling_out_of_range", set(*option, *expected)).at(option)
            }
            Self::NumericalFailure { .. } => retry("numerical_failure", Remedy::OpenOn { device: "cpu" }),
        }
    }
}

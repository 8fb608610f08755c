//! Errors of sampling.

use std::borrow::Cow;

use wheelwork_package::{Class, Diagnostic};

/// Why no token could be picked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// An option that is not a number or outside its range.
    #[error("{option} is {value}, expected {expected}")]
    OutOfRange {
        /// The field of [`super::SamplingOptions`].
        option: &'static str,
        /// Its value.
        value: f32,
        /// The range in words.
        expected: &'static str,
    },
    /// The model's output can't be sampled from.
    #[error("the logits of this step are unusable: {fault}")]
    NumericalFailure {
        /// What is wrong with them.
        fault: LogitFault,
    },
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
    fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "sampling_out_of_range",
            Self::NumericalFailure { .. } => "numerical_failure",
        }
    }

    fn class(&self) -> Class {
        Class::Retry
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::OutOfRange { option, expected, .. } => format!("set {option} to {expected}").into(),
            Self::NumericalFailure { .. } => {
                "try again on the CPU (`--device cpu`); if it stays, quantise or install the model again"
                    .into()
            }
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::OutOfRange { option, .. } => Some((*option).to_owned()),
            Self::NumericalFailure { .. } => None,
        }
    }
}

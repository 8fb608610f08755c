//! Why a package could not be evaluated.

use std::path::PathBuf;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, give, retry};
use wheelwork_package::PackageError;
use wheelwork_quantize::QuantizeError;
use wheelwork_quantize::checkpoint::OpenError;

use crate::CalibrateError;

/// Why a package could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum EvaluateError {
    /// The package could not be run.
    #[error(transparent)]
    Runtime(#[from] wheelwork::Error),
    /// The package could not be read, or its card not be written.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The checkpoint could not be run.
    #[error(transparent)]
    Reference(#[from] CalibrateError),
    /// The checkpoint could not be opened, or the baseline not be made of it.
    #[error(transparent)]
    Checkpoint(#[from] QuantizeError),
    /// The package is not made of this checkpoint.
    #[error("the package has {field} {package}, the checkpoint has {checkpoint}")]
    NotItsCheckpoint { field: &'static str, package: usize, checkpoint: usize },
    /// A text or a list of problems of the caller's.
    #[error("`{}` cannot be used: {detail}", .path.display())]
    Input { path: PathBuf, detail: String },
    /// There is no token to compare.
    #[error("{tokens} tokens leave nothing to compare: at least 2 are needed")]
    TooFewTokens { tokens: usize },
    /// The float package that answers the tasks would be too large to make on the way.
    #[error("the float baseline would take {bytes} bytes, at most {limit} are made on the way")]
    BaselineTooLarge { bytes: u64, limit: u64 },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl From<OpenError> for EvaluateError {
    fn from(error: OpenError) -> Self {
        Self::Checkpoint(error.into())
    }
}

impl Diagnostic for EvaluateError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Runtime(error) => error.diagnosis(),
            Self::Package(error) => error.diagnosis(),
            Self::Reference(error) => error.diagnosis(),
            Self::Checkpoint(error) => error.diagnosis(),
            Self::NotItsCheckpoint { .. } => {
                retry("evaluate_other_checkpoint", give("the checkpoint that the package was made of"))
            }
            Self::Input { path, .. } => retry("evaluate_input", Remedy::CorrectFile).file(path),
            Self::TooFewTokens { .. } => {
                retry("evaluate_too_few_tokens", give("a longer text or more tokens"))
            }
            Self::BaselineTooLarge { .. } => retry("evaluate_baseline_too_large", Remedy::GiveBaseline),
            Self::Cancelled => retry("evaluate_cancelled", Remedy::Retry),
        }
    }
}

//! Why a package could not be evaluated.

use std::borrow::Cow;
use std::path::PathBuf;

use wheelwork_package::{Class, Diagnostic, PackageError};
use wheelwork_quantize::QuantizeError;
use wheelwork_quantize::checkpoint::OpenError;

use crate::CalibrateError;

/// Why a package could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    NotItsCheckpoint {
        /// What differs.
        field: &'static str,
        /// Of the package.
        package: usize,
        /// Of the checkpoint.
        checkpoint: usize,
    },
    /// A text or a list of problems of the caller's.
    #[error("`{}` cannot be used: {detail}", .path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// The rule that it breaks.
        detail: String,
    },
    /// There is no token to compare.
    #[error("{tokens} tokens leave nothing to compare: at least 2 are needed")]
    TooFewTokens {
        /// Tokens of all texts.
        tokens: usize,
    },
    /// The float package that answers the tasks would be too large to make on the way.
    #[error("the float baseline would take {bytes} bytes, at most {limit} are made on the way")]
    BaselineTooLarge {
        /// Bytes of all weights as float32.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl From<OpenError> for EvaluateError {
    fn from(error: OpenError) -> Self {
        Self::Checkpoint(error.into())
    }
}

impl EvaluateError {
    fn inner(&self) -> Option<&dyn Diagnostic> {
        match self {
            Self::Runtime(error) => Some(error),
            Self::Package(error) => Some(error),
            Self::Reference(error) => Some(error),
            Self::Checkpoint(error) => Some(error),
            _ => None,
        }
    }
}

impl Diagnostic for EvaluateError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotItsCheckpoint { .. } => "evaluate_other_checkpoint",
            Self::Input { .. } => "evaluate_input",
            Self::TooFewTokens { .. } => "evaluate_too_few_tokens",
            Self::BaselineTooLarge { .. } => "evaluate_baseline_too_large",
            Self::Cancelled => "evaluate_cancelled",
            _ => self.inner().map_or("unknown", Diagnostic::code),
        }
    }

    fn class(&self) -> Class {
        self.inner().map_or(Class::Retry, Diagnostic::class)
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::NotItsCheckpoint { .. } => "give the checkpoint that the package was made of".into(),
            Self::Input { .. } => "correct the file; see --help for its form".into(),
            Self::TooFewTokens { .. } => "give a longer text or more tokens".into(),
            Self::BaselineTooLarge { .. } => {
                "give another package of the checkpoint with `--baseline`, or leave out the tasks".into()
            }
            Self::Cancelled => "run it again; nothing was left behind".into(),
            _ => self.inner().map_or(Cow::Borrowed("report this"), Diagnostic::remedy),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Input { path, .. } => Some(path.display().to_string()),
            _ => self.inner().and_then(Diagnostic::place),
        }
    }
}

//! Why ONNX Runtime could not be loaded.

use std::borrow::Cow;
use std::path::PathBuf;

use wheelwork_package::{Class, Diagnostic};

use crate::library::PATH_VARIABLE;

/// Why ONNX Runtime could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// No candidate could be loaded.
    #[error("ONNX Runtime cannot be loaded: {}", describe(.tried))]
    NotLoadable {
        /// Each file that was tried, with the reason why it is not usable.
        tried: Vec<(PathBuf, String)>,
    },
    /// The library was loaded and refused to start.
    #[error("ONNX Runtime does not start: {message}")]
    NotStarted {
        /// What it said.
        message: String,
    },
}

impl LibraryError {
    pub(crate) fn not_loadable(tried: Vec<(PathBuf, String)>) -> Self {
        Self::NotLoadable { tried }
    }

    pub(crate) fn start(error: ort::Error) -> Self {
        Self::NotStarted { message: error.to_string() }
    }

    pub(crate) fn reason(error: &ort::LoadDynamicError) -> String {
        match error {
            ort::LoadDynamicError::Dlopen { error, .. } => {
                format!("the system's loader refuses it ({error})")
            }
            ort::LoadDynamicError::MissingApi { .. } => {
                "it is not ONNX Runtime (no OrtGetApiBase)".to_owned()
            }
            ort::LoadDynamicError::BadVersion { version_str, .. } => {
                format!("it is version {version_str}, at least 1.{} is needed", ort::MINOR_VERSION)
            }
            other => other.to_string(),
        }
    }
}

fn describe(tried: &[(PathBuf, String)]) -> String {
    tried
        .iter()
        .map(|(path, reason)| format!("`{}`: {reason}", path.display()))
        .collect::<Vec<_>>()
        .join("; ")
}

impl Diagnostic for LibraryError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotLoadable { .. } => "onnxruntime_not_loadable",
            Self::NotStarted { .. } => "onnxruntime_not_started",
        }
    }

    fn class(&self) -> Class {
        Class::Unsupported
    }

    fn remedy(&self) -> Cow<'static, str> {
        format!(
            "install ONNX Runtime 1.{} or newer for this CPU and set {PATH_VARIABLE} to its library file, or put the file beside the program",
            ort::MINOR_VERSION
        )
        .into()
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::NotLoadable { tried } => tried.first().map(|(path, _)| path.display().to_string()),
            Self::NotStarted { .. } => None,
        }
    }
}

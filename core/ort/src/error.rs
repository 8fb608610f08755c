//! Why ONNX Runtime could not be loaded.

use std::path::PathBuf;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, get, unsupported};

use crate::library::PATH_VARIABLE;

/// Why ONNX Runtime could not be loaded.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum LibraryError {
    /// No candidate could be loaded.
    #[error("ONNX Runtime cannot be loaded: {}", describe(.tried))]
    NotLoadable { tried: Vec<(PathBuf, String)> },
    /// The library was loaded and refused to start.
    #[error("ONNX Runtime does not start: {message}")]
    NotStarted { message: String },
    /// The linked ONNX Runtime is too old, or answers as none does.
    #[error("the ONNX Runtime that this program is linked with does not fit: {reason}")]
    LinkedUnfit { reason: String },
}

impl LibraryError {
    pub(crate) fn start(error: ort::Error) -> Self {
        Self::NotStarted { message: error.to_string() }
    }
}

fn describe(tried: &[(PathBuf, String)]) -> String {
    if tried.is_empty() {
        return "it is neither beside the program nor in a folder of the system's".to_owned();
    }
    tried
        .iter()
        .map(|(path, reason)| format!("`{}`: {reason}", path.display()))
        .collect::<Vec<_>>()
        .join("; ")
}

impl Diagnostic for LibraryError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::NotLoadable { tried } => Diagnosis {
                place: tried.first().map(|(path, _)| path.display().to_string()),
                ..unsupported("onnxruntime_not_loadable", library())
            },
            Self::NotStarted { .. } => unsupported("onnxruntime_not_started", library()),
            Self::LinkedUnfit { .. } => {
                let needed =
                    format!("a program that is linked with ONNX Runtime 1.{} or newer", ort::MINOR_VERSION);
                unsupported("onnxruntime_linked_unfit", get(needed))
            }
        }
    }
}

fn library() -> Remedy {
    install(&format!("1.{}", ort::MINOR_VERSION))
}

/// Has an ONNX Runtime of at least this version installed.
#[must_use]
pub fn install(version: &impl ToString) -> Remedy {
    Remedy::SetLibraryPath { variable: PATH_VARIABLE, version: version.to_string() }
}

//! Why an execution provider's library could not be used.

use std::path::{Path, PathBuf};

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, unsupported};

/// Why an execution provider's library could not be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum PluginError {
    /// The file is not there.
    #[error("the provider's library `{}` is missing", .path.display())]
    Missing { path: PathBuf },
    /// The file is for another CPU.
    #[error("the provider's library `{}` is for {found}, expected {expected}", .path.display())]
    WrongProcessor { path: PathBuf, found: String, expected: String },
    /// The file ends before its own header says.
    #[error("the provider's library `{}` ends after {bytes} bytes, at least {needed} are needed", .path.display())]
    Truncated { path: PathBuf, bytes: u64, needed: u64 },
    /// The provider and ONNX Runtime do not take each other's version.
    #[error("the provider's library `{}` does not fit this ONNX Runtime: {message}", .path.display())]
    WrongVersion { path: PathBuf, message: String },
    /// The system's loader, or ONNX Runtime, refuses it.
    #[error("the provider's library `{}` cannot be loaded: {message}", .path.display())]
    NotLoadable { path: PathBuf, message: String },
}

impl PluginError {
    /// From what ONNX Runtime said.
    pub(crate) fn of(path: &Path, message: &str) -> Self {
        let (path, message) = (path.into(), message.to_owned());
        let said = message.to_lowercase();
        // Plugins ask for the interface by number and give the number back in words of their own.
        if said.contains("api version") || said.contains("ort version") || said.contains("ort_api_version") {
            Self::WrongVersion { path, message }
        } else {
            Self::NotLoadable { path, message }
        }
    }
}

impl Diagnostic for PluginError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Missing { path } => {
                unsupported("provider_library_missing", Remedy::InstallProvider).file(path)
            }
            Self::WrongProcessor { path, .. } => {
                unsupported("provider_library_wrong_processor", Remedy::InstallProvider).file(path)
            }
            Self::Truncated { path, .. } => {
                unsupported("provider_library_truncated", Remedy::InstallProvider).file(path)
            }
            Self::WrongVersion { path, .. } => {
                unsupported("provider_library_wrong_version", Remedy::InstallProvider).file(path)
            }
            Self::NotLoadable { path, .. } => {
                unsupported("provider_library_not_loadable", Remedy::InstallProvider).file(path)
            }
        }
    }
}

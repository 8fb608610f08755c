//! Why an execution provider's library could not be used.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use wheelwork_package::{Class, Diagnostic};

/// Why an execution provider's library could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The file is not there.
    #[error("the provider's library `{}` is missing", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is for another CPU.
    #[error("the provider's library `{}` is for {found}, expected {expected}", .path.display())]
    WrongProcessor {
        /// The file.
        path: PathBuf,
        /// The CPU that its header names.
        found: String,
        /// The CPU of this program.
        expected: String,
    },
    /// The file ends before its own header says.
    #[error("the provider's library `{}` ends after {bytes} bytes, at least {needed} are needed", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Up to the end of its last segment.
        needed: u64,
    },
    /// The provider and ONNX Runtime do not take each other's version.
    #[error("the provider's library `{}` does not fit this ONNX Runtime: {message}", .path.display())]
    WrongVersion {
        /// The file.
        path: PathBuf,
        /// ONNX Runtime's words.
        message: String,
    },
    /// The system's loader, or ONNX Runtime, refuses it.
    #[error("the provider's library `{}` cannot be loaded: {message}", .path.display())]
    NotLoadable {
        /// The file.
        path: PathBuf,
        /// Their words.
        message: String,
    },
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
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "provider_library_missing",
            Self::WrongProcessor { .. } => "provider_library_wrong_processor",
            Self::Truncated { .. } => "provider_library_truncated",
            Self::WrongVersion { .. } => "provider_library_wrong_version",
            Self::NotLoadable { .. } => "provider_library_not_loadable",
        }
    }

    fn class(&self) -> Class {
        Class::Unsupported
    }

    fn remedy(&self) -> Cow<'static, str> {
        "install the provider's libraries for this CPU and ONNX Runtime version, all in one folder".into()
    }

    fn place(&self) -> Option<String> {
        let (Self::Missing { path }
        | Self::WrongProcessor { path, .. }
        | Self::Truncated { path, .. }
        | Self::WrongVersion { path, .. }
        | Self::NotLoadable { path, .. }) = self;
        Some(path.display().to_string())
    }
}

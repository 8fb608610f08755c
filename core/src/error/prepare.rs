//! Why a model could not be prepared. It still opens as before.

use std::borrow::Cow;
use std::path::PathBuf;

use wheelwork_package::vfs::DiskError;
use wheelwork_package::{Class, Diagnostic, GraphError};

use crate::device::cache::CacheError;

/// Why a model could not be prepared. It still opens as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Neither installed nor with a folder to put the prepared form into.
    #[error("the model is not an installed one, and no cache folder was given")]
    NoPlace,
    /// ONNX Runtime packs nothing of this graph on this CPU.
    #[error("ONNX Runtime packs no weights of this graph on this CPU")]
    NothingPacked,
    /// It could not be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// ONNX Runtime wants one folder above all files that a graph names.
    #[error("`{}` and `{}` are on different drives, or their names are not Unicode", .form.display(), .package.display())]
    Apart {
        /// The folder of the prepared form.
        form: PathBuf,
        /// The package's.
        package: PathBuf,
    },
    /// ONNX Runtime could not save.
    #[error("ONNX Runtime cannot save the packed weights: {message}")]
    Save {
        /// Its words.
        message: String,
    },
    /// What ONNX Runtime saved cannot be read.
    #[error("the saved graph cannot be used: {0}")]
    Graph(#[from] GraphError),
    /// The prepared form computes something else.
    #[error("the prepared form does not give the logits of the plain form")]
    Differs,
    /// The caller cancelled.
    #[error("it was cancelled")]
    Cancelled,
}

impl Diagnostic for PrepareError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoPlace => "prepare_no_place",
            Self::NothingPacked => "prepare_nothing",
            Self::Cache(CacheError::Busy { .. }) => "prepare_busy",
            Self::Cache(CacheError::NoSpace { .. }) => "prepare_no_space",
            Self::Cache(CacheError::Disk(_)) => "prepare_io",
            Self::Apart { .. } => "prepare_apart",
            Self::Save { .. } => "prepare_save",
            Self::Graph(_) => "prepare_graph",
            Self::Differs => "prepare_differs",
            Self::Cancelled => "prepare_cancelled",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::NothingPacked | Self::Apart { .. } | Self::Graph(_) => Class::Unsupported,
            Self::Differs => Class::Bug,
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::NoPlace => "install the model, or name a cache folder",
            Self::Apart { .. } => "name a cache folder on the model's drive",
            Self::NothingPacked | Self::Graph(_) => "use the model as it is: it runs without being prepared",
            Self::Cache(CacheError::Busy { .. }) => "wait for the other process, or use the model as it is",
            Self::Cache(_) | Self::Save { .. } => {
                "check the folder and the free space, then prepare again; the model runs without it"
            }
            Self::Differs => "report this with CPU and ONNX Runtime version; the model runs without it",
            Self::Cancelled => "prepare again when there is time; the model runs without it",
        }
        .into()
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Cache(
                CacheError::NoSpace { path, .. }
                | CacheError::Busy { path }
                | CacheError::Disk(DiskError { path, .. }),
            )
            | Self::Apart { form: path, .. } => Some(path.display().to_string()),
            _ => None,
        }
    }
}

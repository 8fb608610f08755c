//! Why a model could not be prepared. It still opens as before.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use wheelwork_package::{Class, Diagnostic, GraphError};

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
    /// Somebody else prepares the same model.
    #[error("another process prepares this model")]
    Busy,
    /// The disk is too small.
    #[error("`{}` needs {needed_bytes} bytes while preparing, there are {free_bytes} free", .path.display())]
    NoSpace {
        /// The folder.
        path: PathBuf,
        /// Bytes needed, by estimate.
        needed_bytes: u64,
        /// Bytes that are free.
        free_bytes: u64,
    },
    /// The file system refused.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// What was tried, as in `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
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

impl PrepareError {
    /// For `map_err`: what was tried, and where.
    pub(crate) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl Diagnostic for PrepareError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoPlace => "prepare_no_place",
            Self::NothingPacked => "prepare_nothing",
            Self::Busy => "prepare_busy",
            Self::NoSpace { .. } => "prepare_no_space",
            Self::Io { .. } => "prepare_io",
            Self::Save { .. } => "prepare_save",
            Self::Graph(_) => "prepare_graph",
            Self::Differs => "prepare_differs",
            Self::Cancelled => "prepare_cancelled",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::NothingPacked | Self::Graph(_) => Class::Unsupported,
            Self::Differs => Class::Bug,
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::NoPlace => "install the model, or name a cache folder on the same file system",
            Self::NothingPacked | Self::Graph(_) => "use the model as it is: it runs without being prepared",
            Self::Busy => "wait for the other process, or use the model as it is",
            Self::NoSpace { .. } | Self::Io { .. } | Self::Save { .. } => {
                "check the folder and the free space, then prepare again; the model runs without it"
            }
            Self::Differs => "report this with CPU and ONNX Runtime version; the model runs without it",
            Self::Cancelled => "prepare again when there is time; the model runs without it",
        }
        .into()
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::NoSpace { path, .. } | Self::Io { path, .. } => Some(path.display().to_string()),
            _ => None,
        }
    }
}

//! Why a model could not be prepared. It still opens as before.

use std::io;
use std::path::{Path, PathBuf};

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, bug, give, report_with, retry, unsupported, wait_until,
};
use wheelwork_package::GraphError;

/// Why a model could not be prepared. It still opens as before.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Neither installed nor with a folder to put the prepared form into.
    #[error("the model is not an installed one, and no cache folder was given")]
    NoPlace,
    /// ONNX Runtime packs nothing of this graph on this processor.
    #[error("ONNX Runtime packs no weights of this graph on this processor")]
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
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::NoPlace => retry(
                "prepare_no_place",
                give("a cache folder on the model's file system, or install the model"),
            ),
            Self::NothingPacked => unsupported("prepare_nothing", Remedy::UseAsItIs),
            Self::Busy => {
                retry("prepare_busy", wait_until("the other process is done, or use the model as it is"))
            }
            Self::NoSpace { path, needed_bytes, free_bytes } => retry(
                "prepare_no_space",
                Remedy::FreeDisk { bytes: needed_bytes.saturating_sub(*free_bytes) },
            )
            .file(path),
            Self::Io { path, .. } => retry("prepare_io", Remedy::CheckStorage).file(path),
            Self::Save { .. } => retry("prepare_save", Remedy::CheckStorage),
            Self::Graph(_) => unsupported("prepare_graph", Remedy::UseAsItIs),
            Self::Differs => {
                bug("prepare_differs", report_with("CPU and ONNX Runtime version; the model runs without it"))
            }
            Self::Cancelled => retry("prepare_cancelled", Remedy::Retry),
        }
    }
}

//! Why a model could not be prepared. It still opens as before.

use std::path::PathBuf;

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, bug, give, report_with, retry, unsupported, wait_until,
};
use wheelwork_ort::Version;
use wheelwork_package::GraphError;
use wheelwork_package::store::StoreError;
use wheelwork_package::vfs::DiskError;

use crate::device::Refusal;
use crate::device::cache::CacheError;

/// Why a model could not be prepared. It still opens as before.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum PrepareError {
    /// Neither installed nor with a folder to put the prepared form into.
    #[error("the model is not an installed one, and no cache folder was given")]
    NoPlace,
    /// Only an installed model has a compact form.
    #[error("the model is not an installed one")]
    NotInstalled,
    /// The compact form could not be made or undone.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// ONNX Runtime packs nothing of this graph on this CPU.
    #[error("ONNX Runtime packs no weights of this graph on this CPU")]
    NothingPacked,
    /// ONNX Runtime cannot save what it packs.
    #[error("packed weights are saved by ONNX Runtime {needed} or newer, this is {found}")]
    RuntimeTooOld { needed: Version, found: Version },
    /// It could not be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// ONNX Runtime wants one folder above all files that a graph names.
    #[error("`{}` and `{}` are on different drives, or their names are not Unicode", .form.display(), .package.display())]
    Apart { form: PathBuf, package: PathBuf },
    /// ONNX Runtime could not save.
    #[error("ONNX Runtime cannot save the packed weights: {message}")]
    Save { message: String },
    /// What ONNX Runtime saved cannot be read.
    #[error("the saved graph cannot be used: {0}")]
    Graph(#[from] GraphError),
    /// The prepared form computes something else.
    #[error("the prepared form does not give the logits of the plain form")]
    Differs,
    /// Our kernels compute something else.
    #[error("the form with our kernels is not used: {detail}")]
    Unlike { detail: String },
    /// The caller cancelled.
    #[error("it was cancelled")]
    Cancelled,
}

impl PrepareError {
    /// From what a comparison of our kernels with ONNX Runtime's has found.
    pub(crate) fn unlike((_, detail): Refusal) -> Self {
        detail.map_or(Self::Differs, |detail| Self::Unlike { detail })
    }
}

impl From<StoreError> for PrepareError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Diagnostic for PrepareError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::NoPlace => retry(
                "prepare_no_place",
                give(
                    "a cache folder on the model's file system, or install the model and give a folder for keys",
                ),
            ),
            Self::NotInstalled => retry("prepare_not_installed", Remedy::ChooseInstalled),
            Self::Store(error) => error.diagnosis(),
            Self::NothingPacked => unsupported("prepare_nothing", Remedy::UseAsItIs),
            Self::RuntimeTooOld { needed, .. } => {
                unsupported("prepare_onnxruntime_too_old", wheelwork_ort::install(needed))
            }
            Self::Cache(CacheError::Busy { path }) => {
                retry("prepare_busy", wait_until("the other process is done, or use the model as it is"))
                    .file(path)
            }
            Self::Cache(CacheError::NoSpace { path, needed_bytes, free_bytes }) => retry(
                "prepare_no_space",
                Remedy::FreeDisk { bytes: needed_bytes.saturating_sub(*free_bytes) },
            )
            .file(path),
            Self::Cache(CacheError::Disk(error)) if error.is_not_ours() => {
                retry("prepare_not_ours", Remedy::MoveAway).file(&error.path)
            }
            Self::Cache(CacheError::Disk(DiskError { path, .. })) => {
                retry("prepare_io", Remedy::CheckStorage).file(path)
            }
            Self::Apart { form, .. } => {
                unsupported("prepare_apart", give("a cache folder on the model's drive")).file(form)
            }
            Self::Save { .. } => retry("prepare_save", Remedy::CheckStorage),
            Self::Graph(_) => unsupported("prepare_graph", Remedy::UseAsItIs),
            Self::Unlike { .. } | Self::Differs => {
                bug("prepare_differs", report_with("CPU and ONNX Runtime version; the model runs without it"))
            }
            Self::Cancelled => retry("prepare_cancelled", Remedy::Retry),
        }
    }
}

//! Why a graph was not loaded.

use std::path::PathBuf;

use crate::device::{NotUsedReason, Refusal};
use crate::error::Error;

/// Why a graph was not loaded.
pub(super) enum NotLoaded {
    /// The device cannot be used; another may be.
    Refused(Refusal),
    /// Its graphs must be compiled first, into this folder; with what of older compiled ones was not taken.
    ToCompile { folder: PathBuf, not_taken: Option<Refusal> },
    /// Something failed, which is a reason to try another device, if there is one left.
    Failed(Error),
}

impl From<Error> for NotLoaded {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl NotLoaded {
    /// As the reason why a device is not used.
    pub(super) fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::ToCompile { folder, not_taken } => {
                let after = not_taken.and_then(|(_, detail)| detail);
                let after = after.map_or_else(String::new, |detail| format!("; {detail}"));
                let detail = format!("they will be kept in {}{after}", folder.display());
                (NotUsedReason::Compiling, Some(detail))
            }
            Self::Failed(error) => (NotUsedReason::SessionFailed, Some(error.to_string())),
        }
    }
}

//! Preparing a model for this machine: packed weights that are mapped from a file instead of made in memory.
//!
//! `MatMulNBits` packs its weights for the CPU when a model is opened; the copy is anonymous memory, the kind
//! that a phone kills for. [`prepare`] lets ONNX Runtime save the copy once; later opens map it:
//!
//! ```text
//! BASE/VARIANT.GRAPH/KEY/
//!   model.onnx        the package's graph, which names the packed ranges       (wheelwork_package::graph::prepacked)
//!   packed.bin        the packed ranges
//!   WEIGHTS           hard links to the package's own files: nothing is stored twice
//!   record.json       sizes, digests, the logits of one token; written last
//! ```
//!
//! - BASE is `prepared` beside an installed package's folder, or in [`crate::OpenOptions::cache_dir`]. Never inside a package.
//! - KEY is a digest of everything that the packing depends on (`key`); another key is another machine, ONNX Runtime,
//!   package or version of ours, and is never looked at.
//! - The weights as they were stay the authority: where a packed range does not fit them, ONNX Runtime packs anew.
//! - Every open computes one token and compares its logits, bit for bit, with those of the plain form
//!   (`stored::PROBE_TOKEN`). It reads every matrix, so damage in a mapped range is found; then the plain form runs.
//! - Everything is written in `KEY.partial`, synced and renamed. Whatever happens before the rename changes nothing.

mod key;
mod memory;
mod stored;
mod write;

use std::ops::ControlFlow;
use std::path::Path;

pub use crate::error::PrepareError;
pub(crate) use key::{Subject, place};
pub(crate) use stored::Stored;

use crate::error::Error;
use crate::open::{OpenOptions, Opening};
use serde::Serialize;

/// Whether a model runs on its prepared form, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Prepared {
    /// It does.
    Used,
    /// The caller does not want it.
    NotWanted,
    /// The model is not an installed one, and [`crate::OpenOptions::cache_dir`] names no place for it.
    NoPlace,
    /// It was never made.
    Missing,
    /// One was made for another machine, ONNX Runtime, package or version.
    Stale,
    /// It is damaged, or does not compute what the plain form does. Preparing again replaces it.
    Damaged,
}

impl Prepared {
    /// For a person, after "the prepared form is not used: ".
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Used => "it is",
            Self::NotWanted => "it was not wanted",
            Self::NoPlace => "the model is not installed and no cache folder was given",
            Self::Missing => "it was never made",
            Self::Stale => "it was made for another machine, ONNX Runtime, package or version",
            Self::Damaged => "it is damaged",
        }
    }
}

/// A step of [`prepare`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PrepareStep {
    /// ONNX Runtime packs and saves: most of the time, without a way to stop it in the middle.
    Pack,
    /// The packed ranges are put into their own file.
    Collect {
        /// Bytes so far.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
    /// The prepared form is opened and compared with the plain one.
    Compare,
}

/// What [`prepare`] did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrepareReport {
    /// False where a valid prepared form was there already.
    pub is_new: bool,
    /// Bytes on the disk that it takes beside the package.
    pub disk_bytes: u64,
    /// Bytes that preparing needed at its peak, beside the package.
    pub peak_disk_bytes: u64,
    /// Anonymous memory that loading the plain form and computing a token added; `None` where it was not loaded or the
    /// system does not tell.
    pub plain_memory_bytes: Option<u64>,
    /// As `plain_memory_bytes`, for the prepared form.
    pub prepared_memory_bytes: Option<u64>,
    /// Time that it took.
    pub seconds: f64,
}

/// Prepares the variant and graph that [`crate::Model::open_with`] would take on the CPU with the same options.
///
/// Takes some seconds a gigabyte and memory as an open without preparation does; the disk holds the weights and
/// their packed copy a second time until it ends. `watch` is called before each step and within the longer ones; a break
/// cancels. After an error, a cancel or a power cut the model opens as before, and the next call starts anew.
///
/// # Errors
/// [`Error::Prepare`] and the errors of [`crate::Model::open_with`].
pub fn prepare(
    path: impl AsRef<Path>,
    options: &OpenOptions,
    watch: &mut dyn FnMut(PrepareStep) -> ControlFlow<()>,
) -> Result<PrepareReport, Error> {
    let opening = Opening::of(path.as_ref(), options)?;
    let subject = Subject::of(&opening, options.cache_dir.as_deref())?.ok_or(PrepareError::NoPlace)?;
    write::prepare(&opening, &subject, watch)
}

/// The prepared form of the variant and graph that [`crate::Model::open_with`] would take on the CPU: [`Prepared::Used`] where
/// record, graph, sizes and links are right. The packed ranges are judged by an open only. Loads no weights.
///
/// # Errors
/// The errors of [`crate::Model::open_with`] before the graph is loaded.
pub fn prepared_form(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Prepared, Error> {
    let opening = Opening::of(path.as_ref(), options)?;
    let Some(subject) = Subject::of(&opening, options.cache_dir.as_deref())? else {
        return Ok(Prepared::NoPlace);
    };
    Ok(Stored::find(&subject).map_or_else(|reason| reason, |_| Prepared::Used))
}

//! What preparing tells, while it runs and at its end.

use std::ops::ControlFlow;

use serde::Serialize;

use super::attention::AttentionChoice;
use super::choice::ProductChoice;
use crate::error::PrepareError;

pub(super) type Watch<'a> = &'a mut dyn FnMut(PrepareStep) -> ControlFlow<()>;

/// A step of [`crate::prepare()`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrepareStep {
    /// ONNX Runtime packs and saves: most of the time; only [`crate::OpenOptions::cancel`] ends it in the middle.
    Pack,
    /// The packed ranges are put into their own file.
    Collect {
        /// Bytes so far.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
    /// Products, and steps with attention, are timed, computed by ONNX Runtime and by our kernels.
    Measure {
        /// Shapes so far.
        done: usize,
        /// Shapes in all.
        total: usize,
    },
    /// The prepared form is opened and compared with the plain one.
    Compare,
}

/// What [`crate::prepare()`] did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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
    /// The products of each shape and who computes them; empty where our kernels were not wanted, and for a form that was there
    /// already and has none.
    pub kernels: Vec<ProductChoice>,
    /// The attentions and who computes them; `None` where our kernels were not wanted or cannot.
    pub attention: Option<AttentionChoice>,
    /// Time that it took.
    pub seconds: f64,
}

/// Tells a step, and whether to go on.
pub(super) fn ask(watch: Watch<'_>, step: PrepareStep) -> Result<(), PrepareError> {
    if watch(step).is_break() { Err(PrepareError::Cancelled) } else { Ok(()) }
}

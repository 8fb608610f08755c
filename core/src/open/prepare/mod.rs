//! Preparing a model for this machine: packed weights that are mapped from a file instead of made in memory.
//!
//! `MatMulNBits` packs its weights for the CPU when a model is opened; the copy is anonymous memory, the kind that a phone
//! kills for. [`prepare`] lets ONNX Runtime save the copy once; later opens map it. The form is kept in the
//! [device cache](crate::device), below `VARIANT.GRAPH`:
//!
//! ```text
//! model.onnx        the package's graph, which names the packed ranges       (wheelwork_package::graph::prepacked)
//! packed.bin        the packed ranges
//! ```
//!
//! - Nothing is stored twice and nothing linked: Android refuses hard links. The graph is given to ONNX Runtime from memory,
//!   with every file named from a folder that holds both the form and the package.
//! - The weights as they were stay the authority: where a packed range does not fit them, ONNX Runtime packs anew.
//! - Every open computes one token and compares its logits, bit for bit, with those of the plain form
//!   (`form::PROBE_TOKEN`). It reads every matrix, so damage in a mapped range is found; then the plain form runs.

mod attention;
mod choice;
mod compact;
pub(crate) mod compact_form;
pub(crate) mod form;
mod make;
mod memory;
mod our_record;
mod ours;
mod report;

pub use crate::error::PrepareError;
pub use attention::AttentionChoice;
pub use choice::{ProductChoice, ProductTime};
pub use compact::{CompactReport, compact, restore};
pub use form::OurKernels;
pub use make::{prepare, prepared_form, prepared_kernels};
pub use report::{PrepareReport, PrepareStep};

//! The float model of a checkpoint, run layer by layer through ONNX Runtime.
//!
//! A 7B in float32 is 28 GB; one of its layers is 0.9 GB. So every sequence goes through layer 0, then every sequence
//! through layer 1, and between layers the activations wait on disk:
//!
//! ```text
//! tokens -> embedding rows -> [ layer k: weights from the checkpoint, all sequences, taps ] -> norm -> logits in slabs
//!                               hidden states on disk, one layer in memory
//! ```
//!
//! [`Reference`] is that run. It gives the logits that a package is judged by ([`Reference::logits`]) and, on the way,
//! what goes into each matrix ([`Taps`]). [`Calibrated`] uses that to round the weights for the inputs that they get, and
//! [`quantize_best`] is the whole of it: text, calibration, package.
//!
//! [`evaluate`] holds a package against its checkpoint; [`kv_cache`] gives a package an int8 key-value cache where that
//! costs little.
//!
//! [`agreement`] holds static graphs on a provider against the same graphs on the CPU.
//!
//! This crate is the one place where the makers of packages and ONNX Runtime meet.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod best;
mod calibration;
mod calibration_text;
pub mod context_binary;
mod error;
mod estimate;
pub mod evaluate;
mod gptq;
mod head;
pub mod kv_cache;
mod kv_ranges;
mod layer;
pub mod moments;
mod reference;
mod runtime;
mod spill;
pub mod static_check;
pub mod static_graph;
mod stepper;
mod texts;
mod weights;

pub use best::{BestReport, CalibrationOptions, quantize_best};
pub use calibration::Calibrated;
pub use calibration_text::{PROMPT_FILES, Text, TextBudget};
pub use error::CalibrateError;
pub use estimate::CalibrationEstimate;
pub use layer::Taps;
pub use reference::{Observer, Reference, ReferenceOptions, Watch};

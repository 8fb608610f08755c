//! The decoder: tokens in, logits out, with a cache that can be rewound.
//!
//! Call order: [`Decoder::prefill`] with the prompt, then [`Decoder::logits`]; for each chosen token
//! [`Decoder::decode`] and `logits` again; [`Decoder::rewind`] to an earlier length at any time.
//!
//! One folder a backend: `ort` runs a package through ONNX Runtime.
//! Tests have more decoders, in `core/testing`.

pub(crate) mod effort;
pub(crate) mod error;
pub(crate) mod graph_placement;
pub mod kv;
mod limits;
pub(crate) mod logits;
pub(crate) mod ort;
pub(crate) mod traits;

pub use effort::{Effort, PerformanceModes};
pub use error::DecoderError;
pub use graph_placement::{GraphPlacement, Share};
pub use traits::Decoder;

pub use crate::control::Interrupt;

//! The decoder on ONNX Runtime.
//!
//! - `dynamic` is one sequence on a graph that takes any length (`model`).
//! - `static_decoder` is one sequence on graphs of fixed shapes (`static_graphs`), as NPUs need them, in the
//!   form `static_float` or `static_int`.
//!
//! Both stand on `session` (loading a graph, and who runs it), `cache` (keys and values as tensors) and `errors`.

mod bound;
mod cache;
mod codes;
pub(crate) mod dynamic;
mod embedding;
mod errors;
pub(crate) mod loaded;
pub(crate) mod model;
mod names;
pub(crate) mod product_timing;
mod run_modes;
pub(crate) mod session;
pub(crate) mod static_decoder;
mod static_float;
pub(crate) mod static_graphs;
mod static_int;
mod static_io;
pub(crate) mod static_session;

//! Shape inference: how large every tensor of a graph gets, before anything of it is computed.
//!
//! ```text
//! span        a whole number between two bounds
//! value       a tensor: type, dimensions, elements, and the numbers in it that shapes come from
//! given       initialisers, and what is bound to inputs
//! numbers     arithmetic with these; what may not divide
//! shapes      operators that change dimensions
//! matrices    products, lookups, attention
//! operators   one arm an operator
//! estimate    all nodes in order: what constants take when they are computed, what a call takes
//! ```
//!
//! All sizes are upper bounds for any call of at most [`super::limits::CALL_TOKENS`] tokens with a cache of
//! [`super::limits::CALL_TOKENS`]. What constants alone determine is computed by ONNX Runtime when it loads the graph, so
//! its sum counts; of the rest, what is there at once.

mod estimate;
mod given;
mod matrices;
mod node;
mod numbers;
mod operators;
mod shapes;
mod span;
mod value;

pub use estimate::Estimate;
pub(super) use estimate::estimate;

#[cfg(test)]
mod tests;

//! What a decoder layer is written in: one description ([`super::layer`]), two readings.
//!
//! [`super::observed`] reads it as float32 with weights as inputs and every range as an output; [`super::quantized`] as
//! the graph of the package. An activation has the same name in both, so a range that was seen is found again.

use wheelwork_onnx::{Dimension, Graph, Node, Value};

/// An activation, and the name of the encoding that it has.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// What nodes read.
    pub(super) value: Value,
    /// Which encoding it has; see [`super::quantized::Table`].
    pub(super) key: String,
}

/// Which encoding an activation has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'k> {
    /// One of its own, from the range that is seen under its name.
    Own,
    /// Another one's: what only moves numbers keeps their encoding.
    As(&'k str),
}

/// What a graph gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output<'s> {
    /// Its shape, where the graph is static.
    pub(super) shape: &'s [usize],
    /// Whether nodes of the graph read it too.
    pub(super) is_read: bool,
}

/// Where a description goes.
pub(super) trait Emit {
    /// For constants.
    fn graph(&mut self) -> &mut Graph;

    /// A graph input.
    fn input(&mut self, name: &str, shape: &[Dimension<'_>], key: &str) -> Flow;

    /// An activation: the node's result.
    fn act(&mut self, node: Node, key: Key<'_>) -> Flow;

    /// An activation that leaves the graph under the node's name.
    fn output(&mut self, node: Node, key: Key<'_>, output: Output<'_>) -> Flow;

    /// Both halves of a `Split` node, under these names.
    fn halves(&mut self, node: Node, names: [&str; 2], key: &str) -> [Flow; 2];

    /// The same numbers in another encoding.
    fn recode(&mut self, name: &str, flow: &Flow, key: &str) -> Flow;

    /// Notes under `key` how long the pairs of elements of both halves get: no rotation of them goes beyond.
    fn pair_lengths(&mut self, key: &str, halves: &[Flow; 2]);

    /// `input * W^T` for a matrix `[rows, columns]` of the checkpoint.
    fn product(&mut self, name: &str, input: &Flow, tensor: &str, shape: [usize; 2]) -> Node;

    /// A bias, or a norm's weights.
    fn vector(&mut self, tensor: &str, size: usize) -> Value;

    /// Scores times attention's `1 / sqrt(head_dim)`, where the queries do not hold it already.
    fn scale(&mut self, scores: Flow, _head_dim: usize) -> Flow {
        scores
    }

    /// What goes into a matrix: of interest to who calibrates.
    fn tap(&mut self, _: &Flow) {}

    /// What goes into the cache, head by head.
    fn tap_cache(&mut self, _: &Flow) {}
}

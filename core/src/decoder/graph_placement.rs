//! Who runs the nodes of a loaded graph.

use serde::Serialize;

/// How the nodes of a graph were shared out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GraphPlacement {
    /// The graph's file.
    pub graph: String,
    /// Bytes of weights, or of compiled binaries, that the graph reads.
    pub weight_bytes: u64,
    /// Each provider that got any.
    pub shares: Vec<Share>,
}

/// What a provider got of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// Nodes.
    pub nodes: usize,
    /// Their operators, each once, in alphabetical order.
    pub operators: Vec<String>,
}

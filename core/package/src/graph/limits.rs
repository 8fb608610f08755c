//! What no honest decoder exceeds. A 70B has 80 layers, about 1,000 nodes and 1,500 initialisers; its graph without
//! weights is below 1 MB.

use crate::budget;

/// Bytes of the graph file.
pub const GRAPH_BYTES: u64 = budget::GRAPH_BYTES.number;
/// Nodes.
pub const NODES: usize = budget::GRAPH_NODES.as_usize();
/// Initialisers.
pub const INITIALIZERS: usize = 16_384;
/// Graph inputs, graph outputs; two a layer and some more.
pub const VALUES: usize = 8192;
/// Inputs or outputs of one node.
pub const NODE_VALUES: usize = 256;
/// Inputs of all nodes together.
pub const USES: usize = 65_536;
/// Attributes of one node.
pub const ATTRIBUTES: usize = 64;
/// Entries of one tensor about its place in a file. A prepared graph names every packed matrix in one tensor: 141 of a model of 1.5
/// billion parameters, 401 of one of 70.
pub const EXTERNAL_ENTRIES: usize = 4096;
/// Numbers in one attribute.
pub const NUMBERS: usize = 65_536;
/// Whole numbers that shapes are computed from, in one tensor.
pub const FEW: usize = 64;
/// Dimensions of a tensor.
pub const DIMENSIONS: usize = 8;
/// Elements along one dimension.
pub const DIMENSION: u64 = 1 << 40;
/// Bytes of a name.
pub const NAME_BYTES: usize = 1024;

/// Tokens of a call, and of the cache, for which memory and steps are estimated.
pub const CALL_TOKENS: usize = 512;
/// Tokens of a call of a graph that gives logits for every token.
pub const CALL_TOKENS_ALL_LOGITS: usize = 64;

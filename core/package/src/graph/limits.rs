//! What no honest decoder exceeds. A 70B has 80 layers, about 1,000 nodes and 1,500 initialisers; its graph without
//! weights is below 1 MB.

/// Bytes of the graph file.
pub const GRAPH_BYTES: u64 = 64 << 20;
/// Nodes.
pub const NODES: usize = 65_536;
/// Initialisers.
pub const INITIALIZERS: usize = 65_536;
/// Graph inputs, graph outputs; two a layer and some more.
pub const VALUES: usize = 8192;
/// Inputs or outputs of one node.
pub const NODE_VALUES: usize = 1024;
/// Attributes of one node.
pub const ATTRIBUTES: usize = 64;
/// Numbers in one attribute.
pub const NUMBERS: usize = 65_536;
/// Dimensions of a tensor.
pub const DIMENSIONS: usize = 8;
/// Elements along one dimension.
pub const DIMENSION: u64 = 1 << 40;
/// Bytes of a name.
pub const NAME_BYTES: usize = 1024;

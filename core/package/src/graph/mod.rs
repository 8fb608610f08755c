//! Our own look at an ONNX graph, before ONNX Runtime sees it.
//!
//! ```text
//! bytes -> wire      tags, varints, lengths: protobuf's encoding, no length trusted
//!       -> proto     nodes, attributes, initialisers; functions, subgraphs, sparse tensors and unknown fields refused
//!       -> rules     known operators and attributes, every name defined once and before its use
//!       -> tensors   bytes = elements × bits / 8, in the graph or in a plain file beside it
//!       -> compiled  one `EPContext` node alone, its binary in a plain file
//!       -> weights   sizes of quantised matrices from K, N, bits and block size
//!       -> codes    where codes stand, whose bits the card may state to be fewer
//!       -> inference shapes of all tensors: memory and steps of constants and of a call; what divides whole numbers
//! ```
//!
//! [`verify`] is a pure function of the bytes: no file is opened. It tells which files hold the weights and how long
//! they must be at least; [`crate::open`] compares. Memory is proportional to the bytes given and they are limited
//! ([`limits::GRAPH_BYTES`]); every count has a limit of its own.
//!
//! The operators are those that decoders are made of, ours and those of onnxruntime-genai's builder. There is no
//! switch to let others pass: ONNX Runtime's kernels trust their graph, and whoever needs one more operator adds one
//! line to `rules.rs` after having looked at what it reads.
//!
//! [`prepacked`] rewrites a verified graph so that ONNX Runtime finds packed weights on the disk, [`rewritten`] so that our
//! kernels compute its products, [`gated`] those of a layer's gate in one.

pub mod attention;
pub mod codes;
mod compiled;
mod error;
pub mod gated;
mod inference;
pub mod limits;
pub mod prepacked;
mod products;
mod proto;
pub mod rewritten;
pub mod rows;
mod rules;
mod tensors;
mod weights;
mod wire;

use std::collections::BTreeMap;

pub use codes::Codes;
pub use error::GraphError;
pub use inference::Estimate;
pub use products::Product;
use proto::Model;

use crate::genai_config::Inputs;

/// What a verified graph needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Number of nodes.
    pub nodes: usize,
    /// Number of initialisers.
    pub initializers: usize,
    /// Bytes of all initialisers, wherever they stand.
    pub weight_bytes: u64,
    /// The files beside the graph that hold initialisers, by plain name, and how many bytes each must have at least.
    pub files: BTreeMap<String, u64>,
    /// Whether the graph is one that an execution provider has compiled; its file then holds everything.
    pub is_compiled: bool,
    /// The matrices that a runtime packs when it loads the graph.
    pub products: Vec<Product>,
    /// Where the codes of quantised matrices stand.
    pub codes: Vec<Codes>,
    /// What computing takes besides the weights. Nothing is known of a graph that is compiled.
    pub estimate: Estimate,
}

/// Verifies a graph with the usual input names, whatever the bytes are.
///
/// # Errors
/// [`GraphError`], naming the node or tensor.
pub fn verify(bytes: &[u8]) -> Result<Verified, GraphError> {
    verify_with(bytes, &Inputs::default())
}

/// Verifies a graph, whatever the bytes are, which gets one row a token in the inputs of these names.
///
/// # Errors
/// [`GraphError`], naming the node or tensor.
pub fn verify_with(bytes: &[u8], names: &Inputs) -> Result<Verified, GraphError> {
    if bytes.len() as u64 > limits::GRAPH_BYTES {
        return Err(GraphError::TooLarge { bytes: bytes.len() as u64, limit: limits::GRAPH_BYTES });
    }
    let graph = Model::read(bytes)?.graph;
    let mut files = BTreeMap::new();
    let (initializers, weight_bytes) = tensors::check(&graph.initializers, &mut files)?;
    rules::check(&graph, &initializers)?;
    let binary = compiled::binary(&graph)?;
    files.extend(binary.map(|file| (file.to_owned(), 1)));
    for node in &graph.nodes {
        weights::check(node, &initializers)?;
    }
    let estimate = match binary {
        Some(_) => Estimate::default(),
        None => inference::estimate(&graph, names, weight_bytes)?,
    };
    Ok(Verified {
        estimate,
        nodes: graph.nodes.len(),
        initializers: graph.initializers.len(),
        weight_bytes,
        files,
        is_compiled: binary.is_some(),
        products: products::of(&graph, &initializers),
        codes: codes::of(&graph),
    })
}

#[cfg(test)]
mod messages;
#[cfg(test)]
mod tests;

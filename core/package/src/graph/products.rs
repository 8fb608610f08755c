//! The matrices that ONNX Runtime copies when it loads a graph: it packs them for the CPU's registers.

use super::proto::{Graph, Node};
use super::tensors::Initializers;

/// A constant matrix `[k, n]` that activations are multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Rows: elements of an input.
    pub k: u64,
    /// Columns: elements of an output.
    pub n: u64,
    /// Bits of a code; 32 for a matrix that is not quantised.
    pub bits: u64,
    /// Codes that share a scale; `k` for a matrix that is not quantised.
    pub block_size: u64,
}

/// The matrices of a verified graph, in the order of its nodes.
pub(super) fn of(graph: &Graph<'_>, initializers: &Initializers<'_>) -> Vec<Product> {
    graph.nodes.iter().filter_map(|node| product(node, initializers)).collect()
}

fn product(node: &Node<'_>, initializers: &Initializers<'_>) -> Option<Product> {
    match (node.domain, node.operator) {
        ("com.microsoft", "MatMulNBits") => {
            let number =
                |name, default| node.int(name).or(default).and_then(|value| u64::try_from(value).ok());
            Some(Product {
                k: number("K", None)?,
                n: number("N", None)?,
                bits: number("bits", Some(4))?,
                block_size: number("block_size", Some(128))?.max(1),
            })
        }
        ("", "MatMul") | ("com.microsoft", "FusedMatMul") => {
            let [rows, columns] = *initializers.get(node.inputs.get(1)?)?.dims else { return None };
            let is_transposed = node.int("transB").is_some_and(|value| value != 0);
            let (k, n) = if is_transposed { (columns, rows) } else { (rows, columns) };
            let (k, n) = (k.unsigned_abs(), n.unsigned_abs());
            Some(Product { k, n, bits: 32, block_size: k.max(1) })
        }
        _ => None,
    }
}

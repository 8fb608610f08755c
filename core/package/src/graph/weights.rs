//! Quantised matrices: the sizes of codes, scales and zero points follow from the attributes.
//!
//! ```text
//! MatMulNBits, blocks = ⌈K / block_size⌉
//!     codes        [N, blocks, block_size × bits / 8]   uint8
//!     scales       [N × blocks]
//!     zero points  [N × ⌈blocks × bits / 8⌉] uint8, or [N × blocks] of the scales' type
//!     bias         [N]
//! GatherBlockQuantized along the last axis
//!     codes        [rows, K], or [rows, K × bits / 8] uint8
//!     scales       [rows, ⌈K / block_size⌉]
//! ```
//!
//! The kernels compute addresses from the attributes, so a matrix that is smaller than they say is memory that is
//! not ours.

use super::GraphError;
use super::proto::Node;
use super::tensors::{Initializer, Initializers};

/// ONNX's number of `uint8`.
const UINT8: i64 = 2;
/// The largest K and N: four times the largest vocabulary.
const LARGEST_SIDE: u64 = 1 << 20;

/// Checks a node that holds a quantised matrix; others pass.
pub(super) fn check(node: &Node<'_>, initializers: &Initializers<'_>) -> Result<(), GraphError> {
    match (node.domain, node.operator) {
        ("com.microsoft", "MatMulNBits") => product(&Matrix { node, initializers }),
        ("com.microsoft", "GatherBlockQuantized") => lookup(&Matrix { node, initializers }),
        ("com.microsoft", "GroupQueryAttention") => attention(&Matrix { node, initializers }),
        _ => Ok(()),
    }
}

struct Matrix<'a> {
    node: &'a Node<'a>,
    initializers: &'a Initializers<'a>,
}

fn product(matrix: &Matrix<'_>) -> Result<(), GraphError> {
    let is_side = |side: &u64| (1..=LARGEST_SIDE).contains(side);
    let k = matrix.attribute("K", None, "1 to 1048576", is_side)?;
    let n = matrix.attribute("N", None, "1 to 1048576", is_side)?;
    let (bits, block_size) = matrix.block(4)?;
    // Its layouts are those of GPUs, which trust it.
    matrix.attribute("weight_prepacked", Some(0), "0", |value| *value == 0)?;
    let blocks = k.div_ceil(block_size);
    matrix.expect(1, "codes", |_| n * blocks * (block_size * bits / 8))?;
    matrix.expect(2, "scales", |_| n * blocks)?;
    matrix.expect_optional(3, "zero points", |given| {
        if given.data_type == UINT8 { n * (blocks * bits).div_ceil(8) } else { n * blocks }
    })?;
    matrix.expect_optional(4, "group indices", |_| k)?;
    matrix.expect_optional(5, "bias", |_| n)
}

fn lookup(matrix: &Matrix<'_>) -> Result<(), GraphError> {
    let (bits, block_size) = matrix.block(4)?;
    let codes = matrix.initializer(0, "codes")?;
    let [rows, stored] = *codes.dims else {
        return Err(matrix.wrong("codes", codes.elements, 0));
    };
    let last = matrix.node.int("quantize_axis").unwrap_or(1);
    matrix.range("quantize_axis", Some(last), "the last axis", matches!(last, 1 | -1))?;
    let gathered = matrix.node.int("gather_axis").unwrap_or(0);
    matrix.range("gather_axis", Some(gathered), "the first axis", gathered == 0)?;
    let (rows, stored) = (rows.unsigned_abs(), stored.unsigned_abs());
    let columns = if codes.data_type == UINT8 { stored.saturating_mul(8 / bits) } else { stored };
    let blocks = rows.saturating_mul(columns.div_ceil(block_size));
    matrix.expect(2, "scales", |_| blocks)?;
    matrix.expect_optional(3, "zero points", |given| {
        if given.data_type == UINT8 {
            rows.saturating_mul((columns.div_ceil(block_size) * bits).div_ceil(8))
        } else {
            blocks
        }
    })
}

/// The kernel divides by the numbers of heads, and counts with them.
fn attention(matrix: &Matrix<'_>) -> Result<(), GraphError> {
    let heads = matrix.attribute("num_heads", None, "1 to 4096", |heads| (1..=4096).contains(heads))?;
    let divides = |kv_heads: &u64| *kv_heads > 0 && heads.is_multiple_of(*kv_heads);
    matrix.attribute("kv_num_heads", None, "a divisor of num_heads", divides)?;
    let window = matrix.node.int("local_window_size").unwrap_or(-1);
    let is_window = window == -1 || (1..=i64::from(i32::MAX)).contains(&window);
    matrix.range("local_window_size", Some(window), "-1, or 1 to 2147483647", is_window)?;
    matrix.attribute("kv_cache_bit_width", Some(0), "0, 4 or 8", |bits| matches!(bits, 0 | 4 | 8))?;
    for flag in ["do_rotary", "rotary_interleaved", "causal", "sliding_window_cache"] {
        let found = matrix.node.int(flag);
        matrix.range(flag, found, "0 or 1", matches!(found, None | Some(0 | 1)))?;
    }
    // It would make every score an output.
    matrix.attribute("qk_output", Some(0), "0", |form| *form == 0).map(drop)
}

impl Matrix<'_> {
    /// Bits and block size.
    fn block(&self, default_bits: i64) -> Result<(u64, u64), GraphError> {
        let bits =
            self.attribute("bits", Some(default_bits), "2, 4 or 8", |bits| matches!(bits, 2 | 4 | 8))?;
        let is_block = |size: &u64| (16..=1 << 16).contains(size) && size.is_power_of_two();
        let block_size =
            self.attribute("block_size", Some(128), "a power of two from 16 to 65536", is_block)?;
        Ok((bits, block_size))
    }

    fn attribute(
        &self,
        name: &'static str,
        default: Option<i64>,
        expected: &'static str,
        is_good: impl Fn(&u64) -> bool,
    ) -> Result<u64, GraphError> {
        let found = self.node.int(name).or(default);
        let value = found.and_then(|value| u64::try_from(value).ok()).filter(is_good);
        self.range(name, found, expected, value.is_some())?;
        Ok(value.unwrap_or_default())
    }

    fn range(
        &self,
        attribute: &'static str,
        found: Option<i64>,
        expected: &'static str,
        is_good: bool,
    ) -> Result<(), GraphError> {
        if is_good {
            return Ok(());
        }
        let found = found.map_or_else(|| "none".to_owned(), |value| value.to_string());
        Err(GraphError::Range { node: self.node.label(), attribute, found, expected })
    }

    /// An input that has to be an initialiser.
    fn initializer(&self, index: usize, input: &'static str) -> Result<&Initializer<'_>, GraphError> {
        let name = self.node.inputs.get(index).copied().unwrap_or_default();
        self.initializers.get(name).ok_or_else(|| self.wrong(input, 0, 1))
    }

    fn expect(
        &self,
        index: usize,
        input: &'static str,
        expected: impl Fn(&Initializer<'_>) -> u64,
    ) -> Result<(), GraphError> {
        let given = self.initializer(index, input)?;
        let expected = expected(given);
        if given.elements == expected { Ok(()) } else { Err(self.wrong(input, given.elements, expected)) }
    }

    fn expect_optional(
        &self,
        index: usize,
        input: &'static str,
        expected: impl Fn(&Initializer<'_>) -> u64,
    ) -> Result<(), GraphError> {
        match self.node.inputs.get(index).copied().unwrap_or_default() {
            "" => Ok(()),
            _ => self.expect(index, input, expected),
        }
    }

    fn wrong(&self, input: &'static str, found: u64, expected: u64) -> GraphError {
        GraphError::Weights { node: self.node.label(), input, found, expected }
    }
}

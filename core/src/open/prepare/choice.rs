//! Which products our kernels compute, by what they and ONNX Runtime's take on this machine.

use serde::{Deserialize, Serialize};

use wheelwork_package::graph::rewritten::Replaceable;
use wheelwork_package::packing;

/// Rows of a part of a prompt for which products are timed. (A prompt comes in chunks of 512: all that is more than some tens
/// of rows costs the same a row.)
pub(super) const PROMPT_ROWS: usize = 64;
/// What two takes of the same differ by, at least.
const NOISE: f64 = 1.03;

/// How long products of one shape take, each of them alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProductTime {
    /// For one token, in microseconds: the best of several takes.
    pub token_us: f64,
    /// For 64 tokens of a prompt, in microseconds.
    pub prompt_us: f64,
}

/// The products of one shape, and who computes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductChoice {
    /// Elements of a row of activations.
    pub k: u64,
    /// Elements of a row of results.
    pub n: u64,
    /// Bits of a weight as it is computed with: its own with our kernels, those that it is stored in with ONNX Runtime's.
    pub bits: u64,
    /// Bits that the package stores it in.
    pub stored_bits: u64,
    /// Weights that share a scale.
    pub block_size: u64,
    /// How many the graph has.
    pub products: usize,
    /// What ONNX Runtime's operator takes; `None` where it was not asked.
    pub onnxruntime: Option<ProductTime>,
    /// What ours takes; `None` where it was not asked.
    pub ours: Option<ProductTime>,
    /// Whether ours computes them.
    pub is_ours: bool,
}

/// All products of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    k: u64,
    n: u64,
    bits: u64,
    code_bits: u64,
    scale_bits: u64,
    block_size: u64,
    has_zeros: bool,
}

impl Kind {
    pub(super) fn of(product: &Replaceable) -> Self {
        let Replaceable { k, n, bits, code_bits, scale_bits, block_size, zero_points, .. } = product;
        let (bits, code_bits, has_zeros) = (*bits, packing::bits(*code_bits, *bits), zero_points.is_some());
        let (scale_bits, block_size) = (*scale_bits, *block_size);
        Self { k: *k, n: *n, bits, code_bits, scale_bits, block_size, has_zeros }
    }

    pub(super) fn k(self) -> u64 {
        self.k
    }

    /// With what was measured; without, ours computes them.
    pub(super) fn choice(
        self,
        products: usize,
        measured: Option<(ProductTime, ProductTime)>,
    ) -> ProductChoice {
        let Self { k, n, bits: stored_bits, code_bits, block_size, .. } = self;
        let (onnxruntime, ours) = measured.unzip();
        let is_ours = measured.is_none_or(|(theirs, ours)| is_faster(ours, theirs));
        let bits = if is_ours { code_bits } else { stored_bits };
        ProductChoice { k, n, bits, stored_bits, block_size, products, onnxruntime, ours, is_ours }
    }
}

/// Not slower for a token nor for a prompt, and faster for one of them.
pub(super) fn is_faster(ours: ProductTime, theirs: ProductTime) -> bool {
    let (token, prompt) = (ours.token_us / theirs.token_us, ours.prompt_us / theirs.prompt_us);
    token <= NOISE && prompt <= NOISE && (token < 1.0 || prompt < 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_computes_what_it_makes_faster_and_nothing_slower() {
        let time = |token_us, prompt_us| ProductTime { token_us, prompt_us };
        let theirs = time(100.0, 1000.0);
        for (ours, expected) in [
            (time(50.0, 500.0), true),
            (time(101.0, 500.0), true),
            (time(50.0, 1010.0), true),
            (time(101.0, 1010.0), false),
            (time(50.0, 1200.0), false),
            (time(120.0, 100.0), false),
            (time(f64::NAN, 100.0), false),
        ] {
            assert_eq!(is_faster(ours, theirs), expected, "{ours:?}");
        }
    }
}

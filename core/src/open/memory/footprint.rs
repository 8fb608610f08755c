//! What a model takes, as a formula over the shapes of its graph; `docs/context.md` says how good it is.
//!
//! ```text
//! packed   = Σ over matrices  n · k · bits / 8 + n · ⌈k / block⌉ · 8    codes; a scale and a sum a block, float32
//!            Σ                n · k · 4                                 of matrices that are not quantised
//! stored   = the same with 4 bytes a block: what the file holds of these matrices
//!            in a prepared form with our kernels, of those matrices alone that are ONNX Runtime's
//! mapped   = bytes of the weights' files - stored (+ packed, in a prepared form of ONNX Runtime's; + the packed file, in ours)
//! runtime  = 10 MB + 11 · bytes of tokenizer.json                       ONNX Runtime, vocabulary and merges
//! cache    = bytes a token · (capacity + the capacity before it, which is there while it grows)
//! working  = 10 MB + 4 · chunk · (3 · intermediate + 6 · hidden) + 4 · vocabulary · (rows + 1), or what shape inference finds
//!            where that is more; and the constants that a graph computes
//! ```
//!
//! Attention adds nothing that grows with the context: ONNX Runtime's kernel goes over it in blocks. The constants were
//! fitted to ONNX Runtime 1.32 on x86-64; other CPUs pack in other forms of about the same size.

use wheelwork_package::genai_config::Model;
use wheelwork_package::graph::{Product, Verified};

use crate::decoder::kv::{FIRST_CAPACITY_TOKENS, KvShape, grown_capacity, growth};
use crate::decoder::ort::model::{CHUNK_TOKENS, CHUNK_TOKENS_ALL_LOGITS};

const RUNTIME_BYTES: u64 = 10_000_000;
const RUNTIME_BYTES_PER_TOKENIZER_BYTE: u64 = 11;
const WORKING_BYTES: u64 = 10_000_000;

/// What a model takes whatever the context is, and its cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// Copies of weights, where the form is not a prepared one.
    pub(crate) packed_bytes: u64,
    /// Weights that are read from mapped files.
    pub(crate) mapped_bytes: u64,
    pub(crate) runtime_bytes: u64,
    pub(crate) working_bytes: u64,
    pub(crate) kv: KvShape,
}

/// A graph with what the formula wants to know besides it.
pub(crate) struct Subject<'a> {
    pub(crate) model: &'a Model,
    pub(crate) graph: &'a Verified,
    pub(crate) tokenizer_bytes: u64,
    pub(crate) kv: KvShape,
    /// The graph gives every token's logits, as those of other makers may.
    pub(crate) all_logits: bool,
    pub(crate) packed: Packed,
}

/// Where the packed weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    /// In memory: made at each open.
    InMemory,
    /// In a file that ONNX Runtime made.
    InFile,
    /// In a file for our kernels, beside those of products that are ONNX Runtime's, in memory.
    Ours { file_bytes: u64, left_bytes: u64 },
}

impl Footprint {
    pub(crate) fn of(subject: &Subject<'_>) -> Self {
        let Subject { model, graph, .. } = subject;
        let (packed, stored) = (packed_bytes(&graph.products), sum(&graph.products, 4));
        let files = graph.files.values().copied().fold(0, u64::saturating_add);
        let rest = files.saturating_sub(stored);
        let hidden = model.decoder.hidden_size as u64;
        let vocabulary = model.vocab_size as u64;
        // The widest matrix that is not the output layer. Without one, the usual proportion.
        let widths = graph.products.iter().map(|product| product.n).filter(|&n| n != vocabulary);
        let intermediate = widths.max().unwrap_or(hidden.saturating_mul(4));
        let (chunk_tokens, logit_rows) = if subject.all_logits {
            (CHUNK_TOKENS_ALL_LOGITS, CHUNK_TOKENS_ALL_LOGITS)
        } else {
            (CHUNK_TOKENS, 1)
        };
        let activations = (chunk_tokens as u64)
            .saturating_mul(intermediate.saturating_mul(3).saturating_add(hidden.saturating_mul(6)));
        let logits = vocabulary.saturating_mul(logit_rows as u64 + 1);
        let fitted = activations.saturating_add(logits).saturating_mul(4);
        // A graph of another maker may compute what the formula does not know.
        let working = fitted.max(graph.estimate.call_bytes).saturating_add(WORKING_BYTES);
        let (packed_bytes, in_file) = match subject.packed {
            Packed::InMemory => (packed, 0),
            Packed::InFile => (0, packed),
            Packed::Ours { file_bytes, left_bytes } => (left_bytes, file_bytes),
        };
        Self {
            packed_bytes,
            mapped_bytes: rest.saturating_add(in_file),
            runtime_bytes: RUNTIME_BYTES_PER_TOKENIZER_BYTE
                .saturating_mul(subject.tokenizer_bytes)
                .saturating_add(RUNTIME_BYTES),
            working_bytes: working.saturating_add(graph.estimate.constant_bytes),
            kv: subject.kv,
        }
    }

    /// The cache at so many tokens, and the one that it grows out of.
    pub(crate) fn cache_bytes(&self, context_tokens: usize) -> (u64, u64) {
        let first = grown_capacity(0, FIRST_CAPACITY_TOKENS.min(context_tokens), context_tokens);
        let last_two = growth(first, context_tokens).fold((0, 0), |(_, before), capacity| (before, capacity));
        let (before, capacity) = last_two;
        (self.kv.bytes(capacity), self.kv.bytes(before))
    }
}

/// What ONNX Runtime's copies of these matrices take.
pub(crate) fn packed_bytes<'p>(products: impl IntoIterator<Item = &'p Product>) -> u64 {
    sum(products, 8)
}

fn sum<'p>(products: impl IntoIterator<Item = &'p Product>, block_bytes: u64) -> u64 {
    let bytes = products.into_iter().map(|product| weight_bytes(product, block_bytes));
    bytes.fold(0, u64::saturating_add)
}

/// A matrix with so many bytes beside the codes of each block; saturates where a graph lies.
fn weight_bytes(product: &Product, block_bytes: u64) -> u64 {
    let Product { k, n, bits, block_size } = *product;
    let codes = n.saturating_mul(k).saturating_mul(bits) / 8;
    let blocks = if bits == 32 { 0 } else { n.saturating_mul(k.div_ceil(block_size)) };
    codes.saturating_add(blocks.saturating_mul(block_bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of two bytes a token.
    fn footprint() -> Footprint {
        let kv = KvShape { num_hidden_layers: 1, num_key_value_heads: 1, head_dim: 1, element_bytes: 1 };
        Footprint { packed_bytes: 0, mapped_bytes: 0, runtime_bytes: 0, working_bytes: 0, kv }
    }

    #[test]
    fn a_block_of_int4_takes_six_bits_a_weight_when_packed_and_five_when_stored() {
        let product = Product { k: 1536, n: 8960, bits: 4, block_size: 32 };
        assert_eq!(weight_bytes(&product, 8), 1536 * 8960 * 6 / 8);
        assert_eq!(weight_bytes(&product, 4), 1536 * 8960 * 5 / 8);
        let float = Product { k: 256, n: 768, bits: 32, block_size: 256 };
        assert_eq!(weight_bytes(&float, 8), 256 * 768 * 4);
    }

    #[test]
    fn a_lying_matrix_saturates() {
        let product = Product { k: u64::MAX, n: u64::MAX, bits: 8, block_size: 1 };
        assert_eq!(weight_bytes(&product, 8), u64::MAX);
    }

    #[test]
    fn while_it_grows_the_cache_is_there_twice() {
        let footprint = footprint();
        assert_eq!(footprint.cache_bytes(100), (2 * 100, 0));
        assert_eq!(footprint.cache_bytes(512), (2 * 512, 0));
        assert_eq!(footprint.cache_bytes(1024), (2 * 1024, 2 * 512));
        assert_eq!(footprint.cache_bytes(4000), (2 * 4000, 2 * 2560));
    }

    proptest! {
        #[test]
        fn a_longer_context_never_takes_less(tokens in 1_usize..200_000, more in 0_usize..10_000) {
            let footprint = footprint();
            let total = |tokens| { let (now, before) = footprint.cache_bytes(tokens); now + before };
            prop_assert!(total(tokens) <= total(tokens + more));
            prop_assert!(total(tokens) <= 4 * tokens as u64);
        }
    }
}

//! The key-value cache as arithmetic: how large, and when it grows.
//!
//! The cache holds, per layer, keys and values of shape `[1, num_key_value_heads, capacity, head_dim]`. It
//! starts small and grows in steps, because a context of 32,768 tokens would cost 1.75 GiB at the 1.5B shape
//! before the first word.

/// The smallest capacity in tokens.
pub const FIRST_CAPACITY_TOKENS: usize = 512;

/// Shapes of one model's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvShape {
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// Elements of one head.
    pub head_dim: usize,
    /// Bytes of one element: 4 for float32.
    pub element_bytes: usize,
}

impl KvShape {
    /// Bytes of keys and values together for `capacity_tokens`; saturates instead of overflowing.
    #[must_use]
    pub fn bytes(&self, capacity_tokens: usize) -> u64 {
        [
            2,
            self.num_hidden_layers,
            self.num_key_value_heads,
            self.head_dim,
            self.element_bytes,
            capacity_tokens,
        ]
        .iter()
        .fold(1_u64, |product, &factor| product.saturating_mul(factor as u64))
    }
}

/// The capacity for `needed_tokens`: at least half as much again as `current`, so that growing costs O(1)
/// copies a token; in multiples of [`FIRST_CAPACITY_TOKENS`]; never above `context_length`.
#[must_use]
pub fn grown_capacity(current: usize, needed_tokens: usize, context_length: usize) -> usize {
    let wanted = needed_tokens.max(current + current / 2);
    wanted.next_multiple_of(FIRST_CAPACITY_TOKENS).min(context_length.max(needed_tokens))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r1_distill_qwen_1_5b_takes_56_kib_a_token() {
        let shape =
            KvShape { num_hidden_layers: 28, num_key_value_heads: 2, head_dim: 128, element_bytes: 4 };
        assert_eq!(shape.bytes(1), 56 << 10);
    }

    #[test]
    fn a_lying_shape_saturates() {
        let shape = KvShape {
            num_hidden_layers: usize::MAX,
            num_key_value_heads: usize::MAX,
            head_dim: 128,
            element_bytes: 4,
        };
        assert_eq!(shape.bytes(usize::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn growth_holds_what_is_needed_and_respects_the_context(
            current in 0_usize..40_000, more in 1_usize..4_000, context in 1_usize..65_536,
        ) {
            let current = current.min(context);
            let needed = (current + more).min(context);
            let capacity = grown_capacity(current, needed, context);
            prop_assert!(capacity >= needed);
            prop_assert!(capacity <= context);
        }
    }
}

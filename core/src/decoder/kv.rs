//! The key-value cache as arithmetic: how large, and when it grows.
//!
//! The cache holds, per layer, keys and values of shape `[1, num_key_value_heads, capacity, head_dim]`. It
//! starts small and grows in steps, because a context of 32,768 tokens would cost 1.75 GiB at the 1.5B shape
//! before the first word.

use std::iter::successors;

use wheelwork_package::card::KvForm;
use wheelwork_package::genai_config::Decoder;

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
    /// Bytes of one element: 4 for float32, 1 for int8.
    pub element_bytes: usize,
}

impl KvShape {
    /// The shape that a package's description gives.
    #[must_use]
    pub fn of(decoder: &Decoder, form: KvForm) -> Self {
        Self {
            num_hidden_layers: decoder.num_hidden_layers,
            num_key_value_heads: decoder.num_key_value_heads,
            head_dim: decoder.head_size,
            element_bytes: match form {
                KvForm::Float => size_of::<f32>(),
                KvForm::Int8 => size_of::<i8>(),
            },
        }
    }

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

    /// Bytes of one token; saturates, so that a shape that lies fits no memory.
    pub(crate) fn token_bytes(&self) -> usize {
        usize::try_from(self.bytes(1)).unwrap_or(usize::MAX)
    }
}

/// How large the elements of one layer's cache get, one figure a channel: `[num_key_value_heads, head_dim]`.
#[derive(Debug, Clone, PartialEq)]
pub struct KvRange {
    /// Of keys: not their magnitude at the positions seen but at any position. Rotation turns channel `c` and
    /// `c + head_dim / 2` into each other, so both get the largest length of their pair.
    pub keys: Vec<f32>,
    /// Of values: the largest magnitude.
    pub values: Vec<f32>,
}

impl KvRange {
    /// Widens the range to hold another of the same shape.
    pub fn include(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.keys, &other.keys), (&mut self.values, &other.values)] {
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine = mine.max(*theirs);
            }
        }
    }
}

/// The largest magnitude of each channel in rows of `head_dim`.
#[must_use]
pub fn largest(rows: &[f32], head_dim: usize) -> Vec<f32> {
    let mut largest = vec![0.0_f32; head_dim];
    for row in rows.chunks_exact(head_dim) {
        for (largest, value) in largest.iter_mut().zip(row) {
            *largest = largest.max(value.abs());
        }
    }
    largest
}

/// The largest length of the pair (c, c + head_dim / 2) that rotation keeps, for each channel.
#[must_use]
pub fn largest_rotated(rows: &[f32], head_dim: usize) -> Vec<f32> {
    let mut largest = vec![0.0_f32; head_dim / 2];
    for row in rows.chunks_exact(head_dim) {
        let (first, second) = row.split_at(head_dim / 2);
        for ((largest, a), b) in largest.iter_mut().zip(first).zip(second) {
            *largest = largest.max(a.hypot(*b));
        }
    }
    largest.repeat(2)
}

/// The capacity for `needed_tokens`: at least half as much again as `current`, so that growing costs O(1)
/// copies a token; in multiples of [`FIRST_CAPACITY_TOKENS`]; never above `context_length`.
#[must_use]
pub fn grown_capacity(current: usize, needed_tokens: usize, context_length: usize) -> usize {
    let wanted = needed_tokens.max(current + current / 2);
    wanted.next_multiple_of(FIRST_CAPACITY_TOKENS).min(context_length.max(needed_tokens))
}

/// The capacities of a cache of `current` that grows token by token, itself first, until it has room for `context_length`.
pub fn growth(current: usize, context_length: usize) -> impl Iterator<Item = usize> {
    successors(Some(current), move |&capacity| {
        (capacity < context_length).then(|| grown_capacity(capacity, capacity + 1, context_length))
    })
}

/// The capacity at which a cache of `current` has room for `needed_tokens`: where it would be had it grown token by token.
#[must_use]
pub fn capacity_for(current: usize, needed_tokens: usize, context_length: usize) -> usize {
    let needed = needed_tokens.min(context_length);
    growth(current, context_length)
        .find(|capacity| *capacity >= needed)
        .expect("it ends at the context length")
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
    fn room_for_many_tokens_is_what_single_ones_would_have_grown_to() {
        assert_eq!(capacity_for(512, 512, 32_768), 512);
        assert_eq!(capacity_for(512, 513, 32_768), 1024);
        assert_eq!(capacity_for(512, 4097, 32_768), 6144);
        // Never more than the context, whatever is asked for.
        assert_eq!(capacity_for(512, usize::MAX, 4000), 4000);
        assert_eq!(capacity_for(100, 200, 100), 100);
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

    #[test]
    fn a_key_range_holds_at_every_rotation() {
        // Two rows of four channels: the pairs are (0, 2) and (1, 3).
        let rows = [3.0, 0.5, -4.0, 0.0, 1.0, -2.0, 1.0, 0.0];
        assert_eq!(largest_rotated(&rows, 4), [5.0, 2.0, 5.0, 2.0]);
        assert_eq!(largest(&rows, 4), [3.0, 2.0, 4.0, 0.0]);
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

//! How large keys and values get: what scales of an int8 cache are made of.

use wheelwork_quantize::checkpoint::Config;
use wheelwork_quantize::kv_cache::LayerRange;

use crate::layer::Taps;

/// The range of a layer that has seen nothing.
pub(crate) fn none(config: &Config) -> LayerRange {
    LayerRange { keys: vec![0.0; config.key_size()], values: vec![0.0; config.key_size()] }
}

/// Widens a range to hold one more sequence.
pub(crate) fn include(range: &mut LayerRange, taps: &Taps<'_>, config: &Config) {
    let head_dim = config.head_dim;
    let heads = |values: &'_ [f32]| values.len() / config.num_key_value_heads;
    let (keys, values) = (taps.keys, taps.values);
    let key_heads = keys.chunks_exact(heads(keys).max(1)).zip(range.keys.chunks_exact_mut(head_dim));
    for (rows, largest) in key_heads {
        include_rotated(largest, rows, head_dim);
    }
    let value_heads = values.chunks_exact(heads(values).max(1)).zip(range.values.chunks_exact_mut(head_dim));
    for (rows, largest) in value_heads {
        for row in rows.chunks_exact(head_dim) {
            for (largest, value) in largest.iter_mut().zip(row) {
                *largest = largest.max(value.abs());
            }
        }
    }
}

/// Rotation turns channel `c` and `c + head_dim / 2` into each other: both get the largest length of their pair, which
/// holds at any position.
fn include_rotated(largest: &mut [f32], rows: &[f32], head_dim: usize) {
    let (low, high) = largest.split_at_mut(head_dim / 2);
    for row in rows.chunks_exact(head_dim) {
        let (first, second) = row.split_at(head_dim / 2);
        for (((low, high), a), b) in low.iter_mut().zip(high.iter_mut()).zip(first).zip(second) {
            let length = a.hypot(*b);
            *low = low.max(length);
            *high = high.max(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_range_holds_at_every_rotation() {
        let mut largest = [0.0; 4];
        // Two positions; the pairs are (0, 2) and (1, 3).
        include_rotated(&mut largest, &[3.0, 0.5, -4.0, 0.0, 1.0, -2.0, 1.0, 0.0], 4);
        assert_eq!(largest, [5.0, 2.0, 5.0, 2.0]);
    }
}

//! How large keys and values get: what scales of an int8 cache are made of.

use wheelwork::kv_cache;
use wheelwork_quantize::checkpoint::Config;
use wheelwork_quantize::kv_cache::LayerRange;

use crate::layer::Taps;

/// The range of a layer that has seen nothing.
pub(crate) fn none(config: &Config) -> LayerRange {
    LayerRange { keys: vec![0.0; config.key_size()], values: vec![0.0; config.key_size()] }
}

/// Widens a range to hold one more sequence.
pub(crate) fn include(range: &mut LayerRange, taps: &Taps<'_>, config: &Config) {
    widen(&mut range.keys, taps.keys, config, kv_cache::largest_rotated);
    widen(&mut range.values, taps.values, config, kv_cache::largest);
}

fn widen(range: &mut [f32], values: &[f32], config: &Config, largest: fn(&[f32], usize) -> Vec<f32>) {
    let heads = values.chunks_exact((values.len() / config.num_key_value_heads).max(1));
    let found = heads.flat_map(|rows| largest(rows, config.head_dim));
    range.iter_mut().zip(found).for_each(|(range, found)| *range = range.max(found));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_range_holds_at_every_rotation() {
        // Two positions; the pairs are (0, 2) and (1, 3).
        let largest = kv_cache::largest_rotated(&[3.0, 0.5, -4.0, 0.0, 1.0, -2.0, 1.0, 0.0], 4);
        assert_eq!(largest, [5.0, 2.0, 5.0, 2.0]);
    }
}

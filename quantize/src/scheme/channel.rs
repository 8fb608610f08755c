//! Schemes with one float scale an output channel, as NPUs take them.
//!
//! A row of the checkpoint's matrix is an output channel. It keeps a scale `s` (float32) and a signed code `q` a weight;
//! with blocks, also a multiplier `m` from 1 to 15 a block (Qualcomm's LPBQ, "low power blockwise quantization"):
//!
//! ```text
//! weight = q * m * s        q from -8 to 7, or -128 to 127; m = 1 without blocks
//! ```
//!
//! [`grid`] finds `m` and `s`, [`Grid::nearest`] a code. Steps are chosen from a few fractions of the range by the squared
//! error, weighed by the importance of each column: clipping the largest weight a little makes all others finer.

use serde::Serialize;

use super::BlockSize;

/// How a matrix is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ChannelScheme {
    /// Bits of a code: 4 or 8.
    pub bits: u32,
    /// Weights that share a multiplier; none without blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_size: Option<BlockSize>,
}

/// 4 bits with a multiplier for 32 weights.
pub const LPBQ_32: ChannelScheme = ChannelScheme { bits: 4, block_size: Some(BlockSize::Of32) };
/// 4 bits with a multiplier for 64 weights.
pub const LPBQ_64: ChannelScheme = ChannelScheme { bits: 4, block_size: Some(BlockSize::Of64) };
/// 4 bits with one scale a channel.
pub const CHANNEL_4: ChannelScheme = ChannelScheme { bits: 4, block_size: None };
/// 8 bits with one scale a channel.
pub const CHANNEL_8: ChannelScheme = ChannelScheme { bits: 8, block_size: None };

/// The largest multiplier of a block.
const LARGEST_MULTIPLIER: f32 = 15.0;
/// The channel scale of a row of zeros: any number above zero.
const SMALLEST_SCALE: f32 = 1e-10;
/// What the range is divided by to get a step, for 4 bits: from the largest code on.
const STEPS_4: [f32; 9] = [7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0, 11.0, 12.0];
const STEPS_8: [f32; 1] = [127.0];

/// The scales of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// `s`, above zero.
    pub scale: f32,
    /// `m` of each block; a single 1 without blocks.
    pub multipliers: Vec<u8>,
    /// Weights of a block; all of them without blocks.
    pub block_size: usize,
    /// The largest code; the smallest is one further from zero.
    pub largest_code: f32,
}

impl ChannelScheme {
    /// Multipliers of a row of `columns` weights: as many as it has blocks.
    #[must_use]
    pub fn blocks(self, columns: usize) -> usize {
        self.block_size.map_or(1, |size| columns / usize::from(size))
    }

    fn largest_code(self) -> f32 {
        if self.bits == 4 { 7.0 } else { 127.0 }
    }

    fn steps(self) -> &'static [f32] {
        if self.bits == 4 { &STEPS_4 } else { &STEPS_8 }
    }
}

impl Grid {
    /// The step of a column's block.
    #[must_use]
    pub fn step(&self, column: usize) -> f32 {
        let block = column / self.block_size.max(1);
        self.scale * f32::from(self.multipliers.get(block).copied().unwrap_or(1))
    }

    /// The nearest code to a weight in that column, and what it means.
    #[must_use]
    pub fn nearest(&self, column: usize, weight: f32) -> (i8, f32) {
        let step = self.step(column);
        let code = nearest_code(weight, step, self.largest_code);
        #[allow(clippy::cast_possible_truncation)] // -128 to 127 by the clamp
        let stored = code as i8;
        (stored, code * step)
    }
}

/// The grid of a channel. `importance` weighs the columns' errors, alike where it is empty.
#[must_use]
pub fn grid(scheme: ChannelScheme, weights: &[f32], importance: &[f32]) -> Grid {
    let largest_code = scheme.largest_code();
    let block_size = scheme.block_size.map_or(weights.len(), usize::from).max(1);
    let blocks = || weights.chunks(block_size).zip(importance_chunks(importance, block_size));
    let steps: Vec<f32> =
        blocks().map(|(weights, importance)| best_step(scheme, weights, importance)).collect();
    let largest = steps.iter().copied().fold(SMALLEST_SCALE, f32::max);
    if scheme.block_size.is_none() {
        return Grid { scale: largest, multipliers: vec![1], block_size, largest_code };
    }
    let scale = largest / LARGEST_MULTIPLIER;
    let multipliers = blocks()
        .zip(&steps)
        .map(|((weights, importance), step)| {
            let exact = (step / scale).clamp(1.0, LARGEST_MULTIPLIER);
            let (low, high) = (exact.floor(), exact.ceil());
            let cost = |multiplier: f32| error(weights, importance, multiplier * scale, largest_code);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 15 by the clamp
            let multiplier = if cost(low) <= cost(high) { low as u8 } else { high as u8 };
            multiplier
        })
        .collect();
    Grid { scale, multipliers, block_size, largest_code }
}

/// The step with the least error.
fn best_step(scheme: ChannelScheme, weights: &[f32], importance: &[f32]) -> f32 {
    let range = weights.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    let steps = scheme.steps().iter().map(|divisor| (range / divisor).max(SMALLEST_SCALE));
    let cost = |step: f32| error(weights, importance, step, scheme.largest_code());
    let costs = steps.map(|step| (step, cost(step)));
    costs.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(SMALLEST_SCALE, |(step, _)| step)
}

fn error(weights: &[f32], importance: &[f32], step: f32, largest_code: f32) -> f32 {
    let importance = importance.iter().chain(std::iter::repeat(&1.0));
    weights
        .iter()
        .zip(importance)
        .map(|(&weight, importance)| {
            let difference = weight - nearest_code(weight, step, largest_code) * step;
            importance * difference * difference
        })
        .sum()
}

fn nearest_code(weight: f32, step: f32, largest_code: f32) -> f32 {
    (weight / step).round_ties_even().clamp(-largest_code - 1.0, largest_code)
}

fn importance_chunks(importance: &[f32], block_size: usize) -> impl Iterator<Item = &[f32]> {
    importance.chunks(block_size).chain(std::iter::repeat(&[][..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relative_error(scheme: ChannelScheme, weights: &[f32], importance: &[f32]) -> f32 {
        let grid = grid(scheme, weights, importance);
        let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>();
        let errors =
            weights.iter().enumerate().map(|(column, &weight)| weight - grid.nearest(column, weight).1);
        squares(&mut errors.into_iter()) / squares(&mut weights.iter().copied())
    }

    /// A row whose blocks differ in size by sixteen.
    fn uneven() -> Vec<f32> {
        (0_u16..256)
            .map(|at| f32::from(at * 37 % 101) / 101.0 - 0.5)
            .zip(0..)
            .map(|(value, at)| if at / 32 % 2 == 0 { value } else { value / 16.0 })
            .collect()
    }

    #[test]
    fn multipliers_follow_the_size_of_blocks() {
        let weights = uneven();
        let [blocks, wide, plain, eight] =
            [LPBQ_32, LPBQ_64, CHANNEL_4, CHANNEL_8].map(|scheme| relative_error(scheme, &weights, &[]));
        assert!(eight < blocks && blocks < wide && wide <= plain, "{eight} {blocks} {wide} {plain}");
        assert!(blocks < 6e-3 && eight < 5e-5, "{blocks} {eight}");
        let grid = grid(LPBQ_32, &weights, &[]);
        assert_eq!(grid.multipliers.len(), LPBQ_32.blocks(256));
        assert!(grid.multipliers.iter().step_by(2).all(|&multiplier| multiplier >= 13), "{grid:?}");
        assert!(grid.multipliers.iter().skip(1).step_by(2).all(|&multiplier| multiplier <= 2), "{grid:?}");
    }

    #[test]
    fn importance_moves_the_step_to_what_matters() {
        let mut weights = vec![0.1; 32];
        weights[0] = 1.0;
        let mut importance = vec![1.0; 32];
        importance[0] = 1e-6;
        let even = grid(CHANNEL_4, &weights, &[]);
        let skewed = grid(CHANNEL_4, &weights, &importance);
        assert!(skewed.scale < even.scale || skewed.nearest(1, 0.1).1 != 0.0, "{skewed:?}");
    }

    proptest! {
        #[test]
        fn a_code_is_within_half_a_step_or_at_the_end(
            weights in proptest::collection::vec(-1e3_f32..1e3, 64),
            scheme in prop_oneof![Just(LPBQ_32), Just(LPBQ_64), Just(CHANNEL_4), Just(CHANNEL_8)],
        ) {
            let grid = grid(scheme, &weights, &[]);
            prop_assert!(grid.scale > 0.0 && grid.multipliers.iter().all(|m| (1..=15).contains(m)));
            for (column, &weight) in weights.iter().enumerate() {
                let (code, meaning) = grid.nearest(column, weight);
                let at_end = f32::from(code) == grid.largest_code || f32::from(code) == -grid.largest_code - 1.0;
                prop_assert!((weight - meaning).abs() <= 0.5001 * grid.step(column) || at_end);
            }
        }
    }
}

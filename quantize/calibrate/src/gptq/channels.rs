//! GPTQ on the grids of NPUs: signed codes, one float scale an output channel.

use wheelwork_quantize::scheme::channel;
use wheelwork_quantize::static_graph::ChannelRounder;

use super::factor::Factor;
use super::rounding::Grid;

/// Rounds the rows of a matrix whose inputs have this factor.
pub(crate) struct GptqChannels<'a> {
    pub(crate) factor: &'a Factor,
}

impl ChannelRounder for GptqChannels<'_> {
    fn importance(&self) -> &[f32] {
        &self.factor.importance
    }

    fn round(&self, weights: &[f32], columns: usize, grids: &[channel::Grid], codes: &mut Vec<i8>) {
        let Some(first) = grids.first() else { return codes.clear() };
        // The rounding counts from 0: the middle code stands for zero.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 8 or 128
        let middle = (first.largest_code + 1.0) as u8;
        let steps = |grid: &channel::Grid| -> Vec<f32> {
            grid.multipliers.iter().map(|&multiplier| grid.scale * f32::from(multiplier)).collect()
        };
        let blocks = first.multipliers.len();
        let grid = Grid {
            block_size: first.block_size,
            blocks,
            largest_code: 2.0 * first.largest_code + 1.0,
            scales: grids.iter().flat_map(steps).collect(),
            zero_points: vec![middle; blocks * grids.len()],
        };
        let found = grid.codes(self.factor, weights, columns);
        codes.clear();
        codes.extend(found.iter().map(|code| code.wrapping_sub(middle).cast_signed()));
    }
}

#[cfg(test)]
mod tests {
    use wheelwork_quantize::scheme::channel::{CHANNEL_4, CHANNEL_8, LPBQ_32};

    use super::*;
    use crate::gptq::hessian::Hessian;

    /// Inputs that know nothing of each other leave nothing to correct.
    #[test]
    fn codes_are_the_nearest_where_columns_are_independent() {
        let columns = 64;
        let mut inputs = vec![0.0; columns * columns];
        inputs.iter_mut().step_by(columns + 1).for_each(|value| *value = 1.0);
        let mut hessian = Hessian::new(columns);
        hessian.add(&inputs);
        let factor = Factor::new(hessian);
        let rounder = GptqChannels { factor: &factor };
        let weights: Vec<f32> = (0_u8..128).map(|at| f32::from(at.wrapping_mul(37)) / 64.0 - 2.0).collect();
        for scheme in [LPBQ_32, CHANNEL_4, CHANNEL_8] {
            let grids: Vec<_> = weights.chunks(columns).map(|row| channel::grid(scheme, row, &[])).collect();
            let mut codes = Vec::new();
            rounder.round(&weights, columns, &grids, &mut codes);
            for (at, (&code, &weight)) in codes.iter().zip(&weights).enumerate() {
                assert_eq!(code, grids[at / columns].nearest(at % columns, weight).0, "{scheme:?} {at}");
            }
        }
    }
}

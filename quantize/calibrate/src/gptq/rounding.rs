//! Codes of rows, column by column.
//!
//! In the factor's order, from the last column to the first, with errors `E = W - Q`:
//!
//! ```text
//! target[k] = W[k] + sum over i > k of E[i] * L[i, k] / L[k, k]        Q[k] = nearest code to target[k]
//! ```
//!
//! Rows know nothing of each other. Columns go in blocks: what the blocks before it add to a whole block is one
//! matrix product.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, Slice};
use wheelwork_quantize::calibration::Rounder;
use wheelwork_quantize::scheme::BlockScheme;
use wheelwork_quantize::scheme::block::Importance;
use wheelwork_quantize::scheme::rows::{self, Codes, EncodedRows};

use super::factor::{Factor, FactorPanel};

/// Columns of a block.
const BLOCK: usize = 128;

/// Rounds the rows of a matrix whose inputs have this factor.
pub(crate) struct Gptq<'a> {
    pub(crate) factor: &'a Factor,
}

impl Rounder for Gptq<'_> {
    fn encode(
        &self,
        scheme: BlockScheme,
        _first_row: usize,
        weights: &mut [f32],
        columns: usize,
        encoded: &mut EncodedRows,
    ) {
        rows::encode_for(scheme, weights, columns, Importance::Columns(&self.factor.importance), encoded);
        let grid = Grid {
            block_size: scheme.block_size.into(),
            blocks: scheme.blocks(columns),
            largest_code: f32::from(scheme.bits.largest_code()),
            scales: encoded.block_scales().collect(),
            zero_points: encoded.block_zero_points().to_vec(),
        };
        let codes = grid.codes(self.factor, weights, columns);
        let found = Codes { codes: &codes, scales: &grid.scales, zero_points: &grid.zero_points };
        rows::lay_out(scheme, weights, columns, found, encoded);
    }
}

/// Scales and zero points of all blocks of the rows.
pub(crate) struct Grid {
    pub(crate) block_size: usize,
    /// Blocks of a row.
    pub(crate) blocks: usize,
    pub(crate) largest_code: f32,
    pub(crate) scales: Vec<f32>,
    pub(crate) zero_points: Vec<u8>,
}

impl Grid {
    /// Codes of rows of `columns` weights each.
    pub(crate) fn codes(&self, factor: &Factor, weights: &[f32], columns: usize) -> Vec<u8> {
        let mut codes = vec![0; weights.len()];
        for panel in &factor.panels {
            round_panel(panel, self, weights, columns, &mut codes);
        }
        codes
    }

    /// The nearest code of a weight's block, and what it means.
    #[inline]
    fn nearest(&self, row: usize, column: usize, target: f32) -> (u8, f32) {
        let block = row * self.blocks + column / self.block_size;
        let scale = self.scales.get(block).copied().unwrap_or(1.0);
        let zero_point = self.zero_points.get(block).copied().map_or(0.0, f32::from);
        let step = (target / scale).round_ties_even().clamp(-zero_point, self.largest_code - zero_point);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 255 by the clamp
        ((step + zero_point) as u8, step * scale)
    }
}

fn round_panel(panel: &FactorPanel, grid: &Grid, weights: &[f32], columns: usize, codes: &mut [u8]) {
    let size = panel.order.len();
    let rows = weights.len() / columns;
    let Ok(factor) = ArrayView2::from_shape((size, size), &panel.weights) else { return };
    // Errors in the factor's order.
    let mut errors = Array2::<f32>::zeros((rows, size));
    let mut corrections = Array2::<f32>::zeros((rows, BLOCK));
    for first in (0..size).step_by(BLOCK).rev() {
        let last = (first + BLOCK).min(size);
        let mut corrections = corrections.slice_axis_mut(Axis(1), Slice::from(..last - first));
        let done = errors.slice_axis(Axis(1), Slice::from(last..));
        let taken_over = factor.slice_axis(Axis(0), Slice::from(last..));
        let taken_over = taken_over.slice_axis(Axis(1), Slice::from(first..last));
        general_mat_mul(1.0, &done, &taken_over, 0.0, &mut corrections);
        for row in 0..rows {
            let start = row * columns;
            let mut corrections = corrections.row_mut(row);
            let (Some(corrections), Some(weights), Some(codes)) = (
                corrections.as_slice_mut(),
                weights.get(start..start + columns),
                codes.get_mut(start..start + columns),
            ) else {
                return;
            };
            for place in (first..last).rev() {
                let Some(&column) = panel.order.get(place) else { return };
                let (rest, own) = corrections.split_at_mut(place - first);
                let (Some(&weight), Some(own), Some(code)) =
                    (weights.get(column), own.first(), codes.get_mut(column))
                else {
                    return;
                };
                let (nearest, meaning) = grid.nearest(row, column, weight + own);
                *code = nearest;
                let error = weight - meaning;
                errors[[row, place]] = error;
                let taken_over = panel.weights.get(place * size + first..).unwrap_or_default();
                for (correction, weight) in rest.iter_mut().zip(taken_over) {
                    *correction += error * weight;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wheelwork_quantize::scheme::{Bits, BlockSize, Fit, ScaleBits};

    use super::*;
    use crate::gptq::hessian::Hessian;

    const ROWS: usize = 24;
    const COLUMNS: usize = 512;
    const TOKENS: usize = 700;
    const INT4: BlockScheme = BlockScheme {
        bits: Bits::Four,
        block_size: BlockSize::Of32,
        symmetric: false,
        fit: Fit::Search,
        scale_bits: ScaleBits::Eight,
    };

    /// Even numbers between -1 and 1.
    struct Noise(u32);

    impl Noise {
        fn next(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
        }

        fn many(&mut self, count: usize) -> Vec<f32> {
            (0..count).map(|_| self.next()).collect()
        }
    }

    /// As a trained model has them: columns that move together, and a few that are fifty times as large.
    fn correlated_inputs(noise: &mut Noise) -> Vec<f32> {
        const CAUSES: usize = 40;
        let mix = noise.many(CAUSES * COLUMNS);
        let mut inputs = Vec::new();
        for _ in 0..TOKENS {
            let causes = noise.many(CAUSES);
            for column in 0..COLUMNS {
                let together: f32 = causes
                    .iter()
                    .enumerate()
                    .map(|(cause, value)| value * mix[cause * COLUMNS + column])
                    .sum();
                let outlier = if column % 128 == 5 { 50.0 } else { 1.0 };
                inputs.push(outlier * (together + 0.3 * noise.next()));
            }
        }
        inputs
    }

    /// `||X (W - Q)^T||^2`.
    fn output_error(inputs: &[f32], weights: &[f32], encoded: &EncodedRows) -> f64 {
        let mut decoded = Vec::new();
        rows::decode(INT4, COLUMNS, (&encoded.codes, &encoded.scales, &encoded.zero_points), &mut decoded);
        let errors: Vec<f32> =
            weights.iter().zip(&decoded).map(|(weight, decoded)| weight - decoded).collect();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        inputs
            .chunks(COLUMNS)
            .flat_map(|input| errors.chunks(COLUMNS).map(move |error| dot(input, error).powi(2)))
            .sum()
    }

    #[test]
    fn correlated_inputs_get_a_smaller_output_error_than_any_rounding_of_single_weights_gives() {
        let mut noise = Noise(1);
        let inputs = correlated_inputs(&mut noise);
        let weights = noise.many(ROWS * COLUMNS);
        let mut hessian = Hessian::new(COLUMNS);
        hessian.add(&inputs);
        let factor = Factor::new(hessian);

        let mut encoded = EncodedRows::default();
        let mut error = |encode: &dyn Fn(&mut [f32], &mut EncodedRows)| {
            encode(&mut weights.clone(), &mut encoded);
            output_error(&inputs, &weights, &encoded)
        };
        let nearest = error(&|weights, encoded| {
            rows::encode(BlockScheme { fit: Fit::Nearest, ..INT4 }, weights, COLUMNS, encoded);
        });
        let searched = error(&|weights, encoded| rows::encode(INT4, weights, COLUMNS, encoded));
        let weighted = error(&|weights, encoded| {
            rows::encode_for(INT4, weights, COLUMNS, Importance::Columns(&factor.importance), encoded);
        });
        let gptq =
            error(&|weights, encoded| Gptq { factor: &factor }.encode(INT4, 0, weights, COLUMNS, encoded));
        println!("nearest {nearest:.0}, searched {searched:.0}, weighted {weighted:.0}, gptq {gptq:.0}");
        assert!(weighted < searched, "inputs known: {weighted} against {searched}");
        assert!(gptq < 0.5 * weighted, "columns correct each other: {gptq} against {weighted}");
        assert!(gptq < 0.5 * nearest.min(searched));
    }

    #[test]
    fn rows_get_the_same_codes_in_any_piece() {
        let mut noise = Noise(7);
        let inputs = correlated_inputs(&mut noise);
        let mut weights = noise.many(ROWS * COLUMNS);
        let mut hessian = Hessian::new(COLUMNS);
        hessian.add(&inputs);
        let factor = Factor::new(hessian);
        let rounder = Gptq { factor: &factor };
        let (mut whole, mut piece) = (EncodedRows::default(), EncodedRows::default());
        rounder.encode(INT4, 0, &mut weights, COLUMNS, &mut whole);
        for count in [1, 5, 12] {
            let mut codes = Vec::new();
            for rows in weights.chunks_mut(count * COLUMNS) {
                rounder.encode(INT4, 0, rows, COLUMNS, &mut piece);
                codes.extend_from_slice(&piece.codes);
            }
            assert_eq!(codes, whole.codes, "{count} rows at a time");
        }
    }
}

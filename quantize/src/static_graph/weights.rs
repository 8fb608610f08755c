//! Matrices on their way into a data file: rows of the checkpoint become columns, rounded to their channel's grid.

use rayon::prelude::*;

use super::quantized::PlannedMatrix;
use crate::disk;
use crate::error::QuantizeError;
use crate::scheme::channel::{self, ChannelScheme, Grid};

/// Weights that one worker rounds at once, unless a row has more.
const PIECE_WEIGHTS: usize = 1 << 18;

/// Finds codes for the rows of one matrix, on several threads.
pub trait ChannelRounder: Sync {
    /// What errors in each column weigh, `[columns]`; empty for alike.
    fn importance(&self) -> &[f32];

    /// Replaces `codes` with those of rows of `columns` weights each, one grid a row.
    fn round(&self, weights: &[f32], columns: usize, grids: &[Grid], codes: &mut Vec<i8>);
}

/// The nearest code of each weight.
#[derive(Debug, Clone, Copy)]
pub struct Nearest;

impl ChannelRounder for Nearest {
    fn importance(&self) -> &[f32] {
        &[]
    }

    fn round(&self, weights: &[f32], columns: usize, grids: &[Grid], codes: &mut Vec<i8>) {
        codes.clear();
        for (weights, grid) in weights.chunks_exact(columns).zip(grids) {
            codes.extend(weights.iter().enumerate().map(|(column, &weight)| grid.nearest(column, weight).0));
        }
    }
}

/// A matrix that is being assembled.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    matrix: &'a PlannedMatrix,
    codes: Vec<u8>,
    multipliers: Vec<u8>,
    scales: Vec<u8>,
    rows: usize,
    /// `[rows, columns]` as the graph will read them, where that is asked for.
    pub(super) restored: Option<Vec<f32>>,
    squared_error: f64,
    squares: f64,
}

/// What rounding a piece of rows gave.
struct Piece {
    codes: Vec<i8>,
    grids: Vec<Grid>,
    squared_error: f64,
    squares: f64,
}

impl<'a> Assembly<'a> {
    /// Room for a matrix.
    #[must_use]
    pub(super) fn new(matrix: &'a PlannedMatrix) -> Self {
        let PlannedMatrix { rows, columns, scheme, .. } = *matrix;
        let multipliers = if scheme.block_size.is_some() { scheme.blocks(columns) * rows } else { 0 };
        Self {
            matrix,
            codes: vec![0; (rows * columns * scheme.bits as usize).div_ceil(8)],
            multipliers: vec![0; multipliers],
            scales: Vec::with_capacity(rows * size_of::<f32>()),
            rows: 0,
            restored: None,
            squared_error: 0.0,
            squares: 0.0,
        }
    }

    /// Adds the next rows.
    pub(super) fn add(&mut self, weights: &[f32], rounder: &dyn ChannelRounder) {
        let PlannedMatrix { rows, columns, scheme, .. } = *self.matrix;
        let piece_rows = (PIECE_WEIGHTS / columns.max(1)).max(1);
        let pieces: Vec<Piece> = weights
            .par_chunks(piece_rows * columns)
            .map(|weights| piece(scheme, weights, columns, rounder))
            .collect();
        for piece in pieces {
            self.squared_error += piece.squared_error;
            self.squares += piece.squares;
            for (codes, grid) in piece.codes.chunks_exact(columns).zip(&piece.grids) {
                if let Some(restored) = &mut self.restored {
                    let codes = codes.iter().enumerate();
                    restored.extend(codes.map(|(column, &code)| f32::from(code) * grid.step(column)));
                }
                self.scales.extend(grid.scale.to_le_bytes());
                if scheme.block_size.is_some() {
                    let slots = self.multipliers.iter_mut().skip(self.rows).step_by(rows);
                    slots.zip(&grid.multipliers).for_each(|(slot, &multiplier)| *slot = multiplier);
                }
                self.put(codes, rows, scheme);
                self.rows += 1;
            }
        }
    }

    /// Writes the complete matrix and says what rounding cost: the sum of squared differences over that of squares.
    pub(super) fn write(&self, file: &fs_err::File) -> Result<f64, QuantizeError> {
        let PlannedMatrix { codes, multipliers, scales, .. } = *self.matrix;
        let arrays =
            [(Some(codes), &self.codes), (multipliers, &self.multipliers), (Some(scales), &self.scales)];
        for (extent, bytes) in arrays {
            if let Some(extent) = extent {
                debug_assert_eq!(extent.bytes, bytes.len() as u64, "a complete matrix fills its place");
                disk::write_at(file, bytes, extent.offset)?;
            }
        }
        Ok(self.squared_error / self.squares.max(f64::MIN_POSITIVE))
    }

    /// A row's codes as a column.
    fn put(&mut self, codes: &[i8], rows: usize, scheme: ChannelScheme) {
        if scheme.bits == 8 {
            let slots = self.codes.iter_mut().skip(self.rows).step_by(rows);
            slots.zip(codes).for_each(|(slot, &code)| *slot = code.cast_unsigned());
            return;
        }
        for (column, &code) in codes.iter().enumerate() {
            let at = column * rows + self.rows;
            if let Some(slot) = self.codes.get_mut(at / 2) {
                *slot |= (code.cast_unsigned() & 0x0f) << (at % 2 * 4);
            }
        }
    }
}

fn piece(scheme: ChannelScheme, weights: &[f32], columns: usize, rounder: &dyn ChannelRounder) -> Piece {
    let rows = || weights.chunks_exact(columns);
    let grids: Vec<Grid> = rows().map(|row| channel::grid(scheme, row, rounder.importance())).collect();
    let mut codes = Vec::new();
    rounder.round(weights, columns, &grids, &mut codes);
    let (mut squared_error, mut squares) = (0.0, 0.0);
    for ((weights, codes), grid) in rows().zip(codes.chunks_exact(columns)).zip(&grids) {
        for (column, (&weight, &code)) in weights.iter().zip(codes).enumerate() {
            let difference = f64::from(weight - f32::from(code) * grid.step(column));
            squared_error += difference * difference;
            squares += f64::from(weight) * f64::from(weight);
        }
    }
    Piece { codes, grids, squared_error, squares }
}

#[cfg(test)]
mod tests {
    use wheelwork_onnx::Extent;

    use super::*;
    use crate::scheme::channel::{CHANNEL_8, LPBQ_32};

    #[test]
    fn rows_stand_as_columns_whatever_the_pieces() {
        let (rows, columns) = (6, 64);
        let weights: Vec<f32> = (0_u16..384).map(|at| f32::from(at * 29 % 97) / 48.0 - 1.0).collect();
        for scheme in [LPBQ_32, CHANNEL_8] {
            let none = Extent { offset: 0, bytes: 0 };
            let matrix = PlannedMatrix {
                tensor: String::new(),
                rows,
                columns,
                scheme,
                codes: none,
                multipliers: Some(none),
                scales: none,
            };
            let mut whole = Assembly::new(&matrix);
            whole.add(&weights, &Nearest);
            let mut pieces = Assembly::new(&matrix);
            weights.chunks(2 * columns).for_each(|rows| pieces.add(rows, &Nearest));
            assert_eq!((&whole.codes, &whole.multipliers), (&pieces.codes, &pieces.multipliers));

            let row: Vec<f32> = weights[4 * columns..5 * columns].to_vec();
            let grid = channel::grid(scheme, &row, &[]);
            for (column, &weight) in row.iter().enumerate() {
                let at = column * rows + 4;
                let stored = if scheme.bits == 8 {
                    whole.codes[at].cast_signed()
                } else {
                    (whole.codes[at / 2] << (4 - at % 2 * 4)).cast_signed() >> 4
                };
                assert_eq!(stored, grid.nearest(column, weight).0);
            }
            if scheme.block_size.is_some() {
                assert_eq!([whole.multipliers[4], whole.multipliers[6 + 4]], grid.multipliers[..]);
            }
        }
    }
}

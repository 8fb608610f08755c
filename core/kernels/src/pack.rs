//! `MatMulNBits`' layout of a matrix to ours, and back.
//!
//! Theirs is `codes [N][blocks][block size × bits / 8]` with the lower half of a byte first, `scales [N][blocks]` float32,
//! and `zero points [N][⌈blocks × bits / 8⌉]`. Ours is in [`crate::Shape`]. Codes and zero points are permuted and scales become
//! half precision, which has to be exact, so that [`unpack`] gives back what [`pack`] was given. (Of an odd number of 4-bit zero
//! points a row, the half byte behind the last is read by nobody; it comes back as zero.)
//!
//! A matrix is packed in parts, sixteen rows at a time, so that nobody has to hold all of it.

use crate::error::{KernelError, length};
use crate::half::{exact_f16, f16_to_f32};
use crate::shape::{Bits, COLUMNS, Shape};
use crate::tile::STEP_BYTES;

/// Some rows as `MatMulNBits` has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Of every row.
    pub codes: Vec<u8>,
    /// Of every row.
    pub scales: Vec<f32>,
    /// Of every row, where the matrix has zero points.
    pub zeros: Vec<u8>,
}

/// Some tiles in our layout, whose three parts go to different places of the packed matrix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tiles {
    /// For the first part.
    pub codes: Vec<u8>,
    /// For the second part.
    pub scales: Vec<u8>,
    /// For the third part.
    pub zeros: Vec<u8>,
}

/// Packs rows, the first of which begins a tile.
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Scale`].
pub fn pack(shape: Shape, rows: &Rows) -> Result<Tiles, KernelError> {
    let count = rows.scales.len() / shape.blocks();
    length("scales", rows.scales.len(), count * shape.blocks())?;
    length("codes", rows.codes.len(), count * shape.row_code_bytes())?;
    length("zero points", rows.zeros.len(), count * shape.row_zero_bytes())?;
    let tiles = count.div_ceil(COLUMNS);
    let mut packed = Tiles {
        codes: vec![0; tiles * shape.tile_code_bytes()],
        scales: vec![0; tiles * shape.blocks() * COLUMNS * 2],
        zeros: vec![0; tiles * shape.blocks() * shape.zero_bytes()],
    };
    for (row, codes) in rows.codes.chunks_exact(shape.row_code_bytes()).enumerate() {
        let tile = row / COLUMNS * shape.tile_code_bytes();
        let tile = packed.codes.get_mut(tile..).unwrap_or_default();
        each_word(shape, row % COLUMNS, codes, |from, to, column| match shape.bits() {
            Bits::Eight => {
                if let Some(slot) = tile.get_mut(to + 4 * column..) {
                    slot.iter_mut().zip(from).for_each(|(slot, code)| *slot = *code);
                }
            }
            // Eight codes in four bytes: K and K + 4 share one.
            Bits::Four => {
                let code = |k: usize| from.get(k / 2).map_or(0, |byte| byte >> (4 * (k % 2)) & 15);
                if let Some(slot) = tile.get_mut(to + 4 * column..) {
                    slot.iter_mut()
                        .take(4)
                        .enumerate()
                        .for_each(|(i, slot)| *slot = code(i) | code(i + 4) << 4);
                }
            }
        });
    }
    for (index, scale) in rows.scales.iter().enumerate() {
        let bits = exact_f16(*scale).ok_or(KernelError::Scale { index })?;
        let at = place(shape, index / shape.blocks(), index % shape.blocks()) * 2;
        if let Some(slot) = packed.scales.get_mut(at..at + 2) {
            slot.copy_from_slice(&bits.to_le_bytes());
        }
    }
    for row in 0..if shape.has_zeros() { count } else { 0 } {
        for block in 0..shape.blocks() {
            let (from, to) = (zero_place(shape, row, block), packed_zero_place(shape, row, block));
            let zero = rows.zeros.get(from.byte).map_or(0, |byte| byte >> from.shift & from.mask);
            if let Some(slot) = packed.zeros.get_mut(to.byte) {
                *slot |= zero << to.shift;
            }
        }
    }
    Ok(packed)
}

/// Where the three parts of some tiles, from `first` on, go in the packed matrix.
#[must_use]
pub fn offsets(shape: Shape, first: usize) -> [usize; 3] {
    let codes = first * shape.tile_code_bytes();
    let scales = shape.code_bytes() + first * shape.blocks() * COLUMNS * 2;
    let zeros = shape.code_bytes() + shape.scale_bytes() + first * shape.blocks() * shape.zero_bytes();
    [codes, scales, zeros]
}

/// The rows of some tiles, of which the last may be only partly within the matrix: `count` rows are wanted.
///
/// # Errors
/// [`KernelError::Length`].
pub fn unpack(shape: Shape, tiles: &Tiles, count: usize) -> Result<Rows, KernelError> {
    let needed = count.div_ceil(COLUMNS);
    length("codes", tiles.codes.len(), needed * shape.tile_code_bytes())?;
    length("scales", tiles.scales.len(), needed * shape.blocks() * COLUMNS * 2)?;
    length("zero points", tiles.zeros.len(), needed * shape.blocks() * shape.zero_bytes())?;
    let mut rows = Rows {
        codes: vec![0; count * shape.row_code_bytes()],
        scales: vec![0.0; count * shape.blocks()],
        zeros: vec![0; count * shape.row_zero_bytes()],
    };
    for (row, codes) in rows.codes.chunks_exact_mut(shape.row_code_bytes()).enumerate() {
        let tile = row / COLUMNS * shape.tile_code_bytes();
        let tile = tiles.codes.get(tile..).unwrap_or_default();
        let column = row % COLUMNS;
        for (step, codes) in codes.chunks_exact_mut(4).enumerate() {
            let from = tile.get(step * STEP_BYTES + 4 * column..).unwrap_or_default();
            match (shape.bits(), from) {
                (Bits::Eight, from) => codes.iter_mut().zip(from).for_each(|(slot, code)| *slot = *code),
                (Bits::Four, [a, b, c, d, ..]) => {
                    let pairs = [(a & 15, b & 15), (c & 15, d & 15), (a >> 4, b >> 4), (c >> 4, d >> 4)];
                    codes.iter_mut().zip(pairs).for_each(|(slot, (low, high))| *slot = low | high << 4);
                }
                (Bits::Four, _) => {}
            }
        }
    }
    for (index, scale) in rows.scales.iter_mut().enumerate() {
        let at = place(shape, index / shape.blocks(), index % shape.blocks()) * 2;
        if let Some(bytes) = tiles.scales.get(at..).and_then(|bytes| bytes.first_chunk()) {
            *scale = f16_to_f32(u16::from_le_bytes(*bytes));
        }
    }
    for row in 0..if shape.has_zeros() { count } else { 0 } {
        for block in 0..shape.blocks() {
            let (to, from) = (zero_place(shape, row, block), packed_zero_place(shape, row, block));
            let zero = tiles.zeros.get(from.byte).map_or(0, |byte| byte >> from.shift & from.mask);
            if let Some(slot) = rows.zeros.get_mut(to.byte) {
                *slot |= zero << to.shift;
            }
        }
    }
    Ok(rows)
}

/// Calls with four bytes of a row at a time, where the step begins in a tile, and the column.
fn each_word(shape: Shape, column: usize, row: &[u8], mut put: impl FnMut(&[u8], usize, usize)) {
    debug_assert_eq!(row.len(), shape.row_code_bytes());
    for (step, word) in row.chunks_exact(4).enumerate() {
        put(word, step * STEP_BYTES, column);
    }
}

/// The place of a row's block among the packed scales.
fn place(shape: Shape, row: usize, block: usize) -> usize {
    (row / COLUMNS * shape.blocks() + block) * COLUMNS + row % COLUMNS
}

/// A zero point's byte, and where in it.
struct ZeroPlace {
    byte: usize,
    shift: u32,
    mask: u8,
}

fn zero_place(shape: Shape, row: usize, block: usize) -> ZeroPlace {
    let start = row * shape.row_zero_bytes();
    match shape.bits() {
        Bits::Eight => ZeroPlace { byte: start + block, shift: 0, mask: 255 },
        Bits::Four => ZeroPlace {
            byte: start + block / 2,
            shift: if block.is_multiple_of(2) { 0 } else { 4 },
            mask: 15,
        },
    }
}

fn packed_zero_place(shape: Shape, row: usize, block: usize) -> ZeroPlace {
    let start = (row / COLUMNS * shape.blocks() + block) * shape.zero_bytes();
    let column = row % COLUMNS;
    match shape.bits() {
        Bits::Eight => ZeroPlace { byte: start + column, shift: 0, mask: 255 },
        Bits::Four => ZeroPlace { byte: start + column % 8, shift: if column < 8 { 0 } else { 4 }, mask: 15 },
    }
}

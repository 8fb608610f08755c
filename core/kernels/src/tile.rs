//! What kernels are given: a tile of weights, a panel of activations, and the walk over the blocks of both.
//!
//! ```text
//! for (block, rounded) in tile.blocks(shape).zip(panel.blocks::<ROWS>(shape)) { .. }
//! ```

use std::array;

use crate::half::SHORT_SHIFT;
use crate::shape::{COLUMNS, Shape};

/// Codes that one step of a kernel takes: 16 columns by 4 of K at 8 bits, by 8 of K below.
pub(crate) const STEP_BYTES: usize = 64;
/// Steps that one plane of single bits serves, and two planes of two bits; divides the steps of every block.
pub(crate) const GROUP_STEPS: usize = 4;
/// The most rows of a panel.
pub(crate) const PANEL_ROWS: usize = 8;

/// Sixteen columns of a matrix: [`Block`]s one behind the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tile<'a> {
    pub(crate) codes: &'a [u8],
    pub(crate) scales: &'a [u8],
    pub(crate) zeros: &'a [u8],
}

/// A block of sixteen columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    /// Byte `4 c + i` of a step holds K = `i` of column `c`; below 8 bits the code's lower four bits in the low half, and those of
    /// K = `4 + i` in the high half.
    pub(crate) steps: &'a [[u8; STEP_BYTES]],
    /// The bits above these, one or two a code. A byte belongs to the same byte of four steps (two at 6 bits): the low half has
    /// the bits of the steps' low halves, the first step's lowest; the high half those of their high halves.
    pub(crate) high: &'a [[u8; STEP_BYTES]],
    pub(crate) scales: Scales<'a>,
    /// A byte a column at 8 bits. Below, 8 bytes with columns 0 to 7 in the low halves and 8 to 15 in the high ones, then for
    /// each higher bit 16, a bit a column. Empty where the matrix has none.
    pub(crate) zeros: &'a [u8],
}

/// The scales of a block's columns.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scales<'a> {
    /// In half precision, little-endian.
    Half(&'a [u8; 2 * COLUMNS]),
    /// In 8 bits ([`crate::half`]).
    Short(&'a [u8; COLUMNS]),
}

impl<'a> Scales<'a> {
    /// Of 32 bytes or of 16.
    #[inline(always)]
    fn of(bytes: &'a [u8]) -> Self {
        match bytes.first_chunk() {
            Some(bytes) => Self::Half(bytes),
            None => Self::Short(bytes.first_chunk().unwrap_or(&[0; COLUMNS])),
        }
    }

    /// As the bits of half precision.
    pub(crate) fn halves(&self) -> [u16; COLUMNS] {
        match self {
            Self::Half(bytes) => {
                let (pairs, _) = bytes.as_chunks::<2>();
                array::from_fn(|column| pairs.get(column).map_or(0, |pair| u16::from_le_bytes(*pair)))
            }
            Self::Short(bytes) => bytes.map(|byte| u16::from(byte) << SHORT_SHIFT),
        }
    }
}

impl<'a> Tile<'a> {
    /// Its blocks.
    #[inline(always)]
    pub(crate) fn blocks(&self, shape: Shape) -> impl Iterator<Item = Block<'a>> + use<'a> {
        let mut zeros = self.zeros.chunks_exact(shape.zero_bytes().max(1));
        let low_bytes = shape.low_bytes();
        let scales = self.scales.chunks_exact(COLUMNS * shape.scale_size());
        self.codes.chunks_exact(shape.block_bytes()).zip(scales).map(move |(codes, scales)| {
            let (steps, high) = codes.split_at_checked(low_bytes).unwrap_or_default();
            let (steps, high) = (steps.as_chunks().0, high.as_chunks().0);
            let scales = Scales::of(scales);
            Block { steps, high, scales, zeros: zeros.next().unwrap_or_default() }
        })
    }
}

/// Up to eight rows of activations, interleaved: all rows' element before the next element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) rows: usize,
    /// Four int8 each, the first in the lowest byte: `[K / 4][rows]`.
    pub(crate) words: &'a [i32],
    /// `[blocks][rows]`
    pub(crate) scales: &'a [f32],
    /// The sum of a block's int8: `[blocks][rows]`, between -32,512 and 32,512.
    pub(crate) sums: &'a [i32],
}

/// A block of a panel's rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounded<'a, const R: usize> {
    pub(crate) words: &'a [[i32; R]],
    pub(crate) scales: &'a [f32; R],
    pub(crate) sums: &'a [i32; R],
}

impl<'a> Panel<'a> {
    /// Its blocks, of a panel of `R` rows.
    #[inline(always)]
    pub(crate) fn blocks<const R: usize>(
        &self,
        shape: Shape,
    ) -> impl Iterator<Item = Rounded<'a, R>> + use<'a, R> {
        let words = self.words.as_chunks::<R>().0.chunks_exact(shape.block() / 4);
        let numbers = self.scales.as_chunks::<R>().0.iter().zip(self.sums.as_chunks::<R>().0);
        words.zip(numbers).map(|(words, (scales, sums))| Rounded { words, scales, sums })
    }
}

/// The bits of zero points above the lower four, a bit a column: of the fifth or, as plane 1, of the sixth.
#[inline(always)]
pub(crate) fn zero_plane(zeros: &[u8], plane: usize) -> u16 {
    let bits = zeros.get(COLUMNS / 2 + 2 * plane..).and_then(|bytes| bytes.first_chunk());
    bits.map_or(0, |bits| u16::from_le_bytes(*bits))
}

/// Steps that one plane of a block's higher bits serves.
pub(crate) const fn plane_steps(bits: u32) -> usize {
    match bits {
        6 => GROUP_STEPS / 2,
        _ => GROUP_STEPS,
    }
}

/// Results of a tile and a panel: 16 columns of each row.
pub(crate) type Results = [[f32; COLUMNS]; PANEL_ROWS];

/// Copies a tile's columns of some rows.
pub(crate) fn store<'r, 's: 'r>(
    found: &Results,
    rows: impl Iterator<Item = &'r mut &'s mut [f32]>,
    at: usize,
    columns: usize,
) {
    for (row, found) in rows.zip(found) {
        let slots = row.get_mut(at..).unwrap_or_default();
        slots.iter_mut().zip(found).take(columns).for_each(|(slot, number)| *slot = *number);
    }
}

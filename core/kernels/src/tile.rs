//! What kernels are given: a tile of weights, a panel of activations.

use crate::shape::COLUMNS;

/// Bytes of a tile's scales in one block.
pub(crate) const SCALE_BYTES: usize = COLUMNS * 2;
/// Codes that one step of a kernel takes: 16 columns by 4 of K at 8 bits, by 8 of K at 4 bits.
pub(crate) const STEP_BYTES: usize = 64;
/// The most rows of a panel.
pub(crate) const PANEL_ROWS: usize = 8;

/// Sixteen columns of a matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tile<'a> {
    /// Of each block, in steps: byte `4 c + i` holds K = `i` of column `c`; at 4 bits in the low half, and K = `4 + i` in the
    /// high half.
    pub(crate) codes: &'a [u8],
    /// Of each block.
    pub(crate) scales: &'a [[u8; SCALE_BYTES]],
    /// Of each block: 16 bytes, or at 4 bits 8 with columns 0 to 7 in the low halves and 8 to 15 in the high ones. Empty where
    /// the matrix has none.
    pub(crate) zeros: &'a [u8],
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

/// Results of a tile and a panel: 16 columns of each row.
pub(crate) type Results = [[f32; COLUMNS]; PANEL_ROWS];

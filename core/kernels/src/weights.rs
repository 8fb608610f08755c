//! A packed matrix.

use std::ops::Range;

use crate::error::{KernelError, length};
use crate::shape::{COLUMNS, Shape};
use crate::tile::Tile;

/// A packed matrix whose length was compared with its shape.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    pub(crate) shape: Shape,
    codes: &'a [u8],
    scales: &'a [u8],
    zeros: &'a [u8],
}

impl<'a> Weights<'a> {
    /// The matrix of that shape in these bytes: [`Shape::packed_bytes`] of them. Whatever they are, multiplying by them gives
    /// some numbers.
    ///
    /// # Errors
    /// [`KernelError::Length`].
    pub fn new(shape: Shape, packed: &'a [u8]) -> Result<Self, KernelError> {
        length("packed weights", packed.len(), shape.packed_bytes())?;
        let (codes, rest) = packed.split_at(shape.code_bytes());
        let (scales, zeros) = rest.split_at(shape.scale_bytes());
        Ok(Self { shape, codes, scales, zeros })
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The tiles of a range, each with the range of its columns in a row of results; none outside of the matrix.
    pub(crate) fn tiles(&self, tiles: Range<usize>) -> impl Iterator<Item = (Tile<'a>, Range<usize>)> {
        let Self { shape, codes, scales, zeros } = *self;
        let first = tiles.start.min(shape.tiles());
        let count = tiles.end.min(shape.tiles()).saturating_sub(first);
        let (code_bytes, scale_bytes, zero_bytes) =
            (shape.tile_code_bytes(), shape.tile_scale_bytes(), shape.tile_zero_bytes());
        let behind = |bytes: usize| bytes * first;
        let codes = codes.get(behind(code_bytes)..).unwrap_or_default().chunks_exact(code_bytes);
        let scales = scales.get(behind(scale_bytes)..).unwrap_or_default().chunks_exact(scale_bytes);
        let mut zeros = zeros.get(behind(zero_bytes)..).unwrap_or_default().chunks_exact(zero_bytes.max(1));
        codes.zip(scales).take(count).enumerate().map(move |(index, (codes, scales))| {
            let zeros = zeros.next().unwrap_or_default();
            let column = (first + index) * COLUMNS;
            (Tile { codes, scales, zeros }, column..(column + COLUMNS).min(shape.n()))
        })
    }
}

//! Rows of float activations as int8: `e = max|x| / 127` of a block, `a = round(x / e)`, ties to even.
//!
//! Two rows of int8 hold about 16 bits of each activation: the row, and what its rounding leaves ([`with_remainders`]).
//!
//! A block with an infinity or a number that is none gets a scale that is none, so that its row of results is none either.

use std::ops::Range;

use crate::error::{KernelError, length};
use crate::shape::Shape;
use crate::tile::Panel;

/// Adding it to a number below 2^22 in size leaves that, rounded to the nearest whole number, in the lowest bits.
const ROUND: f32 = 12_582_912.0;
/// Activations that are rounded at once; divides every block.
const PIECE: usize = 16;

/// Rows of activations as int8, in panels.
#[derive(Debug, Default)]
pub struct Activations {
    shape: Option<Shape>,
    rows: usize,
    panel_rows: usize,
    words: Vec<i32>,
    scales: Vec<f32>,
    sums: Vec<i32>,
}

/// Some panels of [`Activations`], to be filled.
#[derive(Debug)]
pub struct RowsToFill<'a> {
    shape: Shape,
    panel_rows: usize,
    rows: Range<usize>,
    words: &'a mut [i32],
    scales: &'a mut [f32],
    sums: &'a mut [i32],
}

impl Activations {
    /// Makes room for so many rows, in panels of `panel_rows`, and gives them in parts of about so many rows, which can be
    /// filled by several threads. What was there before is gone.
    pub fn begin(
        &mut self,
        shape: Shape,
        rows: usize,
        panel_rows: usize,
        part_rows: usize,
    ) -> Vec<RowsToFill<'_>> {
        let panel_rows = panel_rows.max(1);
        (self.shape, self.rows, self.panel_rows) = (Some(shape), rows, panel_rows);
        let (row_words, blocks) = (row_words(shape), shape.blocks());
        self.words.resize(rows * row_words, 0);
        self.scales.resize(rows * blocks, 0.0);
        self.sums.resize(rows * blocks, 0);
        let part_rows = part_rows.max(1).next_multiple_of(panel_rows);
        let parts = self
            .words
            .chunks_mut(part_rows * row_words)
            .zip(self.scales.chunks_mut(part_rows * blocks))
            .zip(self.sums.chunks_mut(part_rows * blocks));
        let part = |(index, ((words, scales), sums)): (usize, ((_, _), _))| {
            let first = index * part_rows;
            let rows = first..(first + part_rows).min(rows);
            RowsToFill { shape, panel_rows, rows, words, scales, sums }
        };
        parts.enumerate().map(part).collect()
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether they were made for matrices like this: K and the block size are what counts.
    pub(crate) fn fit(&self, shape: Shape) -> bool {
        self.shape.is_some_and(|own| own.k() == shape.k() && own.block() == shape.block())
    }

    pub(crate) fn panels(&self) -> impl Iterator<Item = Panel<'_>> {
        let (words, blocks) = self.shape.map_or((1, 1), |shape| (row_words(shape), shape.blocks()));
        let panel = self.panel_rows.max(1);
        self.words
            .chunks(panel * words)
            .zip(self.scales.chunks(panel * blocks))
            .zip(self.sums.chunks(panel * blocks))
            .map(move |((words, scales), sums)| Panel { rows: scales.len() / blocks, words, scales, sums })
    }
}

impl RowsToFill<'_> {
    /// The rows that it takes.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Fills them from as many rows of K floats.
    ///
    /// # Errors
    /// [`KernelError::Length`].
    pub(crate) fn check(&self, x: &[f32]) -> Result<(), KernelError> {
        length("activations", x.len(), self.rows.len() * self.shape.k())
    }

    /// As in the module's words. Inlined into functions of every instruction set, for which the compiler then makes it.
    #[inline(always)]
    pub(crate) fn quantize(self, x: &[f32]) {
        let Self { shape, panel_rows, words, scales, sums, .. } = self;
        let (row_words, blocks) = (row_words(shape), shape.blocks());
        let panels = words
            .chunks_mut(panel_rows * row_words)
            .zip(scales.chunks_mut(panel_rows * blocks))
            .zip(sums.chunks_mut(panel_rows * blocks));
        for (((words, scales), sums), x) in panels.zip(x.chunks(panel_rows * shape.k())) {
            let rows = scales.len() / blocks;
            for (row, x) in x.chunks_exact(shape.k()).enumerate() {
                let words = words.chunks_exact_mut(shape.block() / 4 * rows);
                let numbers = scales.chunks_exact_mut(rows).zip(sums.chunks_exact_mut(rows));
                for ((words, (scales, sums)), x) in words.zip(numbers).zip(x.chunks(shape.block())) {
                    let (scale, sum) = block(x, words.iter_mut().skip(row).step_by(rows));
                    if let (Some(scales), Some(sums)) = (scales.get_mut(row), sums.get_mut(row)) {
                        (*scales, *sums) = (scale, sum);
                    }
                }
            }
        }
    }
}

/// Rows of K floats, each followed by what its rounding to int8 leaves: as activations of the same matrix, the two rows' results
/// add up to those of activations of about 16 bits. `rows` is filled anew.
pub fn with_remainders(shape: Shape, x: &[f32], rows: &mut Vec<f32>) {
    rows.clear();
    rows.reserve(2 * x.len());
    for x in x.chunks_exact(shape.k()) {
        rows.extend_from_slice(x);
        for x in x.chunks(shape.block()) {
            let (scale, inverse) = scale_of(x);
            rows.extend(x.iter().map(|x| x - f32::from(rounded(*x, inverse)) * scale));
        }
    }
}

/// The scale of a block, and by what its activations are multiplied to be rounded.
#[inline(always)]
fn scale_of(x: &[f32]) -> (f32, f32) {
    // As whole numbers, so that what is no number is the largest.
    let largest = x.iter().fold(0, |largest, x| (x.to_bits() & 0x7fff_ffff).max(largest));
    let largest = f32::from_bits(largest);
    let (scale, inverse) = match largest {
        0.0 => (0.0, 0.0),
        largest if largest.is_finite() => (largest / 127.0, 127.0 / largest),
        _ => (f32::NAN, 0.0),
    };
    // Below 127 × 2^-126 the inverse would be infinite.
    (scale, if inverse.is_finite() { inverse } else { 0.0 })
}

#[inline(always)]
fn rounded(x: f32, inverse: f32) -> i8 {
    (x * inverse + ROUND).to_bits().to_le_bytes()[0].cast_signed()
}

/// One block of a row; the scale and the sum.
#[inline(always)]
fn block<'w>(x: &[f32], words: impl Iterator<Item = &'w mut i32>) -> (f32, i32) {
    let (scale, inverse) = scale_of(x);
    let mut words = words;
    let mut sum = 0;
    let mut piece = |x: &[f32; PIECE]| {
        let codes = x.map(|x| rounded(x, inverse));
        sum += codes.iter().map(|code| i32::from(*code)).sum::<i32>();
        // In this order: the words are asked for last, so that none is lost at the end.
        for (codes, word) in codes.as_chunks::<4>().0.iter().zip(words.by_ref()) {
            *word = i32::from_le_bytes(codes.map(i8::cast_unsigned));
        }
    };
    let (pieces, rest) = x.as_chunks::<PIECE>();
    pieces.iter().for_each(&mut piece);
    let mut last = [0.0; PIECE];
    last.iter_mut().zip(rest).for_each(|(slot, x)| *slot = *x);
    if !rest.is_empty() {
        piece(&last);
    }
    // Behind the end of the row.
    words.for_each(|word| *word = 0);
    (scale, sum)
}

/// Words of a row: whole blocks of four int8 each.
fn row_words(shape: Shape) -> usize {
    shape.blocks() * shape.block() / 4
}

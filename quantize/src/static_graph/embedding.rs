//! The embedding table of static graphs: rows of signed bytes with a scale each, which the host looks up.
//!
//! `[vocab_size, hidden_size]` codes, then `[vocab_size]` scales as float32. The file is written before any graph: the range
//! of the whole table, not only of the tokens that a calibration reads, is the range of the graphs' input.

use std::path::Path;

use super::fold::Fold;
use super::ranges::Range;
use crate::architecture::names;
use crate::error::QuantizeError;
use crate::{disk, positioned};

/// Weights that are read at once.
const PIECE_WEIGHTS: usize = 1 << 22;
/// A row of zeros still needs a scale.
const SMALLEST_RADIUS: f32 = 1e-9;

/// Writes the folded table, and gives the range of all its elements.
pub(super) fn write(path: &Path, fold: &Fold<'_>) -> Result<Range, QuantizeError> {
    let config = &fold.checkpoint().config;
    let (rows, columns) = (config.vocab_size, config.hidden_size);
    let scales_at = rows as u64 * columns as u64;
    let bytes = scales_at + rows as u64 * size_of::<f32>() as u64;
    let file = positioned::create(path, bytes).map_err(QuantizeError::write(path))?;
    let piece_rows = (PIECE_WEIGHTS / columns).max(1);
    let mut range = Range::NONE;
    for first in (0..rows).step_by(piece_rows) {
        let count = piece_rows.min(rows - first);
        let weights = fold.rows(names::EMBEDDING, first, count, columns)?;
        let mut codes = Vec::with_capacity(weights.len());
        let mut scales = Vec::with_capacity(count * size_of::<f32>());
        for row in weights.chunks_exact(columns) {
            let radius = row.iter().fold(SMALLEST_RADIUS, |radius, value| radius.max(value.abs()));
            let scale = radius / 127.0;
            range = range.include(Range::symmetric(radius));
            scales.extend(scale.to_le_bytes());
            #[allow(clippy::cast_possible_truncation)] // -127 to 127: the scale is that of the largest
            codes.extend(row.iter().map(|value| ((value / scale).round() as i8).cast_unsigned()));
        }
        disk::write_at(&file, &codes, first as u64 * columns as u64)?;
        disk::write_at(&file, &scales, scales_at + first as u64 * size_of::<f32>() as u64)?;
    }
    disk::sync(&file)?;
    Ok(range)
}

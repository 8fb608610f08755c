//! Whole rows: blocks quantised and laid into bytes as the runtime's operators read them.
//!
//! | array | element | shape |
//! |---|---|---|
//! | codes | uint8 | `[rows, blocks, block_size * stored bits / 8]`, the lower nibble first |
//! | scales | float32, little-endian | `[rows, blocks]` |
//! | zero points | uint8 | `[rows, ceil(blocks * stored bits / 8)]`, packed like codes; none if symmetric and not padded |

use super::block::{self, Importance};
use super::lanes::{LANES, Lanes};
use super::{Bits, BlockScheme, BlockSize};

/// Quantised rows, reused from call to call so that nothing is allocated per row.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct EncodedRows {
    /// See the table above.
    pub codes: Vec<u8>,
    /// See the table above.
    pub scales: Vec<u8>,
    /// See the table above.
    pub zero_points: Vec<u8>,
    /// What the rounding cost.
    pub error: SquaredError,
    /// One byte a block, before packing.
    block_zero_points: Vec<u8>,
}

/// Sums over weights.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct SquaredError {
    /// Squared differences between weights and dequantised weights.
    pub error: f64,
    /// Squared weights.
    pub signal: f64,
}

impl SquaredError {
    /// The error in relation to the signal; 0 for all zeros.
    #[must_use]
    pub fn relative(self) -> f64 {
        if self.signal > 0.0 { self.error / self.signal } else { 0.0 }
    }

    /// Both sums.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { error: self.error + other.error, signal: self.signal + other.signal }
    }
}

/// Quantises rows of `columns` finite weights each into `encoded`, replacing what it held.
///
/// `columns` is a multiple of the block size; `weights` is a whole number of rows.
pub fn encode(scheme: BlockScheme, weights: &[f32], columns: usize, encoded: &mut EncodedRows) {
    encode_for(scheme, weights, columns, Importance::Magnitude, encoded);
}

/// As [`encode`], with one importance for each of the `columns`.
pub fn encode_for(
    scheme: BlockScheme,
    weights: &[f32],
    columns: usize,
    importance: Importance<&[f32]>,
    encoded: &mut EncodedRows,
) {
    encoded.clear();
    match scheme.block_size {
        BlockSize::Of16 => encode_blocks::<16>(scheme, weights, importance, encoded),
        BlockSize::Of32 => encode_blocks::<32>(scheme, weights, importance, encoded),
        BlockSize::Of64 => encode_blocks::<64>(scheme, weights, importance, encoded),
        BlockSize::Of128 => encode_blocks::<128>(scheme, weights, importance, encoded),
        BlockSize::Of256 => encode_blocks::<256>(scheme, weights, importance, encoded),
    }
    encoded.pack_zero_points(scheme, columns);
}

/// Blocks do not cross rows, so the weights are one long list of blocks.
fn encode_blocks<const SIZE: usize>(
    scheme: BlockScheme,
    weights: &[f32],
    importance: Importance<&[f32]>,
    encoded: &mut EncodedRows,
) {
    let (blocks, _) = weights.as_chunks::<SIZE>();
    let mut lanes = [Lanes::ZERO; SIZE];
    let mut column_lanes = [Lanes::ZERO; SIZE];
    let mut codes = [[0; LANES]; SIZE];
    // The columns' blocks, again and again, row by row.
    let mut column_blocks = importance.columns().map(|columns| columns.as_chunks::<SIZE>().0.iter().cycle());
    for group in blocks.chunks(LANES) {
        // Lanes without a block keep what was there: they are computed and ignored.
        for (lane, block) in group.iter().enumerate() {
            load(&mut lanes, lane, block);
            if let Some(block) = column_blocks.as_mut().and_then(Iterator::next) {
                load(&mut column_lanes, lane, block);
            }
        }
        let found = block::encode(scheme, &mut lanes, importance.with(&column_lanes), &mut codes);
        for (lane, block) in group.iter().enumerate() {
            let codes = codes.map(|codes| codes[lane]);
            encoded.push(scheme, block, &codes, found.scales[lane], found.zero_points[lane]);
        }
    }
}

fn load<const SIZE: usize>(lanes: &mut [Lanes; SIZE], lane: usize, block: &[f32; SIZE]) {
    for (lanes, number) in lanes.iter_mut().zip(block) {
        lanes.0[lane] = *number;
    }
}

/// Lays codes that were found elsewhere into `encoded`, replacing what it held.
///
/// One code a weight, one scale and one zero point a block, in the order of the weights; `weights` are what the error
/// is measured against. Lengths as [`encode`] has them; zero points of symmetric schemes are the middle code.
pub fn lay_out(
    scheme: BlockScheme,
    weights: &[f32],
    columns: usize,
    found: Codes<'_>,
    encoded: &mut EncodedRows,
) {
    encoded.clear();
    let size = usize::from(scheme.block_size);
    let grids = found.scales.iter().zip(found.zero_points);
    for ((block, codes), (&scale, &zero_point)) in
        weights.chunks_exact(size).zip(found.codes.chunks_exact(size)).zip(grids)
    {
        encoded.push(scheme, block, codes, scale, zero_point);
    }
    encoded.pack_zero_points(scheme, columns);
}

/// Unpacked codes of whole rows.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a> {
    /// One a weight.
    pub codes: &'a [u8],
    /// One a block.
    pub scales: &'a [f32],
    /// One a block.
    pub zero_points: &'a [u8],
}

/// Replaces `weights` with what the runtime reads from stored rows: `(code - zero point) * scale`.
///
/// The arrays are those of the table above; zero points are empty if symmetric.
pub fn decode(
    scheme: BlockScheme,
    columns: usize,
    (codes, scales, zero_points): (&[u8], &[u8], &[u8]),
    weights: &mut Vec<f32>,
) {
    weights.clear();
    let (size, blocks) = (usize::from(scheme.block_size), scheme.blocks(columns).max(1));
    let block_bytes = size / scheme.bits.codes_per_byte();
    let row_bytes = scheme.zero_point_bytes(columns);
    let (scales, _) = scales.as_chunks();
    for (index, (codes, scale)) in codes.chunks_exact(block_bytes).zip(scales).enumerate() {
        let scale = f32::from_le_bytes(*scale);
        let zero_point = if scheme.stores_zero_points() {
            let row = zero_points.get(index / blocks * row_bytes..).unwrap_or_default();
            unpacked(scheme.bits, row).nth(index % blocks).unwrap_or_default()
        } else {
            scheme.bits.middle_code()
        };
        weights.extend(unpacked(scheme.bits, codes).map(|code| dequantized(code, scale, zero_point)));
    }
}

fn unpacked(bits: Bits, bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let codes_per_byte = bits.codes_per_byte();
    bytes.iter().flat_map(move |&byte| match bits {
        Bits::Five | Bits::Six | Bits::Eight => [byte, 0].into_iter().take(codes_per_byte),
        Bits::Three | Bits::Four => [byte & 15, byte >> 4].into_iter().take(codes_per_byte),
    })
}

fn dequantized(code: u8, scale: f32, zero_point: u8) -> f32 {
    (f32::from(code) - f32::from(zero_point)) * scale
}

impl EncodedRows {
    /// The scale of each block.
    pub fn block_scales(&self) -> impl Iterator<Item = f32> + '_ {
        self.scales.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
    }

    /// Whether every scale is one of 8 bits.
    #[must_use]
    pub fn has_short_scales(&self) -> bool {
        self.block_scales().all(|scale| wheelwork_kernels::exact_short(scale).is_some())
    }

    /// The zero point of each block, also where the scheme is symmetric.
    #[must_use]
    pub fn block_zero_points(&self) -> &[u8] {
        &self.block_zero_points
    }

    fn clear(&mut self) {
        self.codes.clear();
        self.scales.clear();
        self.zero_points.clear();
        self.block_zero_points.clear();
        self.error = SquaredError::default();
    }

    fn push(&mut self, scheme: BlockScheme, block: &[f32], codes: &[u8], scale: f32, zero_point: u8) {
        self.error = self.error.plus(squared_error(block, codes, scale, zero_point));
        self.scales.extend_from_slice(&scale.to_le_bytes());
        self.block_zero_points.push(zero_point);
        pack(scheme.bits, codes, &mut self.codes);
    }

    fn pack_zero_points(&mut self, scheme: BlockScheme, columns: usize) {
        if scheme.stores_zero_points() {
            for row in self.block_zero_points.chunks(scheme.blocks(columns).max(1)) {
                pack(scheme.bits, row, &mut self.zero_points);
            }
        }
    }
}

impl<'a> Importance<&'a [f32]> {
    fn columns(self) -> Option<&'a [f32]> {
        match self {
            Self::Magnitude => None,
            Self::Columns(columns) | Self::ColumnsAndMagnitude(columns) => Some(columns),
        }
    }

    /// The same, of other columns.
    fn with<C>(self, columns: C) -> Importance<C> {
        match self {
            Self::Magnitude => Importance::Magnitude,
            Self::Columns(_) => Importance::Columns(columns),
            Self::ColumnsAndMagnitude(_) => Importance::ColumnsAndMagnitude(columns),
        }
    }
}

fn squared_error(block: &[f32], codes: &[u8], scale: f32, zero_point: u8) -> SquaredError {
    let mut sums = SquaredError::default();
    for (weight, &code) in block.iter().zip(codes) {
        let difference = dequantized(code, scale, zero_point) - weight;
        sums.error += f64::from(difference) * f64::from(difference);
        sums.signal += f64::from(*weight) * f64::from(*weight);
    }
    sums
}

/// Appends codes to bytes; an odd last nibble has zero above it.
fn pack(bits: Bits, codes: &[u8], bytes: &mut Vec<u8>) {
    match bits {
        Bits::Five | Bits::Six | Bits::Eight => bytes.extend_from_slice(codes),
        Bits::Three | Bits::Four => {
            let (pairs, last) = codes.as_chunks();
            bytes.extend(pairs.iter().map(|[low, high]| low | high << 4));
            bytes.extend(last);
        }
    }
}

#[cfg(test)]
mod tests;

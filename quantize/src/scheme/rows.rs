//! Whole rows: blocks quantised and laid into bytes as the runtime's operators read them.
//!
//! | array | element | shape |
//! |---|---|---|
//! | codes | uint8 | `[rows, blocks, block_size * bits / 8]`, the lower nibble first |
//! | scales | float32, little-endian | `[rows, blocks]` |
//! | zero points | uint8 | `[rows, ceil(blocks * bits / 8)]`, packed like codes; none if symmetric |

use super::block;
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
    encoded.codes.clear();
    encoded.scales.clear();
    encoded.zero_points.clear();
    encoded.block_zero_points.clear();
    encoded.error = SquaredError::default();
    match scheme.block_size {
        BlockSize::Of16 => encode_blocks::<16>(scheme, weights, encoded),
        BlockSize::Of32 => encode_blocks::<32>(scheme, weights, encoded),
        BlockSize::Of64 => encode_blocks::<64>(scheme, weights, encoded),
        BlockSize::Of128 => encode_blocks::<128>(scheme, weights, encoded),
        BlockSize::Of256 => encode_blocks::<256>(scheme, weights, encoded),
    }
    if !scheme.symmetric {
        for row in encoded.block_zero_points.chunks(scheme.blocks(columns).max(1)) {
            pack(scheme.bits, row, &mut encoded.zero_points);
        }
    }
}

/// Blocks do not cross rows, so the weights are one long list of blocks.
fn encode_blocks<const SIZE: usize>(scheme: BlockScheme, weights: &[f32], encoded: &mut EncodedRows) {
    let (blocks, _) = weights.as_chunks::<SIZE>();
    let mut lanes = [Lanes::ZERO; SIZE];
    let mut codes = [[0; LANES]; SIZE];
    for group in blocks.chunks(LANES) {
        // Lanes without a block keep what was there: they are computed and ignored.
        for (lane, block) in group.iter().enumerate() {
            for (lanes, weight) in lanes.iter_mut().zip(block) {
                lanes.0[lane] = *weight;
            }
        }
        let found = block::encode(scheme, &mut lanes, &mut codes);
        for (lane, block) in group.iter().enumerate() {
            let codes = codes.map(|codes| codes[lane]);
            let (scale, zero_point) = (found.scales[lane], found.zero_points[lane]);
            encoded.error = encoded.error.plus(squared_error(block, &codes, scale, zero_point));
            encoded.scales.extend_from_slice(&scale.to_le_bytes());
            encoded.block_zero_points.push(zero_point);
            pack(scheme.bits, &codes, &mut encoded.codes);
        }
    }
}

fn squared_error<const SIZE: usize>(
    block: &[f32; SIZE],
    codes: &[u8; SIZE],
    scale: f32,
    zero_point: u8,
) -> SquaredError {
    let mut sums = SquaredError::default();
    for (weight, &code) in block.iter().zip(codes) {
        let difference = (f32::from(code) - f32::from(zero_point)) * scale - weight;
        sums.error += f64::from(difference) * f64::from(difference);
        sums.signal += f64::from(*weight) * f64::from(*weight);
    }
    sums
}

/// Appends codes to bytes; an odd last nibble has zero above it.
fn pack(bits: Bits, codes: &[u8], bytes: &mut Vec<u8>) {
    match bits {
        Bits::Eight => bytes.extend_from_slice(codes),
        Bits::Four => {
            let (pairs, last) = codes.as_chunks();
            bytes.extend(pairs.iter().map(|[low, high]| low | high << 4));
            bytes.extend(last);
        }
    }
}

#[cfg(test)]
mod tests;

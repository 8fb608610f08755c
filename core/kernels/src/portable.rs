//! The kernel of every CPU: what the others compute, in plain numbers.

use crate::half::f16_to_f32;
use crate::shape::{Bits, COLUMNS, Shape};
use crate::tile::{Panel, Results, STEP_BYTES, Tile};

/// Multiplies a tile by a panel.
pub(crate) fn multiply(shape: Shape, tile: &Tile<'_>, panel: &Panel<'_>, results: &mut Results) {
    *results = Results::default();
    let rows = panel.rows;
    let mut zeros = tile.zeros.chunks_exact(shape.zero_bytes().max(1));
    let blocks = tile
        .codes
        .chunks_exact(shape.column_bytes() * COLUMNS)
        .zip(tile.scales)
        .zip(panel.words.chunks_exact(shape.block() / 4 * rows))
        .zip(panel.scales.chunks_exact(rows))
        .zip(panel.sums.chunks_exact(rows));
    for ((((codes, scales), words), activation_scales), sums) in blocks {
        let zeros = zero_points(shape, zeros.next().unwrap_or_default());
        let scales = scales.as_chunks::<2>().0;
        let numbers = activation_scales.iter().zip(sums).enumerate();
        for ((row, (activation_scale, sum)), results) in numbers.zip(results.iter_mut()) {
            let mut products = zeros.map(|zero| -(zero * sum));
            let mut words = words.iter().skip(row).step_by(rows);
            for step in codes.chunks_exact(STEP_BYTES) {
                add(step, words.next(), if shape.bits() == Bits::Four { 15 } else { 255 }, 0, &mut products);
                if shape.bits() == Bits::Four {
                    add(step, words.next(), 15, 4, &mut products);
                }
            }
            for ((result, product), scale) in results.iter_mut().zip(products).zip(scales) {
                // At most 2^24 in size for blocks of 256: exact.
                *result += product as f32 * (f16_to_f32(u16::from_le_bytes(*scale)) * activation_scale);
            }
        }
    }
}

/// Adds the products of four activations with the codes of a step.
fn add(step: &[u8], word: Option<&i32>, mask: u8, shift: u32, products: &mut [i32; COLUMNS]) {
    let activations = word.copied().unwrap_or_default().to_le_bytes().map(u8::cast_signed);
    for (product, codes) in products.iter_mut().zip(step.as_chunks::<4>().0) {
        for (code, activation) in codes.iter().zip(activations) {
            *product += i32::from(code >> shift & mask) * i32::from(activation);
        }
    }
}

/// The zero points of a block's columns.
pub(crate) fn zero_points(shape: Shape, bytes: &[u8]) -> [i32; COLUMNS] {
    let mut zeros = [if shape.bits() == Bits::Four { 8 } else { 128 }; COLUMNS];
    match shape.bits() {
        _ if bytes.is_empty() || !shape.has_zeros() => {}
        Bits::Eight => zeros.iter_mut().zip(bytes).for_each(|(zero, byte)| *zero = i32::from(*byte)),
        Bits::Four => {
            let halves = bytes.iter().map(|byte| byte & 15).chain(bytes.iter().map(|byte| byte >> 4));
            zeros.iter_mut().zip(halves).for_each(|(zero, half)| *zero = i32::from(half));
        }
    }
    zeros
}

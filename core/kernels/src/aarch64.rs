//! 64-bit Arm with dot products (`sdot`): a step of 64 bytes is four registers of four columns. Where the CPU multiplies matrices
//! (`smmla`, i8mm), two rows and two columns are multiplied at a time; all sums of a block are whole numbers, so both give the same bits.
//!
//! `sdot` wants both sides signed. Codes of up to 6 bits are so already; of codes of 8 bits, and of their zero points, 128 is taken away.

#[allow(clippy::wildcard_imports, reason = "an instruction set is used by its own names")]
use std::arch::aarch64::*;
use std::arch::asm;
use std::array;
use std::ops::Range;

mod lanes;

use crate::activations::Activations;
use crate::attention::softmax::{self, Loaded, Rows, Seen};
use crate::error::KernelError;
use crate::gate::silu;
use crate::half::SHORT_SHIFT;
use crate::instances::{each_panel, for_panel};
use crate::shape::{Bits, Shape};
use crate::tile::{Block, PANEL_ROWS, Panel, Results, STEP_BYTES, Scales, Tile, plane_steps, zero_plane};
use crate::weights::Weights;

/// A step, or the results of one row: four columns each.
type Quad<T> = [T; 4];

pub(crate) fn is_here() -> bool {
    std::arch::is_aarch64_feature_detected!("dotprod")
}

fn has_matrix_products() -> bool {
    std::arch::is_aarch64_feature_detected!("i8mm")
}

/// See [`silu::multiply`]: every 64-bit Arm has these registers.
pub(crate) fn gate(gate: &mut [f32], up: &[f32]) {
    silu::multiply::<lanes::Four>(gate, up);
}

/// See [`softmax::attend`]: every 64-bit Arm has these registers.
pub(crate) fn attend<T: Loaded, const D: usize>(
    keys: &[[T; D]],
    values: &[[T; D]],
    seen: &Seen,
    rows: &mut Rows<'_, D>,
) {
    softmax::attend::<lanes::Four, T, 4, D>(keys, values, seen, rows);
}

pub(crate) fn multiply(
    weights: &Weights<'_>,
    tiles: Range<usize>,
    activations: &Activations,
    results: &mut [&mut [f32]],
) -> Result<(), KernelError> {
    if !is_here() {
        return Err(KernelError::NotOnThisCpu);
    }
    // SAFETY: the CPU has the features.
    #[allow(unsafe_code)]
    unsafe {
        if activations.rows() > 1 && has_matrix_products() {
            in_pairs::multiply(weights, tiles, activations, results);
        } else {
            row_by_row::multiply(weights, tiles, activations, results);
        }
    }
    Ok(())
}

/// The same kernel for two sets of features. `products` multiplies the codes of a block by the rows' activations.
macro_rules! kernel {
    ($name:ident, $features:literal, $products:ident) => {
        mod $name {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) fn multiply(
                weights: &Weights<'_>,
                tiles: Range<usize>,
                activations: &Activations,
                results: &mut [&mut [f32]],
            ) {
                let shape = weights.shape();
                each_panel!((weights, tiles, activations) => results, |tile, panel, found| {
                    for_panel!(panel.rows, shape.bits(), packed(shape, &tile, &panel, &mut found));
                });
            }

            /// One tile by one panel.
            #[target_feature(enable = $features)]
            fn packed<const R: usize, const BITS: u32>(
                shape: Shape,
                tile: &Tile<'_>,
                panel: &Panel<'_>,
                results: &mut Results,
            ) {
                let mut all = [[vdupq_n_f32(0.0); 4]; R];
                for (block, rounded) in tile.blocks(shape).zip(panel.blocks::<R>(shape)) {
                    let zeros = negated_zeros::<BITS>(block.zeros);
                    let products = $products::<R, BITS>(&block, rounded.words);
                    let scales = scales_of(block.scales);
                    for row in 0..R {
                        for part in 0..4 {
                            let product = vmlaq_n_s32(products[row][part], zeros[part], rounded.sums[row]);
                            let scale = vmulq_n_f32(scales[part], rounded.scales[row]);
                            all[row][part] = vfmaq_f32(all[row][part], vcvtq_f32_s32(product), scale);
                        }
                    }
                }
                for (results, sums) in results.iter_mut().zip(all) {
                    for (results, sum) in results.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
                        *results = to_array(sum);
                    }
                }
            }
        }
    };
}

kernel!(row_by_row, "neon,dotprod", dot_products);
kernel!(in_pairs, "neon,dotprod,i8mm", matrix_products);

/// Four rows of K at a time.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot_products<const R: usize, const BITS: u32>(
    block: &Block<'_>,
    words: &[[i32; R]],
) -> [Quad<int32x4_t>; R] {
    let mut products = [[vdupq_n_s32(0); 4]; R];
    let pairs = words.as_chunks::<2>().0;
    let mut planes = Planes::of(block);
    for (index, [first, second]) in pairs.iter().enumerate() {
        for (codes, words) in planes.codes::<BITS>(index).into_iter().zip([first, second]) {
            for row in 0..R {
                let word = vreinterpretq_s8_s32(vdupq_n_s32(words[row]));
                for part in 0..4 {
                    products[row][part] = dot(products[row][part], codes[part], word);
                }
            }
        }
    }
    products
}

/// Eight rows of K at a time, and two rows of activations.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn matrix_products<const R: usize, const BITS: u32>(
    block: &Block<'_>,
    words: &[[i32; R]],
) -> [Quad<int32x4_t>; R] {
    // Of each two rows and two columns: both columns of one row, then of the other.
    let mut squares = [[vdupq_n_s32(0); 8]; PANEL_ROWS / 2];
    let pairs = words.as_chunks::<2>().0;
    let mut planes = Planes::of(block);
    for (index, [first, second]) in pairs.iter().enumerate() {
        let [one, other] = planes.codes::<BITS>(index);
        let columns: [_; 8] = array::from_fn(|two| {
            let [one, other] = [one, other].map(|codes| vreinterpretq_s32_s8(codes[two / 2]));
            vreinterpretq_s8_s32(if two % 2 == 0 { vzip1q_s32(one, other) } else { vzip2q_s32(one, other) })
        });
        for row in (0..R).step_by(2) {
            let next = |words: &[i32; R]| words.get(row + 1).copied().unwrap_or_default();
            let rows = load_four(&[first[row], second[row], next(first), next(second)]);
            for two in 0..8 {
                let sums = &mut squares[row / 2][two];
                *sums = matrix_product(*sums, vreinterpretq_s8_s32(rows), columns[two]);
            }
        }
    }
    array::from_fn(|row| {
        array::from_fn(|part| {
            let [left, right] = [0, 1].map(|two| vreinterpretq_s64_s32(squares[row / 2][2 * part + two]));
            let half = if row % 2 == 0 { vtrn1q_s64(left, right) } else { vtrn2q_s64(left, right) };
            vreinterpretq_s32_s64(half)
        })
    })
}

/// The codes of a block, eight of each column at a time.
struct Planes<'b> {
    block: &'b Block<'b>,
    /// The higher bits of the next step, the lowest of each half.
    high: Quad<uint8x16_t>,
}

impl<'b> Planes<'b> {
    #[inline]
    #[target_feature(enable = "neon")]
    fn of(block: &'b Block<'b>) -> Self {
        Self { block, high: [vdupq_n_u8(0); 4] }
    }

    /// As signed numbers: of K to K + 3, and of K + 4 to K + 7. Asked for in their order.
    #[inline]
    #[target_feature(enable = "neon")]
    fn codes<const BITS: u32>(&mut self, index: usize) -> [Quad<int8x16_t>; 2] {
        let steps = self.block.steps;
        let step = |index| steps.get(index).map_or([vdupq_n_u8(0); 4], |step| load(step));
        if BITS == 8 {
            let sign = vdupq_n_u8(128);
            return [step(2 * index), step(2 * index + 1)]
                .map(|codes| codes.map(|codes| vreinterpretq_s8_u8(veorq_u8(codes, sign))));
        }
        let codes = step(index);
        let mut halves =
            [codes.map(|codes| vandq_u8(codes, vdupq_n_u8(15))), codes.map(|codes| vshrq_n_u8::<4>(codes))];
        if BITS > 4 {
            if index.is_multiple_of(plane_steps(BITS)) {
                let plane = self.block.high.get(index / plane_steps(BITS));
                self.high = plane.map_or(self.high, |plane| load(plane));
            }
            let mask = vdupq_n_u8(if BITS == 5 { 0x10 } else { 0x30 });
            let [first, second] = &mut halves;
            for ((one, other), high) in first.iter_mut().zip(second).zip(&mut self.high) {
                *one = vorrq_u8(*one, vandq_u8(vshlq_n_u8::<4>(*high), mask));
                *other = vorrq_u8(*other, vandq_u8(*high, mask));
                *high = if BITS == 5 { vshrq_n_u8::<1>(*high) } else { vshrq_n_u8::<2>(*high) };
            }
        }
        halves.map(|half| half.map(|codes| vreinterpretq_s8_u8(codes)))
    }
}

/// `vdotq_s32`, which stable Rust has not yet.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot(products: int32x4_t, codes: int8x16_t, word: int8x16_t) -> int32x4_t {
    let mut sums = products;
    // SAFETY: one instruction on three registers, which the features of this function include.
    #[allow(unsafe_code)]
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {codes:v}.16b, {word:v}.16b",
            sums = inout(vreg) sums, codes = in(vreg) codes, word = in(vreg) word,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

/// `vmmlaq_s32`: two rows of eight by two columns of eight.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn matrix_product(products: int32x4_t, rows: int8x16_t, columns: int8x16_t) -> int32x4_t {
    let mut sums = products;
    // SAFETY: one instruction on three registers, which the features of this function include.
    #[allow(unsafe_code)]
    unsafe {
        asm!(
            "smmla {sums:v}.4s, {rows:v}.16b, {columns:v}.16b",
            sums = inout(vreg) sums, rows = in(vreg) rows, columns = in(vreg) columns,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

/// Scales as float32.
#[inline]
#[target_feature(enable = "neon")]
fn scales_of(scales: Scales<'_>) -> Quad<float32x4_t> {
    let [first, second] = match scales {
        Scales::Half(bytes) => {
            let (halves, _) = bytes.as_chunks::<16>();
            [load_bytes(&halves[0]), load_bytes(&halves[1])]
        }
        Scales::Short(bytes) => {
            const UP: i32 = SHORT_SHIFT.cast_signed();
            let bytes = load_bytes(bytes);
            [vshll_n_u8::<UP>(vget_low_u8(bytes)), vshll_high_n_u8::<UP>(bytes)]
                .map(|halves| vreinterpretq_u8_u16(halves))
        }
    };
    let ([a, b], [c, d]) = (widened(first), widened(second));
    [a, b, c, d]
}

/// Eight numbers of half precision as float32: in every 64-bit Arm, but not in stable Rust.
#[inline]
#[target_feature(enable = "neon")]
fn widened(half: uint8x16_t) -> [float32x4_t; 2] {
    let (low, high): (float32x4_t, float32x4_t);
    // SAFETY: two instructions on registers.
    #[allow(unsafe_code)]
    unsafe {
        asm!(
            "fcvtl {low:v}.4s, {half:v}.4h",
            "fcvtl2 {high:v}.4s, {half:v}.8h",
            low = out(vreg) low, high = lateout(vreg) high, half = in(vreg) half,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    [low, high]
}

/// What is added for each of a block's zero points, a column each: the offset that is taken from codes of 8 bits, less the zero point.
#[inline]
#[target_feature(enable = "neon")]
fn negated_zeros<const BITS: u32>(bytes: &[u8]) -> Quad<int32x4_t> {
    let offset = vdupq_n_s32(if BITS == 8 { 128 } else { 0 });
    if bytes.is_empty() {
        return [vsubq_s32(offset, vdupq_n_s32(if BITS == 4 { 8 } else { 128 })); 4];
    }
    let mut columns = vdupq_n_u8(0);
    if BITS == 8 {
        if let Some(bytes) = bytes.first_chunk() {
            columns = load_bytes(bytes);
        }
    } else {
        let packed = vcreate_u8(bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)));
        columns = vcombine_u8(vand_u8(packed, vdup_n_u8(15)), vshr_n_u8::<4>(packed));
    }
    if BITS == 5 || BITS == 6 {
        columns = with_zero_plane(columns, zero_plane(bytes, 0), 0x10);
    }
    if BITS == 6 {
        columns = with_zero_plane(columns, zero_plane(bytes, 1), 0x20);
    }
    let (low, high) = (vmovl_u8(vget_low_u8(columns)), vmovl_high_u8(columns));
    let zeros = [
        vmovl_u16(vget_low_u16(low)),
        vmovl_high_u16(low),
        vmovl_u16(vget_low_u16(high)),
        vmovl_high_u16(high),
    ];
    let mut negated = [offset; 4];
    for part in 0..4 {
        negated[part] = vsubq_s32(offset, vreinterpretq_s32_u32(zeros[part]));
    }
    negated
}

/// Adds a value where a column's bit is set.
#[inline]
#[target_feature(enable = "neon")]
fn with_zero_plane(columns: uint8x16_t, plane: u16, value: u8) -> uint8x16_t {
    let [first, second] = plane.to_le_bytes();
    let bits = vcombine_u8(vdup_n_u8(first), vdup_n_u8(second));
    let one_each = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
    vorrq_u8(columns, vandq_u8(vtstq_u8(bits, one_each), vdupq_n_u8(value)))
}

#[inline]
#[target_feature(enable = "neon")]
fn load(step: &[u8; STEP_BYTES]) -> Quad<uint8x16_t> {
    let parts = step.as_chunks::<16>().0;
    [load_bytes(&parts[0]), load_bytes(&parts[1]), load_bytes(&parts[2]), load_bytes(&parts[3])]
}

#[inline]
#[target_feature(enable = "neon")]
fn load_bytes(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: 16 bytes that are borrowed.
    #[allow(unsafe_code)]
    unsafe {
        vld1q_u8(bytes.as_ptr())
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn load_four(numbers: &[i32; 4]) -> int32x4_t {
    // SAFETY: 16 bytes that are borrowed.
    #[allow(unsafe_code)]
    unsafe {
        vld1q_s32(numbers.as_ptr())
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn to_array(sums: float32x4_t) -> [f32; 4] {
    let mut array = [0.0; 4];
    // SAFETY: 16 bytes that are borrowed mutably.
    #[allow(unsafe_code)]
    unsafe {
        vst1q_f32(array.as_mut_ptr(), sums);
    }
    array
}

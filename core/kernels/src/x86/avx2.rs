//! AVX2, with and without VNNI: a step of 64 bytes is two registers of eight columns.
//!
//! Without VNNI, `vpmaddubsw` adds two products in 16 bits. Codes of 4 bits leave room for sixteen of them (16 × 15 × 127 =
//! 30,480), so the products of four steps are widened once; codes of 5 bits for eight (8 × 31 × 127 = 31,496), those of 6 bits
//! for four (4 × 63 × 127 = 32,004). Codes of 8 bits leave room for two only where they are signed (2 × 128 × 127 = 32,512): the
//! code's sign moves to the activation.

#[allow(clippy::wildcard_imports, reason = "an instruction set is used by its own names")]
use std::arch::x86_64::*;
use std::array;
use std::ops::Range;

use super::lanes::Eight;
use crate::activations::{Activations, RowsToFill};
use crate::attention::softmax::{self, Loaded, Rows, Seen};
use crate::error::KernelError;
use crate::gate::silu;
use crate::half::SHORT_SHIFT;
use crate::instances::{each_panel, for_panel};
use crate::shape::{Bits, Shape};
use crate::tile::{GROUP_STEPS, Panel, Results, Rounded, STEP_BYTES, Scales, Tile, plane_steps, zero_plane};
use crate::weights::Weights;

/// How far ahead of the codes that are multiplied others are asked for.
const AHEAD_BYTES: usize = 2048;
/// Steps whose products are added in 16 bits.
const fn narrow_steps(bits: u32) -> usize {
    match bits {
        4 => 4,
        5 => 2,
        _ => 1,
    }
}

/// A step, or the results of one row: columns 0 to 7 and 8 to 15.
type Pair<T> = [T; 2];

pub(crate) fn is_here() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

pub(crate) fn has_vnni() -> bool {
    is_here() && is_x86_feature_detected!("avxvnni")
}

pub(crate) fn quantize(rows: RowsToFill<'_>, x: &[f32]) -> Result<(), KernelError> {
    if !is_here() {
        return Err(KernelError::NotOnThisCpu);
    }
    #[target_feature(enable = "avx2,fma")]
    fn here(rows: RowsToFill<'_>, x: &[f32]) {
        rows.quantize(x);
    }
    // SAFETY: the CPU has these features.
    #[allow(unsafe_code)]
    unsafe {
        here(rows, x);
    }
    Ok(())
}

/// See [`silu::multiply`].
pub(crate) fn gate(gate: &mut [f32], up: &[f32]) -> Result<(), KernelError> {
    if !is_here() {
        return Err(KernelError::NotOnThisCpu);
    }
    #[target_feature(enable = "avx2,fma")]
    fn here(gate: &mut [f32], up: &[f32]) {
        silu::multiply::<Eight>(gate, up);
    }
    // SAFETY: the CPU has these features.
    #[allow(unsafe_code)]
    unsafe {
        here(gate, up);
    }
    Ok(())
}

/// See [`softmax::attend`].
pub(crate) fn attend<T: Loaded, const D: usize>(
    keys: &[[T; D]],
    values: &[[T; D]],
    seen: &Seen,
    rows: &mut Rows<'_, D>,
) -> Result<(), KernelError> {
    if !is_here() {
        return Err(KernelError::NotOnThisCpu);
    }
    #[target_feature(enable = "avx2,fma")]
    fn here<T: Loaded, const D: usize>(
        keys: &[[T; D]],
        values: &[[T; D]],
        seen: &Seen,
        rows: &mut Rows<'_, D>,
    ) {
        softmax::attend::<Eight, T, 2, D>(keys, values, seen, rows);
    }
    // SAFETY: the CPU has these features.
    #[allow(unsafe_code)]
    unsafe {
        here(keys, values, seen, rows);
    }
    Ok(())
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
        plain::multiply(weights, tiles, activations, results);
    }
    Ok(())
}

pub(crate) fn multiply_with_vnni(
    weights: &Weights<'_>,
    tiles: Range<usize>,
    activations: &Activations,
    results: &mut [&mut [f32]],
) -> Result<(), KernelError> {
    if !has_vnni() {
        return Err(KernelError::NotOnThisCpu);
    }
    // SAFETY: the CPU has the features.
    #[allow(unsafe_code)]
    unsafe {
        vnni::multiply(weights, tiles, activations, results);
    }
    Ok(())
}

/// The same kernel for two sets of features. `small` multiplies codes of 4 bits, into what `widen` adds to the products;
/// `full` multiplies codes of 8 bits less `offset`.
macro_rules! kernel {
    ($name:ident, $features:literal, $small:ident, $widen:ident, $full:ident, $offset:literal) => {
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
                let mut all = [[_mm256_setzero_ps(); 2]; R];
                for (block, rounded) in tile.blocks(shape).zip(panel.blocks::<R>(shape)) {
                    let Rounded { words, scales: activation_scales, sums } = rounded;
                    let zeros = if shape.has_zeros() {
                        zeros_of::<BITS>(block.zeros)
                    } else {
                        [_mm256_set1_epi32(if BITS == 4 { 8 } else { 128 }); 2]
                    };
                    let offset = _mm256_set1_epi32(if BITS == 8 { $offset } else { 0 });
                    let zeros = [_mm256_sub_epi32(zeros[0], offset), _mm256_sub_epi32(zeros[1], offset)];
                    // No closures here: they are functions of their own, without the instruction set.
                    let mut products = [zeros; R];
                    for row in 0..R {
                        products[row] = [begin(zeros[0], sums[row]), begin(zeros[1], sums[row])];
                    }
                    if BITS == 8 {
                        for (step, words) in block.steps.iter().zip(words) {
                            let codes = load(step);
                            for row in 0..R {
                                let word = _mm256_set1_epi32(words[row]);
                                for half in 0..2 {
                                    products[row][half] = $full(products[row][half], codes[half], word);
                                }
                            }
                        }
                    } else {
                        let mut planes = block.high.iter();
                        let groups = words.as_chunks::<2>().0.as_chunks::<GROUP_STEPS>().0;
                        for (steps, words) in block.steps.as_chunks::<GROUP_STEPS>().0.iter().zip(groups) {
                            let mut high = [_mm256_setzero_si256(); 2];
                            let mut narrow = [[_mm256_setzero_si256(); 2]; R];
                            for index in 0..GROUP_STEPS {
                                if BITS > 4 && index % plane_steps(BITS) == 0 {
                                    if let Some(plane) = planes.next() {
                                        high = load(plane);
                                    }
                                }
                                let [first, second] = words[index];
                                let codes = load(&steps[index]);
                                for row in 0..R {
                                    let word = _mm256_set1_epi32(first[row]);
                                    for half in 0..2 {
                                        let codes = low::<BITS>(codes[half], high[half]);
                                        narrow[row][half] = $small(narrow[row][half], codes, word);
                                    }
                                }
                                for row in 0..R {
                                    let word = _mm256_set1_epi32(second[row]);
                                    for half in 0..2 {
                                        let codes = upper::<BITS>(codes[half], high[half]);
                                        narrow[row][half] = $small(narrow[row][half], codes, word);
                                    }
                                }
                                high = [later::<BITS>(high[0]), later::<BITS>(high[1])];
                                if (index + 1) % narrow_steps(BITS) == 0 {
                                    for row in 0..R {
                                        for half in 0..2 {
                                            let sum = &mut narrow[row][half];
                                            products[row][half] = $widen(products[row][half], *sum);
                                            *sum = _mm256_setzero_si256();
                                        }
                                    }
                                }
                            }
                        }
                    }
                    let scales = scales_of(block.scales);
                    for row in 0..R {
                        let activation_scale = _mm256_set1_ps(activation_scales[row]);
                        for half in 0..2 {
                            let scale = _mm256_mul_ps(scales[half], activation_scale);
                            let product = _mm256_cvtepi32_ps(products[row][half]);
                            all[row][half] = _mm256_fmadd_ps(product, scale, all[row][half]);
                        }
                    }
                }
                for (results, sums) in results.iter_mut().zip(all) {
                    for (results, sum) in results.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
                        *results = to_array(sum);
                    }
                }
            }
        }
    };
}

kernel!(plain, "avx2,fma,f16c", small, widen, full, 128);
kernel!(vnni, "avx2,fma,f16c,avxvnni", small_vnni, widen_vnni, full_vnni, 0);

#[inline]
#[target_feature(enable = "avx2")]
fn small(narrow: __m256i, codes: __m256i, word: __m256i) -> __m256i {
    _mm256_add_epi16(narrow, _mm256_maddubs_epi16(codes, word))
}

#[inline]
#[target_feature(enable = "avx2")]
fn widen(products: __m256i, narrow: __m256i) -> __m256i {
    _mm256_add_epi32(products, _mm256_madd_epi16(narrow, _mm256_set1_epi16(1)))
}

/// The codes of a step's low halves, with their higher bits where `high` has them: the lowest of each half.
#[inline]
#[target_feature(enable = "avx2")]
fn low<const BITS: u32>(step: __m256i, high: __m256i) -> __m256i {
    let codes = _mm256_and_si256(step, _mm256_set1_epi8(15));
    if BITS == 4 { codes } else { with_high::<BITS>(codes, _mm256_slli_epi16::<4>(high)) }
}

/// Those of its high halves.
#[inline]
#[target_feature(enable = "avx2")]
fn upper<const BITS: u32>(step: __m256i, high: __m256i) -> __m256i {
    let codes = _mm256_and_si256(_mm256_srli_epi16::<4>(step), _mm256_set1_epi8(15));
    if BITS == 4 { codes } else { with_high::<BITS>(codes, high) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn with_high<const BITS: u32>(codes: __m256i, high: __m256i) -> __m256i {
    let mask = _mm256_set1_epi8(if BITS == 5 { 0x10 } else { 0x30 });
    _mm256_or_si256(codes, _mm256_and_si256(high, mask))
}

/// The higher bits of the next step in place of those of this one. What comes from the next byte is never looked at.
#[inline]
#[target_feature(enable = "avx2")]
fn later<const BITS: u32>(high: __m256i) -> __m256i {
    if BITS == 5 { _mm256_srli_epi16::<1>(high) } else { _mm256_srli_epi16::<2>(high) }
}

/// Codes less 128, whose sign is given to the activations.
#[inline]
#[target_feature(enable = "avx2")]
fn full(products: __m256i, codes: __m256i, word: __m256i) -> __m256i {
    let signed = _mm256_xor_si256(codes, _mm256_set1_epi8(i8::MIN));
    let narrow = _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(word, signed));
    widen(products, narrow)
}

#[inline]
#[target_feature(enable = "avxvnni")]
fn small_vnni(narrow: __m256i, codes: __m256i, word: __m256i) -> __m256i {
    _mm256_dpbusd_avx_epi32(narrow, codes, word)
}

#[inline]
#[target_feature(enable = "avx2")]
fn widen_vnni(products: __m256i, narrow: __m256i) -> __m256i {
    _mm256_add_epi32(products, narrow)
}

#[inline]
#[target_feature(enable = "avxvnni")]
fn full_vnni(products: __m256i, codes: __m256i, word: __m256i) -> __m256i {
    _mm256_dpbusd_avx_epi32(products, codes, word)
}

/// `-zero × sum` of every column. Both have 16 bits; the sum's high half is zero.
#[inline]
#[target_feature(enable = "avx2")]
fn begin(zero: __m256i, sum: i32) -> __m256i {
    _mm256_madd_epi16(zero, _mm256_set1_epi32(-sum & 0xffff))
}

#[inline]
#[target_feature(enable = "avx2")]
fn zeros_of<const BITS: u32>(bytes: &[u8]) -> Pair<__m256i> {
    let first = bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
    let packed = _mm_cvtsi64_si128(first);
    if BITS == 8 {
        let last = bytes.last_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
        return [_mm256_cvtepu8_epi32(packed), _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(last))];
    }
    let low = _mm_set1_epi8(15);
    let mut halves = [_mm_and_si128(packed, low), _mm_and_si128(_mm_srli_epi16::<4>(packed), low)];
    if BITS > 4 {
        halves = with_zero_plane(halves, zero_plane(bytes, 0), 0x10);
    }
    if BITS > 5 {
        halves = with_zero_plane(halves, zero_plane(bytes, 1), 0x20);
    }
    [_mm256_cvtepu8_epi32(halves[0]), _mm256_cvtepu8_epi32(halves[1])]
}

/// Adds a value where a column's bit is set.
#[inline]
#[target_feature(enable = "avx2")]
fn with_zero_plane(halves: Pair<__m128i>, plane: u16, value: i8) -> Pair<__m128i> {
    let columns = _mm_set_epi64x(0, 0x8040_2010_0804_0201_u64.cast_signed());
    let planes = plane.to_le_bytes().map(|byte| _mm_set1_epi8(byte.cast_signed()));
    array::from_fn(|half| {
        let is_set = _mm_cmpeq_epi8(_mm_and_si128(planes[half], columns), columns);
        _mm_or_si128(halves[half], _mm_and_si128(is_set, _mm_set1_epi8(value)))
    })
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn scales_of(scales: Scales<'_>) -> Pair<__m256> {
    let (first, second) = match scales {
        Scales::Half(bytes) => {
            let (halves, _) = bytes.as_chunks();
            (load_16(&halves[0]), load_16(&halves[1]))
        }
        Scales::Short(bytes) => {
            let (bytes, zero) = (load_16(bytes), _mm_setzero_si128());
            // A byte in the upper half of 16 bits, moved to the place of its exponent.
            const UP: i32 = 8 - SHORT_SHIFT.cast_signed();
            let (low, high) = (_mm_unpacklo_epi8(zero, bytes), _mm_unpackhi_epi8(zero, bytes));
            (_mm_srli_epi16::<UP>(low), _mm_srli_epi16::<UP>(high))
        }
    };
    [_mm256_cvtph_ps(first), _mm256_cvtph_ps(second)]
}

#[inline]
#[target_feature(enable = "sse2")]
fn load_16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes that are borrowed.
    #[allow(unsafe_code)]
    unsafe {
        _mm_loadu_si128(bytes.as_ptr().cast())
    }
}

/// A step; and asks for what will be multiplied soon.
#[inline]
#[target_feature(enable = "avx2")]
fn load(step: &[u8; STEP_BYTES]) -> Pair<__m256i> {
    let start = step.as_ptr();
    // SAFETY: twice 32 of 64 bytes that are borrowed. The hint reads nothing; its address may be behind the end.
    #[allow(unsafe_code)]
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(AHEAD_BYTES).cast());
        [_mm256_loadu_si256(start.cast()), _mm256_loadu_si256(start.add(32).cast())]
    }
}

#[inline]
#[target_feature(enable = "avx")]
fn to_array(sums: __m256) -> [f32; 8] {
    let mut array = [0.0; 8];
    // SAFETY: 32 bytes that are borrowed mutably.
    #[allow(unsafe_code)]
    unsafe {
        _mm256_storeu_ps(array.as_mut_ptr(), sums);
    }
    array
}

//! AVX2, with and without VNNI: a step of 64 codes is two registers of eight columns.
//!
//! Without VNNI, `vpmaddubsw` adds two products in 16 bits. Codes of 4 bits leave room for sixteen of them (16 × 15 × 127 =
//! 30,480), so a step of 32 elements is widened once. Codes of 8 bits leave room for two only where they are signed (2 × 128 ×
//! 127 = 32,512): the code's sign moves to the activation.

#[allow(clippy::wildcard_imports, reason = "an instruction set is used by its own names")]
use std::arch::x86_64::*;
use std::array;
use std::ops::Range;

use crate::activations::{Activations, RowsToFill};
use crate::error::KernelError;
use crate::kernel::{for_panel, store};
use crate::shape::{Bits, COLUMNS, Shape};
use crate::tile::{Panel, Results, STEP_BYTES, Tile};
use crate::weights::Weights;

/// How far ahead of the codes that are multiplied others are asked for.
const AHEAD_BYTES: usize = 2048;
/// Steps of 4-bit codes whose products are added in 16 bits.
const NARROW_STEPS: usize = 4;

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
                let mut found = Results::default();
                let mut at = 0;
                for (tile, columns) in weights.tiles(tiles) {
                    let mut rows = results.iter_mut();
                    for panel in activations.panels() {
                        for_panel!(panel.rows, shape.bits(), packed(shape, &tile, &panel, &mut found));
                        store(&found, rows.by_ref().take(panel.rows), at, columns.len());
                    }
                    at += columns.len();
                }
            }

            /// One tile by one panel.
            #[target_feature(enable = $features)]
            fn packed<const R: usize, const FOUR: bool>(
                shape: Shape,
                tile: &Tile<'_>,
                panel: &Panel<'_>,
                results: &mut Results,
            ) {
                let low = _mm256_set1_epi8(15);
                let mut all = [[_mm256_setzero_ps(); 2]; R];
                let mut zeros = tile.zeros.chunks_exact(shape.zero_bytes().max(1));
                let blocks = tile
                    .codes
                    .chunks_exact(shape.column_bytes() * COLUMNS)
                    .zip(tile.scales)
                    .zip(panel.words.chunks_exact(shape.block() / 4 * R))
                    .zip(panel.scales.as_chunks::<R>().0)
                    .zip(panel.sums.as_chunks::<R>().0);
                for ((((codes, scales), words), activation_scales), sums) in blocks {
                    let zeros = if shape.has_zeros() {
                        zeros_of::<FOUR>(zeros.next().unwrap_or_default())
                    } else {
                        [_mm256_set1_epi32(if FOUR { 8 } else { 128 }); 2]
                    };
                    let offset = _mm256_set1_epi32(if FOUR { 0 } else { $offset });
                    let zeros = zeros.map(|zero| _mm256_sub_epi32(zero, offset));
                    let mut products: [Pair<_>; R] =
                        array::from_fn(|row| zeros.map(|zero| begin(zero, sums[row])));
                    let (steps, words) = (codes.as_chunks::<STEP_BYTES>().0, words.as_chunks::<R>().0);
                    if FOUR {
                        let pairs = words.as_chunks::<2>().0;
                        for (steps, words) in steps.chunks(NARROW_STEPS).zip(pairs.chunks(NARROW_STEPS)) {
                            let mut narrow = [[_mm256_setzero_si256(); 2]; R];
                            for (step, [first, second]) in steps.iter().zip(words) {
                                let codes = load(step);
                                for row in 0..R {
                                    let word = _mm256_set1_epi32(first[row]);
                                    for half in 0..2 {
                                        let codes = _mm256_and_si256(codes[half], low);
                                        narrow[row][half] = $small(narrow[row][half], codes, word);
                                    }
                                }
                                for row in 0..R {
                                    let word = _mm256_set1_epi32(second[row]);
                                    for half in 0..2 {
                                        let codes = _mm256_srli_epi16::<4>(codes[half]);
                                        let codes = _mm256_and_si256(codes, low);
                                        narrow[row][half] = $small(narrow[row][half], codes, word);
                                    }
                                }
                            }
                            for row in 0..R {
                                for half in 0..2 {
                                    products[row][half] = $widen(products[row][half], narrow[row][half]);
                                }
                            }
                        }
                    } else {
                        for (step, words) in steps.iter().zip(words) {
                            let codes = load(step);
                            for row in 0..R {
                                let word = _mm256_set1_epi32(words[row]);
                                for half in 0..2 {
                                    products[row][half] = $full(products[row][half], codes[half], word);
                                }
                            }
                        }
                    }
                    let (scales, _) = scales.as_chunks::<COLUMNS>();
                    for row in 0..R {
                        let activation_scale = _mm256_set1_ps(activation_scales[row]);
                        for half in 0..2 {
                            let scale = _mm256_mul_ps(scales_of(&scales[half]), activation_scale);
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
fn zeros_of<const FOUR: bool>(bytes: &[u8]) -> Pair<__m256i> {
    let first = bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
    let first = _mm_cvtsi64_si128(first);
    if FOUR {
        let low = _mm_set1_epi8(15);
        [_mm_and_si128(first, low), _mm_and_si128(_mm_srli_epi16::<4>(first), low)]
            .map(|half| _mm256_cvtepu8_epi32(half))
    } else {
        let last = bytes.last_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
        [first, _mm_cvtsi64_si128(last)].map(|half| _mm256_cvtepu8_epi32(half))
    }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn scales_of(bytes: &[u8; 16]) -> __m256 {
    // SAFETY: 16 bytes that are borrowed.
    #[allow(unsafe_code)]
    _mm256_cvtph_ps(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
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

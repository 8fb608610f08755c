//! 64-bit Arm with dot products (`sdot`): a step of 64 codes is four registers of four columns.
//!
//! `sdot` wants both sides signed. Codes of 4 bits are so already; of codes of 8 bits, and of their zero points, 128 is taken away.

#[allow(clippy::wildcard_imports, reason = "an instruction set is used by its own names")]
use std::arch::aarch64::*;
use std::arch::asm;
use std::array;
use std::ops::Range;

use crate::activations::Activations;
use crate::error::KernelError;
use crate::half::f16_to_f32;
use crate::kernel::{for_panel, store};
use crate::portable::zero_points;
use crate::shape::{Bits, COLUMNS, Shape};
use crate::tile::{Panel, Results, SCALE_BYTES, STEP_BYTES, Tile};
use crate::weights::Weights;

/// A step, or the results of one row: four columns each.
type Quad<T> = [T; 4];

pub(crate) fn is_here() -> bool {
    std::arch::is_aarch64_feature_detected!("dotprod")
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
        all_rows(weights, tiles, activations, results);
    }
    Ok(())
}

#[target_feature(enable = "neon,dotprod")]
fn all_rows(
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
#[target_feature(enable = "neon,dotprod")]
fn packed<const R: usize, const FOUR: bool>(
    shape: Shape,
    tile: &Tile<'_>,
    panel: &Panel<'_>,
    results: &mut Results,
) {
    let (low, sign) = (vdupq_n_u8(15), vdupq_n_u8(128));
    let mut all = [[vdupq_n_f32(0.0); 4]; R];
    let mut zeros = tile.zeros.chunks_exact(shape.zero_bytes().max(1));
    let blocks = tile
        .codes
        .chunks_exact(shape.column_bytes() * COLUMNS)
        .zip(tile.scales)
        .zip(panel.words.chunks_exact(shape.block() / 4 * R))
        .zip(panel.scales.as_chunks::<R>().0)
        .zip(panel.sums.as_chunks::<R>().0);
    for ((((codes, scales), words), activation_scales), sums) in blocks {
        let offset = if FOUR { 0 } else { 128 };
        let zeros = zero_points(shape, zeros.next().unwrap_or_default()).map(|zero| offset - zero);
        let zeros = load_whole(&zeros);
        let mut products: [Quad<_>; R] = array::from_fn(|row| zeros.map(|zero| vmulq_n_s32(zero, sums[row])));
        let (steps, words) = (codes.as_chunks::<STEP_BYTES>().0, words.as_chunks::<R>().0);
        let mut add = |codes: Quad<int8x16_t>, words: &[i32; R]| {
            for row in 0..R {
                let word = vreinterpretq_s8_s32(vdupq_n_s32(words[row]));
                for part in 0..4 {
                    products[row][part] = dot(products[row][part], codes[part], word);
                }
            }
        };
        if FOUR {
            for (step, [first, second]) in steps.iter().zip(words.as_chunks::<2>().0) {
                let codes = load(step);
                add(codes.map(|codes| vreinterpretq_s8_u8(vandq_u8(codes, low))), first);
                add(codes.map(|codes| vreinterpretq_s8_u8(vshrq_n_u8::<4>(codes))), second);
            }
        } else {
            for (step, words) in steps.iter().zip(words) {
                add(load(step).map(|codes| vreinterpretq_s8_u8(veorq_u8(codes, sign))), words);
            }
        }
        let scales = scales_of(scales);
        for row in 0..R {
            for part in 0..4 {
                let scale = vmulq_n_f32(scales[part], activation_scales[row]);
                all[row][part] = vfmaq_f32(all[row][part], vcvtq_f32_s32(products[row][part]), scale);
            }
        }
    }
    for (results, sums) in results.iter_mut().zip(all) {
        for (results, sum) in results.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
            *results = to_array(sum);
        }
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

/// Scales as float32: conversion of half precision is in every 64-bit Arm, but not in stable Rust.
#[inline]
#[target_feature(enable = "neon")]
fn scales_of(bytes: &[u8; SCALE_BYTES]) -> Quad<float32x4_t> {
    let mut numbers = [0.0; COLUMNS];
    for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *number = f16_to_f32(u16::from_le_bytes(*bytes));
    }
    let quads = numbers.as_chunks::<4>().0;
    // SAFETY: 16 bytes each that are borrowed.
    #[allow(unsafe_code)]
    array::from_fn(|part| unsafe { vld1q_f32(quads[part].as_ptr()) })
}

#[inline]
#[target_feature(enable = "neon")]
fn load(step: &[u8; STEP_BYTES]) -> Quad<uint8x16_t> {
    let parts = step.as_chunks::<16>().0;
    // SAFETY: 16 bytes each that are borrowed.
    #[allow(unsafe_code)]
    array::from_fn(|part| unsafe { vld1q_u8(parts[part].as_ptr()) })
}

#[inline]
#[target_feature(enable = "neon")]
fn load_whole(numbers: &[i32; COLUMNS]) -> Quad<int32x4_t> {
    let quads = numbers.as_chunks::<4>().0;
    // SAFETY: 16 bytes each that are borrowed.
    #[allow(unsafe_code)]
    array::from_fn(|part| unsafe { vld1q_s32(quads[part].as_ptr()) })
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

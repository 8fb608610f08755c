//! 64-bit Arm with dot products (`sdot`): a step of 64 bytes is four registers of four columns.
//!
//! `sdot` wants both sides signed. Codes of up to 6 bits are so already; of codes of 8 bits, and of their zero points, 128 is taken away.

#[allow(clippy::wildcard_imports, reason = "an instruction set is used by its own names")]
use std::arch::aarch64::*;
use std::arch::asm;
use std::array;
use std::ops::Range;

use crate::activations::Activations;
use crate::error::KernelError;
use crate::half::f16_to_f32;
use crate::instances::for_panel;
use crate::kernel::store;
use crate::portable::zero_points;
use crate::shape::{Bits, COLUMNS, Shape};
use crate::tile::{GROUP_STEPS, Panel, Results, Rounded, SCALE_BYTES, STEP_BYTES, Tile, plane_steps};
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
fn packed<const R: usize, const BITS: u32>(
    shape: Shape,
    tile: &Tile<'_>,
    panel: &Panel<'_>,
    results: &mut Results,
) {
    let (low, sign) = (vdupq_n_u8(15), vdupq_n_u8(128));
    let high_mask = vdupq_n_u8(if BITS == 5 { 0x10 } else { 0x30 });
    let mut all = [[vdupq_n_f32(0.0); 4]; R];
    for (block, rounded) in tile.blocks(shape).zip(panel.blocks::<R>(shape)) {
        let Rounded { words, scales: activation_scales, sums } = rounded;
        let offset = if BITS == 8 { 128 } else { 0 };
        let zeros = load_whole(&zero_points(shape, block.zeros).map(|zero| offset - zero));
        let mut products: [Quad<_>; R] = array::from_fn(|row| zeros.map(|zero| vmulq_n_s32(zero, sums[row])));
        let mut add = |codes: Quad<uint8x16_t>, words: &[i32; R]| {
            for row in 0..R {
                let word = vreinterpretq_s8_s32(vdupq_n_s32(words[row]));
                for part in 0..4 {
                    products[row][part] = dot(products[row][part], vreinterpretq_s8_u8(codes[part]), word);
                }
            }
        };
        if BITS == 8 {
            for (step, words) in block.steps.iter().zip(words) {
                add(load(step).map(|codes| veorq_u8(codes, sign)), words);
            }
        } else {
            let mut planes = block.high.iter();
            let groups = words.as_chunks::<2>().0.as_chunks::<GROUP_STEPS>().0;
            for (steps, words) in block.steps.as_chunks::<GROUP_STEPS>().0.iter().zip(groups) {
                let mut high = [vdupq_n_u8(0); 4];
                for index in 0..GROUP_STEPS {
                    if BITS > 4 && index % plane_steps(BITS) == 0 {
                        high = planes.next().map_or(high, |plane| load(plane));
                    }
                    let (codes, [first, second]) = (load(&steps[index]), &words[index]);
                    let mut one = codes.map(|codes| vandq_u8(codes, low));
                    let mut other = codes.map(|codes| vshrq_n_u8::<4>(codes));
                    if BITS > 4 {
                        for part in 0..4 {
                            let lower = vshlq_n_u8::<4>(high[part]);
                            one[part] = vorrq_u8(one[part], vandq_u8(lower, high_mask));
                            other[part] = vorrq_u8(other[part], vandq_u8(high[part], high_mask));
                        }
                        // Those of the next step.
                        high =
                            high.map(
                                |high| if BITS == 5 { vshrq_n_u8::<1>(high) } else { vshrq_n_u8::<2>(high) },
                            );
                    }
                    add(one, first);
                    add(other, second);
                }
            }
        }
        let scales = scales_of(block.scales);
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

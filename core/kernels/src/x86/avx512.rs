//! AVX-512 with VNNI: a step of 64 bytes is one register, a panel's activations are broadcast from memory.
//!
//! Zero points need no sums of weights: a block's products begin at `-zero × sum`, which one `vpdpwssd` gives.

#[allow(clippy::wildcard_imports, reason = "an instruction set is used by its own names")]
use std::arch::x86_64::*;
use std::array;
use std::ops::Range;
use std::slice;

use super::lanes::Sixteen;
use crate::activations::{Activations, RowsToFill};
use crate::attention::softmax::{self, Loaded, Rows, Seen};
use crate::error::KernelError;
use crate::gate::silu;
use crate::half::SHORT_SHIFT;
use crate::instances::for_panel;
use crate::portable::zero_points;
use crate::shape::{Bits, COLUMNS, Shape};
use crate::tile::{
    GROUP_STEPS, PANEL_ROWS, Panel, Results, Rounded, STEP_BYTES, Scales, Tile, plane_steps, store,
    zero_plane,
};
use crate::weights::Weights;

/// How far ahead of the codes that are multiplied others are asked for.
const AHEAD_BYTES: usize = 2048;

pub(crate) fn is_here() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
}

pub(crate) fn quantize(rows: RowsToFill<'_>, x: &[f32]) -> Result<(), KernelError> {
    if !is_here() {
        return Err(KernelError::NotOnThisCpu);
    }
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
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
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn here(gate: &mut [f32], up: &[f32]) {
        silu::multiply::<Sixteen>(gate, up);
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
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn here<T: Loaded, const D: usize>(
        keys: &[[T; D]],
        values: &[[T; D]],
        seen: &Seen,
        rows: &mut Rows<'_, D>,
    ) {
        softmax::attend::<Sixteen, T, 2, D>(keys, values, seen, rows);
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
        if activations.rows() > PANEL_ROWS {
            many_rows(weights, tiles, activations, results);
        } else {
            few_rows(weights, tiles, activations, results);
        }
    }
    Ok(())
}

/// Up to a panel of rows: tiles are multiplied as they come from memory.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn few_rows(
    weights: &Weights<'_>,
    tiles: Range<usize>,
    activations: &Activations,
    results: &mut [&mut [f32]],
) {
    let shape = weights.shape();
    let Some(panel) = activations.panels().next() else { return };
    let mut found = Results::default();
    let mut at = 0;
    for (tile, columns) in weights.tiles(tiles) {
        for_panel!(panel.rows, shape.bits(), packed(shape, &tile, &panel, &mut found));
        store(&found, results.iter_mut(), at, columns.len());
        at += columns.len();
    }
}

/// One tile by one panel.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn packed<const R: usize, const BITS: u32>(
    shape: Shape,
    tile: &Tile<'_>,
    panel: &Panel<'_>,
    results: &mut Results,
) {
    let mut all = [_mm512_setzero_ps(); R];
    for (block, rounded) in tile.blocks(shape).zip(panel.blocks::<R>(shape)) {
        let Rounded { words, scales: activation_scales, sums } = rounded;
        let zero = if shape.has_zeros() {
            zeros_of::<BITS>(block.zeros)
        } else {
            _mm512_set1_epi32(if BITS == 4 { 8 } else { 128 })
        };
        let mut products: [_; R] = array::from_fn(|row| begin(zero, sums[row]));
        if BITS == 8 {
            for (step, words) in block.steps.iter().zip(words) {
                let codes = load(step);
                ahead(step);
                for row in 0..R {
                    products[row] = _mm512_dpbusd_epi32(products[row], codes, _mm512_set1_epi32(words[row]));
                }
            }
        } else {
            let mut planes = block.high.iter();
            let groups = words.as_chunks::<2>().0.as_chunks::<GROUP_STEPS>().0;
            for (steps, words) in block.steps.as_chunks::<GROUP_STEPS>().0.iter().zip(groups) {
                let mut high = _mm512_setzero_si512();
                for index in 0..GROUP_STEPS {
                    let ([first, second], step) = (&words[index], &steps[index]);
                    if BITS > 4 && index % plane_steps(BITS) == 0 {
                        high = next_plane(&mut planes);
                    }
                    ahead(step);
                    let [one, other] = halves::<BITS>(load(step), high);
                    high = later::<BITS>(high);
                    for row in 0..R {
                        let word = _mm512_set1_epi32(first[row]);
                        products[row] = _mm512_dpbusd_epi32(products[row], one, word);
                    }
                    for row in 0..R {
                        let word = _mm512_set1_epi32(second[row]);
                        products[row] = _mm512_dpbusd_epi32(products[row], other, word);
                    }
                }
            }
        }
        let scales = scales_of(block.scales);
        for row in 0..R {
            let scale = _mm512_mul_ps(scales, _mm512_set1_ps(activation_scales[row]));
            all[row] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[row]), scale, all[row]);
        }
    }
    for (results, sum) in results.iter_mut().zip(all) {
        *results = to_array(sum);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn next_plane(planes: &mut slice::Iter<'_, [u8; STEP_BYTES]>) -> __m512i {
    let Some(plane) = planes.next() else { return _mm512_setzero_si512() };
    ahead(plane);
    load(plane)
}

/// The codes of a step's low and high halves, with their higher bits where `high` has them: the lowest of each half.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn halves<const BITS: u32>(step: __m512i, high: __m512i) -> [__m512i; 2] {
    let low = _mm512_set1_epi8(15);
    let halves = [_mm512_and_si512(step, low), _mm512_and_si512(_mm512_srli_epi16::<4>(step), low)];
    if BITS == 4 {
        return halves;
    }
    let mask = _mm512_set1_epi8(if BITS == 5 { 0x10 } else { 0x30 });
    let [one, other] = halves;
    // a | b & c
    const OR_AND: i32 = 0xf8;
    [
        _mm512_ternarylogic_epi32::<OR_AND>(one, _mm512_slli_epi16::<4>(high), mask),
        _mm512_ternarylogic_epi32::<OR_AND>(other, high, mask),
    ]
}

/// The higher bits of the next step in place of those of this one. What comes from the next byte is never looked at.
#[inline]
#[target_feature(enable = "avx512bw")]
fn later<const BITS: u32>(high: __m512i) -> __m512i {
    if BITS == 5 { _mm512_srli_epi16::<1>(high) } else { _mm512_srli_epi16::<2>(high) }
}

/// A step's bytes in one line of the cache: a load that crosses a line takes two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; STEP_BYTES]);

/// Some tiles as bytes, side by side.
#[derive(Default)]
struct Unpacked {
    /// `[steps of four K][tiles]`
    steps: Vec<Line>,
    /// `[blocks][tiles]`
    scales: Vec<[u8; 2 * COLUMNS]>,
    /// `[blocks][tiles]`
    zeros: Vec<[i32; COLUMNS]>,
}

/// Any number of rows: two tiles at a time are unpacked and multiplied by all panels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn many_rows(
    weights: &Weights<'_>,
    tiles: Range<usize>,
    activations: &Activations,
    results: &mut [&mut [f32]],
) {
    let shape = weights.shape();
    let mut unpacked = Unpacked::default();
    let mut tiles = weights.tiles(tiles);
    let mut at = 0;
    while let Some((first, first_columns)) = tiles.next() {
        let second = tiles.next();
        let second_columns = second.as_ref().map_or(0, |(_, columns)| columns.len());
        match &second {
            Some((second, _)) => unpack(shape, &[first, *second], &mut unpacked),
            None => unpack(shape, &[first], &mut unpacked),
        }
        let mut rows = results.chunks_mut(activations.panels().next().map_or(1, |panel| panel.rows));
        for panel in activations.panels() {
            let multiply = match (panel.rows, second.is_some()) {
                (1, true) => bytes::<1, 2>,
                (2, true) => bytes::<2, 2>,
                (3, true) => bytes::<3, 2>,
                (4, true) => bytes::<4, 2>,
                (5, true) => bytes::<5, 2>,
                (6, true) => bytes::<6, 2>,
                (1, false) => bytes::<1, 1>,
                (2, false) => bytes::<2, 1>,
                (3, false) => bytes::<3, 1>,
                (4, false) => bytes::<4, 1>,
                (5, false) => bytes::<5, 1>,
                _ => bytes::<6, 1>,
            };
            multiply(shape, &unpacked, &panel, rows.next().unwrap_or_default(), at);
        }
        at += first_columns.len() + second_columns;
    }
}

/// Unpacked tiles by a panel; their columns stand in the rows of results from `at` on.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn bytes<const R: usize, const T: usize>(
    shape: Shape,
    unpacked: &Unpacked,
    panel: &Panel<'_>,
    results: &mut [&mut [f32]],
    at: usize,
) {
    let mut all = [[_mm512_setzero_ps(); T]; R];
    let block_steps = shape.block() / 4;
    let blocks = unpacked
        .steps
        .chunks_exact(block_steps * T)
        .zip(unpacked.scales.as_chunks::<T>().0)
        .zip(unpacked.zeros.as_chunks::<T>().0)
        .zip(panel.words.chunks_exact(block_steps * R))
        .zip(panel.scales.as_chunks::<R>().0)
        .zip(panel.sums.as_chunks::<R>().0);
    for (((((steps, scales), zeros), words), activation_scales), sums) in blocks {
        let zeros: [_; T] = array::from_fn(|tile| load_whole(&zeros[tile]));
        let mut products: [[_; T]; R] =
            array::from_fn(|row| array::from_fn(|tile| begin(zeros[tile], sums[row])));
        for (steps, words) in steps.as_chunks::<T>().0.iter().zip(words.as_chunks::<R>().0) {
            let codes: [_; T] = array::from_fn(|tile| load(&steps[tile].0));
            for row in 0..R {
                let word = _mm512_set1_epi32(words[row]);
                for tile in 0..T {
                    products[row][tile] = _mm512_dpbusd_epi32(products[row][tile], codes[tile], word);
                }
            }
        }
        let scales: [_; T] = array::from_fn(|tile| scales_of(Scales::Half(&scales[tile])));
        for row in 0..R {
            let activation_scale = _mm512_set1_ps(activation_scales[row]);
            for tile in 0..T {
                let scale = _mm512_mul_ps(scales[tile], activation_scale);
                all[row][tile] =
                    _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[row][tile]), scale, all[row][tile]);
            }
        }
    }
    for (row, sums) in results.iter_mut().zip(all) {
        for (tile, sums) in sums.into_iter().enumerate() {
            put(row, at + tile * COLUMNS, sums);
        }
    }
}

/// Writes a tile's columns, or as many as the row has.
#[inline]
#[target_feature(enable = "avx512f")]
fn put(row: &mut [f32], at: usize, sums: __m512) {
    let Some(slots) = row.get_mut(at..) else { return };
    match slots.first_chunk_mut::<COLUMNS>() {
        // SAFETY: 64 bytes that are borrowed mutably.
        #[allow(unsafe_code)]
        Some(slots) => unsafe { _mm512_storeu_ps(slots.as_mut_ptr(), sums) },
        None => slots.iter_mut().zip(to_array(sums)).for_each(|(slot, sum)| *slot = sum),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn unpack(shape: Shape, tiles: &[Tile<'_>], unpacked: &mut Unpacked) {
    let count = tiles.len();
    let (blocks, steps) = (shape.blocks(), shape.blocks() * shape.block() / 4);
    unpacked.steps.resize(steps * count, Line([0; STEP_BYTES]));
    unpacked.scales.resize(blocks * count, [0; 2 * COLUMNS]);
    unpacked.zeros.resize(blocks * count, [0; COLUMNS]);
    for (index, tile) in tiles.iter().enumerate() {
        let steps = unpacked.steps.iter_mut().skip(index).step_by(count).map(|line| &mut line.0);
        match shape.bits() {
            Bits::Four => unpack_codes::<4>(shape, tile, steps),
            Bits::Five => unpack_codes::<5>(shape, tile, steps),
            Bits::Six => unpack_codes::<6>(shape, tile, steps),
            Bits::Eight => {
                steps.zip(tile.codes.as_chunks().0).for_each(|(slot, step)| *slot = *step);
            }
        }
        let scales = unpacked.scales.iter_mut().skip(index).step_by(count);
        let zeros = unpacked.zeros.iter_mut().skip(index).step_by(count);
        for ((scales, zeros), block) in scales.zip(zeros).zip(tile.blocks(shape)) {
            let slots = scales.as_chunks_mut().0.iter_mut();
            slots.zip(block.scales.halves()).for_each(|(slot, half)| *slot = half.to_le_bytes());
            *zeros = zero_points(shape, block.zeros);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn unpack_codes<'s, const BITS: u32>(
    shape: Shape,
    tile: &Tile<'_>,
    mut slots: impl Iterator<Item = &'s mut [u8; STEP_BYTES]>,
) {
    for block in tile.blocks(shape) {
        let mut planes = block.high.iter();
        for steps in block.steps.as_chunks::<GROUP_STEPS>().0 {
            let mut high = _mm512_setzero_si512();
            for (index, step) in steps.iter().enumerate() {
                if BITS > 4 && index % plane_steps(BITS) == 0 {
                    high = next_plane(&mut planes);
                }
                let halves = halves::<BITS>(load(step), high);
                high = later::<BITS>(high);
                for (half, slot) in halves.into_iter().zip(slots.by_ref()) {
                    store_whole(slot, half);
                }
            }
        }
    }
}

/// `-zero × sum` of every column. A sum has 16 bits (at most 256 × 127), of which the low halves of the lanes are taken; the high
/// halves of zero points are zero.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn begin(zero: __m512i, sum: i32) -> __m512i {
    _mm512_dpwssd_epi32(_mm512_setzero_si512(), zero, _mm512_set1_epi32(-sum))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn zeros_of<const BITS: u32>(bytes: &[u8]) -> __m512i {
    let first = bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
    if BITS == 8 {
        let last = bytes.last_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
        return _mm512_cvtepu8_epi32(_mm_set_epi64x(last, first));
    }
    let (packed, low) = (_mm_cvtsi64_si128(first), _mm_set1_epi8(15));
    let halves = (_mm_and_si128(packed, low), _mm_and_si128(_mm_srli_epi16::<4>(packed), low));
    let mut zeros = _mm512_cvtepu8_epi32(_mm_unpacklo_epi64(halves.0, halves.1));
    if BITS > 4 {
        zeros = _mm512_mask_add_epi32(zeros, zero_plane(bytes, 0), zeros, _mm512_set1_epi32(16));
    }
    if BITS > 5 {
        zeros = _mm512_mask_add_epi32(zeros, zero_plane(bytes, 1), zeros, _mm512_set1_epi32(32));
    }
    zeros
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn scales_of(scales: Scales<'_>) -> __m512 {
    // SAFETY: 32 or 16 bytes that are borrowed.
    #[allow(unsafe_code)]
    let halves = unsafe {
        match scales {
            Scales::Half(bytes) => _mm256_loadu_si256(bytes.as_ptr().cast()),
            Scales::Short(bytes) => {
                let bytes = _mm256_cvtepu8_epi16(_mm_loadu_si128(bytes.as_ptr().cast()));
                _mm256_slli_epi16::<{ SHORT_SHIFT.cast_signed() }>(bytes)
            }
        }
    };
    _mm512_cvtph_ps(halves)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; STEP_BYTES]) -> __m512i {
    // SAFETY: 64 bytes that are borrowed.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_loadu_si512(bytes.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_whole(numbers: &[i32; COLUMNS]) -> __m512i {
    // SAFETY: 64 bytes that are borrowed.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_loadu_si512(numbers.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_whole(bytes: &mut [u8; STEP_BYTES], codes: __m512i) {
    // SAFETY: 64 bytes that are borrowed mutably.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_storeu_si512(bytes.as_mut_ptr().cast(), codes);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn to_array(sums: __m512) -> [f32; COLUMNS] {
    let mut array = [0.0; COLUMNS];
    // SAFETY: 64 bytes that are borrowed mutably.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_storeu_ps(array.as_mut_ptr(), sums);
    }
    array
}

/// Asks for what will be multiplied soon.
#[inline]
#[target_feature(enable = "avx512f")]
fn ahead(step: &[u8; STEP_BYTES]) {
    // SAFETY: a hint, which reads nothing; the address may be behind the end. Newer compilers know that.
    #[allow(unsafe_code, unused_unsafe)]
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(step.as_ptr().wrapping_add(AHEAD_BYTES).cast());
    }
}

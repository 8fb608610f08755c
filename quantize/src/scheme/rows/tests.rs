use proptest::prelude::*;

use super::*;
use crate::scheme::{Fit, ScaleBits};

const SIZES: [BlockSize; 5] =
    [BlockSize::Of16, BlockSize::Of32, BlockSize::Of64, BlockSize::Of128, BlockSize::Of256];

fn int4(fit: Fit) -> BlockScheme {
    let (bits, block_size, scale_bits) = (Bits::Four, BlockSize::Of32, ScaleBits::Sixteen);
    BlockScheme { bits, block_size, symmetric: false, fit, scale_bits }
}

fn int8() -> BlockScheme {
    BlockScheme { bits: Bits::Eight, symmetric: true, ..int4(Fit::Nearest) }
}

/// Every combination that a recipe can name.
fn schemes() -> impl Strategy<Value = BlockScheme> {
    let bits = prop::sample::select(Bits::ALL.to_vec());
    let fit = prop_oneof![Just(Fit::Nearest), Just(Fit::Search)];
    let size = prop::sample::select(SIZES.to_vec());
    let scales = prop_oneof![Just(ScaleBits::Eight), Just(ScaleBits::Sixteen)];
    (bits, size, any::<bool>(), fit, scales).prop_map(|(bits, block_size, symmetric, fit, scale_bits)| {
        BlockScheme { bits, block_size, symmetric, fit, scale_bits }
    })
}

fn encoded(scheme: BlockScheme, weights: &[f32], columns: usize) -> EncodedRows {
    let mut rows = EncodedRows::default();
    encode(scheme, weights, columns, &mut rows);
    rows
}

/// `(code - zero point) * scale` of each weight, with the scale of its block, from the stored bytes.
fn decoded(scheme: BlockScheme, rows: &EncodedRows, columns: usize) -> Vec<(f32, f32)> {
    let mut weights = Vec::new();
    decode(scheme, columns, (&rows.codes, &rows.scales, &rows.zero_points), &mut weights);
    let scales: Vec<f32> = rows.block_scales().collect();
    let size = usize::from(scheme.block_size);
    weights.into_iter().enumerate().map(|(index, weight)| (weight, scales[index / size])).collect()
}

/// The search's weighted squared error of one block, in relation to its weighted squares.
fn weighted_error(scheme: BlockScheme, weights: &[f32]) -> f64 {
    let size = usize::from(scheme.block_size);
    let decoded = decoded(scheme, &encoded(scheme, weights, size), size);
    let mean = weights.iter().map(|weight| f64::from(weight.abs())).sum::<f64>() / size as f64;
    let importance = |weight: f32| mean + f64::from(weight.abs());
    let error =
        |(&weight, (found, _)): (&f32, (f32, f32))| importance(weight) * f64::from(found - weight).powi(2);
    let signal = |&weight: &f32| importance(weight) * f64::from(weight).powi(2);
    weights.iter().zip(decoded).map(error).sum::<f64>() / weights.iter().map(signal).sum::<f64>()
}

/// Sums of four uniform numbers, from a generator that every machine has.
fn bell_shaped(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| 0.04 * (uniform() + uniform() + uniform() + uniform())).collect()
}

proptest! {
    /// Even spacing errs by half a step; a rounded zero point and the cut at the last code by another half.
    #[test]
    fn ck_11_no_weight_moves_by_more_than_a_step(
        mut scheme in schemes(),
        exponent in -60_i32..60,
        weights in prop::collection::vec(-1.0_f32..1.0, 256),
    ) {
        scheme.fit = Fit::Nearest;
        let unit = 2_f32.powi(exponent);
        let weights: Vec<_> = weights.into_iter().map(|weight| weight * unit).collect();
        let rows = encoded(scheme, &weights, 256);
        for (weight, (found, scale)) in weights.iter().zip(decoded(scheme, &rows, 256)) {
            prop_assert!(scale > 0.0);
            prop_assert!((found - weight).abs() <= scale * 1.0001, "{weight} became {found}, step {scale}");
        }
    }

    #[test]
    fn ck_11_constant_blocks_are_exact(scheme in schemes(), value in any::<f32>().prop_filter("finite", |value| value.is_finite())) {
        let size = usize::from(scheme.block_size);
        let rows = encoded(scheme, &vec![value; size], size);
        for (found, _) in decoded(scheme, &rows, size) {
            prop_assert_eq!(found, value);
        }
        prop_assert_eq!(rows.error.error, 0.0);
    }

    #[test]
    fn ck_11_scales_are_positive_and_finite_whatever_the_weights(
        scheme in schemes(),
        weights in prop::collection::vec(any::<f32>().prop_filter("finite", |value| value.is_finite()), 256),
    ) {
        for (_, scale) in decoded(scheme, &encoded(scheme, &weights, 256), 256) {
            prop_assert!(scale >= 0.0 && scale.is_finite());
        }
    }

    #[test]
    fn the_search_is_never_worse_than_rounding(
        mut scheme in schemes(),
        weights in prop::collection::vec(-1.0_f32..1.0, 256),
        outlier in 1.0_f32..50.0,
    ) {
        let mut weights = weights[..usize::from(scheme.block_size)].to_vec();
        weights[3] *= outlier;
        scheme.fit = Fit::Nearest;
        let nearest = weighted_error(scheme, &weights);
        scheme.fit = Fit::Search;
        let searched = weighted_error(scheme, &weights);
        // The search adds up in 32 bits: it does not see what is smaller than a millionth of the signal.
        prop_assert!(searched <= nearest * 1.00001 + 1e-6, "{searched} against {nearest}");
    }

    /// Rows are independent, and the lanes that a last group leaves empty change nothing.
    #[test]
    fn rows_together_give_the_bytes_of_rows_apart(
        scheme in schemes(),
        rows in 1_usize..12,
        seed in 0_usize..1000,
    ) {
        let columns = 3 * usize::from(scheme.block_size);
        let weights = &bell_shaped(seed + rows * columns)[seed..];
        let together = encoded(scheme, weights, columns);
        let mut apart = EncodedRows::default();
        for row in weights.chunks(columns) {
            let row = encoded(scheme, row, columns);
            apart.codes.extend(row.codes);
            apart.scales.extend(row.scales);
            apart.zero_points.extend(row.zero_points);
        }
        prop_assert!(together.codes == apart.codes);
        prop_assert!(together.scales == apart.scales);
        prop_assert!(together.zero_points == apart.zero_points);
    }

    #[test]
    fn the_error_is_that_of_the_stored_bytes(scheme in schemes(), seed in 0_usize..1000) {
        let weights = &bell_shaped(seed + 512)[seed..];
        let rows = encoded(scheme, weights, 256);
        let expected: f64 = weights
            .iter()
            .zip(decoded(scheme, &rows, 256))
            .map(|(&weight, (found, _))| f64::from(found - weight).powi(2))
            .sum();
        prop_assert!((rows.error.error - expected).abs() <= 1e-9 * expected);
    }
}

#[test]
fn codes_from_elsewhere_lie_where_the_search_lays_its_own() {
    for scheme in [int4(Fit::Search), int8()] {
        let weights = bell_shaped(4 * 96);
        let expected = encoded(scheme, &weights, 96);
        let codes: Vec<u8> = unpacked(scheme.bits, &expected.codes).collect();
        let scales: Vec<f32> = expected.block_scales().collect();
        let found = Codes { codes: &codes, scales: &scales, zero_points: expected.block_zero_points() };
        let mut rows = encoded(scheme, &weights[..96], 96);
        lay_out(scheme, &weights, 96, found, &mut rows);
        assert_eq!(rows, expected);
    }
}

#[test]
fn a_column_that_matters_is_met_better() {
    let weights = bell_shaped(64 * 64);
    let mut columns = vec![1.0; 64];
    (columns[5], columns[40]) = (1000.0, 1000.0);
    let scheme = int4(Fit::Search);
    let error = |importance| {
        let mut rows = EncodedRows::default();
        encode_for(scheme, &weights, 64, importance, &mut rows);
        let found = decoded(scheme, &rows, 64);
        let errors = weights.iter().zip(found).map(|(weight, (found, _))| f64::from(found - weight).powi(2));
        errors.zip(columns.iter().cycle()).map(|(error, column)| error * f64::from(*column)).sum::<f64>()
    };
    let [blind, by_columns, by_both] =
        [Importance::Magnitude, Importance::Columns(&columns[..]), Importance::ColumnsAndMagnitude(&columns)]
            .map(error);
    assert!(by_columns < 0.5 * blind && by_both < 0.5 * blind, "{by_columns}, {by_both} against {blind}");
}

#[test]
fn ck_11_denormal_and_huge_weights_keep_their_relative_error() {
    let weights = bell_shaped(32);
    let ordinary = encoded(int4(Fit::Search), &weights, 32).error.relative();
    for exponent in [-120, 120] {
        let unit = 2_f32.powi(exponent);
        let scaled: Vec<_> = weights.iter().map(|weight| weight * unit).collect();
        let error = encoded(int4(Fit::Search), &scaled, 32).error.relative();
        assert!((error / ordinary - 1.0).abs() < 1e-3, "2^{exponent}: {error} against {ordinary}");
    }
}

#[test]
fn ck_11_the_largest_half_precision_numbers_have_a_finite_scale() {
    let mut weights = bell_shaped(32);
    (weights[0], weights[1]) = (65504.0, -65504.0);
    for scheme in [int4(Fit::Nearest), int4(Fit::Search), int8()] {
        let rows = encoded(scheme, &weights, 32);
        for (weight, (found, scale)) in weights.iter().zip(decoded(scheme, &rows, 32)) {
            assert!(scale.is_finite() && (found - weight).abs() <= scale, "{weight} became {found}");
        }
    }
}

/// Codes and zero points use the levels of their bits and no more, wherever they stand.
#[test]
fn padded_codes_leave_the_upper_bits_empty() {
    let weights = bell_shaped(64 * 64);
    let mut before = f64::INFINITY;
    for bits in Bits::ALL {
        for symmetric in [false, true] {
            let scheme = BlockScheme { bits, symmetric, ..int4(Fit::Search) };
            let rows = encoded(scheme, &weights, 64);
            let most = |bytes: &[u8]| unpacked(bits, bytes).max().unwrap_or_default();
            assert_eq!(most(&rows.codes), bits.largest_code(), "{bits:?}: every level is used");
            assert!(most(&rows.zero_points) <= bits.largest_code(), "{bits:?}");
            assert_eq!(rows.codes.len(), 64 * scheme.code_bytes(64));
            assert_eq!(rows.zero_points.len(), 64 * scheme.zero_point_bytes(64));
            assert_eq!(rows.zero_points.is_empty(), symmetric && !bits.is_padded(), "{bits:?}");
            if !symmetric {
                let error = rows.error.relative();
                assert!(error < before / 3.0, "{bits:?}: {error} after {before}");
                before = error;
            }
        }
    }
}

#[test]
fn codes_and_zero_points_lie_as_the_operators_read_them() {
    // Steps of 1 from zero point 4: a block's weights -4, -3, ..., 11 and again.
    let block: Vec<f32> = (0..32_u8).map(|index| f32::from(index % 16) - 4.0).collect();
    let rows = encoded(int4(Fit::Nearest), &[&block[..], &block, &block].concat(), 96);
    assert_eq!(rows.codes[..8], [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
    assert_eq!(rows.scales, [1_f32.to_le_bytes(); 3].as_flattened());
    assert_eq!(rows.zero_points, [0x44, 0x04]);
    assert_eq!(rows.error.relative(), 0.0);

    let rows = encoded(int8(), &[&block[..], &block].concat(), 32);
    assert_eq!((rows.codes.len(), rows.scales.len(), rows.zero_points.len()), (64, 8, 0));
}

/// Weights that stand on a grid of 8 bits, as those of a checkpoint that comes from such a file, stay where they are; and the grid that cuts
/// nothing (`max|x| / 127`, llama.cpp's Q8_0) is never better.
#[test]
fn symmetric_codes_take_the_best_of_their_even_scales() {
    let grid: Vec<f32> = (0..64_i16).map(|index| f32::from(index * 37 % 255 - 127) * 0.0625).collect();
    assert_eq!(encoded(int8(), &grid, 32).error.relative(), 0.0);
    let weights = bell_shaped(512 * 32);
    let cut_nothing = |block: &[f32]| {
        let scale = block.iter().fold(0_f32, |largest, weight| largest.max(weight.abs())) / 127.0;
        block.iter().map(|weight| f64::from((weight / scale).round() * scale - weight).powi(2)).sum::<f64>()
    };
    let (mut theirs, mut ours) = (0.0, 0.0);
    for block in weights.chunks_exact(32) {
        theirs += cut_nothing(block);
        ours += encoded(int8(), block, 32).error.error;
    }
    assert!(ours < 0.99 * theirs, "{ours} {theirs}");
}

/// Where blocks have weights of ordinary size, all scales are numbers of 8 bits, and cost little beside those of half precision.
#[test]
fn scales_of_8_bits_cost_little_and_are_kept_where_they_reach() {
    let weights = bell_shaped(256 * 256);
    for (bits, symmetric, fit, most) in [
        (Bits::Four, false, Fit::Search, 1.04),
        (Bits::Five, false, Fit::Search, 1.10),
        (Bits::Six, false, Fit::Search, 1.18),
        (Bits::Eight, true, Fit::Nearest, 1.20),
    ] {
        let half = BlockScheme { bits, symmetric, ..int4(fit) };
        let short = BlockScheme { scale_bits: ScaleBits::Eight, ..half };
        let (half, short) = (encoded(half, &weights, 256), encoded(short, &weights, 256));
        assert!(short.has_short_scales() && !half.has_short_scales());
        let more = short.error.relative() / half.error.relative();
        assert!((0.99..most).contains(&more), "{bits:?}: {more}");
    }
    let scheme = BlockScheme { scale_bits: ScaleBits::Eight, ..int4(Fit::Search) };
    // A row of zeros is no reason to keep longer ones; weights that are far larger or smaller than a model's are.
    for (unit, is_short) in
        [(0.0, true), (2_f32.powi(-4), true), (2_f32.powi(12), false), (2_f32.powi(-20), false)]
    {
        let scaled: Vec<_> = weights[..256].iter().map(|weight| weight * unit).collect();
        let rows = encoded(scheme, &scaled, 256);
        assert_eq!(rows.has_short_scales(), is_short, "{unit}");
        assert!(rows.error.relative() < 0.01);
    }
}

/// Bit-exact on any machine: the arithmetic has one order and no fused operations.
#[test]
fn the_same_bytes_on_every_machine() {
    let digest = |scheme| {
        let rows = encoded(scheme, &bell_shaped(64 * 256), 256);
        let bytes = rows.codes.iter().chain(&rows.scales).chain(&rows.zero_points);
        // FNV-1a.
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    };
    let found = [digest(int4(Fit::Nearest)), digest(int4(Fit::Search)), digest(int8())];
    assert_eq!(
        found.map(|digest| format!("{digest:016x}")),
        ["2e90b77554fcc2b2", "de905480cb7f98e2", "68b203b5e68454fb"]
    );
}

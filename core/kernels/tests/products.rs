//! Every kernel of this CPU against sums in float64, and layouts that come back.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use wheelwork_kernels::pack::{self, Rows, Tiles};
use wheelwork_kernels::{
    Activations, Bits, Kernel, KernelError, Shape, Weights, exact_f16, f16_to_f32, short_to_f32,
    with_remainders,
};

/// A small generator: the numbers need no more.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Bell-shaped, about 1 in size.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| (self.next() % 1_000_000) as f32 / 1_000_000.0).sum::<f32>() - 6.0
    }
}

fn matrix(shape: Shape, numbers: &mut Numbers) -> Rows {
    let bytes = |numbers: &mut Numbers, count| (0..count).map(|_| numbers.next().to_le_bytes()[0]).collect();
    let mut codes: Vec<u8> = bytes(numbers, shape.n() * shape.row_code_bytes());
    let mut zeros: Vec<u8> = bytes(numbers, shape.n() * shape.row_zero_bytes());
    if matches!(shape.bits(), Bits::Five | Bits::Six) {
        let unused = 8 - shape.bits().count();
        codes.iter_mut().chain(&mut zeros).for_each(|code| *code >>= unused);
    }
    if shape.has_zeros() && shape.bits() == Bits::Four && shape.blocks() % 2 == 1 {
        zeros.chunks_exact_mut(shape.row_zero_bytes()).for_each(|row| *row.last_mut().unwrap() &= 15);
    }
    Rows {
        codes,
        scales: (0..shape.n() * shape.blocks())
            .map(|_| match shape.has_short_scales() {
                true => short_to_f32(numbers.next().to_le_bytes()[0]),
                false => f16_to_f32(exact_f16((numbers.next() % 2048) as f32 / 65536.0).unwrap()),
            })
            .collect(),
        zeros,
    }
}

fn packed(shape: Shape, rows: &Rows) -> Vec<u8> {
    let Tiles { codes, scales, zeros } = pack::pack(shape, rows).unwrap();
    [codes, scales, zeros].concat()
}

/// Codes less zero points, times scales.
fn weight(shape: Shape, rows: &Rows, n: usize, k: usize) -> f64 {
    let block = k / shape.block();
    let half = |bytes: &[u8], at: usize| bytes[at / 2] >> (4 * (at % 2)) & 15;
    let codes = &rows.codes[n * shape.row_code_bytes()..];
    let zeros = &rows.zeros[n * shape.row_zero_bytes()..];
    let four = shape.bits() == Bits::Four;
    let (code, zero) = match (four, shape.has_zeros()) {
        (true, true) => (half(codes, k), half(zeros, block)),
        (true, false) => (half(codes, k), 8),
        (false, true) => (codes[k], zeros[block]),
        (false, false) => (codes[k], 128),
    };
    (f64::from(code) - f64::from(zero)) * f64::from(rows.scales[n * shape.blocks() + block])
}

/// Products in float64, of the activations as they are and rounded to int8; and the size of the terms.
fn expected(shape: Shape, rows: &Rows, x: &[f32]) -> Vec<(f64, f64, f64)> {
    let mut results = Vec::new();
    for x in x.chunks_exact(shape.k()) {
        let rounded: Vec<f64> = x
            .chunks(shape.block())
            .flat_map(|block| {
                let largest = block.iter().fold(0_f32, |largest, x| largest.max(x.abs()));
                let inverse = if largest == 0.0 { 0.0 } else { 127.0 / largest };
                let scale = f64::from(largest / 127.0);
                block.iter().map(move |x| f64::from((x * inverse).round_ties_even()) * scale)
            })
            .collect();
        for n in 0..shape.n() {
            let (mut exact, mut int8, mut size) = (0.0, 0.0, 0.0);
            for (k, (x, rounded)) in x.iter().zip(&rounded).enumerate() {
                let weight = weight(shape, rows, n, k);
                exact += weight * f64::from(*x);
                int8 += weight * rounded;
                size += (weight * rounded).abs();
            }
            results.push((exact, int8, size));
        }
    }
    results
}

/// As a caller computes: rows in parts, tiles in parts.
fn computed(kernel: Kernel, shape: Shape, packed: &[u8], x: &[f32], part: usize) -> Vec<f32> {
    let rows = x.len() / shape.k();
    let mut activations = Activations::default();
    for part in activations.begin(shape, rows, kernel.panel_rows(rows), 5) {
        let x = &x[part.rows().start * shape.k()..part.rows().end * shape.k()];
        kernel.quantize(part, x).unwrap();
    }
    let weights = Weights::new(shape, packed).unwrap();
    let mut y = vec![f32::NAN; rows * shape.n()];
    for first in (0..shape.tiles()).step_by(part) {
        let tiles = first..(first + part).min(shape.tiles());
        let columns = first * 16..((first + part) * 16).min(shape.n());
        let mut rows: Vec<_> = y.chunks_exact_mut(shape.n()).map(|row| &mut row[columns.clone()]).collect();
        kernel.multiply(&weights, tiles, &activations, &mut rows).unwrap();
    }
    y
}

/// With scales of 16 bits and of 8.
fn check(shape: Shape, x: &[f32], seed: u64) {
    for bits in [16, 8] {
        check_one(shape.with_scale_bits(bits).unwrap(), x, seed);
    }
}

fn check_one(shape: Shape, x: &[f32], seed: u64) {
    let rows = matrix(shape, &mut Numbers(seed));
    let packed = packed(shape, &rows);
    assert_eq!(packed.len(), shape.packed_bytes());
    let expected = expected(shape, &rows, x);
    for kernel in Kernel::available() {
        for part in [3, shape.tiles()] {
            for (index, (found, (_, expected, size))) in
                computed(kernel, shape, &packed, x, part).iter().zip(&expected).enumerate()
            {
                // Sums of products in float32, a term a block.
                let error = (f64::from(*found) - expected).abs();
                assert!(error <= size * 2e-6 + 1e-12, "{kernel:?} {shape:?} {index}: {found} {expected}");
            }
        }
    }
}

#[test]
fn rows_as_floats_are_the_weights_and_the_packed_rows() {
    for (bits, block, has_zeros, scale_bits) in
        [(4, 32, true, 16), (4, 64, false, 8), (5, 32, true, 8), (6, 128, true, 16), (8, 32, false, 8)]
    {
        let shape = Shape::new(129, 17, bits, block, has_zeros).unwrap();
        let shape = shape.with_scale_bits(scale_bits).unwrap();
        let matrix = matrix(shape, &mut Numbers(3));
        let packed = packed(shape, &matrix);
        let mut found = vec![f32::NAN; shape.n() * shape.k()];
        pack::floats(shape, &matrix, &mut found).unwrap();
        for (n, found) in found.chunks_exact(shape.k()).enumerate() {
            let mut row = vec![f32::NAN; shape.k()];
            pack::row(shape, &packed, n, &mut row).unwrap();
            assert_eq!(found, row);
            assert!(
                found.iter().enumerate().all(|(k, found)| f64::from(*found) == weight(shape, &matrix, n, k))
            );
        }
        assert!(pack::floats(shape, &matrix, &mut found[1..]).is_err());
    }
}

/// So a token computed with others, as those of a draft are, has the logits that it has alone.
#[test]
fn a_row_has_the_same_results_whatever_rows_are_beside_it() {
    let mut numbers = Numbers(11);
    for (bits, block, has_zeros) in [(4, 32, true), (5, 64, true), (6, 32, false), (8, 128, true)] {
        let shape = Shape::new(320, 50, bits, block, has_zeros).unwrap();
        let shape = shape.with_scale_bits(if bits == 4 { 8 } else { 16 }).unwrap();
        let packed = packed(shape, &matrix(shape, &mut numbers));
        let x: Vec<f32> = (0..shape.k() * 17).map(|_| numbers.normal()).collect();
        for kernel in Kernel::available() {
            let row = |x| computed(kernel, shape, &packed, x, 3);
            let alone: Vec<f32> = x.chunks_exact(shape.k()).flat_map(row).collect();
            for rows in 2..=17 {
                let beside = row(&x[..rows * shape.k()]);
                assert_eq!(beside, alone[..rows * shape.n()], "{kernel:?} {shape:?} {rows}");
            }
        }
    }
}

#[test]
fn with_what_rounding_leaves_products_are_those_of_16_bits() {
    let mut numbers = Numbers(7);
    for (k, n, rows, bits, block, has_zeros) in
        [(576, 48, 1, 4, 32, true), (1536, 33, 3, 8, 64, false), (31, 17, 5, 5, 32, true)]
    {
        let shape = Shape::new(k, n, bits, block, has_zeros).unwrap();
        let matrix = matrix(shape, &mut numbers);
        // One activation a row is far larger than the others, which int8 then takes for nothing.
        let x: Vec<f32> =
            (0..k * rows).map(|at| if at % k == 3 { 200.0 } else { numbers.normal() }).collect();
        let (mut doubled, (n, k)) = (Vec::new(), (shape.n(), shape.k()));
        with_remainders(shape, &x, &mut doubled);
        for kernel in Kernel::available() {
            let found = computed(kernel, shape, &packed(shape, &matrix), &doubled, 3);
            for (at, (exact, int8, _)) in expected(shape, &matrix, &x).into_iter().enumerate() {
                let (row, column) = (at / n, at % n);
                let sum =
                    [0, n].map(|behind| f64::from(found[2 * row * n + behind + column])).iter().sum::<f64>();
                let terms = x[row * k..(row + 1) * k].chunks(shape.block()).enumerate().map(|(index, x)| {
                    let largest = f64::from(x.iter().fold(0_f32, |largest, x| largest.max(x.abs())));
                    let weights =
                        (0..x.len()).map(|k| weight(shape, &matrix, column, index * shape.block() + k).abs());
                    (largest * weights.sum::<f64>(), 127.0 * 254.0 * 2.0)
                });
                // Half a step of the second row, and sums in float32.
                let limit: f64 = terms.map(|(size, steps)| size / steps + size * 2e-6).sum();
                assert!((sum - exact).abs() <= limit, "{kernel:?} {shape:?} {at}: {sum} {exact} {int8}");
            }
        }
    }
}

#[test]
fn every_kernel_gives_the_sums_of_float64() {
    let mut numbers = Numbers(1);
    for bits in [4, 5, 6, 8] {
        for block in [32, 64, 128, 256] {
            for has_zeros in [false, true] {
                for (k, n, rows) in [
                    (1, 1, 1),
                    (31, 17, 2),
                    (576, 48, 3),
                    (576, 100, 13),
                    (320, 33, 8),
                    (1536, 32, 1),
                    (129, 16, 24),
                ] {
                    let shape = Shape::new(k, n, bits, block, has_zeros).unwrap();
                    let x: Vec<f32> = (0..k * rows).map(|_| numbers.normal()).collect();
                    check(shape, &x, k + n);
                }
            }
        }
    }
}

/// Every number of rows, which each have code of their own.
#[test]
fn every_number_of_rows_gives_the_sums_of_float64() {
    let mut numbers = Numbers(2);
    for rows in 1..=20 {
        for bits in [4, 5, 6, 8] {
            let shape = Shape::new(96, 40, bits, 32, true).unwrap();
            let x: Vec<f32> = (0..96 * rows).map(|_| numbers.normal()).collect();
            check(shape, &x, rows);
        }
    }
}

/// The largest codes, zero points and activations: nothing saturates or overflows.
#[test]
fn extremes_do_not_saturate() {
    for bits in [4, 5, 6, 8] {
        for block in [32, 256] {
            for (code, zero) in [(0, 255), (255, 0), (255, 255)] {
                for sign in [1.0, -1.0] {
                    for rows in [1, 10] {
                        let shape = Shape::new(512, 20, bits, block, true).unwrap();
                        // A byte holds two codes of 4 bits, or one.
                        let largest = if bits == 4 { 255 } else { u8::MAX >> (8 - bits) };
                        let rows_of = Rows {
                            codes: vec![code & largest; 20 * shape.row_code_bytes()],
                            scales: vec![0.5; 20 * shape.blocks()],
                            zeros: vec![zero & largest; 20 * shape.row_zero_bytes()],
                        };
                        let x = vec![3.0 * sign; 512 * rows];
                        let packed = packed(shape, &rows_of);
                        for kernel in Kernel::available() {
                            let found = computed(kernel, shape, &packed, &x, 2);
                            for (found, (exact, ..)) in found.iter().zip(expected(shape, &rows_of, &x)) {
                                let error = (f64::from(*found) - exact).abs();
                                assert!(error <= exact.abs() * 1e-5, "{kernel:?} {shape:?}: {found} {exact}");
                            }
                        }
                    }
                }
            }
        }
    }
}

/// As models have them: one channel hundreds of times as large as the rest.
#[test]
fn outliers_cost_what_int8_costs_and_no_more() {
    let mut numbers = Numbers(3);
    let shape = Shape::new(576, 64, 4, 32, true).unwrap();
    let x: Vec<f32> =
        (0..576 * 9).map(|k| numbers.normal() * if k % 576 == 77 { 500.0 } else { 1.0 }).collect();
    check(shape, &x, 3);
    let rows = matrix(shape, &mut Numbers(3));
    let packed = packed(shape, &rows);
    for kernel in Kernel::available() {
        let found = computed(kernel, shape, &packed, &x, 2);
        let (mut error, mut size) = (0.0, 0.0);
        for (found, (exact, ..)) in found.iter().zip(expected(shape, &rows, &x)) {
            error += (f64::from(*found) - exact).powi(2);
            size += exact.powi(2);
        }
        assert!((error / size).sqrt() < 0.02, "{kernel:?}: {}", (error / size).sqrt());
    }
}

#[test]
fn kernels_of_one_cpu_agree_to_the_last_bits() {
    let mut numbers = Numbers(4);
    let shape = Shape::new(1536, 96, 4, 32, true).unwrap().with_scale_bits(8).unwrap();
    let packed = packed(shape, &matrix(shape, &mut numbers));
    let x: Vec<f32> = (0..1536 * 7).map(|_| numbers.normal()).collect();
    for kernel in Kernel::available() {
        let together = computed(kernel, shape, &packed, &x, 6);
        // However tiles and rows are divided.
        assert_eq!(together, computed(kernel, shape, &packed, &x, 1), "{kernel:?}");
        let single: Vec<f32> =
            x.chunks_exact(1536).flat_map(|x| computed(kernel, shape, &packed, x, 6)).collect();
        assert_eq!(together, single, "{kernel:?}");
    }
}

#[test]
fn an_activation_that_is_no_number_gives_none() {
    let shape = Shape::new(64, 16, 4, 32, false).unwrap();
    let packed = packed(shape, &matrix(shape, &mut Numbers(5)));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = vec![1.0; 128];
        x[70] = bad;
        for kernel in Kernel::available() {
            let y = computed(kernel, shape, &packed, &x, 1);
            assert!(y[..16].iter().all(|y| y.is_finite()), "{kernel:?}");
            assert!(y[16..].iter().all(|y| y.is_nan()), "{kernel:?}");
        }
    }
    // Zeros and the smallest numbers are numbers.
    for small in [0.0, f32::MIN_POSITIVE, 1e-45] {
        for kernel in Kernel::available() {
            let y = computed(kernel, shape, &packed, &[small; 64], 1);
            assert!(y.iter().all(|y| y.abs() < 1e-30), "{kernel:?}");
        }
    }
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let shape = Shape::new(64, 40, 4, 32, true).unwrap();
    let bytes = packed(shape, &matrix(shape, &mut Numbers(6)));
    for bad in [&bytes[1..], &[bytes.clone(), vec![0]].concat(), &[]] {
        assert!(matches!(Weights::new(shape, bad), Err(KernelError::Length { .. })));
    }
    let weights = Weights::new(shape, &bytes).unwrap();
    for kernel in Kernel::available() {
        let mut activations = Activations::default();
        let mut y = vec![0.0; 80];
        let mut rows: Vec<_> = y.chunks_exact_mut(40).collect();
        let refused = kernel.multiply(&weights, 0..3, &activations, &mut rows);
        assert!(refused.is_err(), "nothing to multiply by");
        for part in activations.begin(shape, 2, 2, 9) {
            assert!(kernel.quantize(part, &[0.0; 127]).is_err());
        }
        assert!(kernel.multiply(&weights, 0..2, &activations, &mut rows).is_err(), "columns of all tiles");
        assert!(kernel.multiply(&weights, 0..3, &activations, &mut rows[..1]).is_err(), "one row of two");
        assert_eq!(kernel.multiply(&weights, 0..3, &activations, &mut rows), Ok(()));
        let other = Shape::new(96, 40, 4, 32, true).unwrap();
        drop(activations.begin(other, 2, 2, 9));
        assert!(kernel.multiply(&weights, 0..3, &activations, &mut rows).is_err(), "of another K");
    }
    for (k, n, bits, block) in [
        (0, 1, 4, 32),
        (1, 0, 4, 32),
        (1, 1, 2, 32),
        (1, 1, 3, 32),
        (1, 1, 7, 32),
        (1, 1, 4, 16),
        (1 << 21, 1, 4, 32),
    ] {
        assert!(matches!(Shape::new(k, n, bits, block, false), Err(KernelError::Unsupported { .. })));
    }
    assert!(matches!(shape.with_scale_bits(7), Err(KernelError::Unsupported { .. })));
}

#[test]
fn a_scale_that_its_bits_lack_is_refused() {
    let shape = Shape::new(64, 2, 8, 32, false).unwrap();
    let mut rows = matrix(shape, &mut Numbers(7));
    rows.scales[3] = 0.1;
    assert_eq!(pack::pack(shape, &rows), Err(KernelError::Scale { index: 3 }));
    // Seven significant bits, and numbers of five that are too large or negative.
    for lacking in [1.046_875, 2.0, -0.5] {
        rows.scales = vec![1.0; 4];
        rows.scales[2] = lacking;
        let short = shape.with_scale_bits(8).unwrap();
        assert_eq!(pack::pack(short, &rows), Err(KernelError::Scale { index: 2 }));
        assert!(pack::pack(shape, &rows).is_ok());
    }
}

#[test]
fn a_code_or_zero_point_of_more_bits_is_refused() {
    for (bits, code) in [(5, 32), (6, 64), (6, 255)] {
        let shape = Shape::new(64, 2, bits, 32, true).unwrap();
        let good = matrix(shape, &mut Numbers(8));
        let (mut codes, mut zeros) = (good.clone(), good.clone());
        codes.codes[100] = code;
        assert_eq!(pack::pack(shape, &codes), Err(KernelError::Code { index: 100 }));
        zeros.zeros[3] = code;
        assert_eq!(pack::pack(shape, &zeros), Err(KernelError::Code { index: 3 }));
    }
}

/// Nothing but the true bits of codes, zero points and scales.
#[test]
fn packed_weights_take_their_bits() {
    for bits in [4, 5, 6, 8] {
        for has_zeros in [false, true] {
            for scale_bits in [16, 8] {
                let shape = Shape::new(1536, 48, bits, 32, has_zeros).unwrap();
                let shape = shape.with_scale_bits(scale_bits).unwrap();
                let block_bits = 32 * bits + scale_bits + if has_zeros { bits } else { 0 };
                assert_eq!(shape.packed_bytes() as u64 * 8, 1536 * 48 / 32 * block_bits, "{shape:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_packed_comes_back(
        k in 1..600_u64, n in 1..70_u64, bits in prop::sample::select(vec![4_u64, 5, 6, 8]),
        block in prop::sample::select(vec![32_u64, 64, 128, 256]), has_zeros: bool,
        scale_bits in prop::sample::select(vec![8_u64, 16]), seed: u64,
    ) {
        let shape = Shape::new(k, n, bits, block, has_zeros).unwrap().with_scale_bits(scale_bits).unwrap();
        let rows = matrix(shape, &mut Numbers(seed));
        let tiles = pack::pack(shape, &rows).unwrap();
        prop_assert_eq!(pack::unpack(shape, &tiles, shape.n()).unwrap(), rows);
    }

    #[test]
    fn any_bytes_multiply(bytes in prop::collection::vec(any::<u8>(), 960), x in prop::collection::vec(any::<f32>(), 64 * 3)) {
        for bits in [4, 5, 6, 8] {
            for scale_bits in [8, 16] {
                let shape = Shape::new(64, 20, bits, 32, true).unwrap().with_scale_bits(scale_bits).unwrap();
                let length = shape.packed_bytes();
                let bytes: Vec<u8> = bytes.iter().copied().cycle().take(length).collect();
                for kernel in Kernel::available() {
                    prop_assert_eq!(computed(kernel, shape, &bytes, &x, 1).len(), 60);
                }
            }
        }
    }
}

#[test]
fn a_row_is_looked_up_as_its_numbers() {
    for bits in [4, 5, 6, 8] {
        for block in [32, 64, 128, 256] {
            for has_zeros in [false, true] {
                for (k, n) in [(1, 1), (31, 17), (576, 48), (1536, 33), (100, 16)] {
                    let shape = Shape::new(k, n, bits, block, has_zeros).unwrap();
                    let shape = shape.with_scale_bits(if n % 2 == 0 { 8 } else { 16 }).unwrap();
                    let rows = matrix(shape, &mut Numbers(k + n));
                    let packed = packed(shape, &rows);
                    let mut found = vec![f32::NAN; shape.k()];
                    for row in [0, shape.n() / 2, shape.n() - 1] {
                        pack::row(shape, &packed, row, &mut found).unwrap();
                        let found: Vec<f64> = found.iter().map(|number| f64::from(*number)).collect();
                        // Nothing is rounded: 8 bits of a difference by 11 of a scale.
                        let expected: Vec<f64> =
                            (0..shape.k()).map(|k| weight(shape, &rows, row, k)).collect();
                        assert_eq!(found, expected, "{shape:?} row {row}");
                    }
                }
            }
        }
    }
    let shape = Shape::new(32, 16, 4, 32, false).unwrap();
    let packed = vec![0; shape.packed_bytes()];
    assert!(matches!(pack::row(shape, &packed, 16, &mut [0.0; 32]), Err(KernelError::Unsupported { .. })));
    for (packed, to) in [(&packed[1..], &mut [0.0; 32][..]), (&packed[..], &mut [0.0; 31][..])] {
        assert!(matches!(pack::row(shape, packed, 0, to), Err(KernelError::Length { .. })));
    }
}

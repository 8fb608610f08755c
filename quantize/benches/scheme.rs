//! Block quantisation of one thread, in bytes of a bf16 checkpoint a second.
//!
//! `cargo bench -p wheelwork-quantize`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wheelwork_quantize::scheme::rows::{self, EncodedRows};
use wheelwork_quantize::scheme::{Bits, BlockScheme, BlockSize, Fit, ScaleBits};

const ROWS: usize = 128;
const COLUMNS: usize = 1536;

fn schemes(criterion: &mut Criterion) {
    let weights = bell_shaped(ROWS * COLUMNS);
    let mut group = criterion.benchmark_group("scheme");
    group.throughput(Throughput::Bytes(2 * weights.len() as u64));
    for (name, bits, block_size, symmetric, fit, scale_bits) in [
        ("int4 block 32 search", Bits::Four, BlockSize::Of32, false, Fit::Search, ScaleBits::Eight),
        ("int4 block 128 search", Bits::Four, BlockSize::Of128, false, Fit::Search, ScaleBits::Eight),
        ("int4 block 32 nearest", Bits::Four, BlockSize::Of32, false, Fit::Nearest, ScaleBits::Sixteen),
        ("int8 block 32 nearest", Bits::Eight, BlockSize::Of32, true, Fit::Nearest, ScaleBits::Sixteen),
    ] {
        let scheme = BlockScheme { bits, block_size, symmetric, fit, scale_bits };
        let mut encoded = EncodedRows::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| rows::encode(scheme, black_box(&weights), COLUMNS, &mut encoded));
        });
    }
}

/// Sums of four uniform numbers, from a small generator: the speed does not depend on the distribution.
fn bell_shaped(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| 0.04 * (0..4).map(|_| uniform()).sum::<f32>()).collect()
}

criterion_group!(benches, schemes);
criterion_main!(benches);

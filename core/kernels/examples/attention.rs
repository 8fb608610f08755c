//! How long attention takes: one head of keys and values, 128 elements, six query heads, on one thread.
//!
//! `cargo run --release -p wheelwork-kernels --example attention -- KEYS [TOKENS]`
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it is a program")]

use std::time::Instant;

use wheelwork_kernels::{Attention, Kernel, Sums};

const DIM: usize = 128;
const GROUP: usize = 6;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>().unwrap());
    let (keys, tokens) = (numbers.next().unwrap_or(4096), numbers.next().unwrap_or(1));
    let floats =
        |count: usize| (0..count).map(|index| (index % 251) as f32 / 251.0 - 0.5).collect::<Vec<_>>();
    // Many heads, so that they come from memory as they do in a model.
    let heads = (64 << 20) / (keys * DIM * 8) + 1;
    let caches: Vec<_> = (0..heads).map(|_| (floats(keys * DIM), floats(keys * DIM))).collect();
    let queries = floats(tokens * GROUP * DIM);
    for kernel in Kernel::available() {
        let mut sums = Sums::default();
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            for (keys_of, values) in &caches {
                sums.begin(tokens * GROUP, DIM);
                let seen = keys + 1 - tokens;
                let attention = Attention {
                    dim: DIM,
                    queries: &queries,
                    group: GROUP,
                    seen,
                    keys: keys_of,
                    values,
                    range: 0..keys,
                };
                kernel.attend(&attention, &mut sums).unwrap();
            }
            best = best.min(start.elapsed().as_secs_f64() / heads as f64);
        }
        let operations = 4.0 * (tokens * GROUP * DIM * keys) as f64;
        let bytes = 8.0 * (keys * DIM) as f64;
        println!(
            "{:12} {:8.1} us  {:6.1} GFLOPS  {:5.1} GB/s",
            kernel.name(),
            best * 1e6,
            operations / best / 1e9,
            bytes / best / 1e9
        );
    }
}

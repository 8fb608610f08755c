//! How fast this CPU's kernels stream the linear layers of the 1.5B shape, of 4, 5, 6 or 8 bits, and its output layer of 8: `cargo run
//! --release -p wheelwork-kernels --example products [THREADS] [BLOCK] [BITS] [SCALE BITS] [ROWS]...`. A measure of the kernels alone,
//! with threads of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use wheelwork_kernels::{Activations, Kernel, Shape, Weights};

/// K, N, how many of them a token passes through; the last is the output layer.
const LAYERS: [(u64, u64, usize); 5] =
    [(1536, 2048, 28), (1536, 1536, 28), (1536, 17920, 28), (8960, 1536, 28), (1536, 151_936, 1)];

struct Matrix {
    shape: Shape,
    packed: Vec<u8>,
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|number| number.parse().unwrap()).collect();
    let threads = numbers.first().copied().unwrap_or(2);
    let block = numbers.get(1).copied().unwrap_or(32) as u64;
    let layer_bits = numbers.get(2).copied().unwrap_or(4) as u64;
    let scale_bits = numbers.get(3).copied().unwrap_or(16) as u64;
    let mut seed = 1_u32;
    let mut matrices = Vec::new();
    for (k, n, count) in LAYERS {
        for _ in 0..count {
            let bits = if count == 1 { 8 } else { layer_bits };
            let shape =
                Shape::new(k, n, bits, block, count > 1).unwrap().with_scale_bits(scale_bits).unwrap();
            let mut packed = vec![0_u8; shape.packed_bytes()];
            for byte in packed.chunks_mut(4) {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                byte.iter_mut().zip(seed.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
            }
            let scales = shape.code_bytes()..shape.code_bytes() + shape.scale_bytes();
            if scale_bits == 8 {
                packed[scales].fill(0x50);
            } else {
                packed[scales]
                    .chunks_exact_mut(2)
                    .for_each(|scale| scale.copy_from_slice(&0x1400_u16.to_le_bytes()));
            }
            matrices.push(Matrix { shape, packed });
        }
    }
    let rows_list = if numbers.len() > 4 { numbers[4..].to_vec() } else { vec![1, 2, 4, 8, 128] };
    // The portable one takes minutes.
    for kernel in Kernel::available().into_iter().filter(|kernel| *kernel != Kernel::Portable) {
        for &rows in &rows_list {
            // A prompt needs the output layer for its last token only.
            let wanted = if rows > 8 { &matrices[..matrices.len() - 1] } else { &matrices[..] };
            let takes = if rows > 8 { 5 } else { 20 };
            let mut times: Vec<f64> = (0..takes).map(|_| pass(kernel, wanted, rows, threads)).collect();
            times.sort_by(f64::total_cmp);
            let bytes: usize = wanted.iter().map(|matrix| matrix.packed.len()).sum();
            let ops: f64 = wanted.iter().map(|m| 2.0 * (m.shape.k() * m.shape.n() * rows) as f64).sum();
            println!(
                "{:12} {layer_bits} bits, scales {scale_bits}, block {block} {rows:4} rows: best {:7.2} ms, median {:7.2} ms; {:.1} GB/s, {:.0} GOPS, {:.1} tokens/s",
                kernel.name(),
                times[0] * 1e3,
                times[times.len() / 2] * 1e3,
                bytes as f64 / times[0] / 1e9,
                ops / times[0] / 1e9,
                rows as f64 / times[0]
            );
        }
    }
}

/// Seconds of one pass through all matrices.
fn pass(kernel: Kernel, matrices: &[Matrix], rows: usize, threads: usize) -> f64 {
    let widest = matrices.iter().map(|matrix| matrix.shape.k()).max().unwrap();
    let x: Vec<f32> = (0..rows * widest).map(|index| ((index * 7919) % 1000) as f32 / 500.0 - 1.0).collect();
    // Activations of a shape are made once a matrix, by the first thread.
    let activations: Vec<Activations> = matrices
        .iter()
        .map(|matrix| {
            let mut activations = Activations::default();
            let shape = matrix.shape;
            for part in activations.begin(shape, rows, kernel.panel_rows(rows), rows) {
                kernel.quantize(part, &x[..rows * shape.k()]).unwrap();
            }
            activations
        })
        .collect();
    let arrived = AtomicUsize::new(0);
    let started = Instant::now();
    let work = |index: usize| {
        let mut y = vec![0.0_f32; rows * matrices.iter().map(|matrix| matrix.shape.n()).max().unwrap()];
        for (step, (matrix, activations)) in matrices.iter().zip(&activations).enumerate() {
            let shape = matrix.shape;
            let tiles = shape.tiles() * index / threads..shape.tiles() * (index + 1) / threads;
            let columns = (tiles.end * 16).min(shape.n()) - tiles.start * 16;
            let mut out: Vec<_> = y.chunks_exact_mut(columns).take(rows).collect();
            let weights = Weights::new(shape, &matrix.packed).unwrap();
            kernel.multiply(&weights, tiles, activations, &mut out).unwrap();
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < (step + 1) * threads {
                spin_loop();
            }
        }
    };
    let start = if threads == 1 { on_cpu() } else { started.elapsed().as_secs_f64() };
    std::thread::scope(|scope| {
        let work = &work;
        for index in 1..threads {
            scope.spawn(move || work(index));
        }
        work(0);
    });
    if threads == 1 { on_cpu() - start } else { started.elapsed().as_secs_f64() - start }
}

/// Seconds that this thread has computed: what others do beside it costs it only cache and memory.
fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

//! What the runtime itself adds to a decode step: sampling, detokenising, telling reasoning from answer.
//!
//! `cargo bench -p wheelwork --bench text`. The vocabulary is the R1 Qwen distils' (151,936 logits); a step of the
//! 1.5B model takes about 26 ms on two cores, so 3 % of it are 780 µs.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use wheelwork::detokenizer::Detokenizer;
use wheelwork::reasoning::Splitter;
use wheelwork::sampling::{Sampler, SamplingOptions};

const VOCABULARY: usize = 151_936;

/// Normally distributed logits. A deviation of 1 is the hardest case for top-p: tens of thousands of tokens stay.
/// A trained model's are nearer to 3 and have a clear best.
fn random_logits(deviation: f32) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut uniform = || (random.next_u32() >> 8) as f32 / (1 << 24) as f32;
    // Twelve uniform numbers add up to a variance of 1.
    let mut normal = || (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
    (0..VOCABULARY).map(|_| normal() * deviation).collect()
}

fn sampling(criterion: &mut Criterion) {
    let r1 = SamplingOptions { temperature: 0.6, top_p: 0.95, seed: Some(1), ..SamplingOptions::default() };
    let history: Vec<u32> = (0..32_768).map(|place| place * 7 % 151_936).collect();
    let rows = [
        ("greedy", SamplingOptions { temperature: 0.0, ..r1.clone() }),
        ("temperature 0.6, top-p 0.95 (R1)", r1.clone()),
        (
            "R1 and repetition penalty over 32,768 tokens",
            SamplingOptions { repetition_penalty: 1.1, ..r1.clone() },
        ),
        ("R1, top-k 40 and min-p 0.05", SamplingOptions { top_k: 40, min_p: 0.05, ..r1.clone() }),
    ];
    for deviation in [1.0, 3.0] {
        let logits = random_logits(deviation);
        let mut group = criterion.benchmark_group(format!("sampling, deviation {deviation}"));
        group.measurement_time(Duration::from_secs(3));
        for (name, options) in &rows {
            let Ok(mut sampler) = Sampler::new(options.clone()) else { continue };
            group.bench_function(*name, |bencher| {
                bencher.iter_batched_ref(
                    || logits.clone(),
                    |logits| sampler.sample(black_box(logits), &history),
                    BatchSize::LargeInput,
                );
            });
        }
    }
}

fn text(criterion: &mut Criterion) {
    let tokens: [&[u8]; 6] = [b" the", b" answer", "ä".as_bytes(), &[0xf0, 0x9f], &[0xa6, 0x80], b"\n"];
    criterion.bench_function("detokenise 6 tokens", |bencher| {
        let (mut detokenizer, mut out) = (Detokenizer::new(), String::new());
        bencher.iter(|| {
            out.clear();
            for token in tokens {
                detokenizer.push(Some(black_box(token)), &mut out);
            }
        });
    });
    for (name, close) in [("by id", Some(2)), ("by text", None)] {
        criterion.bench_function(&format!("split 6 tokens {name}"), |bencher| {
            let mut splitter = Splitter::new(true, Some(1), close);
            bencher.iter(|| {
                for token in [" the", " answer", " is", "\n", " <", "1"] {
                    splitter.push(black_box(0), token, &mut |segment| {
                        black_box(segment);
                    });
                }
            });
        });
    }
}

criterion_group!(benches, sampling, text);
criterion_main!(benches);

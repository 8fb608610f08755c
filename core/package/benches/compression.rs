//! What zstd saves on quantised weights, by part: the table in `docs/package-format.md`.
//!
//! Weights are normally distributed, each row with its own spread; a block of 32 is stored as int4 codes, two a byte,
//! and one float32 scale, as `quantize` lays them out (codes and scales of a matrix are separate tensors). Planes are
//! the same bytes in another order: all first bytes of the scales, then all second bytes; or all low nibbles of the
//! codes, then all high ones.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

use std::io::Write;
use std::time::Instant;

const WEIGHTS: usize = 16 << 20;
const BLOCK: usize = 32;
const CHUNK_BYTES: usize = 2 << 20;
const LEVELS: [i32; 3] = [1, 3, 19];

fn main() {
    let (codes, scales) = quantised();
    let byte_planes = planes(&scales, 4);
    let nibble_planes = nibble_planes(&codes);
    let tokenizer =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/tiny-r1/tokenizer.json"));
    let whole = [codes.as_slice(), &scales].concat();
    let whole_planes = [codes.as_slice(), &byte_planes].concat();
    let mut out = std::io::stdout();
    writeln!(out, "| part | bytes | level | stored | compress MB/s | decompress MB/s | in Rust MB/s |")
        .unwrap();
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|").unwrap();
    for (part, bytes) in [
        ("codes", &codes),
        ("codes in nibble planes", &nibble_planes),
        ("scales", &scales),
        ("scales in byte planes", &byte_planes),
        ("codes and scales", &whole),
        ("codes and scales in byte planes", &whole_planes),
        ("tokenizer.json", &tokenizer.unwrap()),
    ] {
        for level in LEVELS {
            writeln!(out, "| {part} | {} | {level} | {}", bytes.len(), measure(bytes, level)).unwrap();
        }
    }
}

fn measure(bytes: &[u8], level: i32) -> String {
    let megabytes = bytes.len() as f64 / 1e6;
    let clock = Instant::now();
    let frames: Vec<_> =
        bytes.chunks(CHUNK_BYTES).map(|chunk| zstd::bulk::compress(chunk, level).unwrap()).collect();
    let compress = megabytes / clock.elapsed().as_secs_f64();
    let mut buffer = vec![0; CHUNK_BYTES];
    let clock = Instant::now();
    for frame in &frames {
        zstd::bulk::decompress_to_buffer(frame, &mut buffer).unwrap();
    }
    let decompress = megabytes / clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    for frame in &frames {
        ruzstd::decoding::FrameDecoder::new().decode_all(frame, &mut buffer).unwrap();
    }
    let in_rust = megabytes / clock.elapsed().as_secs_f64();
    let stored = frames.iter().map(Vec::len).sum::<usize>() as f64 / bytes.len() as f64 * 100.0;
    format!("{stored:.1} % | {compress:.0} | {decompress:.0} | {in_rust:.0} |")
}

/// Int4 codes and float32 scales of normally distributed weights: the largest of a block becomes -8.
fn quantised() -> (Vec<u8>, Vec<u8>) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    // The sum of twelve uniform numbers has variance 1 and is as good as normal here.
    let mut normal = move || (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
    let (mut codes, mut scales) = (Vec::new(), Vec::new());
    let mut spread = 1.0;
    for block in 0..WEIGHTS / BLOCK {
        if block % 48 == 0 {
            spread = 0.02 * (1.0 + 0.3 * normal()).abs().max(0.2);
        }
        let weights: Vec<f32> = (0..BLOCK).map(|_| normal() * spread).collect();
        let largest = weights
            .iter()
            .copied()
            .fold(0.0_f32, |one, other| if other.abs() > one.abs() { other } else { one });
        let scale = largest / -8.0;
        let code = |weight: f32| ((weight / scale).round().clamp(-8.0, 7.0) + 8.0) as u8;
        codes.extend(weights.chunks(2).map(|pair| code(pair[0]) | code(pair[1]) << 4));
        scales.extend(scale.to_le_bytes());
    }
    (codes, scales)
}

fn planes(bytes: &[u8], width: usize) -> Vec<u8> {
    (0..width).flat_map(|plane| bytes.iter().skip(plane).step_by(width).copied()).collect()
}

fn nibble_planes(codes: &[u8]) -> Vec<u8> {
    let low = codes.chunks(2).map(|pair| (pair[0] & 15) | pair[1] << 4);
    let high = codes.chunks(2).map(|pair| pair[0] >> 4 | (pair[1] & 0xF0));
    low.chain(high).collect()
}

//! The float export against transformers: the same random weights give the same logits.
//!
//! The golden files come from `testdata/families/make.py`, which runs `Qwen2ForCausalLM`, `LlamaForCausalLM`
//! (llama3 rope scaling) and `Qwen3ForCausalLM` in float32 on the same bfloat16 weights.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{TemporaryPackage, largest_difference, testdata};
use safetensors::SafeTensors;
use wheelwork::decoder::Decoder;
use wheelwork::{Model, OpenOptions};
use wheelwork_quantize::recipe::FLOAT;

/// Both sides compute in float32, in another order: 64 to 128 products of size about 1 differ by 1e-5 or so;
/// the bound leaves room for other CPUs.
const MAX_ERROR: f32 = 2e-4;

struct Golden {
    prompt: Vec<u32>,
    /// `[prompt, vocab]`
    prefill: Vec<Vec<f32>>,
    greedy: Vec<u32>,
    /// `[greedy, vocab]`; row i gave token i.
    decode: Vec<Vec<f32>>,
}

fn golden(family: &str) -> Golden {
    let bytes = std::fs::read(testdata("families").join(family).join("golden.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let ids = |name: &str| -> Vec<u32> {
        let data = tensors.tensor(name).unwrap().data().chunks_exact(8);
        data.map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()).try_into().unwrap()).collect()
    };
    let rows = |name: &str| -> Vec<Vec<f32>> {
        let view = tensors.tensor(name).unwrap();
        let floats: Vec<f32> =
            view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
        floats.chunks_exact(view.shape()[1]).map(<[f32]>::to_vec).collect()
    };
    Golden {
        prompt: ids("prompt_ids"),
        prefill: rows("prefill_logits"),
        greedy: ids("greedy_ids"),
        decode: rows("decode_logits"),
    }
}

fn assert_close(found: &[f32], expected: &[f32], place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}");
    let worst = largest_difference(found, expected);
    assert!(worst <= MAX_ERROR, "{place}: the largest difference is {worst}");
}

fn check(checkpoint: &str, family: &str) {
    let golden = golden(family);
    // Logits within a few hundredths of each other would pass with any weights.
    let range = golden.prefill.concat().iter().fold(0.0_f32, |range, logit| range.max(logit.abs()));
    assert!(range > 1.0, "{family}: the golden logits are all below {range}");

    let package = TemporaryPackage::of(checkpoint, FLOAT);
    let model =
        Model::open_with(package.path(), &OpenOptions { threads: Some(1), ..Default::default() }).unwrap();
    let last = golden.prompt.len() - 1;

    // The whole prompt at once, then 64 steps.
    let mut decoder = model.decoder().unwrap();
    decoder.prefill(&golden.prompt).unwrap();
    assert_close(decoder.logits(), &golden.prefill[last], "prefill");
    steps(decoder.as_mut(), &golden, "decode");

    // A rewind into the prompt, the rest again.
    decoder.rewind(13);
    assert_eq!(decoder.len(), 13);
    decoder.prefill(&golden.prompt[13..]).unwrap();
    assert_close(decoder.logits(), &golden.prefill[last], "prefill after a rewind");
    steps(decoder.as_mut(), &golden, "decode after a rewind");

    // In chunks, so that the logits of several positions can be seen.
    let mut decoder = model.decoder().unwrap();
    for chunk in [0..1, 1..8, 8..9, 9..24, 24..golden.prompt.len()] {
        decoder.prefill(&golden.prompt[chunk.clone()]).unwrap();
        assert_close(decoder.logits(), &golden.prefill[chunk.end - 1], &format!("chunk {chunk:?}"));
    }

    // Token by token.
    let mut decoder = model.decoder().unwrap();
    for (position, &token) in golden.prompt.iter().enumerate() {
        decoder.decode(token).unwrap();
        assert_close(decoder.logits(), &golden.prefill[position], &format!("position {position}"));
    }
}

fn steps(decoder: &mut dyn Decoder, golden: &Golden, place: &str) {
    for (step, (&token, expected)) in golden.greedy.iter().zip(&golden.decode).enumerate() {
        assert_close(decoder.logits(), expected, &format!("{place}, step {step}"));
        let best = decoder.logits().iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        assert_eq!(best, token as usize, "{place}, step {step}");
        decoder.decode(token).unwrap();
    }
}

#[test]
fn qwen2_gives_the_logits_of_transformers() {
    check("families/qwen2", "qwen2");
}

#[test]
fn qwen2_in_shards_gives_the_logits_of_transformers() {
    check("families/qwen2-sharded", "qwen2");
}

#[test]
fn llama_with_scaled_rope_gives_the_logits_of_transformers() {
    check("families/llama", "llama");
}

#[test]
fn qwen3_gives_the_logits_of_transformers() {
    check("families/qwen3", "qwen3");
}

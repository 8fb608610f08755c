//! The layer-by-layer run against two judges: transformers' logits (golden files of `testdata/families`), and the
//! float package as the runtime runs it.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use wheelwork::{Model, OpenOptions};
use wheelwork_calibrate::{CalibrateError, Reference, ReferenceOptions, Taps, Watch};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::recipe::FLOAT;
use wheelwork_quantize::{Options, quantize};

/// As in the command's `parity.rs`: both sides compute in float32, in another order.
const MAX_ERROR: f32 = 2e-4;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

fn checkpoint(name: &str) -> Checkpoint {
    Checkpoint::open(&testdata(name)).unwrap()
}

fn one_thread(scratch: &Path) -> ReferenceOptions {
    ReferenceOptions { threads: 1, scratch: scratch.into() }
}

/// The logits of each position of each sequence.
fn logits(checkpoint: &Checkpoint, sequences: &[Vec<u32>]) -> Vec<Vec<Vec<f32>>> {
    let scratch = tempfile::tempdir().unwrap();
    let mut reference = Reference::open(checkpoint, one_thread(scratch.path()), &()).unwrap();
    let mut all = vec![Vec::new(); sequences.len()];
    reference
        .logits(sequences, |sequence, position, logits| {
            assert_eq!(all[sequence].len(), position, "positions come in order");
            all[sequence].push(logits.to_vec());
            Ok::<_, CalibrateError>(())
        })
        .unwrap();
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is left behind");
    all
}

fn worst(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max)
}

fn matches_transformers(family: &str, golden: &str) {
    let bytes = std::fs::read(testdata("families").join(golden).join("golden.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let ids = |name: &str| -> Vec<u32> {
        let data = tensors.tensor(name).unwrap().data().chunks_exact(8);
        data.map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()).try_into().unwrap()).collect()
    };
    let floats = |name: &str| -> Vec<f32> {
        let data = tensors.tensor(name).unwrap().data().chunks_exact(4);
        data.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    };
    let (prompt, greedy) = (ids("prompt_ids"), ids("greedy_ids"));
    let whole = [prompt.as_slice(), &greedy].concat();
    let found = logits(&checkpoint(&format!("families/{family}")), &[prompt.clone(), whole]);

    let prefill = floats("prefill_logits");
    let vocab_size = prefill.len() / prompt.len();
    for (position, expected) in prefill.chunks_exact(vocab_size).enumerate() {
        for sequence in &found {
            let worst = worst(&sequence[position], expected);
            assert!(worst <= MAX_ERROR, "{family}, position {position}: {worst}");
        }
    }
    // Row i of the decoding gave token i.
    for (step, expected) in floats("decode_logits").chunks_exact(vocab_size).enumerate() {
        let worst = worst(&found[1][prompt.len() - 1 + step], expected);
        assert!(worst <= MAX_ERROR, "{family}, step {step}: {worst}");
    }
}

#[test]
fn qwen2_gives_the_logits_of_transformers() {
    matches_transformers("qwen2", "qwen2");
}

#[test]
fn qwen2_in_shards_gives_the_logits_of_transformers() {
    matches_transformers("qwen2-sharded", "qwen2");
}

#[test]
fn llama_with_scaled_rope_gives_the_logits_of_transformers() {
    matches_transformers("llama", "llama");
}

#[test]
fn qwen3_gives_the_logits_of_transformers() {
    matches_transformers("qwen3", "qwen3");
}

#[test]
fn the_small_model_gives_the_logits_of_its_float_package() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("float.ortpackage");
    let options = Options { recipe: FLOAT, ..Options::default() };
    quantize(&testdata("tiny-r1"), &package, &options, &()).unwrap();
    let model = Model::open_with(&package, &OpenOptions { threads: Some(1), ..Default::default() }).unwrap();
    let sequences: Vec<Vec<u32>> = ["478 + 256 = ?", "Is 4.07 more than 4.7?"]
        .iter()
        .map(|text| model.facts().tokenizer.encode_plain(text).unwrap())
        .collect();
    let found = logits(&checkpoint("tiny-r1"), &sequences);
    for (tokens, found) in sequences.iter().zip(&found) {
        let mut decoder = model.decoder().unwrap();
        for (position, &token) in tokens.iter().enumerate() {
            decoder.decode(token).unwrap();
            let worst = worst(&found[position], decoder.logits());
            assert!(worst <= MAX_ERROR, "position {position}: {worst}");
        }
    }
}

#[test]
fn an_observer_sees_every_layer_of_every_sequence_in_the_documented_shapes() {
    let checkpoint = checkpoint("families/qwen3");
    let config = checkpoint.config.clone();
    let sequences = [vec![1, 2, 3], vec![4, 5, 6, 7, 8]];
    let scratch = tempfile::tempdir().unwrap();
    let mut reference = Reference::open(&checkpoint, one_thread(scratch.path()), &()).unwrap();
    let mut seen = Vec::new();
    reference
        .run(&sequences, &mut |layer: usize, sequence: usize, taps: &Taps<'_>| {
            let length = sequences[sequence].len();
            assert_eq!(taps.qkv_input.len(), length * config.hidden_size);
            assert_eq!(taps.o_input.len(), length * config.query_size());
            assert_eq!(taps.gate_up_input.len(), length * config.hidden_size);
            assert_eq!(taps.down_input.len(), length * config.intermediate_size);
            assert_eq!(taps.keys.len(), length * config.key_size());
            assert_eq!(taps.values.len(), length * config.key_size());
            seen.push((layer, sequence));
            Ok(())
        })
        .unwrap();
    let expected: Vec<_> = (0..config.num_hidden_layers).flat_map(|layer| [(layer, 0), (layer, 1)]).collect();
    assert_eq!(seen, expected);
}

#[test]
fn impossible_sequences_are_refused() {
    let checkpoint = checkpoint("families/qwen2");
    let vocab_size = u32::try_from(checkpoint.config.vocab_size).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut reference = Reference::open(&checkpoint, one_thread(scratch.path()), &()).unwrap();
    let mut run =
        |sequences: &[Vec<u32>]| reference.run(sequences, &mut |_, _, _: &Taps<'_>| Ok(())).unwrap_err();
    let error = run(&[vec![1], vec![vocab_size]]);
    assert!(matches!(error, CalibrateError::UnknownToken { sequence: 1, .. }), "{error:?}");
    let error = run(&[vec![]]);
    assert!(matches!(error, CalibrateError::SequenceLength { tokens: 0, .. }), "{error:?}");
    let error = run(&[vec![1; checkpoint.config.max_position_embeddings + 1]]);
    assert!(matches!(error, CalibrateError::SequenceLength { .. }), "{error:?}");
}

#[test]
fn a_run_can_be_stopped() {
    struct Stop;
    impl Watch for Stop {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let checkpoint = checkpoint("families/qwen2");
    let scratch = tempfile::tempdir().unwrap();
    let mut reference = Reference::open(&checkpoint, one_thread(scratch.path()), &Stop).unwrap();
    let result = reference.run(&[vec![1]], &mut |_, _, _: &Taps<'_>| Ok(()));
    assert!(matches!(result, Err(CalibrateError::Cancelled)));
}

//! The static variant of the small model on ONNX Runtime's CPU provider, against the float model.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use common::StaticHost;
use wheelwork::{Model, OpenOptions};
use wheelwork_calibrate::static_graph::{VariantOptions, add_variant};
use wheelwork_calibrate::{CalibrateError, Reference, ReferenceOptions, TextBudget};
use wheelwork_package::Card;
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::scheme::channel::{CHANNEL_4, CHANNEL_8, LPBQ_32, LPBQ_64};
use wheelwork_quantize::static_graph::VARIANT;
use wheelwork_quantize::{Options, quantize};

fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

fn cpu_session(path: &Path) -> Result<ort::session::Session, CalibrateError> {
    let environment = wheelwork_ort::environment()?.environment;
    let builder = ort::session::Session::builder(&environment).unwrap().with_intra_threads(1).unwrap();
    Ok({ builder }.commit_from_file(path).unwrap())
}

/// A package with a CPU variant.
fn package(checkpoint: &Path, folder: &Path) -> PathBuf {
    let package = folder.join("model.ortpackage");
    let options = Options { recipe: BALANCED, ..Options::default() };
    quantize(checkpoint, &package, &options, &()).unwrap();
    package
}

fn small(options: VariantOptions) -> VariantOptions {
    VariantOptions {
        context_length: 256,
        budget: TextBudget { tokens: 600, sequence_tokens: 120 },
        threads: Some(1),
        ..options
    }
}

/// Greedy chains of the CPU variant to some problems: sequences that the model is sure of.
fn chains(package: &Path, texts: &[&str]) -> Vec<Vec<u32>> {
    let model = Model::open_with(package, &OpenOptions { threads: Some(1), ..Default::default() }).unwrap();
    let chain = |text: &&str| {
        let mut session = model.session().unwrap();
        let options = wheelwork::Options { temperature: Some(0.0), ..Default::default() };
        let mut sequence = model.facts().tokenizer.encode_plain(text).unwrap();
        for event in session.ask(text, &options).unwrap() {
            if let wheelwork::Event::Finished { token_ids, .. } = event.unwrap() {
                sequence.extend(token_ids);
            }
        }
        sequence.truncate(200);
        sequence
    };
    texts.iter().map(chain).collect()
}

/// How far logits are from those of the float model.
#[derive(Debug, Default)]
struct Distance {
    positions: usize,
    same_top: usize,
    squares: f64,
    squared_errors: f64,
}

impl Distance {
    fn add(&mut self, expected: &[f32], found: &[f32]) {
        let top = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        self.positions += 1;
        self.same_top += usize::from(top(expected) == top(found));
        for (expected, found) in expected.iter().zip(found) {
            self.squares += f64::from(*expected).powi(2);
            self.squared_errors += f64::from(expected - found).powi(2);
        }
    }

    fn relative_rms(&self) -> f64 {
        (self.squared_errors / self.squares).sqrt()
    }

    fn same_top(&self) -> f64 {
        self.same_top as f64 / self.positions as f64
    }
}

/// The static variant against the float model: prefill in chunks, the last tokens one by one.
fn distance(checkpoint: &Path, package: &Path, card: &Card, sequences: &[Vec<u32>]) -> Distance {
    let checkpoint = Checkpoint::open(checkpoint).unwrap();
    let mut expected: Vec<Vec<f32>> = Vec::new();
    let options = ReferenceOptions { threads: 1, ..ReferenceOptions::default() };
    let mut reference = Reference::open(&checkpoint, options, &()).unwrap();
    reference
        .logits::<CalibrateError>(sequences, |_, _, logits| {
            expected.push(logits.to_vec());
            Ok(())
        })
        .unwrap();
    let graphs = &card.static_graphs[VARIANT];
    let mut distance = Distance::default();
    let mut expected = expected.into_iter();
    for sequence in sequences {
        let tokens = graphs.prefill_tokens;
        let folder = package.join(VARIANT);
        let mut host = StaticHost::new(&folder, graphs, &card.architecture, tokens, cpu_session).unwrap();
        for chunk in sequence.chunks(tokens) {
            let logits = host.read(chunk).unwrap();
            for found in logits.chunks(card.architecture.vocab_size) {
                distance.add(&expected.next().unwrap(), found);
            }
        }
    }
    distance
}

#[test]
#[ignore = "prints the table of docs/npu.md"]
fn the_errors_of_all_forms() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint("tiny-r1");
    let package = package(&checkpoint, folder.path());
    let texts = ["347 + 286 = ?", "What is 903 - 478?", "Which is larger, 4.07 or 4.7?", "35 km = ? m"];
    let sequences = chains(&package, &texts);
    for (name, weights) in
        [("lpbq32", LPBQ_32), ("lpbq64", LPBQ_64), ("channel4", CHANNEL_4), ("channel8", CHANNEL_8)]
    {
        for rotate in [false, true] {
            for calibrate_weights in [false, true] {
                let options = VariantOptions {
                    budget: TextBudget { tokens: 1200, sequence_tokens: 120 },
                    ..small(VariantOptions {
                        weights,
                        rotate,
                        calibrate_weights,
                        ..VariantOptions::default()
                    })
                };
                let card = add_variant(&checkpoint, &package, &options, &()).unwrap();
                let found = distance(&checkpoint, &package, &card, &sequences);
                println!(
                    "{name} rotate {rotate} gptq {calibrate_weights}: relative rms {:.4}, same top {:.4} of {}, {}",
                    found.relative_rms(),
                    found.same_top(),
                    found.positions,
                    card.static_graphs[VARIANT].recipe["mean_relative_mse"],
                );
            }
        }
    }
}

#[test]
fn a_static_variant_is_close_to_the_float_model_and_stays_with_it_over_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint("tiny-r1");
    let package = package(&checkpoint, folder.path());
    let card = add_variant(&checkpoint, &package, &small(VariantOptions::default()), &()).unwrap();
    let found = distance(&checkpoint, &package, &card, &chains(&package, &["347 + 286 = ?", "35 km = ? m"]));
    assert!(found.positions > 100 && found.same_top() > 0.95, "{found:?}");
    assert!(found.relative_rms() < 0.03, "{}", found.relative_rms());

    let open = wheelwork_package::open(&package).unwrap();
    assert_eq!(open.card.as_ref().unwrap(), &card);
    assert_eq!(open.variant(VARIANT).unwrap().target.device, "npu");
    for part in &card.static_graphs[VARIANT].parts {
        open.verify_graph(VARIANT, &part.prefill).unwrap();
        open.verify_graph(VARIANT, &part.decode).unwrap();
    }
    let check = card.static_graphs[VARIANT].self_check.as_ref().unwrap();
    assert!(check.logits.windows(2).all(|pair| pair[0] >= pair[1]) && check.prompt_ids.len() == 64);
}

/// One token at a time through the decode graph gives what a chunk through the prefill graph gives: one table of encodings.
#[test]
fn prefill_and_decode_agree_for_all_families_and_in_parts() {
    for family in ["qwen2", "qwen3", "llama"] {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = checkpoint(&format!("families/{family}"));
        let package = package(&checkpoint, folder.path());
        let options =
            small(VariantOptions { weights: CHANNEL_8, part_bytes: 1, ..VariantOptions::default() });
        let options = VariantOptions { context_length: 64, prefill_tokens: 16, ..options };
        let card = add_variant(&checkpoint, &package, &options, &()).unwrap();
        let graphs = &card.static_graphs[VARIANT];
        assert_eq!(graphs.parts.len(), card.architecture.num_hidden_layers, "a layer a part");
        let folder = package.join(VARIANT);
        let tokens: Vec<u32> = (3..35).collect();
        let read = |call: usize| {
            let mut host = StaticHost::new(&folder, graphs, &card.architecture, call, cpu_session).unwrap();
            tokens.chunks(call).flat_map(|chunk| host.read(chunk).unwrap()).collect::<Vec<f32>>()
        };
        let mut between = Distance::default();
        let vocab_size = card.architecture.vocab_size;
        for (one, many) in read(1).chunks(vocab_size).zip(read(16).chunks(vocab_size)) {
            between.add(one, many);
        }
        assert!(between.relative_rms() < 0.02, "{family}: {}", between.relative_rms());
        let float = distance(&checkpoint, &package, &card, &[tokens]);
        assert!(float.relative_rms() < 0.08, "{family}: {}", float.relative_rms());
    }
}

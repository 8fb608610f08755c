//! Static graphs on the Snapdragon simulator, which `WHEELWORK_QNN_DIR` names.

// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "common/npu.rs"]
#[allow(dead_code)]
mod npu;

use std::path::Path;
use std::process::Command;

use common::{TemporaryPackage, json, json_lines, relative_rms, success, testdata, text};
use npu::{on_npu, package, simulator};
use serde_json::Value;
use wheelwork::chat::Message;
use wheelwork::device::{Device, NotUsedReason, SelfCheck};
use wheelwork::{DevicePreference, Model, OpenOptions};
use wheelwork_calibrate::TextBudget;
use wheelwork_calibrate::agreement::{self, Agreement};
use wheelwork_calibrate::static_graph::{self, VariantOptions};
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::static_float::VARIANT;

#[test]
fn the_simulator_answers_with_every_node_on_it() {
    if simulator().is_none() {
        return;
    }
    let package = package();
    let model = Model::open_with(package, &on_npu()).unwrap();
    let placement = model.placement();
    assert_eq!((placement.device, placement.simulator), (Device::Npu, true));
    assert_eq!(placement.graphs.len(), 2);
    for graph in &placement.graphs {
        assert!(graph.weight_bytes > 1_000_000, "{graph:?}");
        let [share] = &graph.shares[..] else { panic!("{graph:?}") };
        assert!(share.provider == "QNNExecutionProvider" && share.nodes > 50, "{share:?}");
    }
    assert!(matches!(placement.self_check, Some(SelfCheck::Passed { relative_rms }) if relative_rms < 0.01));

    let agreement = agreement(&model, package, VARIANT);
    assert!(agreement.relative_rms <= 0.003, "{agreement:?}");
}

#[test]
fn the_simulator_computes_the_integers_of_the_cpu() {
    if simulator().is_none() {
        return;
    }
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let options = VariantOptions {
        context_length: 256,
        budget: TextBudget { tokens: 600, sequence_tokens: 120 },
        calibrate_weights: false,
        ..VariantOptions::default()
    };
    static_graph::add_variant(&testdata("tiny-r1"), &package.path(), &options, &()).unwrap();
    let model = Model::open_with(package.path(), &on_npu()).unwrap();
    assert_eq!((model.placement().device, model.placement().simulator), (Device::Npu, true));
    let agreement = agreement(&model, &package.path(), wheelwork_quantize::static_graph::VARIANT);
    assert!(agreement.relative_rms <= 0.02, "{agreement:?}");
    // Where the best token has a margin, it is the same.
    let clear = agreement.positions.iter().filter(|position| position.margin > 8.0 * position.difference_rms);
    assert!(
        clear.clone().count() > 8 && clear.clone().all(|clear| clear.found == clear.expected),
        "{agreement:?}"
    );
}

/// Greedy tokens of a problem on the simulator, beside the same graphs on the CPU.
fn agreement(model: &Model, package: &Path, variant: &str) -> Agreement {
    let facts = model.facts();
    let question = facts.template.prompt(&facts.tokenizer, &[Message::user("478 + 256 = ?")]).unwrap();
    let mut found = model.decoder().unwrap();
    let mut expected = Model::static_reference(package, variant).unwrap();
    let agreement = agreement::greedy(found.as_mut(), expected.as_mut(), &question.ids, 12).unwrap();
    let (rms, same) = (agreement.relative_rms, agreement.same());
    println!("{variant}: relative RMS over 12 positions {rms:.5}, the same best token at {same}");
    agreement
}

/// The command with a cache in this folder.
fn wheelwork(folder: &Path, arguments: &str) -> Command {
    let mut command = common::wheelwork(arguments);
    command.env("XDG_CACHE_HOME", folder.join("cache"));
    command
}

#[test]
fn the_command_quantises_for_both_forms_and_answers_as_on_the_cpu() {
    if simulator().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for target in ["qnn-htp", "qnn-htp-float"] {
        let package = folder.path().join(format!("{target}.ortpackage"));
        let form = format!("quantize --target cpu --target {target} --npu-context 256 --out");
        success(wheelwork(folder.path(), &form).args([&package, &testdata("tiny-r1")]));
        let [(there, answer, reason), (_, expected, _)] =
            ["npu", "cpu"].map(|device| answer(folder.path(), &package, device));
        assert_eq!((there, reason), ("npu".into(), "stop".into()), "{target}");
        assert_eq!(answer, expected, "{target}");
        assert!(answer.contains("welcome"), "{target}: {answer:?}");
    }
}

/// The device of the first event, the answer and why it ended.
fn answer(folder: &Path, package: &Path, device: &str) -> (Value, String, Value) {
    // A step takes the simulator some tenths of a second: the shortest reasoning that the model has.
    let greedy = "generate --prompt Thanks --temperature 0 --max-tokens 40 --json --strict --device";
    // The simulator's libraries write a line of their own, which must not be among these.
    let events = json_lines(wheelwork(folder, greedy).args([device, "--model"]).arg(package));
    let (device, reason) = (&events[0]["placement"]["device"], &events.last().unwrap()["reason"]);
    (device.clone(), text(&events, "AnswerDelta"), reason.clone())
}

#[test]
fn static_graphs_on_the_cpu_give_the_answers_of_the_dynamic_one() {
    let package = package();
    let cpu = OpenOptions { device: DevicePreference::Cpu, ..OpenOptions::default() };
    let mut dynamic = Model::open_with(package, &cpu).unwrap().decoder().unwrap();
    let mut fixed = Model::static_reference(package, VARIANT).unwrap();
    let tokens: Vec<u32> = (100..200).collect();
    for decoder in [&mut dynamic, &mut fixed] {
        for chunk in tokens.chunks(decoder.chunk_tokens()) {
            decoder.prefill(chunk).unwrap();
        }
    }
    // The dynamic graph rounds activations to 8 bits.
    assert!(relative_rms(fixed.logits(), dynamic.logits()) < 0.05);
}

/// Binaries that only devices can load: the placement says why they were not taken, and the plain graphs run.
#[test]
fn plain_graphs_run_where_smaller_binaries_are_refused() {
    if simulator().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    std::fs::write(&text, "A text to calibrate on. ".repeat(100)).unwrap();
    let package = folder.path().join("shared.ortpackage");
    let shared = "quantize --target cpu --target qnn-htp --npu-context 64 --npu-rounding nearest \
                  --soc sm8650,sm8750 --npu-binaries shared-weights --json --calibration-tokens 256";
    let mut quantize = wheelwork(folder.path(), shared);
    quantize.arg("--calibration-text").arg(&text).arg("--out").args([&package, &testdata("families/qwen2")]);
    let made = json(&mut quantize);
    let warnings = made["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|warning| warning.as_str().unwrap().starts_with("unproven")), "{made}");

    let options = OpenOptions {
        provider_options: vec![("soc_model".to_owned(), "57".to_owned())],
        cache_dir: Some(folder.path().join("cache")),
        ..on_npu()
    };
    let model = Model::open_with(&package, &options).unwrap();
    let graphs = model.placement().graphs.iter().map(|graph| graph.graph.as_str());
    assert_eq!(graphs.collect::<Vec<_>>(), ["prefill.0.onnx", "decode.0.onnx"]);
    let row = &model.placement().not_used[0];
    let detail = row.detail.as_ref().unwrap();
    // Tried, they would take the process down.
    assert_eq!(row.reason, NotUsedReason::NoMatchingBinary);
    assert!(
        detail.contains("compiled for sm8650") && detail.contains("the simulator does not load"),
        "{detail}"
    );
}

//! `wheelwork quantize --target ..`: variants for NPUs, made and described by the command.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "common/lookup.rs"]
mod lookup;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use common::{failure, json, testdata, wheelwork};
use wheelwork::{Model, Session};

/// Quantises a checkpoint into `folder`; where the package is then.
fn quantize(folder: &Path, checkpoint: &str, arguments: &str) -> (Command, PathBuf) {
    let package = folder.join("model.ortpackage");
    let mut command = wheelwork(&format!("quantize {arguments} --json --out"));
    command.args([&package, &testdata(checkpoint)]);
    (command, package)
}

#[test]
fn both_forms_for_an_npu_are_made_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let both =
        "--target qnn-htp --target qnn-htp-float --npu-context 256 --npu-chunk 128 --npu-weights lpbq64";
    let (mut command, package) = quantize(folder.path(), "tiny-r1", both);
    let made = json(command.args(["--calibration-tokens", "512"]));
    let forms = ["qnn-htp", "qnn-htp-float"].map(|name| made["static_graphs"][name]["form"].clone());
    assert_eq!(forms, ["quantized", "float"]);

    let shown = json(wheelwork("inspect --verify --json").arg(package));
    for name in ["qnn-htp", "qnn-htp-float"] {
        assert_eq!(shown["variants"][name]["target"]["ep"], "QNNExecutionProvider", "{name}");
        let graphs = &shown["card"]["static_graphs"][name];
        assert_eq!((&graphs["context_length"], &graphs["prefill_tokens"]), (&256.into(), &128.into()));
        assert!(graphs["self_check"]["logits"].as_array().unwrap().len() >= 8, "{name}");
    }
    assert!(shown["verified_files"].as_u64().unwrap() > 10);
}

#[test]
fn compiling_without_the_compiler_says_what_to_fetch_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |targets: &str| {
        let arguments = format!("--soc sm8650,SM8750 {targets}");
        let (mut command, package) = quantize(folder.path(), "tiny-r1", &arguments);
        let error = failure(command.env("WHEELWORK_QNN_DIR", ""));
        assert!(!package.exists());
        error
    };
    let error = run("--target qnn-htp-float");
    assert_eq!(error["code"], "npu_no_compiler");
    assert!(error["remedy"].as_str().unwrap().contains("onnxruntime-qnn"), "{error}");
    assert_eq!(run("")["code"], "needs_target");
}

#[test]
fn a_package_is_calibrated_and_compiled_in_one_go() {
    if std::env::var_os("WHEELWORK_QNN_DIR").is_none_or(|folder| folder.is_empty()) {
        println!("skipped: WHEELWORK_QNN_DIR names no folder with the simulator");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    std::fs::write(&text, "A text to calibrate on. ".repeat(100)).unwrap();
    let both = "--target=qnn-htp --target=qnn-htp-float --npu-context=64 --npu-rounding=nearest \
                --calibration-tokens=256 --soc=sm8650,sc8380xp";
    let (mut command, _) = quantize(folder.path(), "families/qwen2", both);
    let made = json(command.arg("--calibration-text").arg(text));
    for name in ["qnn-htp", "qnn-htp-float"] {
        let compiled = made["static_graphs"][name]["context_binaries"].as_array().unwrap();
        let archs: Vec<_> = compiled.iter().map(|binary| binary["arch"].as_str().unwrap()).collect();
        assert_eq!(archs, ["v75", "v73"], "{name}");
    }
}

#[test]
fn prompt_lookup_says_what_the_quantised_graphs_say_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let both =
        "--target=cpu --target=qnn-htp --npu-context=256 --npu-rounding=nearest --calibration-tokens=256";
    let (mut command, package) = quantize(folder.path(), "tiny-r1", both);
    json(&mut command);
    let model = Model::open(&package).unwrap();
    let (drafted, accepted) = lookup::says_the_same(|| {
        let decoder = Model::static_reference(&package, "qnn-htp").unwrap();
        Session::with_decoder(Arc::clone(model.facts()), model.placement().clone(), decoder)
    });
    println!("{drafted} tokens drafted, {accepted} came true");
    assert!(drafted > 0);
}

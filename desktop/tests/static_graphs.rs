//! `wheelwork quantize --target ..`: variants for NPUs, made and described by the command.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use wheelwork::{Event, Model, Options, PromptLookup, Session};

fn json_of(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_wheelwork")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn both_forms_for_an_npu_are_made_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("model.ortpackage");
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1");
    let package = package.to_str().unwrap();
    let made = json_of(&[
        "quantize",
        checkpoint.to_str().unwrap(),
        "--out",
        package,
        "--target",
        "qnn-htp",
        "--target",
        "qnn-htp-float",
        "--npu-context",
        "256",
        "--npu-chunk",
        "128",
        "--npu-weights",
        "lpbq64",
        "--calibration-tokens",
        "512",
        "--json",
    ]);
    let forms = ["qnn-htp", "qnn-htp-float"].map(|name| made["static_graphs"][name]["form"].clone());
    assert_eq!(forms, ["quantized", "float"]);

    let shown = json_of(&["inspect", package, "--verify", "--json"]);
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
    let package = folder.path().join("model.ortpackage");
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1");
    let run = |targets: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wheelwork"));
        command.arg("quantize").arg(&checkpoint).arg("--out").arg(&package).args(targets);
        let output = command.args(["--soc", "sm8650,SM8750", "--json"]).env("WHEELWORK_QNN_DIR", "").output();
        serde_json::from_slice::<Value>(&output.unwrap().stderr).unwrap()["error"].clone()
    };
    let error = run(&["--target", "qnn-htp-float"]);
    assert_eq!(error["code"], "npu_no_compiler");
    assert!(error["remedy"].as_str().unwrap().contains("onnxruntime-qnn"), "{error}");
    assert_eq!(run(&[])["code"], "needs_target");
    assert!(!package.exists());
}

#[test]
fn a_package_is_calibrated_and_compiled_in_one_go() {
    if std::env::var_os("WHEELWORK_QNN_DIR").is_none_or(|folder| folder.is_empty()) {
        println!("skipped: WHEELWORK_QNN_DIR names no folder with the simulator");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("model.ortpackage");
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/families/qwen2");
    let text = folder.path().join("text.txt");
    std::fs::write(&text, "A text to calibrate on. ".repeat(100)).unwrap();
    let made = json_of(&[
        "quantize",
        checkpoint.to_str().unwrap(),
        "--out",
        package.to_str().unwrap(),
        "--target=qnn-htp",
        "--target=qnn-htp-float",
        "--npu-context=64",
        "--npu-rounding=nearest",
        "--calibration-tokens=256",
        "--calibration-text",
        text.to_str().unwrap(),
        "--soc=sm8650,sc8380xp",
        "--json",
    ]);
    for name in ["qnn-htp", "qnn-htp-float"] {
        let compiled = made["static_graphs"][name]["context_binaries"].as_array().unwrap();
        let archs: Vec<_> = compiled.iter().map(|binary| binary["arch"].as_str().unwrap()).collect();
        assert_eq!(archs, ["v75", "v73"], "{name}");
    }
}

#[test]
fn prompt_lookup_says_what_the_quantised_graphs_say_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("model.ortpackage");
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1");
    json_of(&[
        "quantize",
        checkpoint.to_str().unwrap(),
        "--out",
        package.to_str().unwrap(),
        "--target=cpu",
        "--target=qnn-htp",
        "--npu-context=256",
        "--npu-rounding=nearest",
        "--calibration-tokens=256",
        "--json",
    ]);
    let model = Model::open(&package).unwrap();
    let (mut drafted, mut accepted) = (0, 0);
    for (question, temperature) in
        [("What is 4823 + 3987?", 0.0), ("478 + 256 = ?", 0.0), ("478 + 256 = ?", 0.8), ("Thanks", 0.8)]
    {
        let [plain, found] = [PromptLookup::Off, PromptLookup::Auto].map(|prompt_lookup| {
            let decoder = Model::static_reference(&package, "qnn-htp").unwrap();
            let mut session =
                Session::with_decoder(Arc::clone(model.facts()), model.placement().clone(), decoder);
            let (temperature, seed) = (Some(temperature), Some(7));
            let options =
                Options { temperature, seed, max_tokens: Some(150), prompt_lookup, ..Options::default() };
            let events = session.ask(question, &options).unwrap();
            let finished = events.map(Result::unwrap).find_map(|event| match event {
                Event::Finished { token_ids, usage, .. } => Some((token_ids, usage)),
                _ => None,
            });
            finished.unwrap()
        });
        assert_eq!(found.0, plain.0, "{question} at {temperature}");
        drafted += found.1.drafted_tokens;
        accepted += found.1.accepted_tokens;
    }
    println!("{drafted} tokens drafted, {accepted} came true");
    assert!(drafted > 0);
}

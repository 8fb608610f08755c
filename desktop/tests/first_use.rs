//! What a stranger meets: a model that has a name, answers that are whole or say that they are not, errors that lead on, and
//! a look at the machine.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::process::Command;

use common::{error_of, failure, json_lines, stdout, testdata, tiny_r1, wheelwork};
use serde_json::Value;

#[test]
fn the_shipped_model_has_a_name_and_cannot_be_taken_away() {
    let models = tempfile::tempdir().unwrap();
    let here = |arguments: &str| {
        let mut command = wheelwork(arguments);
        command.env("WHEELWORK_MODELS_DIR", models.path());
        command
    };
    let listed = json_lines(&mut here("ls --json")).remove(0);
    assert_eq!((&listed["event"], &listed["name"]), (&"Shipped".into(), &"tiny-r1".into()));
    let answer = stdout(here("run tiny-r1 --temperature 0 --hide-reasoning").arg("478 + 256 = ?"));
    assert_eq!(answer.trim(), "734");
    assert_eq!(failure(&mut here("rm tiny-r1 --json"))["code"], "shipped_model");
}

#[test]
fn an_answer_that_is_cut_exits_with_3_and_says_by_what() {
    let run = |more: &str| {
        let mut command = wheelwork("generate --temperature 0 --json --model");
        command
            .arg(tiny_r1())
            .args(["--prompt", "12 + 30 = ?"])
            .args(more.split_whitespace())
            .output()
            .unwrap()
    };
    assert_eq!(run("--max-tokens 200").status.code(), Some(0));
    for (more, held) in [("--max-tokens 10", false), ("--max-tokens 10 --regex [0-9]+", true)] {
        let output = run(more);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let error = error_of(&output);
        assert_eq!(error["code"], "answer_cut");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("limit of tokens"), "{message}");
        assert_eq!(message.contains("output constraint"), held, "{message}");
    }
}

#[test]
fn names_and_files_that_are_no_package_lead_on() {
    let (checkpoint, weights) = (testdata("tiny-r1"), testdata("tiny-r1/model.safetensors"));
    for (model, code, words) in [
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "no_such_model", "hf download deepseek-ai/"),
        (checkpoint.to_str().unwrap(), "model_of_another_form", "wheelwork quantize"),
        (weights.to_str().unwrap(), "model_of_another_form", "wheelwork quantize"),
        ("./missing.ortpackage", "no_such_model", "correct the path"),
        ("missing", "no_such_model", "wheelwork list"),
    ] {
        let error = failure(wheelwork("generate --prompt x --json --model").arg(model));
        assert_eq!(error["code"], code, "{error}");
        assert!(error["remedy"].as_str().unwrap().contains(words), "{error}");
    }
}

#[test]
fn short_help_fits_into_40_lines() {
    let help = |name: &str| stdout(wheelwork(name).arg("-h").env("COLUMNS", "100"));
    let all = help("");
    // `list, ls        List the models ...`
    let names = all.lines().filter_map(|line| line.strip_prefix("  ")?.split([',', ' ']).next());
    let mut looked_at = 0;
    for name in names.filter(|name| name.starts_with(|first: char| first.is_ascii_lowercase())) {
        let lines = help(name).lines().count();
        assert!((5..=40).contains(&lines), "`wheelwork {name} -h` has {lines} lines");
        looked_at += 1;
    }
    assert!(all.lines().count() <= 40 && looked_at > 15, "{looked_at} commands in\n{all}");
}

#[test]
fn doctor_finds_no_fault_here_and_tells_a_missing_library() {
    let models = tempfile::tempdir().unwrap();
    let findings = |command: &mut Command| -> (Option<i32>, Vec<Value>) {
        let output = command.env("WHEELWORK_MODELS_DIR", models.path()).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    };
    let of =
        |findings: &[Value], what: &str| findings.iter().find(|row| row["what"] == what).cloned().unwrap();
    let (code, found) = findings(&mut wheelwork("doctor --json"));
    assert_eq!(code, Some(0), "{found:?}");
    for what in ["ONNX Runtime", "telemetry", "memory", "models"] {
        assert_ne!(of(&found, what)["state"], "fault", "{what}");
    }
    let (code, found) = findings(wheelwork("doctor --json").env("ORT_DYLIB_PATH", "/nowhere"));
    assert_eq!(code, Some(1));
    let library = of(&found, "ONNX Runtime");
    assert_eq!(library["state"], "fault");
    assert!(library["remedy"].as_str().unwrap().contains("ORT_DYLIB_PATH"), "{library}");
    assert!(models.path().read_dir().unwrap().next().is_none(), "looking makes nothing");
}

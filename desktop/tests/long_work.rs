//! Work that takes long: what it would cost is told before, flags are not ignored, and Ctrl-C ends it with exit code 130 and
//! nothing under the final name.
#![cfg(target_os = "linux")]
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{TemporaryPackage, failure, json, success, testdata, wheelwork};
use wheelwork_quantize::recipe::FAST;

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Quantises tiny-r1 into a folder.
fn quantize(folder: &Path, more: &str) -> Command {
    let mut command = wheelwork(&format!("quantize {more} --out"));
    command.args([folder.join("model.ortpackage"), testdata("tiny-r1")]);
    command
}

/// Waits until the program has taken Ctrl-C over from the system, and presses it.
fn interrupt(child: &mut Child) {
    let status = format!("/proc/{}/status", child.id());
    let takes_it = || {
        let status = std::fs::read_to_string(&status).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
        u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (2 - 1)) != 0
    };
    while !takes_it() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn ends_as_interrupted(child: Child) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
}

fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn calibration_leaves_nothing_under_the_final_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(&mut quantize(folder.path(), "--quality best"));
    // The package that writes the text stands in a folder of its own while it is needed.
    while names(folder.path()).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt(&mut child);
    ends_as_interrupted(child);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn evaluation_leaves_the_package_as_it_was() {
    let package = TemporaryPackage::of("tiny-r1", FAST);
    let card = || std::fs::read(package.path().join("wheelwork.json")).unwrap();
    let before = card();
    let mut evaluate = wheelwork("evaluate --tokens 65536 --reference");
    let mut child = start(evaluate.args([testdata("tiny-r1"), package.path()]));
    interrupt(&mut child);
    ends_as_interrupted(child);
    assert_eq!(card(), before);
}

#[test]
fn flags_that_would_be_ignored_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for flag in ["--calibration-text", "--calibration-tokens", "--calibration-length"] {
        let error = failure(&mut quantize(folder.path(), &format!("--quality fast {flag} 1024 --json")));
        assert_eq!(error["code"], "needs_quality_best", "{error}");
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn without_onnx_runtime_nothing_is_calibrated_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("libonnxruntime.so");
    let output = success(quantize(folder.path(), "").env("ORT_DYLIB_PATH", &absent));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("not calibrated") && told.contains("libonnxruntime.so"), "{told}");
    let error =
        failure(quantize(folder.path(), "--calibrate --overwrite --json").env("ORT_DYLIB_PATH", &absent));
    assert_eq!(error["code"], "onnxruntime_not_loadable", "{error}");
}

#[test]
fn a_dry_run_counts_the_calibration() {
    let folder = tempfile::tempdir().unwrap();
    let dry = "--quality best --calibration-tokens 1024 --dry-run --json";
    let estimate = json(&mut quantize(folder.path(), dry));
    let calibration = &estimate["calibration"];
    assert_eq!(calibration["tokens"], 1024);
    let config = std::fs::read(testdata("tiny-r1").join("config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    let hidden_size = config["hidden_size"].as_u64().unwrap();
    assert_eq!(calibration["activation_bytes"], 1024 * hidden_size * 4);
    assert!(calibration["seconds"].as_f64().unwrap() > 0.0 && names(folder.path()).is_empty());
}

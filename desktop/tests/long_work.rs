//! Work that takes long: what it would cost is told before, flags are not ignored, and Ctrl-C ends it with exit code 130 and
//! nothing under the final name.
#![cfg(target_os = "linux")]
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{TemporaryPackage, testdata};
use wheelwork_quantize::recipe::FAST;

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wheelwork"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
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
    let out = folder.path().join("model.ortpackage");
    let (checkpoint, out) = (testdata("tiny-r1"), out.to_str().unwrap().to_owned());
    let checkpoint = checkpoint.to_str().unwrap();
    let mut child = start(&["quantize", checkpoint, "--out", &out, "--quality", "best"]);
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
    let (path, checkpoint) = (package.path(), testdata("tiny-r1"));
    let reference = checkpoint.to_str().unwrap();
    let mut child =
        start(&["evaluate", path.to_str().unwrap(), "--reference", reference, "--tokens", "65536"]);
    interrupt(&mut child);
    ends_as_interrupted(child);
    assert_eq!(card(), before);
}

#[test]
fn flags_that_would_be_ignored_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.ortpackage");
    for flag in ["--calibration-text", "--calibration-tokens", "--calibration-length"] {
        let child = start(&[
            "quantize",
            testdata("tiny-r1").to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
            flag,
            "1024",
            "--json",
        ]);
        let output = child.wait_with_output().unwrap();
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["error"]["code"], "needs_quality_best", "{error}");
        assert_eq!(output.status.code(), Some(1));
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_dry_run_counts_the_calibration() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.ortpackage");
    let output = Command::new(env!("CARGO_BIN_EXE_wheelwork"))
        .args(["quantize", testdata("tiny-r1").to_str().unwrap(), "--out", out.to_str().unwrap()])
        .args(["--quality", "best", "--calibration-tokens", "1024", "--dry-run", "--json"])
        .output()
        .unwrap();
    let estimate: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let calibration = &estimate["calibration"];
    assert_eq!(calibration["tokens"], 1024);
    let config = std::fs::read(testdata("tiny-r1").join("config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    let hidden_size = config["hidden_size"].as_u64().unwrap();
    assert_eq!(calibration["activation_bytes"], 1024 * hidden_size * 4);
    assert!(calibration["seconds"].as_f64().unwrap() > 0.0 && names(folder.path()).is_empty());
}

//! Reasoning survives `kill -9`: the real command, the real model, the same text.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::TemporaryPackage;
use serde_json::Value;
use wheelwork_quantize::recipe::BALANCED;

const QUESTION: &str = "What is 4823 + 3987?";

fn generate(model: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wheelwork"));
    command.args(["generate", "--temperature", "0", "--max-tokens", "200", "--json", "--model"]);
    command.arg(model).args(more);
    command
}

fn events(command: &mut Command) -> Vec<Value> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn token_ids(events: &[Value]) -> &Value {
    &events.last().unwrap()["token_ids"]
}

/// The text of all deltas, however it was cut.
fn text(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["text"].as_str()).collect()
}

#[test]
fn rt_08_reasoning_goes_on_after_kill_9_token_for_token() {
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let model = package.path();
    let undisturbed = events(&mut generate(&model, &["--prompt", QUESTION]));
    let folder = tempfile::tempdir().unwrap();
    for deltas in [1, 33, 60] {
        let file = folder.path().join(format!("{deltas}.session"));
        let file = file.to_str().unwrap();
        let mut child = generate(&model, &["--prompt", QUESTION, "--session", file])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // `Started` is the first line.
        for _ in 0..=deltas {
            lines.next().unwrap().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let resumed = events(&mut generate(&model, &["--session", file, "--resume"]));
        assert_eq!(text(&resumed), text(&undisturbed), "killed after {deltas}");
        assert_eq!(token_ids(&resumed), token_ids(&undisturbed), "killed after {deltas}");
    }
}

#[test]
fn rt_27_a_second_process_does_not_write_the_session_of_a_first_and_a_killed_one_locks_nobody_out() {
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let model = package.path();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let file = file.to_str().unwrap();
    // It waits for its second question as long as this test wants.
    let mut first = Command::new(env!("CARGO_BIN_EXE_wheelwork"))
        .args(["chat", "--temperature", "0", "--max-tokens", "5", "--session", file, "--model"])
        .arg(&model)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    first.stdin.as_ref().unwrap().write_all(b"What is 1 + 1?\n").unwrap();
    first.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();

    let second = generate(&model, &["--prompt", QUESTION, "--session", file]).output().unwrap();
    assert!(!second.status.success());
    let error: Value = serde_json::from_slice(&second.stderr).unwrap();
    assert_eq!(error["error"]["code"], "session_in_use");
    assert!(error["error"]["message"].as_str().unwrap().contains(file), "{error}");
    first.kill().unwrap();
    first.wait().unwrap();
    events(&mut generate(&model, &["--prompt", QUESTION, "--session", file]));
}

#[test]
fn a_conversation_goes_on_in_the_next_process_and_computes_only_what_is_new() {
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let file = file.to_str().unwrap();
    let first = events(&mut generate(&package.path(), &["--prompt", QUESTION, "--session", file]));
    assert_eq!(first[0]["reused_tokens"], 0);
    let second = events(&mut generate(&package.path(), &["--prompt", "And 3 + 4?", "--session", file]));
    let reused = second[0]["reused_tokens"].as_u64().unwrap();
    // `<think>` and its line end, which the template drops from earlier turns.
    let open_tag = 2;
    assert_eq!(reused, first[0]["prompt_tokens"].as_u64().unwrap() - open_tag);
}

#[test]
fn a_session_with_a_key_goes_on_with_it_and_not_without() {
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, key) = (path("session"), path("key"));
    let ask = |question: &str, more: &[&str]| {
        let arguments = [&["--prompt", question, "--session", &file], more].concat();
        generate(&package.path(), &arguments)
    };
    let with_key = ["--session-key", key.as_str()];
    events(&mut ask(QUESTION, &with_key));
    let second = events(&mut ask("And 3 + 4?", &with_key));
    assert!(second[0]["reused_tokens"].as_u64().unwrap() > 0);
    for (more, code) in [
        (&[][..], "session_key_needed"),
        (&["--session-key", &path("none")][..], "input_file"),
        (&["--session-key", &other_key(folder.path())][..], "wrong_session_key"),
    ] {
        let output = ask("And 5?", more).output().unwrap();
        assert!(!output.status.success());
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["error"]["code"], code);
    }
}

fn other_key(folder: &Path) -> String {
    let path = folder.join("other");
    wheelwork_package::disk::write_new(&path, "0123456789abcdef".repeat(4).as_bytes(), 0o600).unwrap();
    path.display().to_string()
}

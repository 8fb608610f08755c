//! Reasoning survives `kill -9`: the real command, the real model, the same text.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{failure, json_lines, tiny_r1, wheelwork};
use serde_json::Value;

const QUESTION: &str = "What is 4823 + 3987?";

fn generate(more: &[&str]) -> Command {
    let mut command = wheelwork("generate --temperature 0 --max-tokens 200 --json --model");
    command.arg(tiny_r1()).args(more);
    command
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
    let undisturbed = json_lines(&mut generate(&["--prompt", QUESTION]));
    let folder = tempfile::tempdir().unwrap();
    for deltas in [1, 33, 60] {
        let file = folder.path().join(format!("{deltas}.session"));
        let file = file.to_str().unwrap();
        let mut command = generate(&["--prompt", QUESTION, "--session", file]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // `Started` is the first line.
        for _ in 0..=deltas {
            lines.next().unwrap().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let resumed = json_lines(&mut generate(&["--session", file, "--resume"]));
        assert_eq!(text(&resumed), text(&undisturbed), "killed after {deltas}");
        assert_eq!(token_ids(&resumed), token_ids(&undisturbed), "killed after {deltas}");
    }
}

#[test]
fn rt_27_a_second_process_does_not_write_the_session_of_a_first_and_a_killed_one_locks_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let file = file.to_str().unwrap();
    // It keeps the file, and waits for its question as long as this test wants.
    let mut first = wheelwork("chat --temperature 0 --max-tokens 5 --session")
        .args([file, "--model", tiny_r1()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(first.stderr.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("standard input")), "it ended before it was asked");

    let error = failure(&mut generate(&["--prompt", QUESTION, "--session", file]));
    assert_eq!(error["code"], "session_in_use");
    assert!(error["message"].as_str().unwrap().contains(file), "{error}");
    first.kill().unwrap();
    first.wait().unwrap();
    json_lines(&mut generate(&["--prompt", QUESTION, "--session", file]));
}

#[test]
fn a_conversation_goes_on_in_the_next_process_and_computes_only_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let file = file.to_str().unwrap();
    let first = json_lines(&mut generate(&["--prompt", QUESTION, "--session", file]));
    assert_eq!(first[0]["reused_tokens"], 0);
    let second = json_lines(&mut generate(&["--prompt", "And 3 + 4?", "--session", file]));
    let reused = second[0]["reused_tokens"].as_u64().unwrap();
    // `<think>` and its line end, which the template drops from earlier turns.
    let open_tag = 2;
    assert_eq!(reused, first[0]["prompt_tokens"].as_u64().unwrap() - open_tag);
}

#[test]
fn a_session_with_a_key_goes_on_with_it_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, key) = (path("session"), path("key"));
    let ask = |question: &str, more: &[&str]| {
        generate(&[&["--prompt", question, "--session", &file], more].concat())
    };
    let with_key = ["--session-key", key.as_str()];
    json_lines(&mut ask(QUESTION, &with_key));
    let second = json_lines(&mut ask("And 3 + 4?", &with_key));
    assert!(second[0]["reused_tokens"].as_u64().unwrap() > 0);
    for (more, code) in [
        (&[][..], "session_key_needed"),
        (&["--session-key", &path("none")][..], "input_file"),
        (&["--session-key", &other_key(folder.path())][..], "wrong_session_key"),
    ] {
        assert_eq!(failure(&mut ask("And 5?", more))["code"], code);
    }
}

fn other_key(folder: &Path) -> String {
    let path = folder.join("other");
    wheelwork_package::disk::write_new(&path, "0123456789abcdef".repeat(4).as_bytes(), 0o600).unwrap();
    path.display().to_string()
}

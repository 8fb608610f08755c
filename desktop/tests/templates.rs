//! Chat templates as the command meets them: refused before a checkpoint is converted, replaced, opened and closed.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use common::{TemporaryPackage, testdata};
use serde_json::Value;
use wheelwork_quantize::recipe::BALANCED;

/// R1's conversation, which leaves it to the model to open the reasoning.
const LEAVES_IT: &str =
    "{{ bos_token }}{% for m in messages %}{{ '<｜User｜>' + m.content }}{% endfor %}<｜Assistant｜>";

/// One balanced package of the shipped model for all tests of this file.
fn package() -> &'static str {
    static PACKAGE: OnceLock<String> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let package = TemporaryPackage::of("tiny-r1", BALANCED);
        let path = package.path().to_str().unwrap().to_owned();
        // Kept until the process ends; the system's temporary folder is cleared by the system.
        std::mem::forget(package);
        path
    })
}

fn wheelwork(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wheelwork")).args(arguments).output().unwrap()
}

/// A checkpoint of tiny-r1 with this template, in a folder.
fn checkpoint(folder: &Path, template: &str) -> PathBuf {
    let checkpoint = folder.join("checkpoint");
    fs_err::create_dir(&checkpoint).unwrap();
    for name in [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ] {
        fs_err::copy(testdata("tiny-r1").join(name), checkpoint.join(name)).unwrap();
    }
    fs_err::write(checkpoint.join("chat_template.jinja"), template).unwrap();
    checkpoint
}

/// The events of a greedy turn.
fn events(arguments: &[&str]) -> Vec<Value> {
    let common =
        ["generate", "--prompt", "40 - 7 = ?", "--temperature", "0", "--max-tokens", "160", "--json"];
    let output = wheelwork(&[&common[..], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn text(events: &[Value], kind: &str) -> String {
    events.iter().filter(|event| event["event"] == kind).filter_map(|event| event["text"].as_str()).collect()
}

#[test]
fn ck_27_quantize_refuses_a_template_that_can_t_run_and_names_function_and_line() {
    for (template, code, words) in [
        ("\n{{ messages[0].content.encode() }}", "chat_template_unsupported", "in line 2: `encode`"),
        ("{% include 'x' %}", "chat_template_unsupported", "`include`"),
        ("{% for %}", "chat_template_invalid", "line 1"),
        ("{{ messages[0].nothing.at_all }}", "chat_template_failed", "line 1"),
        (
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "chat_template_over_limit",
            "steps",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, out) = (checkpoint(folder.path(), template), folder.path().join("out.ortpackage"));
        let output =
            wheelwork(&["quantize", checkpoint.to_str().unwrap(), "--out", out.to_str().unwrap(), "--json"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(code) && told.contains(words), "{template}: {told}");
        let left: Vec<_> =
            fs_err::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["checkpoint"], "{template}");
    }
}

#[test]
fn ck_27_another_template_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.jinja");
    // A line end at the end of a template is none of its text.
    fs_err::write(&file, format!("{LEAVES_IT}{{{{ '<think>\\n' }}}}")).unwrap();
    let given = events(&["--model", package(), "--template", file.to_str().unwrap()]);
    let own = events(&["--model", package()]);
    assert_eq!(text(&given, "AnswerDelta"), text(&own, "AnswerDelta"));
    assert_eq!(given[0]["reasoning"], "in_prompt");
    fs_err::write(&file, "{{ raise_exception('no') }}").unwrap();
    let refused =
        wheelwork(&["generate", "--model", package(), "--prompt", "a", "--template", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn rt_28_a_real_model_reasons_behind_a_template_that_leaves_it_to_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.jinja");
    fs_err::write(&file, LEAVES_IT).unwrap();
    let template = ["--model", package(), "--template", file.to_str().unwrap()];
    let opened = events(&template);
    assert_eq!(opened[0]["reasoning"], "opened");
    assert_eq!(text(&opened, "AnswerDelta").trim(), "33");
    // Left to the model, it reasons without the tag and closes all the same.
    let left = events(&[&template[..], &["--open-reasoning", "off"]].concat());
    assert_eq!(left[0]["reasoning"], "left_to_model");
    let closed = left.iter().position(|event| event["event"] == "AnswerWasReasoning").unwrap();
    assert_eq!(text(&left[closed..], "AnswerDelta").trim(), "33");
    assert!(!text(&left, "AnswerDelta").contains("think"), "{left:?}");
    // A script gets the answer alone.
    let plain = wheelwork(
        &[
            &["generate", "--prompt", "40 - 7 = ?", "--temperature", "0", "--open-reasoning", "off"][..],
            &template,
        ]
        .concat(),
    );
    assert_eq!(String::from_utf8_lossy(&plain.stdout).trim(), "33");
}

#[test]
fn rt_28_a_model_without_reasoning_says_so() {
    let folder = tempfile::tempdir().unwrap();
    // Another family's tokens.
    let checkpoint =
        checkpoint(folder.path(), "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}");
    let tokenizer = checkpoint.join("tokenizer.json");
    let renamed = fs_err::read_to_string(&tokenizer).unwrap().replace("<｜User｜>", "<｜Person｜>");
    fs_err::write(&tokenizer, renamed).unwrap();
    let out = folder.path().join("out.ortpackage");
    let made = wheelwork(&[
        "quantize",
        checkpoint.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--quality",
        "fast",
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown = wheelwork(&["inspect", out.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("does not reason"));
    let own = wheelwork(&["inspect", package()]);
    assert!(String::from_utf8_lossy(&own.stdout).contains("it reasons before it answers"));
    let turn = [
        "generate",
        "--model",
        out.to_str().unwrap(),
        "--prompt",
        "2 + 2",
        "--max-tokens",
        "4",
        "--temperature",
        "0",
    ];
    let (plain, limited) = (wheelwork(&turn), wheelwork(&[&turn[..], &["--think", "off"]].concat()));
    assert_eq!(plain.stdout, limited.stdout);
    assert!(String::from_utf8_lossy(&limited.stderr).contains("does not reason"));
}

//! Chat templates as the command meets them: refused before a checkpoint is converted, replaced, opened and closed.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{json_lines, stdout, success, testdata, text, tiny_r1, wheelwork};
use serde_json::Value;

/// R1's conversation, which leaves it to the model to open the reasoning.
const LEAVES_IT: &str =
    "{{ bos_token }}{% for m in messages %}{{ '<｜User｜>' + m.content }}{% endfor %}<｜Assistant｜>";

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

/// Quantises a checkpoint into the file beside it.
fn quantize(checkpoint: &Path, arguments: &str) -> (Command, PathBuf) {
    let out = checkpoint.with_file_name("out.ortpackage");
    let mut command = wheelwork(&format!("quantize {arguments} --out"));
    command.arg(&out).arg(checkpoint);
    (command, out)
}

/// A greedy turn of the shipped model.
fn generate(arguments: &[&str]) -> Command {
    let mut command = wheelwork("generate --temperature 0 --max-tokens 160 --model");
    command.args([tiny_r1(), "--prompt", "40 - 7 = ?"]).args(arguments);
    command
}

fn events(arguments: &[&str]) -> Vec<Value> {
    json_lines(generate(arguments).arg("--json"))
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
        let (mut command, _) = quantize(&checkpoint(folder.path(), template), "--json");
        let output = command.output().unwrap();
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
    let template = ["--template", file.to_str().unwrap()];
    let given = events(&template);
    let own = events(&[]);
    assert_eq!(text(&given, "AnswerDelta"), text(&own, "AnswerDelta"));
    assert_eq!(given[0]["reasoning"], "in_prompt");
    fs_err::write(&file, "{{ raise_exception('no') }}").unwrap();
    assert_eq!(generate(&template).output().unwrap().status.code(), Some(1));
}

#[test]
fn rt_28_a_real_model_reasons_behind_a_template_that_leaves_it_to_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.jinja");
    fs_err::write(&file, LEAVES_IT).unwrap();
    let template = ["--template", file.to_str().unwrap()];
    let left_to_model = [&template[..], &["--open-reasoning", "off"]].concat();
    let opened = events(&template);
    assert_eq!(opened[0]["reasoning"], "opened");
    assert_eq!(text(&opened, "AnswerDelta").trim(), "33");
    // Left to the model, it reasons without the tag and closes all the same.
    let left = events(&left_to_model);
    assert_eq!(left[0]["reasoning"], "left_to_model");
    let closed = left.iter().position(|event| event["event"] == "AnswerWasReasoning").unwrap();
    assert_eq!(text(&left[closed..], "AnswerDelta").trim(), "33");
    assert!(!text(&left, "AnswerDelta").contains("think"), "{left:?}");
    // A script gets the answer alone.
    assert_eq!(stdout(&mut generate(&left_to_model)).trim(), "33");
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
    let (mut command, out) = quantize(&checkpoint, "--quality fast");
    success(&mut command);
    assert!(stdout(wheelwork("inspect").arg(&out)).contains("does not reason"));
    assert!(stdout(wheelwork("inspect").arg(tiny_r1())).contains("it reasons before it answers"));
    let turn = |more: &str| {
        success(
            wheelwork(&format!("generate --prompt 2+2 --max-tokens 4 --temperature 0 {more} --model"))
                .arg(&out),
        )
    };
    let (plain, limited) = (turn(""), turn("--think off"));
    assert_eq!(plain.stdout, limited.stdout);
    assert!(String::from_utf8_lossy(&limited.stderr).contains("does not reason"));
}

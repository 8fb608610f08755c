//! The `wheelwork` command as scripts use it: exit codes, JSON, errors with a remedy.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use common::{TemporaryPackage, testdata};
use serde_json::Value;
use wheelwork_quantize::recipe::BALANCED;

/// One balanced package of the shipped model for all tests of this file.
fn package() -> &'static Path {
    static PACKAGE: OnceLock<std::path::PathBuf> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let package = TemporaryPackage::of("tiny-r1", BALANCED);
        let path = package.path();
        // Kept until the process ends; the system's temporary folder is cleared by the system.
        std::mem::forget(package);
        path
    })
}

fn wheelwork(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wheelwork")).args(arguments).output().unwrap()
}

fn json_lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn joined(events: &[Value], kind: &str) -> String {
    events.iter().filter(|event| event["event"] == kind).filter_map(|event| event["text"].as_str()).collect()
}

#[test]
fn generate_emits_typed_events_with_the_right_answer() {
    let model = package().to_str().unwrap();
    let output = wheelwork(&[
        "generate",
        "--model",
        model,
        "--prompt",
        "478 + 256 = ?",
        "--max-tokens",
        "200",
        "--temperature",
        "0",
        "--json",
    ]);
    let events = json_lines(&output);
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(kinds.first(), Some(&"Started"));
    assert_eq!(kinds.last(), Some(&"Finished"));
    assert_eq!(kinds.iter().filter(|kind| **kind == "ReasoningEnded").count(), 1);
    assert!(joined(&events, "ReasoningDelta").contains('8'), "{events:?}");
    assert!(joined(&events, "AnswerDelta").contains("734"), "{events:?}");
    assert_eq!(events[0]["placement"]["device"], "cpu");
    let finished = events.last().unwrap();
    assert_eq!(finished["reason"], "stop");
    assert_eq!(
        finished["token_ids"].as_array().unwrap().len() as u64,
        finished["usage"]["completion_tokens"]
    );
}

#[test]
fn greedy_text_is_the_same_each_time_and_from_ids() {
    let model = package().to_str().unwrap();
    let finished = |arguments: &[&str]| json_lines(&wheelwork(arguments)).pop().unwrap()["token_ids"].clone();
    let common = ["--model", model, "--max-tokens", "40", "--temperature", "0", "--json"];
    let text = finished(&[&["generate", "--prompt", "What is 31 + 4?"], &common[..]].concat());
    assert_eq!(text, finished(&[&["generate", "--prompt", "What is 31 + 4?"], &common[..]].concat()));

    let folder = tempfile::tempdir().unwrap();
    let messages = folder.path().join("messages.json");
    std::fs::write(&messages, r#"[{"role": "user", "content": "What is 31 + 4?"}]"#).unwrap();
    let messages = messages.to_str().unwrap();
    let prompt =
        json_lines(&wheelwork(&["prompt", "--model", model, "--messages", messages, "--json"])).remove(0);
    let ids: Vec<String> = prompt["ids"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(text, finished(&[&["generate", "--prompt-ids", &ids.join(",")], &common[..]].concat()));
    assert_eq!(text, finished(&[&["generate", "--messages", messages], &common[..]].concat()));
}

#[test]
fn ck_26_a_byte_order_mark_is_skipped_in_files_that_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let prompt = |mark: &str| {
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("{mark}{text}")).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let messages = file("messages.json", r#"[{"role": "user", "content": "2 + 2 = ?"}]"#);
        let template = file("template.jinja", "{{ messages[0].content }}");
        let model = package().to_str().unwrap();
        let arguments =
            ["prompt", "--model", model, "--messages", &messages, "--template", &template, "--json"];
        json_lines(&wheelwork(&arguments)).remove(0)
    };
    assert_eq!(prompt("\u{feff}"), prompt(""));
}

#[test]
fn a_seed_makes_sampling_repeatable() {
    let model = package().to_str().unwrap();
    let run = |seed: &str| {
        let arguments = ["generate", "--model", model, "--prompt", "Hello", "--max-tokens", "30"];
        let output =
            wheelwork(&[&arguments[..], &["--temperature", "1.5", "--seed", seed, "--json"]].concat());
        json_lines(&output).pop().unwrap()["token_ids"].clone()
    };
    assert_eq!(run("7"), run("7"));
    let others = (8..16).filter(|seed| run(&seed.to_string()) != run("7")).count();
    assert!(others > 0, "eight other seeds gave the same text");
}

#[test]
fn generate_prints_the_answer_alone() {
    let model = package().to_str().unwrap();
    let output =
        wheelwork(&["generate", "--model", model, "--prompt", "478 + 256 = ?", "--temperature", "0"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("734") && !text.contains("think"), "{text:?}");
}

#[test]
fn chat_shows_reasoning_and_answer_and_a_status_line() {
    let model = package().to_str().unwrap();
    let output = wheelwork(&["chat", "--model", model, "--temperature", "0", "478 + 256 = ?"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (text, status) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(text.contains("734"), "{text:?}");
    assert!(!text.contains('\u{1b}'), "no escape codes into a pipe");
    assert!(status.contains("CPU") && status.contains("tokens/s"), "{status:?}");
}

#[test]
fn inspect_verifies_and_finds_a_changed_byte() {
    let copy = TemporaryPackage::of("families/qwen2", BALANCED);
    let path = copy.path();
    let model = path.to_str().unwrap();
    let described = json_lines(&wheelwork(&["inspect", model, "--verify", "--json"])).remove(0);
    assert!(described["verified_files"].as_u64().unwrap() >= 5);
    assert_eq!(described["card"]["architecture"]["model_type"], "qwen2");

    let weights = path.join("cpu/model.onnx.data");
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let error = failure(&["inspect", model, "--verify", "--json"]);
    assert_eq!(error["code"], "package_hash_mismatch");
    assert!(error["place"].as_str().unwrap().ends_with("model.onnx.data"));
}

/// The error object of a command that fails.
fn failure(arguments: &[&str]) -> Value {
    let output = wheelwork(arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let line = output.stderr.split(|&byte| byte == b'\n').rfind(|line| line.starts_with(b"{")).unwrap();
    serde_json::from_slice::<Value>(line).unwrap()["error"].take()
}

#[test]
fn errors_have_code_class_and_remedy() {
    let error = failure(&["generate", "--model", "no/such/model", "--prompt", "x", "--json"]);
    assert_eq!(error["code"], "no_such_model");
    assert_eq!(error["class"], "retry");
    assert!(error["remedy"].as_str().unwrap().contains("quantize"));

    let model = package().to_str().unwrap();
    let error = failure(&["generate", "--model", model, "--prompt", "x", "--temperature=-1", "--json"]);
    assert_eq!(error["class"], "retry");
    assert_eq!(error["remedy_kind"], "set");
}

#[test]
fn a_remedy_is_worded_with_what_the_command_offers() {
    let folder = tempfile::tempdir().unwrap();
    let error = failure(&["generate", "--model", folder.path().to_str().unwrap(), "--prompt", "x", "--json"]);
    assert_eq!(error["code"], "not_a_package");
    assert_eq!(error["remedy_kind"], "give_package");
    assert!(error["remedy"].as_str().unwrap().contains("`wheelwork quantize CHECKPOINT"), "{error}");
}

#[test]
fn a_strict_request_for_an_npu_fails_with_every_reason() {
    let model = package().to_str().unwrap();
    let error =
        failure(&["generate", "--model", model, "--device", "npu", "--strict", "--prompt", "x", "--json"]);
    assert_eq!(error["code"], "no_usable_device");
    assert!(error["message"].as_str().unwrap().contains("QNNExecutionProvider"), "{error}");
    // Without --strict the CPU answers, and says so.
    let output = wheelwork(&["chat", "--model", model, "--device", "npu", "--max-tokens", "1", "hi"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("instead") && told.contains("QNNExecutionProvider"), "{told}");
}

#[test]
fn rt_01_a_missing_or_foreign_library_is_an_error_and_no_panic() {
    let model = package().to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("not-a-library.so");
    std::fs::write(&text, "text").unwrap();
    // A real library of this CPU that is not ONNX Runtime; absent on some systems.
    let foreign = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"];
    let foreign = foreign.iter().find(|path| Path::new(path).exists());
    let missing = folder.path().join("missing.so");
    // The loader would take the process down.
    let (cut, here) =
        (folder.path().join("cut.so"), std::fs::read(std::env::current_exe().unwrap()).unwrap());
    std::fs::write(&cut, &here[..here.len() / 4]).unwrap();
    let candidates = [Some(missing.as_path()), Some(&text), Some(&cut), foreign.map(Path::new)];
    for library in candidates.into_iter().flatten() {
        let output = Command::new(env!("CARGO_BIN_EXE_wheelwork"))
            .args(["generate", "--model", model, "--prompt", "x", "--json"])
            .env("ORT_DYLIB_PATH", library)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{library:?}: {output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("onnxruntime_not_loadable"), "{library:?}: {told}");
        assert!(told.contains("ORT_DYLIB_PATH"), "the remedy names the variable: {told}");
    }
}

#[test]
fn quantize_refuses_to_replace_and_reports_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = testdata("families/llama");
    let (checkpoint, out) = (checkpoint.to_str().unwrap(), folder.path().join("llama.ortpackage"));
    let out = out.to_str().unwrap();
    let report = json_lines(&wheelwork(&["quantize", checkpoint, "--out", out, "--json"])).pop().unwrap();
    assert!(report["bits_per_weight"].as_f64().unwrap() < 10.0, "{report}");
    let error = failure(&["quantize", checkpoint, "--out", out, "--json"]);
    assert!(error["remedy"].as_str().unwrap().contains("overwritten"), "{error}");
    assert!(wheelwork(&["quantize", checkpoint, "--out", out, "--overwrite", "--json"]).status.success());
}

#[test]
fn a_variant_folder_alone_is_a_model() {
    let folder = package().join("cpu");
    let output = wheelwork(&[
        "generate",
        "--model",
        folder.to_str().unwrap(),
        "--prompt",
        "478 + 256 = ?",
        "--temperature",
        "0",
    ]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("734"));
}

#[test]
fn bench_gives_rates_for_each_setting() {
    let model = package().to_str().unwrap();
    let arguments =
        ["bench", "--model", model, "--prompt", "32", "--context", "16,64", "--decode", "8", "--repeat", "1"];
    let rows = json_lines(&wheelwork(&[&arguments[..], &["--json"]].concat()));
    let measured: Vec<_> = rows.iter().filter(|row| row["phase"].is_string()).collect();
    assert_eq!(measured.len(), 3);
    assert!(measured.iter().all(|row| row["best_tokens_per_s"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_device_report_tells_machine_problems_and_summary() {
    let model = package().to_str().unwrap();
    let arguments = ["device-report", "--model", model, "--device", "cpu", "--min-equal", "3", "--json"];
    let rows = json_lines(&wheelwork(&arguments));
    assert_eq!(rows[0]["placement"]["device"], "cpu");
    assert!(rows[0]["devices"]["providers"].as_array().unwrap().len() > 1);
    let summary = rows.last().unwrap();
    assert_eq!((&summary["asked"], &summary["equal"], &summary["right"]), (&3.into(), &3.into(), &3.into()));
    let error = {
        let output = wheelwork(&[&arguments[..5], &["--min-equal", "4", "--json"]].concat());
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(error.contains("answers_differ"), "{error}");
}

#[test]
fn bench_measures_what_a_conversation_saves() {
    let model = package().to_str().unwrap();
    let arguments =
        ["bench", "--model", model, "--prompt", "8", "--context", "0", "--decode", "40", "--repeat", "1"];
    let rows = json_lines(&wheelwork(&[&arguments[..], &["--session", "400", "--json"]].concat()));
    let pairs: Vec<_> = rows.iter().filter(|row| row["computed_tokens"].is_array()).collect();
    assert_eq!(pairs.len(), 3);
    for pair in pairs {
        let [short, long] = [0, 1].map(|way| pair["computed_tokens"][way].as_u64().unwrap());
        assert!(long > 400 && short < 30, "{pair}");
    }
    assert!(rows.iter().any(|row| row["file_bytes"].as_u64() > Some(0) && row["tokens"] == 40));
}

#[test]
fn the_shipped_model_answers_without_a_model_argument() {
    let models = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wheelwork"))
        .args(["generate", "--prompt", "478 + 256 = ?", "--temperature", "0"])
        .env("WHEELWORK_MODELS_DIR", models.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout).unwrap().contains("734"));
}

#[test]
fn an_answer_is_held_to_a_form() {
    let model = package().to_str().unwrap();
    let schema = r#"{"type": "object", "properties": {"sum": {"type": "integer"}, "sure": {"type": "boolean"}}, "required": ["sum", "sure"], "additionalProperties": false}"#;
    for prompt in ["478 + 256 = ?", "hello", "9 * 9 = ?"] {
        let turn = ["generate", "--model", model, "--prompt", prompt, "--temperature", "0", "--think", "60"];
        let events = json_lines(&wheelwork(&[&turn[..], &["--schema", schema, "--json"]].concat()));
        assert_eq!(events.last().unwrap()["reason"], "stop");
        let answer: Value = serde_json::from_str(&joined(&events, "AnswerDelta")).unwrap();
        assert!(answer["sum"].is_number() && answer["sure"].is_boolean(), "{answer}");
    }
    let refused = wheelwork(&["generate", "--model", model, "--prompt", "1", "--regex", "(", "--json"]);
    assert!(!refused.status.success());
    let error: Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!(error["error"]["code"], "output_invalid");
}

#[test]
fn a_required_call_is_an_event_with_arguments_of_its_schema() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let tools = r#"[{"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 999}}, "required": ["a"], "additionalProperties": false}}]"#;
    std::fs::write(file.path(), tools).unwrap();
    let model = package().to_str().unwrap();
    let turn =
        ["generate", "--model", model, "--prompt", "478 + 256 = ?", "--temperature", "0", "--think", "60"];
    let tools = ["--tools", file.path().to_str().unwrap(), "--tool-choice", "required", "--json"];
    let events = json_lines(&wheelwork(&[&turn[..], &tools].concat()));
    let call = events.iter().find(|event| event["event"] == "ToolCall").unwrap();
    assert_eq!((&call["name"], &call["known"]), (&Value::from("add"), &Value::from(true)));
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["a"].is_number());
}

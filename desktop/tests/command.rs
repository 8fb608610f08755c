//! The `wheelwork` command as scripts use it: exit codes, JSON, errors with a remedy.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{
    TemporaryPackage, error_of, failure, flip_bit, json, json_lines, stdout, success, testdata, text,
    tiny_r1, wheelwork,
};
use serde_json::Value;
use wheelwork_quantize::recipe::BALANCED;

const QUESTION: &str = "478 + 256 = ?";

/// A command of the shipped model; the arguments have no spaces in them.
fn with_model(command: &str, arguments: &str) -> Command {
    let mut command = wheelwork(command);
    command.args(["--model", tiny_r1()]).args(arguments.split_whitespace());
    command
}

/// A greedy answer as events.
fn generate(arguments: &str) -> Command {
    with_model("generate", &format!("--temperature 0 --json {arguments}"))
}

#[test]
fn generate_emits_typed_events_with_the_right_answer() {
    let events = json_lines(generate("--max-tokens 200 --prompt").arg(QUESTION));
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(kinds.first(), Some(&"Started"));
    assert_eq!(kinds.last(), Some(&"Finished"));
    assert_eq!(kinds.iter().filter(|kind| **kind == "ReasoningEnded").count(), 1);
    assert!(text(&events, "ReasoningDelta").contains('8'), "{events:?}");
    assert!(text(&events, "AnswerDelta").contains("734"), "{events:?}");
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
    let finished = |prompt: [&str; 2]| json(generate("--max-tokens 40").args(prompt))["token_ids"].clone();
    let text = finished(["--prompt", "What is 31 + 4?"]);
    assert_eq!(text, finished(["--prompt", "What is 31 + 4?"]));

    let folder = tempfile::tempdir().unwrap();
    let messages = folder.path().join("messages.json");
    std::fs::write(&messages, r#"[{"role": "user", "content": "What is 31 + 4?"}]"#).unwrap();
    let messages = ["--messages", messages.to_str().unwrap()];
    let prompt = json(with_model("prompt", "--json").args(messages));
    let ids: Vec<String> = prompt["ids"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(text, finished(["--prompt-ids", &ids.join(",")]));
    assert_eq!(text, finished(messages));
}

#[test]
fn ck_26_a_byte_order_mark_is_skipped_in_files_that_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let prompt = |mark: &str| {
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("{mark}{text}")).unwrap();
            path
        };
        let messages = file("messages.json", r#"[{"role": "user", "content": "2 + 2 = ?"}]"#);
        let template = file("template.jinja", "{{ messages[0].content }}");
        json(with_model("prompt", "--json --messages").arg(messages).arg("--template").arg(template))
    };
    assert_eq!(prompt("\u{feff}"), prompt(""));
}

#[test]
fn a_seed_makes_sampling_repeatable() {
    let run = |seed: u32| {
        let arguments = format!("--prompt Hello --max-tokens 30 --temperature 1.5 --seed {seed} --json");
        json(&mut with_model("generate", &arguments))["token_ids"].clone()
    };
    assert_eq!(run(7), run(7));
    let others = (8..16).filter(|seed| run(*seed) != run(7)).count();
    assert!(others > 0, "eight other seeds gave the same text");
}

#[test]
fn generate_prints_the_answer_alone() {
    let text = stdout(with_model("generate", "--temperature 0 --prompt").arg(QUESTION));
    assert!(text.contains("734") && !text.contains("think"), "{text:?}");
}

#[test]
fn chat_shows_reasoning_and_answer_and_a_status_line() {
    let output = success(with_model("chat", "--temperature 0").arg(QUESTION));
    let (text, status) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(text.contains("734"), "{text:?}");
    assert!(!text.contains('\u{1b}'), "no escape codes into a pipe");
    assert!(status.contains("CPU") && status.contains("tokens/s"), "{status:?}");
}

#[test]
fn inspect_verifies_and_finds_a_changed_byte() {
    let copy = TemporaryPackage::of("families/qwen2", BALANCED);
    let inspect = || {
        let mut command = wheelwork("inspect --verify --json");
        command.arg(copy.path());
        command
    };
    let described = json(&mut inspect());
    assert!(described["verified_files"].as_u64().unwrap() >= 5);
    assert_eq!(described["card"]["architecture"]["model_type"], "qwen2");

    flip_bit(&copy.path().join("cpu/model.onnx.data"));
    let error = failure(&mut inspect());
    assert_eq!(error["code"], "package_hash_mismatch");
    assert!(error["place"].as_str().unwrap().ends_with("model.onnx.data"));
}

#[test]
fn errors_have_code_class_and_remedy() {
    let error = failure(&mut wheelwork("generate --model no/such/model --prompt x --json"));
    assert_eq!(error["code"], "no_such_model");
    assert_eq!(error["class"], "retry");
    assert!(error["remedy"].as_str().unwrap().contains("quantize"));

    let error = failure(&mut with_model("generate", "--prompt x --temperature=-1 --json"));
    assert_eq!(error["class"], "retry");
    assert_eq!(error["remedy_kind"], "set");
}

#[test]
fn a_remedy_is_worded_with_what_the_command_offers() {
    let folder = tempfile::tempdir().unwrap();
    let error = failure(wheelwork("generate --prompt x --json --model").arg(folder.path()));
    assert_eq!(error["code"], "not_a_package");
    assert_eq!(error["remedy_kind"], "give_package");
    assert!(error["remedy"].as_str().unwrap().contains("`wheelwork quantize CHECKPOINT"), "{error}");
}

#[test]
fn a_strict_request_for_an_npu_fails_with_every_reason() {
    let error = failure(&mut with_model("generate", "--device npu --strict --prompt x --json"));
    assert_eq!(error["code"], "no_usable_device");
    assert!(error["message"].as_str().unwrap().contains("QNNExecutionProvider"), "{error}");
    // Without --strict the CPU answers, and says so.
    let output = success(&mut with_model("chat", "--device npu --max-tokens 1 hi"));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("instead") && told.contains("QNNExecutionProvider"), "{told}");
}

#[test]
fn rt_01_a_missing_or_foreign_library_is_an_error_and_no_panic() {
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
        let mut command = with_model("generate", "--prompt x --json");
        let output = command.env("ORT_DYLIB_PATH", library).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{library:?}: {output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("onnxruntime_not_loadable"), "{library:?}: {told}");
        assert!(told.contains("ORT_DYLIB_PATH"), "the remedy names the variable: {told}");
    }
}

#[test]
fn quantize_refuses_to_replace_and_reports_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let quantize = |more: &str| {
        let mut command = wheelwork(&format!("quantize --json {more} --out"));
        command.args([folder.path().join("llama.ortpackage"), testdata("families/llama")]);
        command
    };
    let report = json(&mut quantize(""));
    assert!(report["bits_per_weight"].as_f64().unwrap() < 10.0, "{report}");
    let error = failure(&mut quantize(""));
    assert!(error["remedy"].as_str().unwrap().contains("overwritten"), "{error}");
    success(&mut quantize("--overwrite"));
}

#[test]
fn a_variant_folder_alone_is_a_model() {
    let folder = PathBuf::from(tiny_r1()).join("cpu");
    let answer =
        stdout(wheelwork("generate --temperature 0 --model").arg(folder).args(["--prompt", QUESTION]));
    assert!(answer.contains("734"));
}

#[test]
fn bench_gives_rates_for_each_setting() {
    let rows =
        json_lines(&mut with_model("bench", "--prompt 32 --context 16,64 --decode 8 --repeat 1 --json"));
    let measured: Vec<_> = rows.iter().filter(|row| row["phase"].is_string()).collect();
    assert_eq!(measured.len(), 3);
    assert!(measured.iter().all(|row| row["best_tokens_per_s"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_device_report_tells_machine_problems_and_summary() {
    let report =
        |min_equal| with_model("device-report", &format!("--device cpu --json --min-equal {min_equal}"));
    let rows = json_lines(&mut report(3));
    assert_eq!(rows[0]["placement"]["device"], "cpu");
    assert!(rows[0]["devices"]["providers"].as_array().unwrap().len() > 1);
    let summary = rows.last().unwrap();
    assert_eq!((&summary["asked"], &summary["equal"], &summary["right"]), (&3.into(), &3.into(), &3.into()));
    let output = report(4).output().unwrap();
    assert_eq!((output.status.code(), &error_of(&output)["code"]), (Some(1), &"answers_differ".into()));
}

#[test]
fn bench_measures_what_a_conversation_saves() {
    let session = "--prompt 8 --context 0 --decode 40 --repeat 1 --session 400 --json";
    let rows = json_lines(&mut with_model("bench", session));
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
    let mut command = wheelwork("generate --temperature 0 --prompt");
    assert!(stdout(command.arg(QUESTION).env("WHEELWORK_MODELS_DIR", models.path())).contains("734"));
}

#[test]
fn an_answer_is_held_to_a_form() {
    let schema = r#"{"type": "object", "properties": {"sum": {"type": "integer"}, "sure": {"type": "boolean"}}, "required": ["sum", "sure"], "additionalProperties": false}"#;
    for prompt in [QUESTION, "hello", "9 * 9 = ?"] {
        let events = json_lines(generate("--think 60").args(["--schema", schema, "--prompt", prompt]));
        assert_eq!(events.last().unwrap()["reason"], "stop");
        let answer: Value = serde_json::from_str(&text(&events, "AnswerDelta")).unwrap();
        assert!(answer["sum"].is_number() && answer["sure"].is_boolean(), "{answer}");
    }
    assert_eq!(failure(&mut generate("--prompt 1 --regex ("))["code"], "output_invalid");
}

#[test]
fn a_required_call_is_an_event_with_arguments_of_its_schema() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let tools = r#"[{"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 999}}, "required": ["a"], "additionalProperties": false}}]"#;
    std::fs::write(file.path(), tools).unwrap();
    let mut turn = generate("--think 60 --tool-choice required --tools");
    let events = json_lines(turn.arg(file.path()).args(["--prompt", QUESTION]));
    let call = events.iter().find(|event| event["event"] == "ToolCall").unwrap();
    assert_eq!((&call["name"], &call["known"]), (&Value::from("add"), &Value::from(true)));
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["a"].is_number());
}

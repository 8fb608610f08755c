//! A prepared form that somebody forged: a graph with a loop that never ends, and a record that fits it. The graph is what
//! ONNX Runtime would run to the end of all days; the command neither runs it nor calls the model whole.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wheelwork_package::files::FileRecord;

use crate::common::error_of;
use crate::{Workshop, last_line};

/// What `model.onnx` says, with a `Loop` whose condition never changes, and its result as one more output.
fn with_endless_loop(model: &[u8]) -> Vec<u8> {
    let body = [
        message(1, &[text(1, "go"), text(2, "go.on"), text(4, "Identity")]),
        message(1, &[text(1, "value"), text(1, "value"), text(2, "sum"), text(4, "Add")]),
        text(2, "body"),
        value(11, "turn", INT64),
        value(11, "go", BOOL),
        value(11, "value", INT64),
        value(12, "go.on", BOOL),
        value(12, "sum", INT64),
    ];
    let attribute = message(5, &[text(1, "body"), message(6, &body), number(20, 5)]);
    let added = [
        message(
            1,
            &[
                text(1, ""),
                text(1, "loop.go"),
                text(1, "loop.value"),
                text(2, "loop.end"),
                text(4, "Loop"),
                attribute,
            ],
        ),
        message(5, &[number(2, BOOL), text(8, "loop.go"), bytes(9, &[1])]),
        message(5, &[number(2, INT64), text(8, "loop.value"), bytes(9, &[1, 0, 0, 0, 0, 0, 0, 0])]),
        value(12, "loop.end", INT64),
    ];
    // The graph is the field 7 of the model.
    let mut written = Vec::new();
    let mut rest = model;
    while !rest.is_empty() {
        let start = rest;
        let key = varint_of(&mut rest);
        let content = match key & 7 {
            0 => {
                varint_of(&mut rest);
                None
            }
            2 => {
                let length = usize::try_from(varint_of(&mut rest)).unwrap();
                let (content, after) = rest.split_at(length);
                rest = after;
                Some(content)
            }
            other => panic!("a model has no fields of wire type {other}"),
        };
        match content {
            Some(graph) if key >> 3 == 7 => {
                written.extend(message(7, &[&[graph.to_vec()][..], &added[..]].concat()));
            }
            _ => written.extend(&start[..start.len() - rest.len()]),
        }
    }
    written
}

const INT64: u64 = 7;
const BOOL: u64 = 9;

fn varint(mut number: u64) -> Vec<u8> {
    let mut written = Vec::new();
    while number >= 0x80 {
        written.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    written.push(u8::try_from(number).unwrap());
    written
}

fn varint_of(rest: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (first, after) = rest.split_first().unwrap();
        *rest = after;
        number |= u64::from(first & 0x7f) << shift;
        shift += 7;
        if first & 0x80 == 0 {
            return number;
        }
    }
}

fn number(field: u64, number: u64) -> Vec<u8> {
    [varint(field << 3), varint(number)].concat()
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn text(field: u64, content: &str) -> Vec<u8> {
    bytes(field, content.as_bytes())
}

fn message(field: u64, fields: &[Vec<u8>]) -> Vec<u8> {
    bytes(field, &fields.concat())
}

/// An input or output that is one number.
fn value(field: u64, name: &str, kind: u64) -> Vec<u8> {
    message(field, &[text(1, name), message(2, &[message(1, &[number(1, kind), message(2, &[])])])])
}

/// The only folder in a folder.
fn only(folder: &Path) -> PathBuf {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap()
}

/// Puts the loop into a prepared form, and what it is now into its record.
fn forge(form: &Path) {
    let before = FileRecord::of(form, "model.onnx").unwrap();
    let graph = std::fs::read(form.join("model.onnx")).unwrap();
    std::fs::write(form.join("model.onnx"), with_endless_loop(&graph)).unwrap();
    let after = FileRecord::of(form, "model.onnx").unwrap();
    let record = std::fs::read_to_string(form.join("record.json")).unwrap();
    let mut record: Value = serde_json::from_str(&record).unwrap();
    let file =
        record["files"].as_array_mut().unwrap().iter_mut().find(|file| file["name"] == "model.onnx").unwrap();
    assert_eq!((&file["sha256"], &file["bytes"]), (&json!(before.sha256), &json!(before.bytes)));
    file["sha256"] = json!(after.sha256);
    file["bytes"] = json!(after.bytes);
    std::fs::write(form.join("record.json"), record.to_string()).unwrap();
}

/// How a command says that a model runs, and the last line that it says.
fn run(workshop: &Workshop, arguments: &[&str]) -> (String, Value) {
    let mut command = workshop.command(arguments);
    // Forms with our kernels hold no graph, so there is nothing to put a loop into.
    command.env("WHEELWORK_KERNELS", "off").env("XDG_CACHE_HOME", workshop.path("cache"));
    let output = command.arg("--json").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let prepared =
        lines.iter().find_map(|line| line["placement"]["prepared"].as_str().or(line["prepared"].as_str()));
    (prepared.unwrap_or_default().to_owned(), last_line(&output))
}

#[test]
fn fi_04_a_forged_form_beside_an_installed_model_is_not_run_and_is_made_anew() {
    let workshop = Workshop::of("tiny-r1");
    workshop.pack(1, "tiny");
    workshop.run(&["install", "tiny.wwpkg", "--key", "acme.pub.pem", "--no-prepare"]);
    assert_eq!(run(&workshop, &["prepare", "tiny"]).1["prepared"]["is_new"], true);
    let package = workshop.folder_of("tiny");
    forge(&only(&only(&package.with_file_name("prepared"))));
    assert_eq!(run(&workshop, &["inspect", "tiny"]).0, "not_made_here");
    let ask = ["generate", "--model", "tiny", "--prompt", "478 + 256 = ?", "--temperature", "0"];
    let (how, last) = run(&workshop, &ask);
    assert_eq!((how.as_str(), &last["reason"]), ("not_made_here", &json!("stop")));
    let refused =
        workshop.command(&["verify", "tiny"]).env("WHEELWORK_KERNELS", "off").arg("--json").output();
    let refused = error_of(&refused.unwrap());
    assert!(refused["remedy"].as_str().unwrap().contains("wheelwork prepare tiny"), "{refused}");
    assert_eq!(run(&workshop, &["prepare", "tiny"]).1["prepared"]["is_new"], true);
    workshop.run(&["verify", "tiny"]);
    assert_eq!(run(&workshop, &ask).0, "used");
}

#[test]
fn fi_04_a_forged_form_in_the_users_own_cache_is_not_run_and_is_made_anew() {
    let workshop = Workshop::of("tiny-r1");
    let package = workshop.package();
    let package = package.to_str().unwrap();
    assert_eq!(run(&workshop, &["prepare", package]).1["prepared"]["is_new"], true);
    let ask = ["generate", "--model", package, "--prompt", "478 + 256 = ?", "--temperature", "0"];
    assert_eq!(run(&workshop, &ask).0, "used");
    let form = only(&only(&only(&workshop.path("cache/wheelwork/prepared"))));
    forge(&form);
    let (how, last) = run(&workshop, &ask);
    assert_eq!((how.as_str(), &last["reason"]), ("damaged", &json!("stop")));
    assert_eq!(run(&workshop, &["prepare", package]).1["prepared"]["is_new"], true);
    assert_eq!(run(&workshop, &ask).0, "used");
}

#[test]
fn pk_10_the_loop_in_the_packages_own_graph_is_refused() {
    let workshop = Workshop::of("tiny-r1");
    let package = workshop.package();
    let variant = package.join("cpu");
    let graph = variant.join("model.onnx");
    std::fs::write(&graph, with_endless_loop(&std::fs::read(&graph).unwrap())).unwrap();
    let refused = workshop.fail(&["generate", "--model", variant.to_str().unwrap(), "--prompt", "1"]);
    // A loop's body is a graph in an attribute, and nodes of a decoder have none.
    assert_eq!(refused["code"], "graph_unsupported", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("attribute `body`"), "{refused}");
}

//! A prepared form that somebody forged: a graph with a loop that never ends, and a record that fits it. The graph is what
//! ONNX Runtime would run to the end of all days; the command neither runs it nor calls the model whole.

use std::path::Path;

use prost::Message as _;
use serde_json::{Value, json};
use wheelwork_onnx::proto::attribute_proto::AttributeType;
use wheelwork_onnx::proto::tensor_proto::DataType;
use wheelwork_onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};
use wheelwork_package::files::FileRecord;

use crate::Workshop;
use crate::common::{error_of, json_lines, only_folder};

const INT64: i32 = DataType::Int64 as i32;
const BOOL: i32 = DataType::Bool as i32;

/// What `model.onnx` says, with a `Loop` whose condition never changes, and its result as one more output.
fn with_endless_loop(model: &[u8]) -> Vec<u8> {
    let body = GraphProto {
        name: Some("body".to_owned()),
        node: vec![node("Identity", &["go"], "go.on"), node("Add", &["value", "value"], "sum")],
        input: vec![value("turn", INT64), value("go", BOOL), value("value", INT64)],
        output: vec![value("go.on", BOOL), value("sum", INT64)],
        ..GraphProto::default()
    };
    let (name, kind) = (Some("body".to_owned()), Some(AttributeType::Graph as i32));
    let attribute = AttributeProto { name, r#type: kind, g: Some(body), ..AttributeProto::default() };
    let mut endless = node("Loop", &["", "loop.go", "loop.value"], "loop.end");
    endless.attribute.push(attribute);
    let mut model = ModelProto::decode(model).unwrap();
    let graph = model.graph.as_mut().unwrap();
    graph.node.push(endless);
    graph.initializer.extend([
        constant("loop.go", BOOL, vec![1]),
        constant("loop.value", INT64, 1_i64.to_le_bytes().to_vec()),
    ]);
    graph.output.push(value("loop.end", INT64));
    model.encode_to_vec()
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(operator.to_owned()),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// An input or output that is one number.
fn value(name: &str, kind: i32) -> ValueInfoProto {
    let tensor = type_proto::Tensor { elem_type: Some(kind), shape: Some(TensorShapeProto::default()) };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(kind), ..ValueInfoProto::default() }
}

fn constant(name: &str, kind: i32, bytes: Vec<u8>) -> TensorProto {
    let (name, data_type, raw_data) = (Some(name.to_owned()), Some(kind), Some(bytes));
    TensorProto { name, data_type, raw_data, ..TensorProto::default() }
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
    let lines = json_lines(command.arg("--json"));
    let prepared =
        lines.iter().find_map(|line| line["placement"]["prepared"].as_str().or(line["prepared"].as_str()));
    (prepared.unwrap_or_default().to_owned(), lines.last().unwrap().clone())
}

#[test]
fn fi_04_a_forged_form_beside_an_installed_model_is_not_run_and_is_made_anew() {
    let workshop = Workshop::of("tiny-r1");
    workshop.pack(1, "tiny");
    workshop.run(&["install", "tiny.wwpkg", "--key", "acme.pub.pem", "--no-prepare"]);
    assert_eq!(run(&workshop, &["prepare", "tiny"]).1["prepared"]["is_new"], true);
    let package = workshop.folder_of("tiny");
    forge(&only_folder(&only_folder(&package.with_file_name("prepared"))));
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
    let form = only_folder(&only_folder(&only_folder(&workshop.path("cache/wheelwork/prepared"))));
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

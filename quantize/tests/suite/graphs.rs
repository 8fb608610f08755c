//! The graph of each family as readable text, compared with `graphs/FAMILY.txt`.
//!
//! After a change that is meant, `UPDATE_GRAPHS=1 cargo test -p wheelwork-quantize graphs` writes the files anew.

use std::fmt::Write as _;
use std::path::Path;

use wheelwork_onnx::proto::{AttributeProto, GraphProto, TensorProto, attribute_proto::AttributeType};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::{Recipe, decoder_graph, recipe};

use crate::checkpoint::Tiny;

#[test]
fn the_qwen2_graph_is_as_recorded() {
    check("qwen2", &Tiny::qwen2(), &recipe::BALANCED);
}

#[test]
fn the_qwen3_graph_is_as_recorded() {
    check("qwen3", &Tiny::qwen3(), &recipe::BALANCED);
}

#[test]
fn the_llama_graph_is_as_recorded() {
    check("llama", &Tiny::llama(), &recipe::BALANCED);
}

#[test]
fn the_float_graph_is_as_recorded() {
    check("qwen2-float", &Tiny::qwen2(), &recipe::FLOAT);
}

fn check(name: &str, tiny: &Tiny, recipe: &Recipe) {
    tiny.write();
    let checkpoint = Checkpoint::open(&tiny.path()).unwrap();
    let plan = decoder_graph::plan(&checkpoint.config, recipe, 128).unwrap();
    let found = text(plan.model.proto.graph.as_ref().unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/graphs").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GRAPHS").is_some() {
        fs_err::write(&path, &found).unwrap();
    }
    let recorded = fs_err::read_to_string(&path).unwrap();
    for (line, (found, recorded)) in found.lines().zip(recorded.lines()).enumerate() {
        assert_eq!(found, recorded, "line {} of {}", line + 1, path.display());
    }
    assert_eq!(found.lines().count(), recorded.lines().count());
}

/// One line a value: inputs, initializers, nodes in their order, outputs.
fn text(graph: &GraphProto) -> String {
    let mut text = String::new();
    for input in &graph.input {
        writeln!(text, "input {}", input.name()).unwrap();
    }
    for tensor in &graph.initializer {
        writeln!(text, "{}", initializer(tensor)).unwrap();
    }
    for node in &graph.node {
        let attributes: Vec<_> = node.attribute.iter().map(attribute).collect();
        writeln!(
            text,
            "{} = {}({}){}{}",
            node.output.join(", "),
            node.op_type(),
            node.input.join(", "),
            if attributes.is_empty() { "" } else { " " },
            attributes.join(" "),
        )
        .unwrap();
    }
    for output in &graph.output {
        writeln!(text, "output {}", output.name()).unwrap();
    }
    text
}

fn initializer(tensor: &TensorProto) -> String {
    let content = match &tensor.raw_data {
        Some(bytes) => {
            let (values, _) = bytes.as_chunks();
            format!("{:?}", values.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect::<Vec<_>>())
        }
        None => {
            let offset = tensor.external_data.iter().find(|entry| entry.key() == "offset").unwrap();
            format!("at {}", offset.value())
        }
    };
    format!("initializer {} {:?} {} {content}", tensor.name(), tensor.dims, tensor.data_type())
}

fn attribute(attribute: &AttributeProto) -> String {
    let value = match attribute.r#type() {
        AttributeType::Int => attribute.i().to_string(),
        AttributeType::Float => attribute.f().to_string(),
        other => panic!("no text for an attribute of type {other:?}"),
    };
    format!("{}={value}", attribute.name())
}

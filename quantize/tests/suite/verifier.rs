//! The runtime's graph verifier on graphs that we build, and its reading of protobuf against `prost`'s.

use wheelwork_onnx::proto::{FunctionProto, ModelProto, NodeProto};
use wheelwork_package::graph::{GraphError, verify};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::{Recipe, decoder_graph, recipe};

use crate::checkpoint::Tiny;

fn plan(tiny: &Tiny, recipe: &Recipe) -> ModelProto {
    tiny.write();
    let checkpoint = Checkpoint::open(&tiny.path()).unwrap();
    decoder_graph::plan(&checkpoint.config, recipe, 128).unwrap().model.proto
}

#[test]
fn every_family_and_recipe_is_verified() {
    for tiny in [Tiny::qwen2(), Tiny::qwen3(), Tiny::llama()] {
        for recipe in [recipe::BALANCED, recipe::FAST, recipe::FLOAT] {
            let model = plan(&tiny, &recipe);
            let graph = model.graph.as_ref().unwrap();
            let verified = verify(&encode(&model)).unwrap();
            assert_eq!(verified.nodes, graph.node.len());
            assert_eq!(verified.initializers, graph.initializer.len());
            let end = graph.initializer.iter().filter_map(|tensor| {
                let entry = |key| tensor.external_data.iter().find(|entry| entry.key() == key);
                let number = |key| entry(key)?.value().parse::<u64>().ok();
                Some(number("offset")? + number("length")?)
            });
            assert_eq!(verified.files.into_values().max(), end.max());
        }
    }
}

#[test]
fn pk_10_every_flipped_bit_and_every_cut_of_a_graph_is_refused_or_verified() {
    let bytes = encode(&plan(&Tiny::qwen2(), &recipe::BALANCED));
    let mut verified = 0;
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        verified += usize::from(verify(&damaged).is_ok());
    }
    // What remains are names of nodes, numbers such as epsilon, offsets that stay in bounds: contents, which hashes protect.
    assert!(verified < bytes.len() * 8 * 3 / 4, "{verified} of {} flips pass", bytes.len() * 8);
    assert!(
        (1..bytes.len()).filter(|&end| verify(&bytes[..end]).is_ok()).count() < 8,
        "cuts between fields of the model"
    );
}

#[test]
fn pk_10_a_graph_with_foreign_parts_is_refused() {
    let good = plan(&Tiny::qwen2(), &recipe::BALANCED);
    let refused = |change: &dyn Fn(&mut ModelProto)| {
        let mut model = good.clone();
        change(&mut model);
        verify(&encode(&model)).unwrap_err()
    };
    let add = |domain: &str, operator: &str| NodeProto {
        op_type: Some(operator.into()),
        domain: Some(domain.into()),
        ..NodeProto::default()
    };
    let foreign = refused(&|model| model.graph.as_mut().unwrap().node.push(add("my.domain", "Add")));
    assert!(matches!(foreign, GraphError::Operator { .. }), "{foreign}");
    let control = refused(&|model| model.graph.as_mut().unwrap().node.push(add("", "Loop")));
    assert!(matches!(control, GraphError::Operator { .. }), "{control}");
    let function = refused(&|model| model.functions.push(FunctionProto::default()));
    assert!(matches!(function, GraphError::Unsupported { .. }), "{function}");
    let outside = refused(&|model| {
        let graph = model.graph.as_mut().unwrap();
        let tensor = graph.initializer.iter_mut().find(|tensor| !tensor.external_data.is_empty()).unwrap();
        tensor.external_data[0].value = Some("/proc/self/environ".into());
    });
    assert!(matches!(outside, GraphError::Location { .. }), "{outside}");
    let larger = refused(&|model| {
        let nodes = &mut model.graph.as_mut().unwrap().node;
        let matrix = nodes.iter_mut().find(|node| node.op_type() == "MatMulNBits").unwrap();
        let rows = matrix.attribute.iter_mut().find(|attribute| attribute.name() == "N").unwrap();
        rows.i = rows.i.map(|rows| rows * 2);
    });
    assert!(matches!(larger, GraphError::Weights { .. }), "{larger}");
}

fn encode(model: &ModelProto) -> Vec<u8> {
    use prost::Message as _;
    model.encode_to_vec()
}

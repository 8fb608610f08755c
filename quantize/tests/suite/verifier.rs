//! The runtime's graph verifier on graphs that we build, and its reading of protobuf against `prost`'s.

use wheelwork_onnx::proto::{FunctionProto, ModelProto, NodeProto};
use wheelwork_package::graph::{GraphError, verify};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::scheme::{Bits, BlockScheme, Scheme};
use wheelwork_quantize::{Recipe, decoder_graph, recipe};

use crate::assert_matches::assert_matches;
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

/// A recipe with every number of bits, queries, keys and values apart.
fn mixed() -> Recipe {
    let Scheme::Blocks(base) = recipe::BALANCED.layers else { panic!("it is quantised") };
    let of = |bits| BlockScheme { bits, ..base };
    let exceptions = [
        ("model.layers.0.self_attn.q_proj", of(Bits::Three)),
        ("model.layers.0.self_attn.v_proj", of(Bits::Six)),
        ("model.layers.1.self_attn.qkv_proj", of(Bits::Five)),
        ("model.layers.1.mlp.down_proj", of(Bits::Six)),
    ];
    Recipe {
        exceptions: exceptions.map(|(node, scheme)| (node.to_owned(), scheme)).into(),
        lm_head: Scheme::Blocks(of(Bits::Six)),
        embedding: Scheme::Blocks(of(Bits::Five)),
        ..recipe::BALANCED
    }
}

#[test]
fn the_card_states_the_bits_of_padded_codes_and_they_hold() {
    for tiny in [Tiny::qwen2(), Tiny::qwen3(), Tiny::llama(), Tiny::tied()] {
        tiny.write();
        let report = tiny.quantize(&mixed()).unwrap();
        let stated = &report.card.code_bits["cpu"];
        let head = if tiny.tensors.contains_key("lm_head.weight") { 5 } else { 6 };
        let expected = [
            ("lm_head.codes", 6),
            ("model.embed_tokens.codes", head),
            ("model.layers.0.self_attn.q_proj.codes", 3),
            ("model.layers.0.self_attn.v_proj.codes", 6),
            ("model.layers.1.mlp.down_proj.codes", 6),
            ("model.layers.1.self_attn.qkv_proj.codes", 5),
        ];
        assert_eq!(*stated, expected.map(|(name, bits)| (name.to_owned(), bits)).into());
        let quantization = &report.card.quantization;
        assert!(quantization.true_bits_per_weight.unwrap() < quantization.bits_per_weight - 1.0);
        let package = wheelwork_package::open(&report.package).unwrap();
        package.verify_graph("cpu", "model.onnx").unwrap();
        package.check_codes("cpu").unwrap();
    }
}

#[test]
fn pk_17_codes_above_their_stated_bits_and_impossible_statements_are_refused() {
    let tiny = Tiny::llama();
    tiny.write();
    let report = tiny.quantize(&mixed()).unwrap();
    let state = |name: &str, bits| {
        let mut card = report.card.clone();
        card.code_bits.get_mut("cpu").unwrap().insert(name.to_owned(), bits);
        wheelwork_quantize::kv_cache::save(&report.package, &card).unwrap();
        wheelwork_package::open(&report.package).unwrap()
    };
    let name = "model.layers.1.mlp.down_proj.codes";
    let package = state(name, 5);
    package.verify_graph("cpu", "model.onnx").unwrap();
    let error = package.check_codes("cpu").unwrap_err().to_string();
    assert!(error.contains(name) && error.contains("more than the 5 bits"), "{error}");
    for (name, bits) in [(name, 8), (name, 0), ("model.layers.0.mlp.down_proj.codes", 4), ("nothing", 5)] {
        let error = state(name, bits).verify_graph("cpu", "model.onnx").unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(&format!("states {bits} bits")), "{error}");
    }
    let mut card = report.card.clone();
    let own = card.code_bits["cpu"].clone();
    card.code_bits.insert("npu".to_owned(), own);
    wheelwork_quantize::kv_cache::save(&report.package, &card).unwrap();
    let error = wheelwork_package::open(&report.package).unwrap_err().to_string();
    assert!(error.contains("npu"), "{error}");
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
    assert_matches!(foreign, GraphError::Operator { .. });
    let control = refused(&|model| model.graph.as_mut().unwrap().node.push(add("", "Loop")));
    assert_matches!(control, GraphError::Operator { .. });
    let function = refused(&|model| model.functions.push(FunctionProto::default()));
    assert_matches!(function, GraphError::Unsupported { .. });
    let outside = refused(&|model| {
        let graph = model.graph.as_mut().unwrap();
        let tensor = graph.initializer.iter_mut().find(|tensor| !tensor.external_data.is_empty()).unwrap();
        tensor.external_data[0].value = Some("/proc/self/environ".into());
    });
    assert_matches!(outside, GraphError::Location { .. });
    let larger = refused(&|model| {
        let nodes = &mut model.graph.as_mut().unwrap().node;
        let matrix = nodes.iter_mut().find(|node| node.op_type() == "MatMulNBits").unwrap();
        let rows = matrix.attribute.iter_mut().find(|attribute| attribute.name() == "N").unwrap();
        rows.i = rows.i.map(|rows| rows * 2);
    });
    assert_matches!(larger, GraphError::Weights { .. });
}

fn encode(model: &ModelProto) -> Vec<u8> {
    use prost::Message as _;
    model.encode_to_vec()
}

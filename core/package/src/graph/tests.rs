//! A small graph, and every way to spoil it that we know. `quantize` tests real graphs and all their bit flips.

use proptest::prelude::*;

use super::messages::{Message, at, external, model, node, placed, tensor};
use super::prepacked::{self, From};
use super::*;

const MATRIX: [(&str, u64); 4] = [("K", 64), ("N", 8), ("bits", 4), ("block_size", 32)];

fn product(ints: &[(&str, u64)]) -> Message {
    node("com.microsoft", "MatMulNBits", &["x", "codes", "scales"], "y", ints)
}

fn weights() -> Message {
    Message::default()
        .message(5, placed(tensor("codes", 2, &[8, 2, 16]), "0", "256"))
        .message(5, placed(tensor("scales", 1, &[8, 2]), "256", "64"))
}

fn good() -> Vec<u8> {
    model(weights().message(1, product(&MATRIX)))
}

#[test]
fn a_quantised_product_is_verified() {
    let verified = verify(&good()).unwrap();
    assert_eq!((verified.nodes, verified.initializers), (1, 2));
    assert_eq!(verified.files, [("w.data".to_owned(), 320)].into());
}

#[test]
fn pk_10_operators_domains_attributes_and_subgraphs_of_others_are_refused() {
    let with = |node| verify(&model(weights().message(1, node)));
    let foreign = node("custom.ops", "MatMulNBits", &["x", "codes", "scales"], "y", &MATRIX);
    assert!(matches!(with(foreign), Err(GraphError::Operator { domain, .. }) if domain == "custom.ops"));
    for operator in ["If", "Loop", "Scan", "EPContext", "StringNormalizer"] {
        assert!(matches!(with(node("", operator, &["x"], "y", &[])), Err(GraphError::Operator { .. })));
    }
    let attribute = product(&[MATRIX.as_slice(), &[("loader", 1)]].concat());
    assert!(matches!(with(attribute), Err(GraphError::Attribute { attribute, .. }) if attribute == "loader"));
    // `g` is 6, `graphs` 11, `ref_attr_name` 21.
    for number in [6, 11, 21] {
        let subgraph = Message::default().bytes(1, "body").bytes(number, "");
        let result = with(node("", "Add", &["x", "x"], "y", &[]).message(5, subgraph));
        assert!(matches!(result, Err(GraphError::Unsupported { message: "attribute", .. })), "{result:?}");
    }
    // Functions, training, sparse initialisers.
    for (number, graph) in [(25, false), (20, false), (15, true)] {
        let spoiled = if graph {
            model(weights().message(1, product(&MATRIX)).bytes(number, ""))
        } else {
            Message(good()).bytes(number, "").0
        };
        assert!(matches!(verify(&spoiled), Err(GraphError::Unsupported { .. })));
    }
}

#[test]
fn pk_10_a_compiled_graph_is_one_node_whose_binary_is_a_plain_file() {
    let compiled = |file: &str, source: &str, [main, embed]: [u64; 2]| {
        let text = |name: &str, value: &str| Message::default().bytes(1, name).bytes(4, value).int(20, 3);
        node("com.microsoft", "EPContext", &["x"], "y", &[("main_context", main), ("embed_mode", embed)])
            .message(5, text("ep_cache_context", file))
            .message(5, text("source", source))
    };
    let alone = |node: Message| verify(&model(Message::default().message(1, node)));
    let qnn = "QNNExecutionProvider";
    let verified = alone(compiled("sm8650_qnn.bin", qnn, [1, 0])).unwrap();
    assert!(verified.is_compiled && verified.files == [("sm8650_qnn.bin".to_owned(), 1)].into());
    let good = compiled("sm8650_qnn.bin", qnn, [1, 0]);
    for spoiled in [
        alone(compiled("../driver.bin", qnn, [1, 0])),
        alone(compiled("", qnn, [1, 0])),
        alone(compiled("sm8650_qnn.bin", "OtherExecutionProvider", [1, 0])),
        alone(compiled("sm8650_qnn.bin", qnn, [1, 1])),
        alone(compiled("sm8650_qnn.bin", qnn, [0, 0])),
        alone(node("com.microsoft", "EPContext", &["x"], "y", &[])),
        verify(&model(weights().message(1, good.clone()))),
        verify(&model(
            Message::default().message(1, good).message(1, node("", "Add", &["y", "y"], "z", &[])),
        )),
    ] {
        assert!(matches!(spoiled, Err(GraphError::Compiled { .. })), "{spoiled:?}");
    }
}

#[test]
fn pk_10_external_data_stays_in_plain_files_and_knows_three_keys() {
    let with = |entries: &[(&str, &str)]| {
        let codes = external(tensor("codes", 2, &[8, 2, 16]), entries);
        let scales = placed(tensor("scales", 1, &[8, 2]), "256", "64");
        verify(&model(Message::default().message(5, codes).message(5, scales).message(1, product(&MATRIX))))
    };
    for location in ["/etc/passwd", "../w.data", "a/b", "a\\b", "C:w", "..", "", "w\0"] {
        assert!(matches!(with(&[("location", location)]), Err(GraphError::Location { .. })), "{location}");
    }
    for (key, value) in [
        ("prepacked_0", "MatMulNBits+1|0;99999999;0"),
        ("offset", "-1"),
        ("offset", "+1"),
        ("offset", "99999999999999999999"),
        ("length", "0x10"),
        ("location", "twice"),
        ("basepath", "/"),
    ] {
        let result = with(&[("location", "w.data"), (key, value)]);
        assert!(matches!(result, Err(GraphError::ExternalEntry { .. })), "{key} {value}: {result:?}");
    }
    assert!(matches!(with(&[("location", "w"), ("length", "255")]), Err(GraphError::TensorBytes { .. })));
    let end = u64::MAX.to_string();
    assert!(matches!(with(&[("location", "w"), ("offset", &end)]), Err(GraphError::Tensor { .. })));
    assert_eq!(with(&[("location", "w.data"), ("offset", "4096")]).unwrap().files["w.data"], 4096 + 256);
}

#[test]
fn pk_10_weights_have_the_size_that_k_n_bits_and_block_size_say() {
    let with = |node| verify(&model(weights().message(1, node)));
    for (changed, value) in [("K", 128), ("N", 16), ("bits", 8), ("block_size", 16)] {
        let ints = MATRIX.map(|(name, old)| (name, if name == changed { value } else { old }));
        let result = with(product(&ints));
        assert!(matches!(result, Err(GraphError::Weights { .. })), "{changed}: {result:?}");
    }
    for (name, value) in [("K", 0), ("N", u64::MAX), ("bits", 3), ("block_size", 24), ("block_size", 1 << 40)]
    {
        let ints = MATRIX.map(|(known, old)| (known, if known == name { value } else { old }));
        assert!(
            matches!(with(product(&ints)), Err(GraphError::Range { attribute, .. }) if attribute == name)
        );
    }
    assert!(matches!(with(product(&MATRIX[1..])), Err(GraphError::Range { found, .. }) if found == "none"));
    let packed = product(&[MATRIX.as_slice(), &[("weight_prepacked", 1)]].concat());
    assert!(matches!(with(packed), Err(GraphError::Range { .. })));
    let computed = node("com.microsoft", "MatMulNBits", &["x", "x", "scales"], "y", &MATRIX);
    assert!(matches!(with(computed), Err(GraphError::Weights { .. })), "codes that are no initialiser");
}

#[test]
fn pk_10_attention_divides_by_its_heads_and_lookups_are_of_rows() {
    let with = |changed: &str, value: u64| {
        let ints = [("num_heads", 4), ("kv_num_heads", 2)]
            .map(|(name, old)| (name, if name == changed { value } else { old }));
        let others =
            [(changed, value)].into_iter().filter(|(name, _)| !ints.iter().any(|(known, _)| known == name));
        let ints: Vec<_> = ints.into_iter().chain(others).collect();
        verify(&model(
            Message::default()
                .message(1, node("com.microsoft", "GroupQueryAttention", &["x"; 7], "y", &ints)),
        ))
    };
    assert!(with("do_rotary", 1).is_ok());
    for (name, value) in [
        ("num_heads", 0),
        ("num_heads", u64::MAX),
        ("num_heads", 1 << 31),
        ("kv_num_heads", 0),
        ("kv_num_heads", 3),
        ("local_window_size", 0),
        ("local_window_size", 1 << 40),
        ("kv_cache_bit_width", 3),
        ("qk_output", 1),
        ("do_rotary", 2),
    ] {
        let result = with(name, value);
        assert!(
            matches!(result, Err(GraphError::Range { attribute, .. }) if attribute == name),
            "{result:?}"
        );
    }
}

#[test]
fn pk_10_names_are_defined_once_and_before_their_use() {
    let add = |input: &str, output: &str| node("", "Add", &["x", input], output, &[]);
    let graph = |one: Message, two: Message| verify(&model(weights().message(1, one).message(1, two)));
    assert!(graph(add("x", "a"), add("a", "y")).is_ok());
    assert!(
        matches!(graph(add("a", "y"), add("x", "a")), Err(GraphError::Undefined { value, .. }) if value == "a")
    );
    assert!(matches!(graph(add("x", "y"), add("x", "y")), Err(GraphError::Twice { .. })));
    assert!(matches!(graph(add("x", "codes"), add("x", "y")), Err(GraphError::Twice { .. })));
    assert!(matches!(graph(add("x", "a"), add("x", "b")), Err(GraphError::Undefined { .. })), "no output y");
    let twice = Message(good()).message(7, Message::default()).0;
    assert!(matches!(verify(&twice), Err(GraphError::NotOne { field: "graph", .. })));
}

#[test]
fn pk_10_counts_and_sizes_have_limits() {
    let with = |initializer| verify(&model(weights().message(5, initializer).message(1, product(&MATRIX))));
    let many_dims = tensor("t", 1, &[1; 9]).bytes(9, [0; 4]);
    assert!(matches!(with(many_dims), Err(GraphError::TooMany { .. })));
    for dims in [&[u64::MAX][..], &[1 << 40, 1 << 40], &[1 << 40, 1 << 22]] {
        assert!(matches!(with(tensor("t", 1, dims).bytes(9, [0; 4])), Err(GraphError::Tensor { .. })));
    }
    assert!(matches!(with(tensor("t", 8, &[1]).bytes(6, "text")), Err(GraphError::Unsupported { .. })));
    assert!(matches!(with(tensor("t", 1, &[2]).bytes(9, [0; 7])), Err(GraphError::TensorBytes { .. })));
    assert!(matches!(with(tensor("t", 7, &[2]).bytes(7, [1])), Err(GraphError::Tensor { .. })));
    assert!(with(tensor("t", 7, &[2]).bytes(7, [1, 2])).is_ok());
    assert!(matches!(with(tensor(&"n".repeat(1025), 1, &[0])), Err(GraphError::TooMany { .. })));
    let nodes = (0..=limits::NODES).fold(Message::default(), |graph, _| graph.bytes(1, ""));
    assert!(matches!(verify(&model(nodes)), Err(GraphError::TooMany { what: "nodes", .. })));
}

/// As many as 80 layers have, and an output layer: they all stand in one tensor.
#[test]
fn a_plan_of_401_packed_products_is_read_back() {
    let saved = (0..401).fold(tensor("codes", 2, &[8, 2, 16]).int(14, 1), |tensor, index| {
        let (key, value) =
            (format!("prepacked_{index}"), format!("MatMulNBits+{index}|{};20;0", 512 + 32 * index));
        tensor.message(13, Message::default().bytes(1, key).bytes(2, value))
    });
    let saved = model(Message::default().message(5, saved));
    let plan = prepacked::plan(&good(), &saved, "packed.bin").unwrap().unwrap();
    assert_eq!(plan.ranges.len(), 402);
    assert!(prepacked::is_plan_of(&good(), &plan.graph, "packed.bin", plan.file_bytes).unwrap());
}

#[test]
fn packed_weights_hang_on_the_smallest_initialiser() {
    let saved = external(
        tensor("codes", 2, &[8, 2, 16]),
        &[("location", "saved"), ("prepacked_0", "MatMulNBits+7|512;300;0|4096;20;1")],
    );
    let saved = model(Message::default().message(5, saved));
    let plan = prepacked::plan(&good(), &saved, "packed.bin").unwrap().unwrap();
    let ranges: Vec<_> = plan.ranges.iter().map(|range| (range.offset, range.bytes, range.to)).collect();
    assert_eq!(ranges, [(256, 64, 0), (512, 300, 4096), (4096, 20, 8192)]);
    assert_eq!(plan.ranges[0].from, From::Original("w.data".into()));
    assert_eq!(plan.file_bytes, 8212);

    let graph = Model::read(&plan.graph).unwrap().graph;
    let of =
        |name: &str| graph.initializers.iter().find(|tensor| tensor.name == name).unwrap().external.clone();
    assert_eq!(of("codes"), at("0", "256").each_ref().map(|(key, value)| (*key, value.as_str())));
    let carrier = [
        ("location", "packed.bin"),
        ("offset", "0"),
        ("length", "64"),
        ("prepacked_0", "MatMulNBits+7|4096;300;0|8192;20;1"),
    ];
    assert_eq!(of("scales"), carrier);
    assert!(verify(&plan.graph).is_err(), "a package must not bring packed weights");
    assert_eq!(prepacked::plan(&good(), &good(), "packed.bin").unwrap(), None);

    let is_plan = |graph: &[u8], bytes| prepacked::is_plan_of(&good(), graph, "packed.bin", bytes).unwrap();
    assert!(is_plan(&plan.graph, plan.file_bytes));
    assert!(!is_plan(&plan.graph, plan.file_bytes - 1), "a range behind the end of its file");
    assert!(!is_plan(&good(), plan.file_bytes), "nothing is packed");
    for (from, to) in [
        ("|4096;300;0|", "|4096;3e4;0|"),
        ("|4096;300;0|", "|8192;300;0|"),
        ("|8192;20;1", "|4096;20;1"),
        ("|8192;20;1", "|8192;20;x"),
        ("packed.bin", "pecked.bin"),
    ] {
        let at = plan.graph.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
        let mut changed = plan.graph.clone();
        changed[at..at + from.len()].copy_from_slice(to.as_bytes());
        assert!(!is_plan(&changed, plan.file_bytes), "{to}");
    }
    let entry = b"MatMulNBits+7|4096;300;0|8192;20;1";
    let start = plan.graph.windows(entry.len()).position(|bytes| bytes == entry).unwrap();
    for at in (0..plan.graph.len()).filter(|at| !(start..start + entry.len()).contains(at)) {
        let mut changed = plan.graph.clone();
        changed[at] ^= 1;
        let found = prepacked::is_plan_of(&good(), &changed, "packed.bin", plan.file_bytes);
        assert!(!matches!(found, Ok(true)), "byte {at}");
    }
}

#[test]
fn a_graph_names_its_files_from_elsewhere_and_is_otherwise_the_same() {
    let original = good();
    let same = |name: &str, offset| (name.to_owned(), offset);
    assert_eq!(prepacked::with_places(&original, same).unwrap(), original);
    let moved = prepacked::with_places(&original, |name, offset| (format!("folder/{name}"), offset)).unwrap();
    let locations = |model: &[u8]| -> Vec<String> {
        let tensors = Model::read(model).unwrap().graph.initializers;
        let entries = tensors.iter().flat_map(|tensor| tensor.external.clone());
        entries.filter(|(key, _)| *key == "location").map(|(_, value)| value.to_owned()).collect()
    };
    let expected: Vec<_> = locations(&original).iter().map(|name| format!("folder/{name}")).collect();
    assert!(!expected.is_empty());
    assert_eq!(locations(&moved), expected);
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = verify(&bytes);
        let _ = prepacked::plan(&good(), &bytes, "packed.bin");
    }

    #[test]
    fn any_damage_is_an_answer(place: prop::sample::Index, byte: u8, end: prop::sample::Index) {
        let mut bytes = good();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = verify(&bytes);
        bytes.truncate(end.index(bytes.len()));
        prop_assert!(verify(&bytes).is_err() || bytes.len() == good().len());
    }
}

mod rewriting {
    use std::collections::BTreeMap;

    use super::super::attention::{
        Attentions, CACHED_ATTENTION, CACHED_ATTENTION_8, FREQUENCIES, replaceable_attentions, tables,
    };
    use super::super::codes::Stated;
    use super::super::gated::{GATED, gated};
    use super::super::rewritten::{
        DOMAIN, Does, LOOKUP, OPERATOR, Place, Source, alone, replaceable, rewritten,
    };
    use super::super::rows::LOGITS_ROWS;
    use super::messages::input;
    use super::*;

    const ROUNDS: [(&str, u64); 1] = [("accuracy_level", 4)];

    /// Two products, one behind the other, of which the second has zero points, a bias and activations in float32.
    fn two() -> Vec<u8> {
        let ints = [MATRIX.as_slice(), &ROUNDS].concat();
        let second = [("K", 8), ("N", 64), ("bits", 8), ("block_size", 32), ("accuracy_level", 1)];
        let weights = weights()
            .message(5, placed(tensor("codes2", 2, &[64, 1, 32]), "320", "2048"))
            .message(5, placed(tensor("scales2", 1, &[64, 1]), "2368", "256"))
            .message(5, placed(tensor("zeros2", 2, &[64, 1]), "2624", "64"))
            .message(5, placed(tensor("bias2", 1, &[64]), "2688", "256"));
        let first = node("com.microsoft", "MatMulNBits", &["x", "codes", "scales"], "h", &ints);
        let inputs = ["h", "codes2", "scales2", "zeros2", "", "bias2"];
        let second = node("com.microsoft", "MatMulNBits", &inputs, "y", &second);
        model(weights.message(1, first).message(1, second))
    }

    fn places(outputs: &[&str]) -> BTreeMap<String, Place> {
        let place = |(index, output): (u64, &&str)| {
            ((*output).to_owned(), Place { bits: 5, scale_bits: 8, offset: index * 4096, bytes: 100 + index })
        };
        (0..).zip(outputs).map(place).collect()
    }

    #[test]
    fn a_product_that_states_its_activations_can_be_replaced_and_others_not() {
        let codes = BTreeMap::from([("codes2".to_owned(), 5), ("codes".to_owned(), 4)]);
        let scales = BTreeMap::from([("codes".to_owned(), 8)]);
        let stated = Stated { codes, scales, ..Stated::default() };
        let found = replaceable(&two(), &stated).unwrap();
        let names: Vec<_> = found.iter().map(|product| product.output.as_str()).collect();
        assert_eq!(names, ["h", "y"]);
        assert_eq!(found[0].codes, Source::File { name: "w.data".into(), offset: 0, bytes: 256 });
        assert_eq!((found[1].k, found[1].n, found[1].bits, found[1].block_size), (8, 64, 8, 32));
        assert_eq!((found[0].code_bits, found[1].code_bits), (4, 5));
        assert_eq!((found[0].scale_bits, found[1].scale_bits), (8, 16));
        assert!(found[0].zero_points.is_none() && found[1].zero_points.is_some());
        assert_eq!([&found[0], &found[1]].map(|product| product.has_fine_activations), [false, true]);
        assert_eq!(replaceable(&good(), &Stated::default()).unwrap(), []);
    }

    #[test]
    fn the_rewritten_graph_has_our_products_and_what_is_read_no_longer_goes() {
        let read = rewritten(&two(), "packed", &places(&["h", "y"]), Attentions::Original).unwrap();
        let graph = Model::read(&read).unwrap().graph;
        let inputs: Vec<_> = graph.nodes.iter().map(|node| node.inputs.clone()).collect();
        assert_eq!(inputs, [vec!["x", "h.packed"], vec!["h", "y.packed", "bias2"]]);
        for (node, zeros) in graph.nodes.iter().zip([0, 1]) {
            assert_eq!((node.domain, node.operator), (DOMAIN, OPERATOR));
            assert_eq!((node.int("zero_points"), node.int("bits")), (Some(zeros), Some(5)));
            assert_eq!(node.int("activation_terms"), Some(zeros + 1));
        }
        let mut names: Vec<_> = graph.initializers.iter().map(|tensor| tensor.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["bias2", "h.packed", "y.packed"]);
        // One of them alone: the other is untouched.
        let one = rewritten(&two(), "packed", &places(&["y"]), Attentions::Original).unwrap();
        let graph = Model::read(&one).unwrap().graph;
        assert_eq!(graph.nodes[0].operator, "MatMulNBits");
        assert!(graph.initializers.iter().any(|tensor| tensor.name == "codes"));
        // It is ours, so it is none that a package may bring.
        assert!(matches!(verify(&read), Err(GraphError::Operator { .. })));
    }

    /// What a test changes in a feed-forward layer.
    #[derive(Clone, Copy, PartialEq)]
    enum Change {
        Nothing,
        Alpha,
        BlocksOfUp,
        ReaderOfGate,
        BiasOfGate,
    }

    /// A feed-forward layer up to its gated activations, `y`.
    fn feed_forward(change: Change) -> Vec<u8> {
        let ints = [MATRIX.as_slice(), &ROUNDS].concat();
        let others = [("K", 64), ("N", 8), ("bits", 4), ("block_size", 64), ("accuracy_level", 4)];
        let ints_of_up = if change == Change::BlocksOfUp { &others[..] } else { &ints };
        let inputs_of_gate: &[&str] = match change {
            Change::BiasOfGate => &["x", "codes", "scales", "", "", "bias"],
            _ => &["x", "codes", "scales"],
        };
        let weights = weights()
            .message(5, placed(tensor("bias", 1, &[8]), "320", "32"))
            .message(5, placed(tensor("scales of up", 1, &[8]), "352", "32"));
        let gate = node("com.microsoft", "MatMulNBits", inputs_of_gate, "gate", &ints);
        let scales = if change == Change::BlocksOfUp { "scales of up" } else { "scales" };
        let up = node("com.microsoft", "MatMulNBits", &["x", "codes", scales], "up", ints_of_up);
        let alpha = if change == Change::Alpha { 1.702 } else { 1.0 };
        let alpha = Message::default().bytes(1, "alpha").float(2, alpha).int(20, 1);
        let silu = node("com.microsoft", "QuickGelu", &["gate"], "silu", &[]).message(5, alpha);
        let other = if change == Change::ReaderOfGate { "gate" } else { "up" };
        let spare = node("", "Mul", &["up", other], "spare", &[]);
        let product = node("", "Mul", &["up", "silu"], "y", &[]);
        let graph = weights.message(1, gate).message(1, up).message(1, silu);
        let graph = if change == Change::ReaderOfGate { graph.message(1, spare) } else { graph };
        model(graph.message(1, product))
    }

    #[test]
    fn the_products_of_a_gate_and_what_it_is_for_become_one() {
        let read = |change, outputs: &[&str]| {
            let read = rewritten(&feed_forward(change), "packed", &places(outputs), Attentions::Original);
            gated(&read.unwrap()).unwrap()
        };
        let both = read(Change::Nothing, &["gate", "up"]);
        let graph = Model::read(&both).unwrap().graph;
        let [ours] = &graph.nodes[..] else { panic!("{:?}", graph.nodes) };
        assert_eq!((ours.domain, ours.operator), (DOMAIN, GATED));
        assert_eq!(
            (&ours.inputs[..], &ours.outputs[..]),
            (&["x", "gate.packed", "up.packed"][..], &["y"][..])
        );
        let numbers = [
            "K",
            "N",
            "block_size",
            "activation_terms",
            "bits",
            "up_bits",
            "up_scale_bits",
            "up_zero_points",
        ];
        let numbers = numbers.map(|name| ours.int(name).unwrap());
        assert_eq!(numbers, [64, 8, 32, 1, 5, 5, 8, 0]);

        let operators = |bytes: &[u8]| {
            let graph = Model::read(bytes).unwrap().graph;
            graph.nodes.iter().filter(|node| node.operator == GATED).count()
        };
        for change in [Change::Alpha, Change::BlocksOfUp, Change::ReaderOfGate, Change::BiasOfGate] {
            assert_eq!(operators(&read(change, &["gate", "up"])), 0);
        }
        // One of them by ONNX Runtime.
        assert_eq!(operators(&read(Change::Nothing, &["up"])), 0);
    }

    /// A table of embeddings whose bytes are the output layer's, too.
    fn tied(ids: u64) -> Vec<u8> {
        let ints = [MATRIX.as_slice(), &ROUNDS].concat();
        let attributes = [("bits", 4), ("block_size", 32)];
        let weights = weights()
            .message(5, placed(tensor("table", 2, &[8, 32]), "0", "256"))
            .message(5, placed(tensor("table.scales", 1, &[8, 2]), "256", "64"))
            .message(11, input("ids", ids, &[1, 0]));
        let inputs = ["table", "ids", "table.scales"];
        let lookup = node("com.microsoft", "GatherBlockQuantized", &inputs, "e", &attributes);
        let product = node("com.microsoft", "MatMulNBits", &["e", "codes", "scales"], "y", &ints);
        model(weights.message(1, lookup).message(1, product))
    }

    #[test]
    fn a_lookup_in_the_matrix_of_a_product_reads_the_same_packed_tensor() {
        let found = replaceable(&tied(7), &Stated::default()).unwrap();
        let does: Vec<_> = found.iter().map(|node| (node.output.as_str(), node.does)).collect();
        assert_eq!(does, [("e", Does::LookUp), ("y", Does::Multiply)]);
        assert!(found[0].shares_with(&found[1]));
        assert_eq!((found[0].k, found[0].n), (64, 8));

        let place = Place { bits: 4, scale_bits: 16, offset: 4096, bytes: 100 };
        let both = BTreeMap::from(["e", "y"].map(|output| (output.to_owned(), place)));
        let read = rewritten(&tied(7), "packed", &both, Attentions::Original).unwrap();
        let graph = Model::read(&read).unwrap().graph;
        let nodes: Vec<_> = graph.nodes.iter().map(|node| (node.operator, node.inputs.clone())).collect();
        assert_eq!(nodes, [(LOOKUP, vec!["e.packed", "ids"]), (OPERATOR, vec!["e", "e.packed"])]);
        let names: Vec<_> = graph.initializers.iter().map(|tensor| tensor.name).collect();
        assert_eq!(names, ["e.packed"]);
        assert_eq!((graph.nodes[0].int("K"), graph.nodes[0].int("N")), (Some(64), Some(8)));

        // The product alone: the table stays.
        let read = rewritten(&tied(7), "packed", &places(&["y"]), Attentions::Original).unwrap();
        let graph = Model::read(&read).unwrap().graph;
        assert_eq!(graph.nodes[0].operator, "GatherBlockQuantized");
        assert!(graph.initializers.iter().any(|tensor| tensor.name == "table"));
    }

    #[test]
    fn a_lookup_that_ours_does_not_compute_stays() {
        let of = |graph: &[u8]| replaceable(graph, &Stated::default()).unwrap().len();
        assert_eq!(of(&tied(7)), 2);
        // Ids of 32 bits.
        assert_eq!(of(&tied(6)), 1);
    }

    #[test]
    fn pk_19_products_that_the_graph_lacks_and_names_that_are_taken_are_refused() {
        let unknown = rewritten(&two(), "packed", &places(&["z"]), Attentions::Original);
        assert!(matches!(unknown, Err(GraphError::Undefined { value, .. }) if value == "z"));
        let with_taken_name = {
            let ints = [MATRIX.as_slice(), &ROUNDS].concat();
            let product = node("com.microsoft", "MatMulNBits", &["x", "codes", "scales"], "h", &ints);
            model(
                weights()
                    .message(1, product)
                    .message(1, node("", "Neg", &["h"], "h.packed", &[]))
                    .message(1, node("", "Neg", &["h.packed"], "y", &[])),
            )
        };
        let taken = rewritten(&with_taken_name, "packed", &places(&["h"]), Attentions::Original);
        assert!(matches!(taken, Err(GraphError::Twice { value }) if value == "h.packed"));
    }

    /// A product, and attention behind it with these inputs beyond the caches, and these attributes beside the usual ones.
    fn with_attention(behind: &[&str], attributes: &[(&str, u64)]) -> Vec<u8> {
        let product = [MATRIX.as_slice(), &ROUNDS].concat();
        let heads = [("num_heads", 4), ("kv_num_heads", 2), ("do_rotary", 1)];
        let attributes = [heads.as_slice(), attributes].concat();
        let inputs = [&["h", "", "", "x", "x", "x", "x"], behind].concat();
        let angles = |name| placed(tensor(name, 1, &[8, 32]), "320", "1024");
        let product = node("com.microsoft", "MatMulNBits", &["x", "codes", "scales"], "h", &product);
        let attention = node("com.microsoft", "GroupQueryAttention", &inputs, "y", &attributes);
        let caches = ["k", "v"].map(|name| Message::default().bytes(1, name));
        let weights = weights().message(5, angles("cos")).message(5, angles("sin"));
        let weights = caches.into_iter().fold(weights, |graph, cache| graph.message(12, cache));
        model(weights.message(1, product).message(1, attention.bytes(2, "k").bytes(2, "v")))
    }

    #[test]
    fn attention_becomes_ours_with_its_heads_and_without_what_ours_does_not_read() {
        let plain = with_attention(&["cos", "sin"], &[]);
        assert_eq!(replaceable_attentions(&plain).unwrap(), ["y"]);
        let read = rewritten(&plain, "packed", &places(&["h"]), Attentions::Ours).unwrap();
        let graph = Model::read(&read).unwrap().graph;
        let node = &graph.nodes[1];
        assert_eq!((node.domain, node.operator), (DOMAIN, CACHED_ATTENTION));
        assert_eq!(node.inputs, ["h", "", "", "x", "x", "x", "cos", "sin"]);
        assert_eq!(node.outputs, ["y", "k", "v"]);
        assert_eq!(
            node.attributes.iter().map(|attribute| attribute.name).collect::<Vec<_>>(),
            ["num_heads", "kv_num_heads"]
        );
        // Unasked, it stays what it is.
        let read = rewritten(&plain, "packed", &places(&["h"]), Attentions::Original).unwrap();
        assert_eq!(Model::read(&read).unwrap().graph.nodes[1].operator, "GroupQueryAttention");

        let codes = with_attention(&["cos", "sin", "", "", "", "x", "x"], &[("kv_cache_bit_width", 8)]);
        let read = rewritten(&codes, "packed", &places(&["h"]), Attentions::Ours).unwrap();
        let graph = Model::read(&read).unwrap().graph;
        assert_eq!(graph.nodes[1].operator, CACHED_ATTENTION_8);
        assert_eq!(graph.nodes[1].inputs[6..], ["cos", "sin", "x", "x"]);
    }

    #[test]
    fn attention_without_tables_has_the_bits_of_its_frequencies_and_the_graph_no_tables() {
        let codes = with_attention(&["cos", "sin", "", "", "", "x", "x"], &[("kv_cache_bit_width", 8)]);
        let found = tables(&codes).unwrap().unwrap();
        assert_eq!((found.positions, found.pairs), (8, 32));
        let is_there = |table: &Source| matches!(table, Source::File { offset: 320, bytes: 1024, .. });
        assert!(found.tables.iter().all(is_there), "{found:?}");

        let frequencies: Vec<_> = (0..32).map(|pair| 0.5_f64.powi(pair) / 3.0).collect();
        let without = Attentions::WithoutTables(&frequencies);
        let read = rewritten(&codes, "packed", &places(&["h"]), without).unwrap();
        let graph = Model::read(&read).unwrap().graph;
        assert_eq!(graph.nodes[1].inputs[5..], ["x", "", "", "x", "x"]);
        assert!(graph.initializers.iter().all(|tensor| !["cos", "sin"].contains(&tensor.name)));
        assert!(graph.nodes[1].attributes.iter().any(|attribute| attribute.name == FREQUENCIES));

        let two_tables = with_attention(&["cos", "x"], &[]);
        assert_eq!(tables(&two_tables).unwrap(), None);
    }

    #[test]
    fn attention_that_does_more_than_ours_stays() {
        let none = |graph: &[u8]| replaceable_attentions(graph).unwrap().is_empty();
        for (behind, attributes) in [
            (&["cos", "sin"][..], &[("smooth_softmax", 1)][..]),
            (&["cos", "sin"], &[("local_window_size", 16)]),
            (&["cos", "sin"], &[("rotary_interleaved", 1)]),
            (&["cos", "sin"], &[("kv_cache_bit_width", 8)]),
            (&["cos", "sin", "", "x"], &[]),
            (&["cos", "sin", "", "", "", "x"], &[]),
            (&["cos", "x"], &[]),
            (&["scales", "scales"], &[]),
        ] {
            let graph = with_attention(behind, attributes);
            assert!(none(&graph), "{behind:?} {attributes:?}");
            let asked = rewritten(&graph, "packed", &places(&["h"]), Attentions::Ours);
            assert!(matches!(asked, Err(GraphError::Undefined { .. })), "{behind:?} {attributes:?}");
        }
    }

    #[test]
    fn a_product_alone_reads_one_input_and_gives_its_output() {
        for graph in [two(), rewritten(&two(), "packed", &places(&["h", "y"]), Attentions::Original).unwrap()]
        {
            let cut = alone(&graph, &["y"]).unwrap();
            let cut = Model::read(&cut).unwrap().graph;
            assert_eq!(cut.nodes.len(), 1);
            assert_eq!(cut.nodes[0].inputs[0], "x");
            assert_eq!((cut.inputs[0].name, cut.outputs[0].name), ("x", "y"));
            assert_eq!(cut.inputs[0].dims, Some(vec![None, Some(8)]));
        }
    }

    /// A graph that picks a token by a constant, which another node may read too.
    fn picking(token: i64, other: Option<Message>) -> Vec<u8> {
        let ints = [MATRIX.as_slice(), &ROUNDS].concat();
        let last = tensor("last", 7, &[1]).bytes(9, token.to_le_bytes());
        let nodes = [
            node("", "Gather", &["x", "last"], "picked", &[("axis", 1)]),
            node("com.microsoft", "MatMulNBits", &["picked", "codes", "scales"], "logits", &ints),
            node("", "Add", &["logits", "logits"], "y", &[]),
        ];
        let graph = weights().message(5, last).message(12, input("logits", 1, &[0, 1, 8]));
        model(nodes.into_iter().chain(other).fold(graph, |graph, node| graph.message(1, node)))
    }

    #[test]
    fn which_tokens_get_logits_becomes_an_input_where_a_constant_picks_the_last() {
        let place = places(&["logits"]);
        let read = rewritten(&picking(-1, None), "packed", &place, Attentions::Original).unwrap();
        let graph = Model::read(&read).unwrap().graph;
        assert_eq!(graph.nodes[0].inputs, ["x", LOGITS_ROWS]);
        assert!(graph.initializers.iter().all(|tensor| tensor.name != "last"));
        let asked = graph.inputs.iter().find(|input| input.name == LOGITS_ROWS).unwrap();
        assert_eq!((asked.data_type, asked.dims.as_deref()), (Some(7), Some(&[None][..])));
        let logits = graph.outputs.iter().find(|output| output.name == "logits").unwrap();
        assert_eq!((logits.data_type, logits.dims.as_deref()), (Some(1), Some(&[None, None, Some(8)][..])));

        let other = node("", "Add", &["last", "last"], "z", &[]);
        for graph in [picking(-2, None), picking(-1, Some(other))] {
            let read = rewritten(&graph, "packed", &place, Attentions::Original).unwrap();
            let graph = Model::read(&read).unwrap().graph;
            assert_eq!(graph.nodes[0].inputs, ["x", "last"]);
            assert!(graph.inputs.iter().all(|input| input.name != LOGITS_ROWS));
        }
    }

    proptest! {
        #[test]
        fn any_damage_to_what_is_rewritten_is_an_answer(place: prop::sample::Index, byte: u8) {
            let mut bytes = two();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(products) = replaceable(&bytes, &Stated::default()) {
                let outputs: Vec<_> = products.iter().map(|product| product.output.as_str()).collect();
                let _ = rewritten(&bytes, "packed", &places(&outputs), Attentions::Original);
                let _ = alone(&bytes, &outputs);
            }
        }
    }
}

//! Graphs that pass every other rule, and would cost a process its memory, its time or its life.

use super::super::messages::{Message, input, node, tensor};
use super::super::{GraphError, verify};
use super::Estimate;
use crate::budget::{GRAPH_CALL_BYTES, GRAPH_CALL_STEPS, GRAPH_CONSTANT_BYTES, GRAPH_CONSTANT_STEPS};

const INT64: u64 = 7;
const MICROSOFT: &str = "com.microsoft";

/// A graph of nodes that takes tokens, mask and a cache, and gives `y`.
fn graph(parts: Vec<Message>, nodes: Vec<Message>) -> Result<Estimate, GraphError> {
    let inputs = [
        input("input_ids", INT64, &[0, 0]),
        input("attention_mask", INT64, &[0, 0]),
        input("past_key_values.0.key", 1, &[0, 2, 0, 16]),
    ];
    let graph = inputs.into_iter().fold(Message::default(), |graph, input| graph.message(11, input));
    let graph = parts.into_iter().fold(graph, |graph, part| graph.message(5, part));
    let graph = nodes.into_iter().fold(graph, |graph, node| graph.message(1, node));
    let graph = graph.message(12, Message::default().bytes(1, "y"));
    verify(&Message::default().int(1, 11).message(7, graph).0).map(|verified| verified.estimate)
}

fn numbers(name: &str, numbers: &[i64]) -> Message {
    let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    tensor(name, INT64, &[numbers.len() as u64]).bytes(9, raw)
}

fn scalar(name: &str, number: i64) -> Message {
    tensor(name, INT64, &[]).bytes(9, number.to_le_bytes())
}

fn floats(name: &str, dims: &[u64]) -> Message {
    let bytes = 4 * usize::try_from(dims.iter().product::<u64>()).unwrap();
    tensor(name, 1, dims).bytes(9, vec![0; bytes])
}

fn op(operator: &str, inputs: &[&str], output: &str) -> Message {
    node("", operator, inputs, output, &[])
}

fn costs(result: Result<Estimate, GraphError>) -> &'static str {
    match result {
        Err(GraphError::Costs { limit, .. }) => limit.name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pk_12_whole_numbers_are_not_divided_by_zero_or_minus_one() {
    for operator in ["Div", "Mod"] {
        for divisor in [0, -1] {
            let parts = vec![scalar("a", i64::MIN), scalar("b", divisor)];
            let result = graph(parts, vec![op(operator, &["a", "b"], "y")]);
            assert!(matches!(result, Err(GraphError::Divisor { .. })), "{operator} {divisor}: {result:?}");
        }
        let parts = vec![numbers("a", &[7, 8]), numbers("b", &[2, -3])];
        let result = graph(parts, vec![op(operator, &["a", "b"], "y")]);
        assert!(matches!(result, Err(GraphError::Divisor { .. })), "2 to -3 has 0 between");
        assert!(graph(vec![scalar("a", 7), scalar("b", 2)], vec![op(operator, &["a", "b"], "y")]).is_ok());
    }
    // What is known when it runs only: a difference that is zero, and what a caller gives.
    let difference = vec![
        op("ReduceSum", &["attention_mask"], "lengths"),
        op("Sub", &["lengths", "lengths"], "zero"),
        op("Div", &["lengths", "zero"], "y"),
    ];
    assert!(matches!(graph(vec![], difference), Err(GraphError::Divisor { .. })));
    let given = vec![op("Div", &["input_ids", "attention_mask"], "y")];
    assert!(matches!(graph(vec![], given), Err(GraphError::Divisor { .. })));
    let mean = vec![op("ReduceMean", &["input_ids"], "y")];
    assert!(matches!(graph(vec![], mean), Err(GraphError::Divisor { .. })), "of no elements");
    // A cast in between hides nothing.
    let cast = vec![node("", "Cast", &["a"], "narrow", &[("to", 6)]), op("Div", &["narrow", "narrow"], "y")];
    assert!(matches!(graph(vec![scalar("a", 1 << 32)], cast), Err(GraphError::Divisor { .. })));
    let float = vec![node("", "Cast", &["input_ids"], "f", &[("to", 1)]), op("Div", &["f", "f"], "y")];
    assert!(graph(vec![], float).is_ok());
}

/// Dividing by what may be 0 or -1, though it looks like another number.
#[test]
fn pk_12_numbers_that_are_not_what_64_bits_would_be_are_not_known() {
    const INT32: u64 = 6;
    let refused = |parts: Vec<Message>, nodes: Vec<Message>, what: &str| {
        let result = graph(parts, nodes);
        assert!(matches!(result, Err(GraphError::Divisor { .. })), "{what}: {result:?}");
    };
    let narrow = |name: &str, number: i32| tensor(name, INT32, &[]).bytes(9, number.to_le_bytes());
    for (operator, a, b) in
        [("Mul", 1 << 16, 1 << 16), ("Add", i32::MAX, i32::MAX), ("Sub", i32::MIN, i32::MAX)]
    {
        let parts = vec![narrow("a", a), narrow("b", b)];
        refused(parts, vec![op(operator, &["a", "b"], "c"), op("Div", &["a", "c"], "y")], operator);
    }
    let low_half = tensor("b", INT32, &[]).int(5, 1 << 32);
    refused(vec![narrow("a", 7), low_half], vec![op("Div", &["a", "b"], "y")], "what protobuf cuts off");
    assert!(graph(vec![narrow("a", 7), narrow("b", 2)], vec![op("Div", &["a", "b"], "y")]).is_ok());

    let least = vec![scalar("a", i64::MIN), scalar("b", 1 << 62), scalar("two", 2)];
    let nodes = vec![
        op("Abs", &["a"], "size"),
        op("Div", &["size", "b"], "minus_two"),
        op("Add", &["minus_two", "two"], "zero"),
        op("Div", &["two", "zero"], "y"),
    ];
    refused(least, nodes, "the least number has no size");

    let byte = vec![
        node("", "Cast", &["one"], "byte", &[("to", 2)]),
        op("Add", &["byte", "byte"], "sum"),
        op("Mod", &["sum", "sum"], "y"),
    ];
    refused(vec![scalar("one", 1)], byte, "bytes wrap around");

    // How many rows there are is known, not how many a list of unknown length leaves.
    let parts =
        vec![numbers("s", &[512]), numbers("rest", &[-1]), numbers("one", &[1]), numbers("most", &[256])];
    let nodes = vec![
        op("ConstantOfShape", &["s"], "x"),
        op("Shape", &["input_ids"], "shape"),
        op("Gather", &["shape", "one"], "tokens"),
        op("Max", &["tokens", "one"], "some"),
        node("", "Concat", &["some", "rest"], "wanted", &[("axis", 0)]),
        op("Reshape", &["x", "wanted"], "z"),
        op("Shape", &["z"], "found"),
        op("Gather", &["found", "one"], "columns"),
        op("Sub", &["columns", "most"], "zero"),
        op("Div", &["one", "zero"], "y"),
    ];
    refused(parts, nodes, "a dimension of what is left");

    let nothing = vec![
        op("Shape", &["input_ids"], "shape"),
        op("Gather", &["shape", "one"], "tokens"),
        op("Expand", &["two", "tokens"], "twos"),
        op("ReduceMax", &["twos"], "most"),
        op("Div", &["one", "most"], "y"),
    ];
    refused(vec![numbers("one", &[1]), scalar("two", 2)], nothing, "the largest of nothing");
}

#[test]
fn pk_12_a_constant_is_what_its_type_says() {
    let constant = |name: &str, fill: fn(Message) -> Message| {
        let attribute = fill(Message::default().bytes(1, name));
        let made = Message::default().bytes(2, "c").bytes(4, "Constant").message(5, attribute);
        graph(vec![scalar("a", 7)], vec![made, op("Div", &["a", "c"], "y")])
    };
    assert!(constant("value_int", |it| it.int(3, 2).int(20, 2)).is_ok());
    assert!(
        matches!(constant("value_int", |it| it.int(20, 2)), Err(GraphError::Divisor { .. })),
        "0 is not written"
    );
    for (name, fill) in [
        ("value_float", (|it| it.int(3, 2).int(20, 2)) as fn(Message) -> Message),
        ("value_float", |it| it.int(20, 2)),
        ("value_floats", |it| it.int(20, 7)),
        ("value_int", |it| it.int(3, 2)),
        ("value_ints", |it| it.int(8, 2).int(20, 2)),
        ("value", |it| it.int(20, 4)),
    ] {
        let result = constant(name, fill);
        assert!(matches!(result, Err(GraphError::Unbounded { .. })), "{name}: {result:?}");
    }
}

#[test]
fn pk_13_numbers_that_are_rounded_make_no_range() {
    // 1 - 1/2 is not 1.
    let nodes = vec![
        node("", "Cast", &["one"], "f", &[("to", 1)]),
        op("Add", &["f", "f"], "two"),
        op("Div", &["f", "two"], "half"),
        op("Sub", &["f", "half"], "delta"),
        op("Sub", &["f", "f"], "zero"),
        op("Range", &["zero", "f", "delta"], "y"),
    ];
    let result = graph(vec![scalar("one", 1)], nodes);
    assert!(matches!(result, Err(GraphError::Unbounded { .. })), "{result:?}");
}

#[test]
fn pk_13_constants_do_not_grow() {
    let big = GRAPH_CONSTANT_BYTES.name;
    for shape in [&[1 << 29][..], &[1 << 32, 1 << 32], &[1 << 62, 8]] {
        let made = vec![op("ConstantOfShape", &["s"], "y")];
        assert_eq!(costs(graph(vec![numbers("s", shape)], made)), big, "{shape:?}");
        let expanded = vec![op("Expand", &["one", "s"], "y")];
        assert_eq!(costs(graph(vec![scalar("one", 1), numbers("s", shape)], expanded)), big);
    }
    let range = vec![op("Range", &["zero", "limit", "one"], "y")];
    let parts = vec![scalar("zero", 0), scalar("limit", 1 << 40), scalar("one", 1)];
    assert_eq!(costs(graph(parts, range)), big);
    let tiled = vec![op("Tile", &["x", "times"], "y")];
    assert_eq!(costs(graph(vec![numbers("x", &[1, 2]), numbers("times", &[1 << 30])], tiled)), big);

    // Each step doubles.
    let doubled: Vec<_> = (0..40)
        .map(|step| {
            let before = format!("d{step}");
            let after = if step == 39 { "y".to_owned() } else { format!("d{}", step + 1) };
            node("", "Concat", &[&before, &before], &after, &[("axis", 0)])
        })
        .collect();
    assert_eq!(costs(graph(vec![numbers("d0", &[1])], doubled)), big);
    // Many of a size that one may have.
    let many = (0..40).map(|index| {
        op("ConstantOfShape", &["s"], if index == 39 { "y".to_owned() } else { format!("m{index}") }.as_str())
    });
    assert_eq!(costs(graph(vec![numbers("s", &[1 << 20])], many.collect())), big);
    // A row and a column, and rows picked more often than there are.
    let outer = vec![
        op("ConstantOfShape", &["r"], "row"),
        op("ConstantOfShape", &["c"], "column"),
        op("Add", &["row", "column"], "y"),
    ];
    assert_eq!(costs(graph(vec![numbers("r", &[1, 20_000]), numbers("c", &[20_000, 1])], outer)), big);
    let picked = vec![
        op("ConstantOfShape", &["table"], "t"),
        op("ConstantOfShape", &["indices"], "i"),
        node("", "Cast", &["i"], "ids", &[("to", INT64)]),
        op("Gather", &["t", "ids"], "y"),
    ];
    assert_eq!(
        costs(graph(vec![numbers("table", &[1, 1 << 20]), numbers("indices", &[1 << 20])], picked)),
        big
    );
    // Within the bounds.
    let small = vec![op("ConstantOfShape", &["s"], "y")];
    assert_eq!(graph(vec![numbers("s", &[1024])], small).unwrap().constant_bytes, 4096);
}

#[test]
fn pk_13_constants_do_not_take_long() {
    let product = vec![op("ConstantOfShape", &["s"], "a"), op("MatMul", &["a", "a"], "y")];
    assert_eq!(costs(graph(vec![numbers("s", &[1500, 1500])], product)), GRAPH_CONSTANT_STEPS.name);
}

#[test]
fn pk_13_a_call_does_not_grow_beyond_its_tokens_and_weights() {
    // Tokens by tokens by tokens.
    let cube = vec![
        op("Unsqueeze", &["attention_mask", "one"], "rows"),
        op("Unsqueeze", &["attention_mask", "two"], "columns"),
        op("Add", &["rows", "columns"], "square"),
        op("Unsqueeze", &["square", "one"], "plane"),
        op("Unsqueeze", &["columns", "three"], "depth"),
        op("Add", &["plane", "depth"], "y"),
    ];
    let parts = vec![numbers("one", &[1]), numbers("two", &[2]), numbers("three", &[3])];
    assert_eq!(costs(graph(parts, cube)), GRAPH_CALL_BYTES.name);
    // A size that is computed: from what the cache has, and from what nobody knows.
    let by = |factor: i64| {
        let nodes = vec![
            op("Shape", &["past_key_values.0.key"], "shape"),
            op("Gather", &["shape", "two"], "capacity"),
            op("Mul", &["capacity", "factor"], "size"),
            op("ConstantOfShape", &["size"], "y"),
        ];
        graph(vec![numbers("two", &[2]), numbers("factor", &[factor])], nodes)
    };
    assert_eq!(by(4).unwrap().call_bytes, 8 + 4 * 512 * 4);
    assert_eq!(costs(by(1 << 20)), GRAPH_CALL_BYTES.name);
    assert_eq!(costs(by(i64::MAX)), GRAPH_CALL_BYTES.name, "it wraps around");
    let unknown = vec![
        op("ReduceSum", &["input_ids"], "sum"),
        op("Reshape", &["sum", "list"], "size"),
        op("ConstantOfShape", &["size"], "y"),
    ];
    assert!(matches!(
        graph(vec![numbers("list", &[1])], unknown),
        Err(GraphError::Costs { .. } | GraphError::Unbounded { .. })
    ));
    let step = vec![op("Range", &["zero", "one", "zero"], "y")];
    let step = graph(vec![scalar("zero", 0), scalar("one", 1)], step);
    assert!(matches!(step, Err(GraphError::Unbounded { .. })), "{step:?}");
    // Products that take long.
    let powers: Vec<_> = (0..2000)
        .map(|index| {
            let (before, after) =
                (format!("p{index}"), if index == 1999 { "y".into() } else { format!("p{}", index + 1) });
            op("MatMul", &[&before, &before], &after)
        })
        .collect();
    let begun = vec![
        op("Unsqueeze", &["attention_mask", "one"], "rows"),
        op("Unsqueeze", &["attention_mask", "two"], "columns"),
        op("Add", &["rows", "columns"], "square"),
        node("", "Cast", &["square"], "p0", &[("to", 1)]),
    ];
    let parts = vec![numbers("one", &[1]), numbers("two", &[2])];
    assert_eq!(costs(graph(parts, [begun, powers].concat())), GRAPH_CALL_STEPS.name);
}

#[test]
fn what_is_released_does_not_count_twice() {
    let chain = |length: usize| {
        let nodes = (0..length).map(|index| {
            let before = if index == 0 { "past_key_values.0.key".to_owned() } else { format!("c{index}") };
            op(
                "Tanh",
                &[&before],
                &if index + 1 == length { "y".to_owned() } else { format!("c{}", index + 1) },
            )
        });
        graph(vec![], nodes.collect()).unwrap()
    };
    let cache_bytes = 2 * 512 * 16 * 4;
    assert_eq!(chain(1).call_bytes, cache_bytes);
    assert_eq!(chain(2).call_bytes, 2 * cache_bytes);
    assert_eq!(chain(100).call_bytes, 2 * cache_bytes);
}

#[test]
fn shapes_that_are_made_of_shapes_are_followed() {
    // As exporters split heads: [1, tokens, 64] to [1, tokens, 4, 16] and back.
    let nodes = vec![
        op("Shape", &["past_key_values.0.key"], "shape"),
        op("Slice", &["shape", "from", "to"], "batch"),
        node("", "Concat", &["batch", "rest"], "wanted", &[("axis", 0)]),
        op("Reshape", &["past_key_values.0.key", "wanted"], "y"),
    ];
    let parts = vec![numbers("from", &[0]), numbers("to", &[1]), numbers("rest", &[2, -1, 16])];
    assert_eq!(graph(parts, nodes).unwrap().call_bytes, 2 * 512 * 16 * 4 + 4 * 8);
}

#[test]
fn an_output_without_a_name_is_no_input_without_a_name() {
    // As onnxruntime-genai exports: norms whose middle outputs nobody wants, then attention on packed queries, keys and
    // values, whose second and third input are not given.
    let graph_with = |unwanted: &[&str]| {
        let norm = node(MICROSOFT, "SkipSimplifiedLayerNormalization", &["x", "x", "scale"], "n", &[]);
        let cache = "past_key_values.0.key";
        let heads = [("num_heads", 2), ("kv_num_heads", 1)];
        let nodes = vec![
            op("Gather", &["table", "input_ids"], "x"),
            unwanted.iter().fold(norm, |norm, name| norm.bytes(2, name)),
            node(MICROSOFT, "GroupQueryAttention", &["n", "", "", cache, cache], "a", &heads),
            op("MatMul", &["a", "w"], "y"),
        ];
        graph(vec![floats("table", &[10, 64]), floats("scale", &[64]), floats("w", &[32, 64])], nodes)
    };
    assert_eq!(graph_with(&["", ""]).unwrap(), graph_with(&[]).unwrap());
}

#[test]
fn the_sum_that_a_norm_is_of_has_its_shape() {
    // As onnxruntime-genai exports: the sum, the fourth output, goes on to the next norm.
    let steps_with = |residual: &str| {
        let norm = |inputs: &[&str], output| {
            node(MICROSOFT, "SkipSimplifiedLayerNormalization", inputs, output, &[])
        };
        let nodes = vec![
            op("Gather", &["table", "input_ids"], "x"),
            norm(&["x", "x", "scale"], "n").bytes(2, "").bytes(2, "").bytes(2, "sum"),
            norm(&[residual, "n", "scale"], "m"),
            op("MatMul", &["m", "w"], "y"),
        ];
        let parts = vec![floats("table", &[10, 64]), floats("scale", &[64]), floats("w", &[64, 64])];
        graph(parts, nodes).unwrap().call_steps
    };
    assert_eq!(steps_with("sum"), steps_with("x"));
}

#[test]
fn pk_14_an_attribute_stands_once() {
    let attribute = |name: &str, value: u64| Message::default().bytes(1, name).int(3, value).int(20, 2);
    let twice = op("ReduceSum", &["input_ids"], "y")
        .message(5, attribute("keepdims", 0))
        .message(5, attribute("keepdims", 1));
    assert!(
        matches!(graph(vec![], vec![twice]), Err(GraphError::AttributeTwice { attribute, .. }) if attribute == "keepdims")
    );
    let both = Message::default().bytes(1, "keepdims").int(3, 1).int(8, 1);
    let both = graph(vec![], vec![op("ReduceSum", &["input_ids"], "y").message(5, both)]);
    assert!(matches!(both, Err(GraphError::NotOne { field: "value", .. })), "{both:?}");
    for (number, message) in [(3, "node"), (4, "node"), (7, "node")] {
        let twice = op("Neg", &["input_ids"], "y").bytes(number, "Neg");
        let result = graph(vec![], vec![twice]);
        assert!(
            matches!(result, Err(GraphError::NotOne { message: found, .. }) if found == message),
            "{result:?}"
        );
    }
    let named = graph(vec![scalar("a", 1).bytes(8, "b")], vec![op("Neg", &["a"], "y")]);
    assert!(matches!(named, Err(GraphError::NotOne { message: "tensor", .. })), "{named:?}");
    assert!(matches!(
        graph(vec![scalar("a", 1), scalar("a", 1)], vec![op("Neg", &["a"], "y")]),
        Err(GraphError::Twice { .. })
    ));
}

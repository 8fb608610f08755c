//! Nodes: known operators with known attributes, and names that are defined once and before their use.

use std::collections::HashSet;

use super::GraphError;
use super::proto::{Graph, Input, Node};
use super::tensors::{Initializers, check_constant};
use super::{compiled, limits};

/// ONNX Runtime's own domain.
pub(super) const MICROSOFT: &str = "com.microsoft";
/// The domain of our operators.
pub const DOMAIN: &str = "wheelwork";

/// Domain, operator, attributes. ONNX: <https://onnx.ai/onnx/operators/>; Microsoft: `docs/ContribOperators.md` in
/// ONNX Runtime's repository.
#[rustfmt::skip]
const OPERATORS: &[(&str, &str, &[&str])] = &[
    ("", "Abs", &[]), ("", "Add", &[]), ("", "And", &[]), ("", "Cos", &[]), ("", "Div", &[]),
    ("", "Equal", &[]), ("", "Erf", &[]), ("", "Exp", &[]), ("", "Expand", &[]), ("", "Floor", &[]),
    ("", "Greater", &[]), ("", "GreaterOrEqual", &[]), ("", "Identity", &[]), ("", "Less", &[]),
    ("", "LessOrEqual", &[]), ("", "MatMul", &[]), ("", "Max", &[]), ("", "Min", &[]), ("", "Mul", &[]),
    ("", "Neg", &[]), ("", "Not", &[]), ("", "Or", &[]), ("", "Pow", &[]), ("", "Range", &[]),
    ("", "Reciprocal", &[]), ("", "Sigmoid", &[]), ("", "Sin", &[]), ("", "Slice", &[]),
    ("", "Softplus", &[]), ("", "Sqrt", &[]), ("", "Sub", &[]), ("", "Tanh", &[]), ("", "Tile", &[]),
    ("", "Where", &[]), ("", "Clip", &[]), ("", "Mod", &["fmod"]),
    ("", "Cast", &["to", "saturate", "round_mode"]),
    ("", "Concat", &["axis"]),
    ("", "Constant", &["value", "value_int", "value_ints", "value_float", "value_floats"]),
    ("", "ConstantOfShape", &["value"]),
    ("", "CumSum", &["exclusive", "reverse"]),
    ("", "DequantizeLinear", &["axis", "block_size", "output_dtype"]),
    ("", "DynamicQuantizeLinear", &[]),
    ("", "Flatten", &["axis"]),
    ("", "Gather", &["axis"]),
    ("", "GatherElements", &["axis"]),
    ("", "GatherND", &["batch_dims"]),
    ("", "Gelu", &["approximate"]),
    ("", "Gemm", &["alpha", "beta", "transA", "transB"]),
    ("", "LayerNormalization", &["axis", "epsilon", "stash_type"]),
    ("", "MatMulInteger", &[]),
    ("", "QuantizeLinear", &["axis", "block_size", "output_dtype", "precision", "saturate"]),
    ("", "ReduceMax", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("", "ReduceMean", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("", "ReduceMin", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("", "ReduceSum", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("", "Reshape", &["allowzero"]),
    ("", "RMSNormalization", &["axis", "epsilon", "stash_type"]),
    ("", "RotaryEmbedding", &["interleaved", "num_heads", "rotary_embedding_dim"]),
    ("", "ScatterND", &["reduction"]),
    ("", "Shape", &["start", "end"]),
    // Not ONNX's, but registered in its domain by ONNX Runtime.
    ("", "SimplifiedLayerNormalization", &["axis", "epsilon", "stash_type"]),
    ("", "Softmax", &["axis"]),
    ("", "Split", &["axis", "num_outputs"]),
    ("", "Squeeze", &["axes"]),
    ("", "TopK", &["axis", "largest", "sorted"]),
    ("", "Transpose", &["perm"]),
    ("", "Trilu", &["upper"]),
    ("", "Unsqueeze", &["axes"]),
    (MICROSOFT, "BiasGelu", &[]),
    (MICROSOFT, "DynamicQuantizeMatMul", &[]),
    // Only as a whole graph: `compiled.rs`.
    (MICROSOFT, compiled::OPERATOR, compiled::ATTRIBUTES),
    (MICROSOFT, "FastGelu", &[]),
    (MICROSOFT, "FusedMatMul", &["alpha", "transA", "transB", "transBatchA", "transBatchB"]),
    (MICROSOFT, "GatherBlockQuantized", &["bits", "block_size", "gather_axis", "quantize_axis"]),
    (MICROSOFT, "Gelu", &[]),
    (MICROSOFT, "GroupQueryAttention", &[
        "causal", "do_rotary", "k_quant_type", "kv_cache_bit_width", "kv_num_heads", "local_window_size", "num_heads",
        "qk_norm_epsilon", "qk_output", "rotary_interleaved", "scale", "sliding_window_cache", "smooth_softmax",
        "softcap", "v_quant_type",
    ]),
    (MICROSOFT, "MatMulIntegerToFloat", &[]),
    (MICROSOFT, "MatMulNBits", &["K", "N", "accuracy_level", "bits", "block_size", "weight_prepacked"]),
    (MICROSOFT, "MultiHeadAttention", &["mask_filter_value", "num_heads", "scale", "unidirectional"]),
    (MICROSOFT, "QuickGelu", &["alpha"]),
    (MICROSOFT, "RotaryEmbedding", &[
        "interleaved", "is_packed_batching", "num_heads", "rotary_embedding_dim", "scale",
    ]),
    (MICROSOFT, "SkipLayerNormalization", &["epsilon"]),
    (MICROSOFT, "SkipSimplifiedLayerNormalization", &["epsilon"]),
];

/// Checks the nodes and the names of a graph.
pub(super) fn check(graph: &Graph<'_>, initializers: &Initializers<'_>) -> Result<(), GraphError> {
    let mut defined: HashSet<&str> = initializers.keys().copied().collect();
    for Input { name: input, .. } in &graph.inputs {
        // Up to version 3 of the format an initialiser had to be an input as well: a default that a caller replaces.
        if input.is_empty() || !defined.insert(input) {
            return Err(GraphError::Twice { value: GraphError::text(input.as_bytes()) });
        }
    }
    if graph.nodes.iter().map(|node| node.inputs.len()).sum::<usize>() > limits::USES {
        return Err(GraphError::TooMany { what: "inputs of nodes", limit: limits::USES });
    }
    for node in &graph.nodes {
        operator(node)?;
        if let Some(value) = node.inputs.iter().find(|input| !input.is_empty() && !defined.contains(*input)) {
            let value = GraphError::text(value.as_bytes());
            return Err(GraphError::Undefined { node: node.label(), value });
        }
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            if !defined.insert(output) {
                return Err(GraphError::Twice { value: GraphError::text(output.as_bytes()) });
            }
        }
    }
    let mut outputs = HashSet::new();
    for Input { name, .. } in &graph.outputs {
        let value = || GraphError::text(name.as_bytes());
        if !defined.contains(name) {
            return Err(GraphError::Undefined { node: "the graph's output".into(), value: value() });
        }
        if !outputs.insert(name) {
            return Err(GraphError::Twice { value: value() });
        }
    }
    Ok(())
}

fn operator(node: &Node<'_>) -> Result<(), GraphError> {
    let known = OPERATORS.iter().find(|(domain, name, _)| (*domain, *name) == (node.domain, node.operator));
    let Some((_, operator, attributes)) = known else {
        return Err(GraphError::Operator {
            node: node.label(),
            domain: GraphError::text(node.domain.as_bytes()),
            operator: GraphError::text(node.operator.as_bytes()),
        });
    };
    for (index, attribute) in node.attributes.iter().enumerate() {
        if node.attributes.iter().take(index).any(|before| before.name == attribute.name) {
            let attribute = GraphError::text(attribute.name.as_bytes());
            return Err(GraphError::AttributeTwice { node: node.label(), attribute });
        }
        if !attributes.contains(&attribute.name) {
            return Err(GraphError::Attribute {
                node: node.label(),
                operator: (*operator).to_owned(),
                attribute: GraphError::text(attribute.name.as_bytes()),
            });
        }
        if let Some(tensor) = &attribute.tensor {
            check_constant(tensor)?;
        }
    }
    Ok(())
}

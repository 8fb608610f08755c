//! The variant `qnn-htp-float`: the CPU variant's graph and weights in fixed shapes, for NPUs that compute
//! in half precision. It needs no calibration.
//!
//! ```text
//! model.onnx of the variant cpu --edit--> prefill.onnx (64 tokens), decode.onnx (1 token)
//! ```
//!
//! What is edited, because Qualcomm's provider refuses it or shapes must not depend on values:
//! - the embedding leaves the graph: `x` holds the rows, which the host looks up;
//! - `seqlens_k` and `total_sequence_length` are inputs instead of sums over a mask;
//! - a bias within `MatMulNBits` becomes an `Add`, `SkipSimplifiedLayerNormalization` an `Add` and an
//!   `RMSNormalization`;
//! - `accuracy_level`, which lets the CPU round activations to 8 bits, goes: it means nothing to an NPU, and
//!   without it the same graph on the CPU is an exact reference;
//! - prefill computes the logits of the position that `logits_position` names: the last token, not the padding.
//!
//! All other files are hard links to those of the CPU variant where the file system has them.

use std::path::Path;

use wheelwork_onnx::{Edit, EditNode, ElementType, GraphError, GraphValue};
use wheelwork_package::card::{
    Architecture, EmbeddingBlocks, EmbeddingTable, EmbeddingType, GraphForm, GraphPart, LmHead, StaticGraphs,
};
use wheelwork_package::files::names;
use wheelwork_package::tensors::{self as contract, static_graph};
use wheelwork_package::{Card, json};

use crate::CPU;
use crate::disk::write_file;
use crate::error::{QuantizeError, RequestError};
use crate::kv_cache::GRAPH_BYTES_LIMIT;
use crate::output::remove;
use crate::static_variant::{self, Weights};

/// The variant's name and folder.
pub const VARIANT: &str = "qnn-htp-float";
const PREFILL: &str = "prefill.onnx";
const DECODE: &str = "decode.onnx";
/// The provider leaves attention to the CPU unless a file of this form tells it not to.
const OP_AFFINITY: &str = "{\"op_type\":{\"GroupQueryAttention\":\"htp\"}}\n";

/// The shapes of the two graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticShapes {
    /// Tokens that the cache holds, at most the package's context length.
    pub context_length: usize,
    /// Tokens of a prefill call.
    pub prefill_tokens: usize,
}

impl Default for StaticShapes {
    fn default() -> Self {
        Self { context_length: 2048, prefill_tokens: 64 }
    }
}

/// Adds the variant to a package folder that has the variant `cpu`, or replaces it. A context that is longer than the
/// package's is taken as the package's.
///
/// The package is complete before, between and after the steps: the folder, the card, the manifest.
///
/// # Errors
/// [`QuantizeError::Request`] for a folder without a card or CPU variant, [`QuantizeError::Package`],
/// [`QuantizeError::Write`], or [`QuantizeError::Graph`] where the graph is none of this version's.
pub fn add_to(package: &Path, shapes: StaticShapes) -> Result<Card, QuantizeError> {
    let open = wheelwork_package::open(package)?;
    let cpu = open.variant(CPU)?.clone();
    let Some(card) = open.card else {
        return Err(RequestError::NotAPackage { path: package.into() }.into());
    };
    let context_length = shapes.context_length.min(cpu.config.model.context_length);
    let shapes =
        StaticShapes { context_length, prefill_tokens: shapes.prefill_tokens.clamp(2, context_length) };
    let graph = json::read_bytes(&cpu.folder.join(names::GRAPH), GRAPH_BYTES_LIMIT)?;
    let source = Source { graph: &graph, architecture: &card.architecture };

    let new = package.join(format!(".{VARIANT}.new"));
    remove(&new)?;
    fs_err::create_dir(&new).map_err(QuantizeError::write(&new))?;
    let prefill = source.edited(Call { tokens: shapes.prefill_tokens, context_length })?;
    let decode = source.edited(Call { tokens: 1, context_length })?;
    write_file(&new.join(PREFILL), &prefill.to_bytes())?;
    write_file(&new.join(DECODE), &decode.to_bytes())?;
    write_file(&new.join(names::OP_AFFINITY), OP_AFFINITY.as_bytes())?;
    let graphs = static_graphs(&source, shapes, card.architecture.num_hidden_layers)?;
    static_variant::add(package, VARIANT, &new, Weights::OfCpu, graphs)
}

fn static_graphs(
    source: &Source<'_>,
    shapes: StaticShapes,
    layers: usize,
) -> Result<StaticGraphs, GraphError> {
    let part = GraphPart { first_layer: 0, layers, prefill: PREFILL.to_owned(), decode: DECODE.to_owned() };
    Ok(StaticGraphs {
        form: GraphForm::Float,
        context_length: shapes.context_length,
        prefill_tokens: shapes.prefill_tokens,
        parts: vec![part],
        lm_head: LmHead::Graph,
        embedding: source.embedding()?,
        inverse_frequencies: Vec::new(),
        recipe: serde_json::Value::Null,
        encodings: None,
        context_binaries: Vec::new(),
        self_check: None,
    })
}

/// The finished graph of the CPU variant.
struct Source<'a> {
    graph: &'a [u8],
    architecture: &'a Architecture,
}

/// The shapes of one graph.
#[derive(Clone, Copy)]
struct Call {
    tokens: usize,
    context_length: usize,
}

impl Source<'_> {
    /// Where the embedding table stands.
    fn embedding(&self) -> Result<EmbeddingTable, GraphError> {
        let mut graph = Edit::read(self.graph)?;
        let missing = || GraphError::Missing("a lookup of `input_ids` in a table".to_owned());
        let lookup = graph.take_nodes().into_iter().find(is_lookup).ok_or_else(missing)?;
        let offset = |index: usize| {
            let name = lookup.inputs.get(index).filter(|name| !name.is_empty())?;
            Some(graph.external(name)?.1.offset)
        };
        let dtype = if lookup.operator == "Gather" {
            EmbeddingType::Float32 { offset: offset(0).ok_or_else(missing)? }
        } else {
            let number = |name: &str| lookup.int(name).ok_or_else(missing);
            EmbeddingType::Blocks(EmbeddingBlocks {
                bits: u8::try_from(number("bits")?).map_err(|_| missing())?,
                block_size: usize::try_from(number("block_size")?).map_err(|_| missing())?,
                codes: offset(0).ok_or_else(missing)?,
                scales: offset(2).ok_or_else(missing)?,
                zero_points: offset(3),
            })
        };
        Ok(EmbeddingTable { file: names::WEIGHTS.to_owned(), dtype })
    }

    fn edited(&self, call: Call) -> Result<Edit, GraphError> {
        let mut graph = Edit::read(self.graph)?;
        let mut nodes = Vec::new();
        // Values that have another name from here on.
        let mut renamed = vec![
            ("last_positions".to_owned(), static_graph::LAST_POSITION.to_owned()),
            ("total_length".to_owned(), static_graph::TOTAL_LENGTH.to_owned()),
        ];
        for mut node in graph.take_nodes() {
            for input in &mut node.inputs {
                if let Some((_, new)) = renamed.iter().find(|(old, _)| old == input) {
                    input.clone_from(new);
                }
            }
            if is_lookup(&node) {
                renamed.push((only_output(&node), static_graph::X.to_owned()));
                continue;
            }
            match node.operator.as_str() {
                // They make lengths of the mask.
                "ReduceSum" | "ReduceMax" | "Sub" | "Cast" => {}
                "Gather" if call.tokens == 1 => {
                    renamed.push((only_output(&node), node.inputs.first().cloned().unwrap_or_default()));
                }
                "Gather" => {
                    if let Some(position) = node.inputs.get_mut(1) {
                        static_graph::LOGITS_POSITION.clone_into(position);
                    }
                    nodes.push(node);
                }
                "MatMulNBits" => nodes.extend(product(node)),
                "SkipSimplifiedLayerNormalization" => nodes.extend(add_and_norm(&node)?),
                _ => nodes.push(node),
            }
        }
        graph.put_nodes(nodes);
        for table in ["rope.cosines", "rope.sines"] {
            graph.shorten(table, call.context_length)?;
        }
        let (inputs, outputs) = self.inputs_and_outputs(call);
        graph.set_inputs_and_outputs(&inputs, &outputs);
        Ok(graph)
    }

    fn inputs_and_outputs(&self, call: Call) -> (Vec<GraphValue>, Vec<GraphValue>) {
        let Architecture { hidden_size, vocab_size, num_key_value_heads, head_dim, .. } = *self.architecture;
        let value = |name: &str, element, shape: &[usize]| GraphValue {
            name: name.to_owned(),
            element,
            shape: shape.to_vec(),
        };
        let (float, int) = (ElementType::Float32, ElementType::Int32);
        let caches = |patterns: [&'static str; 2]| {
            let shape = [1, num_key_value_heads, call.context_length, head_dim];
            (0..self.architecture.num_hidden_layers)
                .flat_map(move |layer| patterns.map(|pattern| contract::layer_name(pattern, layer)))
                .map(move |name| value(&name, float, &shape))
        };
        let mut inputs = vec![
            value(static_graph::X, float, &[1, call.tokens, hidden_size]),
            value(static_graph::LAST_POSITION, int, &[1]),
            value(static_graph::TOTAL_LENGTH, int, &[]),
        ];
        if call.tokens > 1 {
            inputs.push(value(static_graph::LOGITS_POSITION, int, &[1]));
        }
        inputs.extend(caches([contract::PAST_KEY_PATTERN, contract::PAST_VALUE_PATTERN]));
        let mut outputs = vec![value(contract::LOGITS, float, &[1, 1, vocab_size])];
        outputs.extend(caches([contract::PRESENT_KEY_PATTERN, contract::PRESENT_VALUE_PATTERN]));
        (inputs, outputs)
    }
}

fn is_lookup(node: &EditNode) -> bool {
    matches!(node.operator.as_str(), "Gather" | "GatherBlockQuantized")
        && node.inputs.get(1).is_some_and(|ids| ids == contract::INPUT_IDS)
}

fn only_output(node: &EditNode) -> String {
    node.outputs.first().cloned().unwrap_or_default()
}

/// Without rounding of activations; a bias is added by a node of its own.
fn product(mut node: EditNode) -> Vec<EditNode> {
    const BIAS: usize = 5;
    node.without("accuracy_level");
    let bias = node.remove_input(BIAS);
    if bias.is_empty() {
        return vec![node];
    }
    let sum = only_output(&node);
    let product = format!("{sum}.product");
    (node.name, node.outputs) = (product.clone(), vec![product.clone()]);
    vec![node, EditNode::standard("Add", &sum, &[&product, &bias])]
}

fn add_and_norm(node: &EditNode) -> Result<[EditNode; 2], GraphError> {
    let missing = || GraphError::Missing(format!("inputs, outputs or epsilon of `{}`", node.name));
    let ([a, b, weight, ..], [normed, _, _, sum]) = (&node.inputs[..], &node.outputs[..]) else {
        return Err(missing());
    };
    let epsilon = node.float("epsilon").ok_or_else(missing)?;
    let norm = EditNode::standard("RMSNormalization", normed, &[sum, weight]);
    Ok([EditNode::standard("Add", sum, &[a, b]), norm.with("axis", -1_i64).with("epsilon", epsilon)])
}

//! The graphs of a package: integers as inputs and outputs, and between any two operators.
//!
//! Each activation is followed by `QuantizeLinear` and `DequantizeLinear` in its encoding, from which an execution
//! provider makes integer operators. Weights stand in the data file as `[columns, rows]`, the way `MatMul` reads them:
//!
//! ```text
//! blocks:  multipliers (uint8 [columns / block, rows]) * channel scales -> steps; codes (int4) * steps -> MatMul
//! others:  codes (int4 or int8) * channel scales -> MatMul
//! ```
//!
//! Biases and norms are 16-bit constants of the graph itself.

use std::collections::BTreeMap;
use std::ops::Range as Indices;

use wheelwork_onnx::{Dimension, ElementType, Extent, Graph, GraphError, Model, Node, Value};
use wheelwork_package::card::Encoding;
use wheelwork_package::tensors::static_graph as graph_io;

use super::emit::{Emit, Flow, Key, Output};
use super::layer::{self, CACHED, Layer, MASKED, Shared, Tokens};
use super::ranges::{Range, Ranges};
use crate::architecture::names;
use crate::checkpoint::Config;
use crate::scheme::channel::{CHANNEL_8, ChannelScheme};

/// What is known of the numbers; without it, a graph only says where its weights stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// How large activations get.
    pub(super) ranges: &'a Ranges,
    /// Biases and norms by the checkpoint's names, folded.
    pub(super) vectors: &'a BTreeMap<String, Vec<f32>>,
}

/// Which layers a graph has, and for how many tokens.
#[derive(Debug, Clone)]
pub(super) struct Cut<'a> {
    /// The data file.
    pub(super) data_file: &'a str,
    pub(super) layers: Indices<usize>,
    /// Tokens of a call.
    pub(super) tokens: usize,
    /// Tokens that the cache holds.
    pub(super) context_length: usize,
}

/// A graph, and what to write into its data file.
#[derive(Debug)]
pub(super) struct StaticPlan {
    /// The graph.
    pub(super) model: Model,
    /// The matrices, in the order of the file.
    pub(super) matrices: Vec<PlannedMatrix>,
}

/// A matrix in the data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMatrix {
    /// The checkpoint's name.
    pub tensor: String,
    /// Output channels.
    pub rows: usize,
    /// Input channels.
    pub columns: usize,
    /// How.
    pub scheme: ChannelScheme,
    /// Codes, `[columns, rows]`.
    pub codes: Extent,
    /// Multipliers, `[blocks, rows]`, a byte each.
    pub multipliers: Option<Extent>,
    /// Scales, `[rows]`, float32.
    pub scales: Extent,
}

/// Builds the graph of a part of a model.
///
/// # Errors
/// [`GraphError::Missing`] where `facts` lack something, others for sizes that no machine can address.
pub(super) fn build(
    config: &Config,
    weights: ChannelScheme,
    cut: Cut<'_>,
    facts: Option<Facts<'_>>,
) -> Result<StaticPlan, GraphError> {
    let graph = Graph::new("static_decoder", cut.data_file);
    let mut emit =
        Quantized { graph, weights, facts, matrices: Vec::new(), zeros: Vec::new(), missing: None };
    let tokens = Tokens { call: cut.tokens, cache: cut.context_length };
    let hidden = [1, cut.tokens, config.hidden_size];
    let key = match cut.layers.start.checked_sub(1) {
        Some(before) => names::layer(before, layer::OUTPUT),
        None => graph_io::X.to_owned(),
    };
    let mut x = emit.input(graph_io::X, &hidden.map(Dimension::Size), &key);
    let shared = Shared::new(&mut emit, config, Some(tokens));
    let end = cut.layers.end;
    for index in cut.layers {
        let leaves = index + 1 == end && end != config.num_hidden_layers;
        let output = leaves.then_some(Output { shape: &hidden, is_read: false });
        let prefix = names::layer(index, "");
        let layer = Layer { emit: &mut emit, shared: &shared, index, prefix, output };
        x = layer.build(&x, leaves.then_some(graph_io::HIDDEN));
    }
    if end == config.num_hidden_layers {
        let output = Output { shape: &[1, cut.tokens, config.vocab_size], is_read: false };
        layer::head(&mut emit, config, &x, output);
    }
    let Quantized { graph, matrices, missing, .. } = emit;
    if let Some(missing) = missing {
        return Err(GraphError::Missing(missing));
    }
    Ok(StaticPlan { model: graph.finish("wheelwork", env!("CARGO_PKG_VERSION"))?, matrices })
}

/// The encodings of a model's activations, by key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a>(pub(super) &'a Ranges);

impl Table<'_> {
    /// The encoding that a key stands for, or the range that is missing.
    pub(super) fn encoding(self, key: &str) -> Result<(Encoding, ElementType), String> {
        let range = |name: &str| self.0.get(name).ok_or_else(|| format!("range of `{name}`"));
        let wide = |encoding| Ok((encoding, ElementType::Uint16));
        match key {
            layer::UNIT => wide(Range { low: 0.0, high: 1.0 }.exact()),
            layer::ROTARY => wide(Range::symmetric(1.0).exact()),
            layer::MASK => wide(Range { low: self.0.mask_minimum(), high: 0.0 }.exact()),
            _ => {
                if let Some(name) = key.strip_suffix(CACHED) {
                    Ok((range(name)?.narrow(), ElementType::Uint8))
                } else if let Some(name) = key.strip_suffix(MASKED) {
                    wide(Ranges::masked(range(name)?).wide())
                } else {
                    wide(range(key)?.wide())
                }
            }
        }
    }
}

struct Quantized<'a> {
    graph: Graph,
    /// How the projections of the layers are stored.
    weights: ChannelScheme,
    facts: Option<Facts<'a>>,
    matrices: Vec<PlannedMatrix>,
    /// Zero points by their shape.
    zeros: Vec<([usize; 2], Value)>,
    /// The first fact that was not there.
    missing: Option<String>,
}

impl Quantized<'_> {
    fn encoding(&mut self, key: &str) -> (Encoding, ElementType) {
        let unknown = (Encoding { scale: 1.0, zero_point: 0 }, ElementType::Uint16);
        let Some(facts) = self.facts else { return unknown };
        Table(facts.ranges).encoding(key).unwrap_or_else(|missing| {
            self.missing.get_or_insert(missing);
            unknown
        })
    }

    /// Scale and zero point as constants.
    fn constants(&mut self, name: &str, (encoding, element): (Encoding, ElementType)) -> [Value; 2] {
        let scale = encoding.scale.to_le_bytes().to_vec();
        let width = if element == ElementType::Uint8 { 1 } else { 2 };
        let zero_point = encoding.zero_point.to_le_bytes().into_iter().take(width).collect();
        [
            self.graph.raw_constant(&format!("{name}:scale"), ElementType::Float32, &[], scale),
            self.graph.raw_constant(&format!("{name}:zero_point"), element, &[], zero_point),
        ]
    }

    /// Numbers as codes, under a name.
    fn quantized(&mut self, name: &str, float: &Value, constants: &[Value; 2]) -> Value {
        let [scale, zero_point] = constants;
        let node = Node::standard("QuantizeLinear", &format!("{name}:codes"));
        let [codes] = self.graph.add_named(node.input(float).input(scale).input(zero_point), [name]);
        codes
    }

    /// Codes as numbers.
    fn real(&mut self, codes: &Value, constants: &[Value; 2]) -> Value {
        let [scale, zero_point] = constants;
        let name = format!("{}:real", codes.name());
        self.graph.add(Node::standard("DequantizeLinear", &name).input(codes).input(scale).input(zero_point))
    }

    /// Zero points of a shape. The format would let them be left out; the provider then leaves the product to the CPU.
    fn zeros(&mut self, shape: [usize; 2]) -> Value {
        if let Some((_, known)) = self.zeros.iter().find(|(known, _)| *known == shape) {
            return known.clone();
        }
        let [blocks, rows] = shape;
        let bytes = vec![0; (blocks * rows).div_ceil(2)];
        let name = format!("zeros.{blocks}.{rows}");
        let value = self.graph.raw_constant(&name, ElementType::Int4, &shape, bytes);
        self.zeros.push((shape, value.clone()));
        value
    }

    fn after(&mut self, name: &str, float: &Value, key: &str) -> Flow {
        let encoding = self.encoding(key);
        let constants = self.constants(name, encoding);
        let codes = self.quantized(name, float, &constants);
        Flow { value: self.real(&codes, &constants), key: key.to_owned() }
    }
}

impl Emit for Quantized<'_> {
    fn graph(&mut self) -> &mut Graph {
        &mut self.graph
    }

    fn input(&mut self, name: &str, shape: &[Dimension<'_>], key: &str) -> Flow {
        let encoding = self.encoding(key);
        let codes = self.graph.input(name, encoding.1, shape);
        let constants = self.constants(name, encoding);
        Flow { value: self.real(&codes, &constants), key: key.to_owned() }
    }

    fn act(&mut self, node: Node, key: Key<'_>) -> Flow {
        let name = node.name().to_owned();
        let [float] = self.graph.add_named(node, [&format!("{name}:float")]);
        match key {
            Key::Own => self.after(&name, &float, &name),
            Key::As(key) => self.after(&name, &float, key),
        }
    }

    fn output(&mut self, node: Node, key: Key<'_>, output: Output<'_>) -> Flow {
        let name = node.name().to_owned();
        let key = match key {
            Key::Own => &name,
            Key::As(key) => key,
        };
        let [float] = self.graph.add_named(node, [&format!("{name}:float")]);
        let encoding = self.encoding(key);
        let constants = self.constants(&name, encoding);
        let codes = self.quantized(&name, &float, &constants);
        let shape: Vec<_> = output.shape.iter().map(|&size| Dimension::Size(size)).collect();
        self.graph.output(&codes, encoding.1, &shape);
        let value = if output.is_read { self.real(&codes, &constants) } else { codes };
        Flow { value, key: key.to_owned() }
    }

    fn halves(&mut self, node: Node, names: [&str; 2], key: &str) -> [Flow; 2] {
        let floats = names.map(|name| format!("{name}:float"));
        let [low, high] = self.graph.add_named(node, floats.each_ref().map(String::as_str));
        let [first, second] = names;
        [self.after(first, &low, key), self.after(second, &high, key)]
    }

    fn recode(&mut self, name: &str, flow: &Flow, key: &str) -> Flow {
        self.after(name, &flow.value, key)
    }

    fn pair_lengths(&mut self, _: &str, _: &[Flow; 2]) {}

    fn product(&mut self, name: &str, input: &Flow, tensor: &str, shape: [usize; 2]) -> Node {
        let [rows, columns] = shape;
        let scheme = if tensor == names::LM_HEAD { CHANNEL_8 } else { self.weights };
        let part = |part: &str| format!("{name}.{part}");
        let element = if scheme.bits == 4 { ElementType::Int4 } else { ElementType::Int8 };
        let codes = self.graph.external(&part("codes"), element, &[columns, rows]);
        let scales = self.graph.external(&part("scales"), ElementType::Float32, &[rows]);
        let multipliers = scheme.block_size.map(|_| {
            let shape = [scheme.blocks(columns), rows];
            self.graph.external(&part("multipliers"), ElementType::Uint8, &shape)
        });
        self.matrices.push(PlannedMatrix {
            tensor: tensor.to_owned(),
            rows,
            columns,
            scheme,
            codes: codes.extent,
            multipliers: multipliers.as_ref().map(|multipliers| multipliers.extent),
            scales: scales.extent,
        });
        let weights = Node::standard("DequantizeLinear", &part("weights")).input(&codes.value);
        let weights = match (multipliers, scheme.block_size) {
            (Some(multipliers), Some(block_size)) => {
                let steps = Node::standard("DequantizeLinear", &part("steps"));
                let steps = steps.input(&multipliers.value).input(&scales.value).attribute("axis", 1_i64);
                let steps = self.graph.add(steps);
                let zeros = self.zeros([scheme.blocks(columns), rows]);
                weights
                    .inputs([&steps, &zeros])
                    .attribute("axis", 0_i64)
                    .attribute("block_size", usize::from(block_size))
            }
            _ => weights.input(&scales.value).attribute("axis", 1_i64),
        };
        let weights = self.graph.add(weights);
        Node::standard("MatMul", name).input(&input.value).input(&weights)
    }

    fn vector(&mut self, tensor: &str, size: usize) -> Value {
        let unknown = || vec![0.0; size];
        let values = match self.facts {
            None => unknown(),
            Some(facts) => facts.vectors.get(tensor).cloned().unwrap_or_else(|| {
                self.missing.get_or_insert(format!("values of `{tensor}`"));
                unknown()
            }),
        };
        let range = |range: Range, &value: &f32| range.include(Range { low: value, high: value });
        let encoding = values.iter().fold(Range::NONE, range).exact();
        let codes = values.iter().flat_map(|value| {
            let code = (value / encoding.scale).round() + f32::from(encoding.zero_point);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in range by the clamp
            let code = code.clamp(0.0, f32::from(u16::MAX)) as u16;
            code.to_le_bytes()
        });
        let codes = codes.collect();
        let codes = self.graph.raw_constant(tensor, ElementType::Uint16, &[size], codes);
        let constants = self.constants(tensor, (encoding, ElementType::Uint16));
        self.real(&codes, &constants)
    }
}

//! A layer in float32: weights are inputs, one graph serves all layers.
//!
//! Inputs: `x` `[1, length, hidden_size]`, `cos`, `sin` `[1, 1, length, head_dim / 2]`, `mask` `[1, 1, length, length]`, and the
//! layer's tensors by their names within it. Outputs: what goes into the matrices, into the cache and out of the layer, by
//! the names in [`taps`]; of a folded layer also a pair of scalars for each range ([`ObservedLayer::ranges`]).

use wheelwork_onnx::{Dimension, ElementType, Graph, GraphError, Model, Node, Value};
use wheelwork_package::tensors::static_graph as graph_io;

use super::emit::{Emit, Flow, Key, Output};
use super::layer::{self, Layer, Shared};
use crate::architecture;
use crate::architecture::names;
use crate::checkpoint::Config;

/// Names of the outputs that are not ranges.
pub mod taps {
    /// Into the projections of query, key and value: `[1, length, hidden_size]`.
    pub const QKV_INPUT: &str = "input_layernorm";
    /// Into `o_proj`: `[1, length, num_attention_heads * head_dim]`.
    pub const O_INPUT: &str = super::layer::MERGED;
    /// Into `gate_proj` and `up_proj`: `[1, length, hidden_size]`.
    pub const GATE_UP_INPUT: &str = "post_attention_layernorm";
    /// Into `down_proj`: `[1, length, intermediate_size]`.
    pub const DOWN_INPUT: &str = super::layer::GATED;
    /// Rotated keys, as the cache holds them: `[1, num_key_value_heads, length, head_dim]`.
    pub const KEYS: &str = "self_attn.key.rotated";
    /// `[1, num_key_value_heads, length, head_dim]`.
    pub const VALUES: &str = "new_value.0";
    /// What leaves the layer: `[1, length, hidden_size]`.
    pub const OUTPUT: &str = super::layer::OUTPUT;
}

/// The graph.
#[derive(Debug)]
pub struct ObservedLayer {
    /// Without external data.
    pub model: Model,
    /// The layer's tensors, which are inputs: names within the layer, and shapes.
    pub tensors: Vec<(String, Vec<usize>)>,
    /// How large everything gets; empty for a plain layer.
    pub ranges: Vec<ObservedRange>,
}

/// A range among the outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedRange {
    /// The activation's name within the layer.
    pub name: String,
    /// A scalar: its least value; absent where the range is symmetric.
    pub low: Option<String>,
    /// A scalar: its greatest value.
    pub high: String,
}

impl ObservedLayer {
    /// The graph of any layer of a model, for the checkpoint's own weights (`is_folded` false), or for those that a
    /// [`Fold`](super::Fold) gives, with ranges.
    ///
    /// # Errors
    /// [`GraphError`]: a defect of the description.
    pub fn build(config: &Config, is_folded: bool) -> Result<Self, GraphError> {
        let mut emit = Observed {
            graph: Graph::new("observed_layer", "no external data"),
            tensors: Vec::new(),
            ranges: Vec::new(),
            is_folded,
        };
        let wide = [Dimension::Size(1), Dimension::Named("length"), Dimension::Size(config.hidden_size)];
        let x = emit.input(graph_io::X, &wide, graph_io::X);
        let prefix = names::layer(0, "");
        for (name, shape) in architecture::tensors(config) {
            if let Some(name) = name.strip_prefix(&prefix) {
                let dimensions: Vec<_> = shape.iter().map(|&size| Dimension::Size(size)).collect();
                let value = emit.graph.input(name, ElementType::Float32, &dimensions);
                emit.tensors.push((value, shape));
            }
        }
        let shared = Shared::new(&mut emit, config, None);
        let layer = Layer { emit: &mut emit, shared: &shared, index: 0, prefix: String::new(), output: None };
        let output = layer.build(&x, None);
        emit.tap(&output);
        let Observed { graph, tensors, ranges, .. } = emit;
        let tensors = tensors.into_iter().map(|(value, shape)| (value.name().to_owned(), shape)).collect();
        Ok(Self { model: graph.finish("wheelwork", env!("CARGO_PKG_VERSION"))?, tensors, ranges })
    }
}

struct Observed {
    graph: Graph,
    tensors: Vec<(Value, Vec<usize>)>,
    ranges: Vec<ObservedRange>,
    is_folded: bool,
}

impl Observed {
    /// A scalar among the outputs.
    fn reduce(&mut self, operator: &str, name: String, value: &Value) -> String {
        let node = Node::standard(operator, &name).input(value).attribute("keepdims", 0_i64);
        let scalar = self.graph.add(node);
        self.graph.output(&scalar, ElementType::Float32, &[]);
        name
    }
}

impl Emit for Observed {
    fn graph(&mut self) -> &mut Graph {
        &mut self.graph
    }

    fn input(&mut self, name: &str, shape: &[Dimension<'_>], key: &str) -> Flow {
        Flow { value: self.graph.input(name, ElementType::Float32, shape), key: key.to_owned() }
    }

    fn act(&mut self, node: Node, key: Key<'_>) -> Flow {
        let value = self.graph.add(node);
        match key {
            Key::As(key) => Flow { value, key: key.to_owned() },
            Key::Own if !self.is_folded => Flow { key: value.name().to_owned(), value },
            Key::Own => {
                let name = value.name().to_owned();
                let low = Some(self.reduce("ReduceMin", format!("{name}:low"), &value));
                let high = self.reduce("ReduceMax", format!("{name}:high"), &value);
                self.ranges.push(ObservedRange { name: name.clone(), low, high });
                Flow { value, key: name }
            }
        }
    }

    fn output(&mut self, node: Node, key: Key<'_>, _: Output<'_>) -> Flow {
        self.act(node, key)
    }

    fn halves(&mut self, node: Node, names: [&str; 2], key: &str) -> [Flow; 2] {
        self.graph.add_named(node, names).map(|value| Flow { value, key: key.to_owned() })
    }

    fn recode(&mut self, _: &str, flow: &Flow, key: &str) -> Flow {
        Flow { key: key.to_owned(), ..flow.clone() }
    }

    /// A fold has the queries hold it.
    fn scale(&mut self, scores: Flow, head_dim: usize) -> Flow {
        if self.is_folded {
            return scores;
        }
        let scale = (1.0 / (head_dim as f32).sqrt()).to_le_bytes();
        let scale = self.graph.raw_constant("attention.scale", ElementType::Float32, &[], scale.into());
        let node = Node::standard("Mul", "self_attn.scaled").input(&scores.value).input(&scale);
        Flow { value: self.graph.add(node), ..scores }
    }

    fn pair_lengths(&mut self, key: &str, halves: &[Flow; 2]) {
        if !self.is_folded {
            return;
        }
        let [low, high] = halves.each_ref().map(|half| {
            let name = format!("{}:square", half.value.name());
            self.graph.add(Node::standard("Mul", &name).input(&half.value).input(&half.value))
        });
        let sum = Node::standard("Add", &format!("{key}:squares")).input(&low).input(&high);
        let sum = self.graph.add(sum);
        let length = self.graph.add(Node::standard("Sqrt", &format!("{key}:length")).input(&sum));
        let high = self.reduce("ReduceMax", format!("{key}:high"), &length);
        self.ranges.push(ObservedRange { name: key.to_owned(), low: None, high });
    }

    fn product(&mut self, name: &str, input: &Flow, tensor: &str, _: [usize; 2]) -> Node {
        let weight = self.vector(tensor, 0);
        Node::microsoft("FusedMatMul", name).input(&input.value).input(&weight).attribute("transB", 1_i64)
    }

    /// A tensor that the checkpoint's description lacks would be found by ONNX Runtime when the graph is loaded.
    fn vector(&mut self, tensor: &str, _: usize) -> Value {
        let known = self.tensors.iter().find(|(value, _)| value.name() == tensor);
        match known {
            Some((value, _)) => value.clone(),
            None => self.graph.input(tensor, ElementType::Float32, &[]),
        }
    }

    fn tap(&mut self, flow: &Flow) {
        let width = format!("width of {}", flow.value.name());
        let shape = [Dimension::Size(1), Dimension::Named("length"), Dimension::Named(&width)];
        self.graph.output(&flow.value, ElementType::Float32, &shape);
    }

    fn tap_cache(&mut self, flow: &Flow) {
        let shape = ["batch", "key_heads", "length", "head_dim"].map(Dimension::Named);
        self.graph.output(&flow.value, ElementType::Float32, &shape);
    }
}

//! One decoder layer as an ONNX graph whose weights are inputs.
//!
//! All layers of a model have the same shapes, so one loaded graph serves every layer; an input is called as the
//! checkpoint calls the tensor within its layer. The nodes are those of the package's graph in float32 (see
//! `decoder_graph` of `wheelwork-quantize`), with the products of query, key and value apart, as the checkpoint has
//! them.

use wheelwork_onnx::{Dimension, ElementType, Graph, GraphError, Model, Node, Value};
use wheelwork_quantize::checkpoint::Config;

/// `[1, length, hidden_size]`: what enters the layer.
pub(super) const HIDDEN: &str = "hidden";
/// `[1]`, int32: the sequence's length less one.
pub(super) const LAST_POSITION: &str = "last_position";
/// Scalar, int32: the sequence's length.
pub(super) const LENGTH: &str = "length";
/// `[positions, head_dim / 2]`.
pub(super) const COSINES: &str = "cosines";
/// `[positions, head_dim / 2]`.
pub(super) const SINES: &str = "sines";
/// `[1, length, hidden_size]`: what leaves the layer.
pub(super) const OUTPUT: &str = "output";
/// `[1, length, hidden_size]`: into the projections of query, key and value.
pub(super) const QKV_INPUT: &str = "input_layernorm";
/// `[1, length, num_attention_heads * head_dim]`: into the projection of the attention's output.
pub(super) const O_INPUT: &str = "attention";
/// `[1, length, hidden_size]`: into `gate_proj` and `up_proj`.
pub(super) const GATE_UP_INPUT: &str = "post_attention_layernorm";
/// `[1, length, intermediate_size]`: into `down_proj`.
pub(super) const DOWN_INPUT: &str = "mlp.gated";
/// `[1, num_key_value_heads, length, head_dim]`: rotated keys, as the cache holds them.
pub(super) const KEYS: &str = "keys";
/// `[1, num_key_value_heads, length, head_dim]`.
pub(super) const VALUES: &str = "values";

/// Builds the graph. `weights` are the layer's tensors: names within the layer, and shapes.
///
/// # Errors
/// [`GraphError`]: a defect of this module.
pub(super) fn build(config: &Config, weights: &[(String, Vec<usize>)]) -> Result<Model, GraphError> {
    let mut layer = Layer {
        config,
        graph: Graph::new("layer", "no external data"),
        weights: Vec::with_capacity(weights.len()),
    };
    for (name, shape) in weights {
        let shape: Vec<_> = shape.iter().map(|&size| Dimension::Size(size)).collect();
        let value = layer.graph.input(name, ElementType::Float32, &shape);
        layer.weights.push(value);
    }
    layer.build();
    layer.graph.finish("wheelwork", env!("CARGO_PKG_VERSION"))
}

struct Layer<'a> {
    config: &'a Config,
    graph: Graph,
    weights: Vec<Value>,
}

impl Layer<'_> {
    fn build(&mut self) {
        let config = self.config;
        let wide = |size| [Dimension::Size(1), Dimension::Named("length"), Dimension::Size(size)];
        let hidden = self.graph.input(HIDDEN, ElementType::Float32, &wide(config.hidden_size));

        let normed = self.norm(QKV_INPUT, &hidden);
        let [attended, keys, values] = self.attention(&normed);
        let projected = self.product("self_attn.o_proj", &attended);
        let residual = self.add("residual", &hidden, &projected);

        let normed_again = self.norm(GATE_UP_INPUT, &residual);
        let gate = self.product("mlp.gate_proj", &normed_again);
        let up = self.product("mlp.up_proj", &normed_again);
        // With alpha 1, x * sigmoid(alpha * x) is SiLU.
        let gate =
            self.graph.add(Node::microsoft("QuickGelu", "silu").input(&gate).attribute("alpha", 1.0_f32));
        let gated = self.graph.add(Node::standard("Mul", DOWN_INPUT).input(&gate).input(&up));
        let down = self.product("mlp.down_proj", &gated);
        let output = self.add(OUTPUT, &residual, &down);

        let cached = [
            Dimension::Size(1),
            Dimension::Size(config.num_key_value_heads),
            Dimension::Named("length"),
            Dimension::Size(config.head_dim),
        ];
        for (value, size) in [
            (&output, config.hidden_size),
            (&normed, config.hidden_size),
            (&attended, config.query_size()),
            (&normed_again, config.hidden_size),
            (&gated, config.intermediate_size),
        ] {
            self.graph.output(value, ElementType::Float32, &wide(size));
        }
        for value in [&keys, &values] {
            self.graph.output(value, ElementType::Float32, &cached);
        }
    }

    /// Attended values, keys, values.
    fn attention(&mut self, normed: &Value) -> [Value; 3] {
        let config = self.config;
        let mut queries = self.projection("self_attn.q_proj", normed);
        let mut keys = self.projection("self_attn.k_proj", normed);
        let values = self.projection("self_attn.v_proj", normed);
        if config.family.qk_norm {
            queries = self.head_norm("self_attn.q_norm", &queries, config.num_attention_heads);
            keys = self.head_norm("self_attn.k_norm", &keys, config.num_key_value_heads);
        }
        let table = [Dimension::Named("positions"), Dimension::Size(config.head_dim / 2)];
        let last_position = self.graph.input(LAST_POSITION, ElementType::Int32, &[Dimension::Size(1)]);
        let length = self.graph.input(LENGTH, ElementType::Int32, &[]);
        let cosines = self.graph.input(COSINES, ElementType::Float32, &table);
        let sines = self.graph.input(SINES, ElementType::Float32, &table);
        let node = Node::microsoft("GroupQueryAttention", O_INPUT)
            .input(&queries)
            .input(&keys)
            .input(&values)
            .optional_input(None)
            .optional_input(None)
            .input(&last_position)
            .input(&length)
            .input(&cosines)
            .input(&sines)
            .attribute("num_heads", config.num_attention_heads)
            .attribute("kv_num_heads", config.num_key_value_heads)
            .attribute("do_rotary", 1_i64);
        self.graph.add_named(node, [O_INPUT, KEYS, VALUES])
    }

    /// A product, and the bias if the family has one.
    fn projection(&mut self, name: &str, input: &Value) -> Value {
        let product = self.product(name, input);
        if !self.config.family.qkv_bias {
            return product;
        }
        let bias = self.weight(&format!("{name}.bias"));
        self.add(&format!("{name}.biased"), &product, &bias)
    }

    fn product(&mut self, name: &str, input: &Value) -> Value {
        let weight = self.weight(&format!("{name}.weight"));
        let node =
            Node::microsoft("FusedMatMul", name).input(input).input(&weight).attribute("transB", 1_i64);
        self.graph.add(node)
    }

    /// RMS norm of each head.
    fn head_norm(&mut self, name: &str, input: &Value, heads: usize) -> Value {
        let signed = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        // 0 keeps a dimension: batch and length.
        let split = [0, 0, signed(heads), signed(self.config.head_dim)];
        let join = [0, 0, signed(heads * self.config.head_dim)];
        let split = self.graph.constant(&format!("{name}.heads"), &[4], &split);
        let join = self.graph.constant(&format!("{name}.packed"), &[3], &join);
        let reshape = |name: String, input, shape| Node::standard("Reshape", &name).input(input).input(shape);
        let heads = self.graph.add(reshape(format!("{name}.split"), input, &split));
        let normed = self.norm(name, &heads);
        self.graph.add(reshape(format!("{name}.join"), &normed, &join))
    }

    fn norm(&mut self, name: &str, input: &Value) -> Value {
        let weight = self.weight(&format!("{name}.weight"));
        let node = Node::standard("RMSNormalization", name)
            .input(input)
            .input(&weight)
            .attribute("axis", -1_i64)
            .attribute("epsilon", self.config.rms_norm_eps);
        self.graph.add(node)
    }

    fn add(&mut self, name: &str, a: &Value, b: &Value) -> Value {
        self.graph.add(Node::standard("Add", name).input(a).input(b))
    }

    /// A weight by its name within the layer. One that the checkpoint's description lacks would be found by ONNX
    /// Runtime when the graph is loaded.
    fn weight(&mut self, name: &str) -> Value {
        match self.weights.iter().find(|value| value.name() == name) {
            Some(value) => value.clone(),
            None => self.graph.input(name, ElementType::Float32, &[]),
        }
    }
}

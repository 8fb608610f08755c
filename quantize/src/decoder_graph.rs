//! The decoder as an ONNX graph.
//!
//! ```text
//! hidden = embedding[input_ids]
//! for each layer:
//!     hidden += o_proj(attention(qkv_proj(norm(hidden))))
//!     hidden += down_proj(silu(gate_proj(norm(hidden))) * up_proj(norm(hidden)))
//! logits = lm_head(norm(hidden))
//! ```
//!
//! - Query, key and value projections are one product: one pass over the input instead of three. Where the recipe gives
//!   them different schemes they are three.
//! - Norm and addition are one node, `SkipSimplifiedLayerNormalization`: `normed = norm(a + b) * weight`, and `a + b`.
//! - Rotation, cache and attention are one node, `GroupQueryAttention`, which takes the packed projections as they
//!   are, except where heads are normalised before the rotation.
//! - Only the last position needs logits. All positions but the last are dropped right after the last layer's
//!   attention, where they have left their keys and values: its output projection and MLP see one position too.
//!
//! Inputs and outputs are those of [`wheelwork_package::tensors`].

use std::collections::BTreeMap;

use wheelwork_onnx::{Dimension, ElementType, External, Graph, Node, Value};
use wheelwork_package::files::names as file_names;
use wheelwork_package::tensors as contract;

use crate::architecture::names;
use crate::checkpoint::Config;
use crate::error::{QuantizeError, RequestError};
use crate::plan::{Content, Plan};
use crate::recipe::Recipe;

mod matrix;

/// Plans the graph and its weights for sequences of up to `context_length` tokens.
///
/// # Errors
/// [`RequestError::BlockSize`] where no blocks fill the rows of a matrix; [`QuantizeError::Graph`]: a size that no machine
/// can address, or a defect of this module.
pub fn plan(config: &Config, recipe: &Recipe, context_length: usize) -> Result<Plan, QuantizeError> {
    let graph = Graph::new("decoder", file_names::WEIGHTS);
    let mut decoder = Decoder {
        config,
        recipe,
        graph,
        contents: Vec::new(),
        smaller_blocks: BTreeMap::new(),
        unfilled: None,
    };
    decoder.build(context_length);
    // Before the graph, whose shapes do not add up then.
    if let Some(error) = decoder.unfilled {
        return Err(error.into());
    }
    let model = decoder.graph.finish("wheelwork", env!("CARGO_PKG_VERSION"))?;
    let warning = |((columns, asked), (fitted, matrices)): ((usize, usize), (usize, usize))| {
        format!(
            "blocks of {asked} weights do not fill rows of {columns}: {matrices} matrices are stored in blocks of {fitted}"
        )
    };
    let warnings = decoder.smaller_blocks.into_iter().map(warning).collect();
    Ok(Plan { model, contents: decoder.contents, warnings })
}

struct Decoder<'a> {
    config: &'a Config,
    recipe: &'a Recipe,
    graph: Graph,
    contents: Vec<Content>,
    /// By columns and block size of the recipe: the block size instead, and of how many matrices.
    smaller_blocks: BTreeMap<(usize, usize), (usize, usize)>,
    /// The first matrix whose rows no blocks fill.
    unfilled: Option<RequestError>,
}

/// What every layer's attention reads beside its own weights.
struct Shared {
    /// `[batch]`, int32: valid tokens less one.
    last_positions: Value,
    /// Scalar, int32: valid tokens of the longest sequence.
    total_length: Value,
    /// `[positions, head_dim / 2]`.
    cosines: Value,
    /// `[positions, head_dim / 2]`.
    sines: Value,
    /// `[1]`: the index of the last position, counted from the end.
    last: Value,
    /// Present where heads are normalised.
    heads: Option<HeadShapes>,
}

/// Shapes that split the packed projections into heads and back.
struct HeadShapes {
    /// `[3]`: elements of queries, keys and values.
    sizes: Value,
    split_queries: Value,
    split_keys: Value,
    join_queries: Value,
    join_keys: Value,
}

impl Decoder<'_> {
    fn build(&mut self, context_length: usize) {
        let config = self.config;
        let batch = Dimension::Named("batch_size");
        let input_ids = self.graph.input(
            contract::INPUT_IDS,
            ElementType::Int64,
            &[batch, Dimension::Named("sequence_length")],
        );
        let shared = self.shared(context_length);
        let embedding = self.matrix(
            "model.embed_tokens",
            if config.tie_word_embeddings { self.recipe.lm_head } else { self.recipe.embedding },
            vec![(names::EMBEDDING.to_owned(), config.vocab_size)],
            config.hidden_size,
        );

        let mut residual = self.lookup(&embedding, &input_ids);
        let mut normed = self.first_norm(&residual);
        for layer in 0..config.num_hidden_layers {
            let mut attended = self.attention(layer, &normed, &shared);
            let last_layer = layer + 1 == config.num_hidden_layers;
            if last_layer {
                attended = self.at_last("model.last_position.attention", &attended, &shared.last);
                residual = self.at_last("model.last_position.residual", &residual, &shared.last);
            }
            let prefix = |name: &str| names::layer(layer, name);
            let attended =
                self.project(&prefix("self_attn.o_proj"), &attended, config.query_size(), config.hidden_size);
            (normed, residual) = self.add_and_norm(&prefix("post_attention_layernorm"), &attended, &residual);
            let gated = self.mlp(layer, &normed);
            let next_norm = if last_layer {
                names::FINAL_NORM.trim_end_matches(".weight").to_owned()
            } else {
                names::layer(layer + 1, "input_layernorm")
            };
            (normed, residual) = self.add_and_norm(&next_norm, &gated, &residual);
        }

        let lm_head = if config.tie_word_embeddings {
            self.as_projection(&embedding)
        } else {
            self.projection_matrix(
                "lm_head",
                self.recipe.lm_head,
                vec![(names::LM_HEAD.to_owned(), config.vocab_size)],
                config.hidden_size,
            )
        };
        let shape = (config.hidden_size, config.vocab_size);
        let logits = self.product(contract::LOGITS, &normed, &lm_head, shape, None);
        self.graph.output(
            &logits,
            ElementType::Float32,
            &[batch, Dimension::Size(1), Dimension::Size(config.vocab_size)],
        );
    }

    /// Lengths from the attention mask, the rotary tables, and constants.
    fn shared(&mut self, context_length: usize) -> Shared {
        let graph = &mut self.graph;
        let mask = graph.input(
            contract::ATTENTION_MASK,
            ElementType::Int64,
            &[Dimension::Named("batch_size"), Dimension::Named("total_sequence_length")],
        );
        let one = graph.constant("constant.one", &[], &[1]);
        let axis = graph.constant("constant.axis", &[1], &[1]);
        let last = graph.constant("constant.last", &[1], &[-1]);
        let int32 = ElementType::Int32;
        let lengths = graph.add(
            Node::standard("ReduceSum", "lengths").input(&mask).input(&axis).attribute("keepdims", 0_i64),
        );
        let less_one = graph.add(Node::standard("Sub", "lengths.less_one").input(&lengths).input(&one));
        let last_positions =
            graph.add(Node::standard("Cast", "last_positions").input(&less_one).element("to", int32));
        // The mask may be longer than the sequence, so its width says nothing.
        let longest = graph
            .add(Node::standard("ReduceMax", "lengths.longest").input(&lengths).attribute("keepdims", 0_i64));
        let total_length =
            graph.add(Node::standard("Cast", "total_length").input(&longest).element("to", int32));

        let table = [context_length, self.config.head_dim / 2];
        let cosines = graph.external("rope.cosines", ElementType::Float32, &table);
        let sines = graph.external("rope.sines", ElementType::Float32, &table);
        self.contents.push(Content::Rope {
            positions: context_length,
            cosines: cosines.extent,
            sines: sines.extent,
        });
        let heads = self.config.family.qk_norm.then(|| self.head_shapes());
        Shared { last_positions, total_length, cosines: cosines.value, sines: sines.value, last, heads }
    }

    fn head_shapes(&mut self) -> HeadShapes {
        let Config { num_attention_heads, num_key_value_heads, head_dim, .. } = *self.config;
        let signed = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let (queries, keys) = (signed(self.config.query_size()), signed(self.config.key_size()));
        let head_dim = signed(head_dim);
        let graph = &mut self.graph;
        // 0 keeps a dimension: batch and sequence.
        HeadShapes {
            sizes: graph.constant("constant.qkv_sizes", &[3], &[queries, keys, keys]),
            split_queries: graph.constant(
                "constant.query_heads",
                &[4],
                &[0, 0, signed(num_attention_heads), head_dim],
            ),
            split_keys: graph.constant(
                "constant.key_heads",
                &[4],
                &[0, 0, signed(num_key_value_heads), head_dim],
            ),
            join_queries: graph.constant("constant.queries", &[3], &[0, 0, queries]),
            join_keys: graph.constant("constant.keys", &[3], &[0, 0, keys]),
        }
    }

    fn first_norm(&mut self, hidden: &Value) -> Value {
        let name = names::layer(0, "input_layernorm");
        let weight = self.vector(&name, vec![format!("{name}.weight")], self.config.hidden_size);
        self.graph.add(self.rms_norm(&name, hidden, &weight))
    }

    /// The last position of `[batch, sequence, elements]`: `[batch, 1, elements]`.
    fn at_last(&mut self, name: &str, hidden: &Value, last: &Value) -> Value {
        self.graph.add(Node::standard("Gather", name).input(hidden).input(last).attribute("axis", 1_i64))
    }

    fn attention(&mut self, layer: usize, normed: &Value, shared: &Shared) -> Value {
        let config = self.config;
        let prefix = |name: &str| names::layer(layer, &format!("self_attn.{name}"));
        let parts =
            [("q_proj", config.query_size()), ("k_proj", config.key_size()), ("v_proj", config.key_size())];
        let is_apart = parts.iter().any(|(part, _)| self.recipe.exceptions.contains_key(&prefix(part)));
        let projected = if is_apart {
            let apart = parts.map(|part| self.attention_input(layer, part.0, &[part], normed));
            apart.map(Some)
        } else {
            let packed = self.attention_input(layer, "qkv_proj", &parts, normed);
            match &shared.heads {
                None => [Some(packed), None, None],
                Some(heads) => self.split(layer, &packed, heads).map(Some),
            }
        };
        let [queries, keys, values] = match (projected, &shared.heads) {
            ([Some(queries), Some(keys), values], Some(heads)) => {
                let [queries, keys] = self.normed_heads(layer, &queries, &keys, heads);
                [Some(queries), Some(keys), values]
            }
            (projected, _) => projected,
        };
        let cache = |pattern| contract::layer_name(pattern, layer);
        let past = [contract::PAST_KEY_PATTERN, contract::PAST_VALUE_PATTERN]
            .map(|pattern| self.cache_input(&cache(pattern)));
        let node = Node::microsoft("GroupQueryAttention", &prefix("attention"))
            .optional_input(queries.as_ref())
            .optional_input(keys.as_ref())
            .optional_input(values.as_ref())
            .inputs([
                &past[0],
                &past[1],
                &shared.last_positions,
                &shared.total_length,
                &shared.cosines,
                &shared.sines,
            ])
            .attribute("num_heads", config.num_attention_heads)
            .attribute("kv_num_heads", config.num_key_value_heads)
            .attribute("do_rotary", 1_i64);
        let present = [contract::PRESENT_KEY_PATTERN, contract::PRESENT_VALUE_PATTERN].map(cache);
        let [attended, key, value] =
            self.graph.add_named(node, [prefix("attention").as_str(), &present[0], &present[1]]);
        for present in [&key, &value] {
            let shape = cache_shape(config, "total_sequence_length");
            self.graph.output(present, ElementType::Float32, &shape);
        }
        attended
    }

    /// What attention reads of a layer's input: projections, one below the other, with their biases.
    fn attention_input(
        &mut self,
        layer: usize,
        name: &str,
        parts: &[(&str, usize)],
        normed: &Value,
    ) -> Value {
        let prefix = |name: &str| names::layer(layer, &format!("self_attn.{name}"));
        let node = prefix(name);
        let weights = parts.iter().map(|(part, rows)| (prefix(&format!("{part}.weight")), *rows)).collect();
        let hidden = self.config.hidden_size;
        let matrix = self.projection_matrix(&node, self.recipe.projection(&node), weights, hidden);
        let size = parts.iter().map(|(_, rows)| rows).sum();
        let bias = self.config.family.qkv_bias.then(|| {
            let biases = parts.iter().map(|(part, _)| prefix(&format!("{part}.bias"))).collect();
            self.vector(&format!("{node}.bias"), biases, size)
        });
        self.product(&node, normed, &matrix, (hidden, size), bias.as_ref())
    }

    /// Queries, keys and values apart.
    fn split(&mut self, layer: usize, packed: &Value, heads: &HeadShapes) -> [Value; 3] {
        let prefix = |name: &str| names::layer(layer, &format!("self_attn.{name}"));
        let parts = ["query", "key", "value"].map(prefix);
        let split = Node::standard("Split", &prefix("split"))
            .inputs([packed, &heads.sizes])
            .attribute("axis", -1_i64);
        self.graph.add_named(split, [&parts[0], &parts[1], &parts[2]].map(String::as_str))
    }

    /// Queries and keys, normalised head by head.
    fn normed_heads(
        &mut self,
        layer: usize,
        queries: &Value,
        keys: &Value,
        heads: &HeadShapes,
    ) -> [Value; 2] {
        let prefix = |name: &str| names::layer(layer, &format!("self_attn.{name}"));
        [
            self.head_norm(&prefix("q_norm"), queries, &heads.split_queries, &heads.join_queries),
            self.head_norm(&prefix("k_norm"), keys, &heads.split_keys, &heads.join_keys),
        ]
    }

    fn head_norm(&mut self, name: &str, input: &Value, split: &Value, join: &Value) -> Value {
        let weight = self.vector(name, vec![format!("{name}.weight")], self.config.head_dim);
        let reshape = |name: String, input, shape| Node::standard("Reshape", &name).input(input).input(shape);
        let heads = self.graph.add(reshape(format!("{name}.split"), input, split));
        let normed = self.graph.add(self.rms_norm(name, &heads, &weight));
        self.graph.add(reshape(format!("{name}.join"), &normed, join))
    }

    fn mlp(&mut self, layer: usize, normed: &Value) -> Value {
        let (hidden, inner) = (self.config.hidden_size, self.config.intermediate_size);
        let prefix = |name: &str| names::layer(layer, &format!("mlp.{name}"));
        let gate = self.project(&prefix("gate_proj"), normed, hidden, inner);
        let up = self.project(&prefix("up_proj"), normed, hidden, inner);
        // With alpha 1, x * sigmoid(alpha * x) is SiLU.
        let gate = self
            .graph
            .add(Node::microsoft("QuickGelu", &prefix("silu")).input(&gate).attribute("alpha", 1.0_f32));
        let gated = self.graph.add(Node::standard("Mul", &prefix("gated")).input(&gate).input(&up));
        self.project(&prefix("down_proj"), &gated, inner, hidden)
    }

    /// `(norm(a + b) * weight, a + b)`.
    fn add_and_norm(&mut self, name: &str, a: &Value, b: &Value) -> (Value, Value) {
        let weight = self.vector(name, vec![format!("{name}.weight")], self.config.hidden_size);
        let node = Node::microsoft("SkipSimplifiedLayerNormalization", name)
            .inputs([a, b, &weight])
            .attribute("epsilon", self.config.rms_norm_eps);
        let sum = format!("{name}.sum");
        let [normed, _, _, sum] = self.graph.add_named(node, [name, "", "", &sum]);
        (normed, sum)
    }

    fn rms_norm(&self, name: &str, input: &Value, weight: &Value) -> Node {
        Node::standard("RMSNormalization", name)
            .inputs([input, weight])
            .attribute("axis", -1_i64)
            .attribute("epsilon", self.config.rms_norm_eps)
    }

    /// Declares norm weights or biases: checkpoint tensors, one after another.
    fn vector(&mut self, name: &str, tensors: Vec<String>, size: usize) -> Value {
        let External { value, extent } =
            self.graph.external(&format!("{name}.values"), ElementType::Float32, &[size]);
        self.contents.push(Content::Vector { tensors, extent });
        value
    }

    fn cache_input(&mut self, name: &str) -> Value {
        let shape = cache_shape(self.config, "past_sequence_length");
        self.graph.input(name, ElementType::Float32, &shape)
    }
}

fn cache_shape<'a>(config: &Config, length: &'a str) -> [Dimension<'a>; 4] {
    [
        Dimension::Named("batch_size"),
        Dimension::Size(config.num_key_value_heads),
        Dimension::Named(length),
        Dimension::Size(config.head_dim),
    ]
}

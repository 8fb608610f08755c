//! A decoder layer of any family, in operators that an NPU keeps in integers.
//!
//! ```text
//! normed = norm(x)
//! q, k, v = heads of normed * W (+ bias), q and k normalised where the family says so, then rotated
//! y = x + softmax(q K^T + mask) V * W_o           K, V: the cache, then this call's keys and values
//! output = y + (silu(norm(y) * W_gate) * (norm(y) * W_up)) * W_down
//! ```
//!
//! - Rotation is `Split`, `Mul`, `Sub`, `Add`, `Concat`, all in one encoding, the length of the longest pair.
//! - Keys are transposed in the cache, so that scores are a plain product; query heads of a group lie one below the
//!   other, so that grouped attention is one product a key head.
//! - The queries hold attention's `1 / sqrt(head_dim)` where their weights are folded ([`super::fold`]).

use wheelwork_onnx::{Dimension, Node, Value};
use wheelwork_package::tensors::{self, static_graph as graph_io};

use super::emit::{Emit, Flow, Key, Output};
use crate::architecture::names;
use crate::checkpoint::Config;

/// The encoding of what lies between 0 and 1.
pub(super) const UNIT: &str = "unit";
/// The encoding of cosines and sines.
pub(super) const ROTARY: &str = "rotary";
/// The encoding of the mask.
pub(super) const MASK: &str = "mask";
/// Ends the key of an encoding in 8 bits: of what the cache holds.
pub(super) const CACHED: &str = ".cached";
/// Ends the key of the encoding of masked scores.
pub(super) const MASKED: &str = ".masked";
/// The scores of a layer, within it.
pub(super) const SCORES: &str = "self_attn.scores";
/// What goes into `o_proj`, within a layer.
pub(super) const MERGED: &str = "self_attn.merged";
/// What goes into `down_proj`, within a layer.
pub(super) const GATED: &str = "mlp.gated";
/// What leaves a layer, within it.
pub(super) const OUTPUT: &str = "output";

/// The range of a layer's keys.
pub(super) fn key_range(prefix: &str) -> String {
    format!("{prefix}self_attn.key{ROTATED}")
}

/// The range of a layer's values.
pub(super) fn value_range(config: &Config, prefix: &str) -> String {
    linear_key(config.family.qkv_bias, &format!("{prefix}self_attn.v_proj"))
}

/// Ends the key of rotated heads.
const ROTATED: &str = ".rotated";

/// What all layers of a graph read.
pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    /// Tokens of a call and of the cache; absent where a graph takes any number and has no cache.
    pub(super) tokens: Option<Tokens>,
    cos: Flow,
    sin: Flow,
    mask: Flow,
    /// `[1, -1, heads, head_dim]` of queries, and of keys and values.
    query_heads: Value,
    key_heads: Value,
    /// `[1, key heads, -1, head_dim]`: the queries of a group one below the other.
    groups: Value,
    /// `[1, heads, -1, 0]`: scores head by head.
    scores: Value,
    /// `[1, key heads, -1, 0]`: scores group by group.
    group_scores: Value,
    /// `[1, heads, -1, head_dim]`.
    attended: Value,
    /// `[1, -1, heads * head_dim]`.
    merged: Value,
}

/// The sizes of a static graph.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens {
    pub(super) call: usize,
    pub(super) cache: usize,
}

impl<'a> Shared<'a> {
    pub(super) fn new(emit: &mut impl Emit, config: &'a Config, tokens: Option<Tokens>) -> Self {
        let call = tokens.map_or(Dimension::Named("length"), |tokens| Dimension::Size(tokens.call));
        let seen = tokens.map_or(call, |tokens| Dimension::Size(tokens.cache + tokens.call));
        let one = Dimension::Size(1);
        let angles = [one, one, call, Dimension::Size(config.head_dim / 2)];
        let cos = emit.input(graph_io::COS, &angles, ROTARY);
        let sin = emit.input(graph_io::SIN, &angles, ROTARY);
        let mask = emit.input(graph_io::MASK, &[one, one, call, seen], MASK);
        let signed = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let (heads, key_heads) = (signed(config.num_attention_heads), signed(config.num_key_value_heads));
        let head_dim = signed(config.head_dim);
        // -1 is what remains, 0 what the input has there.
        let mut shape = |name: &str, shape: &[i64]| {
            emit.graph().constant(&format!("shape.{name}"), &[shape.len()], shape)
        };
        Self {
            config,
            tokens,
            cos,
            sin,
            mask,
            query_heads: shape("query_heads", &[1, -1, heads, head_dim]),
            key_heads: shape("key_heads", &[1, -1, key_heads, head_dim]),
            groups: shape("groups", &[1, key_heads, -1, head_dim]),
            scores: shape("scores", &[1, heads, -1, 0]),
            group_scores: shape("group_scores", &[1, key_heads, -1, 0]),
            attended: shape("attended", &[1, heads, -1, head_dim]),
            merged: shape("merged", &[1, -1, heads * head_dim]),
        }
    }
}

/// A layer: its index for the cache's names, its prefix for all others, and what enters it.
pub(super) struct Layer<'a, E> {
    pub(super) emit: &'a mut E,
    pub(super) shared: &'a Shared<'a>,
    pub(super) index: usize,
    pub(super) prefix: String,
    /// What leaves the graph where this is its last layer.
    pub(super) output: Option<Output<'a>>,
}

impl<E: Emit> Layer<'_, E> {
    /// Emits the layer. `output_name` is what its result is called where it leaves the graph.
    pub(super) fn build(mut self, x: &Flow, output_name: Option<&str>) -> Flow {
        let config = self.shared.config;
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let normed = self.norm("input_layernorm", x, hidden);
        self.emit.tap(&normed);
        let attended = self.attention(&normed);
        self.emit.tap(&attended);
        let projected = self.linear("self_attn.o_proj", &attended, [hidden, config.query_size()], false);
        let residual = self.binary("Add", "residual", [x, &projected]);

        let normed = self.norm("post_attention_layernorm", &residual, hidden);
        self.emit.tap(&normed);
        let gate = self.linear("mlp.gate_proj", &normed, [inner, hidden], false);
        let sigmoid = Node::standard("Sigmoid", &self.name("mlp.sigmoid")).input(&gate.value);
        let sigmoid = self.emit.act(sigmoid, Key::As(UNIT));
        let silu = self.binary("Mul", "mlp.silu", [&gate, &sigmoid]);
        let up = self.linear("mlp.up_proj", &normed, [inner, hidden], false);
        let gated = self.binary("Mul", GATED, [&silu, &up]);
        self.emit.tap(&gated);
        let down = self.linear("mlp.down_proj", &gated, [hidden, inner], false);

        let name = output_name.map_or_else(|| self.name(OUTPUT), str::to_owned);
        let node = Node::standard("Add", &name).input(&residual.value).input(&down.value);
        match self.output {
            Some(output) => {
                let key = self.name(OUTPUT);
                self.emit.output(node, Key::As(&key), output)
            }
            None => self.emit.act(node, Key::Own),
        }
    }

    /// What goes into `o_proj`.
    fn attention(&mut self, normed: &Flow) -> Flow {
        let shared = self.shared;
        let config = shared.config;
        let queries = self.heads("query", "q", normed, config.num_attention_heads, &shared.query_heads);
        let queries = self.rotated("query", &queries);
        let keys = self.heads("key", "k", normed, config.num_key_value_heads, &shared.key_heads);
        let keys = self.rotated("key", &keys);
        self.emit.tap_cache(&keys);
        let keys = self.cached_keys(&keys);
        let values = self.cached_values(normed);
        self.emit.tap_cache(&values);

        let queries = self.reshape("self_attn.groups", &queries, &shared.groups);
        let scores = self.binary("MatMul", SCORES, [&queries, &keys]);
        let scores = self.emit.scale(scores, config.head_dim);
        let scores = self.reshape("self_attn.head_scores", &scores, &shared.scores);
        let masked = Node::standard("Add", &self.name("self_attn.masked"));
        let masked = masked.input(&scores.value).input(&shared.mask.value);
        let masked = self.emit.act(masked, Key::As(&format!("{}{MASKED}", scores.key)));
        let shares = Node::standard("Softmax", &self.name("self_attn.shares"));
        let shares = self.emit.act(shares.input(&masked.value).attribute("axis", -1_i64), Key::As(UNIT));
        let shares = self.reshape("self_attn.group_shares", &shares, &shared.group_scores);
        let attended = self.binary("MatMul", "self_attn.attended", [&shares, &values]);
        let attended = self.reshape("self_attn.attended_heads", &attended, &shared.attended);
        let attended = self.transposed("self_attn.attended_tokens", &attended, [0, 2, 1, 3]);
        self.reshape(MERGED, &attended, &shared.merged)
    }

    /// Projected heads `[1, heads, tokens, head_dim]`, normalised where the family does.
    fn heads(&mut self, role: &str, letter: &str, normed: &Flow, heads: usize, shape: &Value) -> Flow {
        let config = self.shared.config;
        let rows = heads * config.head_dim;
        let name = format!("self_attn.{letter}_proj");
        let flat = self.linear(&name, normed, [rows, config.hidden_size], config.family.qkv_bias);
        let mut heads = self.reshape(&format!("self_attn.{role}.heads"), &flat, shape);
        if config.family.qk_norm {
            heads = self.norm(&format!("self_attn.{letter}_norm"), &heads, config.head_dim);
        }
        self.transposed(&format!("self_attn.{role}.tokens"), &heads, [0, 2, 1, 3])
    }

    fn rotated(&mut self, role: &str, heads: &Flow) -> Flow {
        let (cos, sin) = (self.shared.cos.clone(), self.shared.sin.clone());
        let name = |part: &str| format!("{}self_attn.{role}.{part}", self.prefix);
        let key = format!("{}self_attn.{role}{ROTATED}", self.prefix);
        let split = Node::standard("Split", &name("split")).input(&heads.value);
        let split = split.attribute("axis", -1_i64).attribute("num_outputs", 2_i64);
        let halves = self.emit.halves(split, [&name("low"), &name("high")], &heads.key);
        self.emit.pair_lengths(&key, &halves);
        let [low, high] = &halves;
        let mut act = |operator, part: &str, a: &Flow, b: &Flow| {
            let node = Node::standard(operator, &name(part)).input(&a.value).input(&b.value);
            self.emit.act(node, Key::As(&key))
        };
        let (low_cos, high_sin) = (act("Mul", "low_cos", low, &cos), act("Mul", "high_sin", high, &sin));
        let (high_cos, low_sin) = (act("Mul", "high_cos", high, &cos), act("Mul", "low_sin", low, &sin));
        let first = act("Sub", "rotated_low", &low_cos, &high_sin);
        let second = act("Add", "rotated_high", &high_cos, &low_sin);
        let joined = Node::standard("Concat", &key).input(&first.value).input(&second.value);
        self.emit.act(joined.attribute("axis", -1_i64), Key::As(&key))
    }

    /// `[1, key heads, head_dim, seen]`.
    fn cached_keys(&mut self, keys: &Flow) -> Flow {
        let config = self.shared.config;
        let key = format!("{}{CACHED}", key_range(&self.prefix));
        let keys = self.emit.recode(&self.name("self_attn.keys"), keys, &key);
        let size = |tokens| [1, config.num_key_value_heads, config.head_dim, tokens];
        let names = [graph_io::NEW_KEY_PATTERN, graph_io::PAST_KEY_PATTERN];
        self.cached(names, &keys, [0, 1, 3, 2], size, 3)
    }

    /// `[1, key heads, seen, head_dim]`.
    fn cached_values(&mut self, normed: &Flow) -> Flow {
        let config = self.shared.config;
        let shape = [config.key_size(), config.hidden_size];
        let flat = self.linear("self_attn.v_proj", normed, shape, config.family.qkv_bias);
        let key = format!("{}{CACHED}", flat.key);
        let values = self.emit.recode(&self.name("self_attn.values"), &flat, &key);
        let values = self.reshape("self_attn.value.heads", &values, &self.shared.key_heads);
        let size = |tokens| [1, config.num_key_value_heads, tokens, config.head_dim];
        let names = [graph_io::NEW_VALUE_PATTERN, graph_io::PAST_VALUE_PATTERN];
        self.cached(names, &values, [0, 2, 1, 3], size, 2)
    }

    /// What the cache holds, and then this call's.
    fn cached(
        &mut self,
        names: [&str; 2],
        heads: &Flow,
        order: [i64; 4],
        size: impl Fn(usize) -> [usize; 4],
        axis: i64,
    ) -> Flow {
        let [new, past] = names.map(|pattern| tensors::layer_name(pattern, self.index));
        let node = Node::standard("Transpose", &new).input(&heads.value).attribute("perm", order);
        let Some(tokens) = self.shared.tokens else { return self.emit.act(node, Key::As(&heads.key)) };
        let output = Output { shape: &size(tokens.call), is_read: true };
        let new = self.emit.output(node, Key::As(&heads.key), output);
        let past = self.emit.input(&past, &size(tokens.cache).map(Dimension::Size), &heads.key);
        let joined = Node::standard("Concat", &format!("{}.seen", new.value.name()));
        let joined = joined.input(&past.value).input(&new.value).attribute("axis", axis);
        self.emit.act(joined, Key::As(&heads.key))
    }

    fn linear(&mut self, name: &str, input: &Flow, shape: [usize; 2], bias: bool) -> Flow {
        let name = self.name(name);
        let product = self.emit.product(&name, input, &format!("{name}.weight"), shape);
        let product = self.emit.act(product, Key::Own);
        if !bias {
            return product;
        }
        let [rows, _] = shape;
        let values = self.emit.vector(&format!("{name}.bias"), rows);
        let sum = Node::standard("Add", &linear_key(bias, &name)).input(&product.value).input(&values);
        self.emit.act(sum, Key::Own)
    }

    fn norm(&mut self, name: &str, input: &Flow, size: usize) -> Flow {
        norm(self.emit, self.shared.config, &self.name(name), input, size)
    }

    fn binary(&mut self, operator: &str, name: &str, inputs: [&Flow; 2]) -> Flow {
        let [a, b] = inputs;
        let node = Node::standard(operator, &self.name(name)).input(&a.value).input(&b.value);
        self.emit.act(node, Key::Own)
    }

    fn reshape(&mut self, name: &str, input: &Flow, shape: &Value) -> Flow {
        let node = Node::standard("Reshape", &self.name(name)).input(&input.value).input(shape);
        self.emit.act(node, Key::As(&input.key))
    }

    fn transposed(&mut self, name: &str, input: &Flow, order: [i64; 4]) -> Flow {
        let node = Node::standard("Transpose", &self.name(name)).input(&input.value).attribute("perm", order);
        self.emit.act(node, Key::As(&input.key))
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// The last norm and the output projection, under the name of the logits.
pub(super) fn head(emit: &mut impl Emit, config: &Config, x: &Flow, output: Output<'_>) {
    let name = names::FINAL_NORM.trim_end_matches(".weight");
    let normed = norm(emit, config, name, x, config.hidden_size);
    let shape = [config.vocab_size, config.hidden_size];
    let product = emit.product(tensors::LOGITS, &normed, names::LM_HEAD, shape);
    emit.output(product, Key::Own, output);
}

fn norm(emit: &mut impl Emit, config: &Config, name: &str, input: &Flow, size: usize) -> Flow {
    let weight = emit.vector(&format!("{name}.weight"), size);
    let node = Node::standard("RMSNormalization", name).input(&input.value).input(&weight);
    emit.act(node.attribute("axis", -1_i64).attribute("epsilon", config.rms_norm_eps), Key::Own)
}

fn linear_key(bias: bool, name: &str) -> String {
    if bias { format!("{name}.biased") } else { name.to_owned() }
}

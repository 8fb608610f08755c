//! What a matrix's relative error costs, in nats of divergence.
//!
//! Measured on SmolLM2-135M (dithered, 2,048 positions of two English texts): each kind in int4 with the rest in float, its
//! divergence over its mean relative error; and three layers at a time, at the start, in the middle and at the end.

use crate::architecture::names;
use crate::checkpoint::Config;

/// Of all layers together, by kind.
const KINDS: [(&str, f64); 7] = [
    ("q_proj", 3.1),
    ("k_proj", 4.2),
    ("v_proj", 6.9),
    ("o_proj", 4.4),
    ("gate_proj", 7.2),
    ("up_proj", 9.9),
    ("down_proj", 16.0),
];
/// Of an output projection, and of a table that is looked up; of one that is both, their sum.
const HEAD: f64 = 7.7;
const LOOKUP: f64 = 4.4;
/// A layer's part in those of its kind, against one in the middle.
const FIRST_LAYERS: f64 = 1.7;
const LAST_LAYERS: f64 = 1.8;

/// Of a tensor: of its kind over all layers, its share of them, and where in the model it stands.
pub(super) fn sensitivity(config: &Config, tensor: &str) -> f64 {
    let Some(layer) = names::layer_of(tensor) else {
        return match (tensor == names::LM_HEAD, config.tie_word_embeddings) {
            (true, _) => HEAD,
            (false, true) => HEAD + LOOKUP,
            (false, false) => LOOKUP,
        };
    };
    let kind = KINDS.iter().find(|(kind, _)| tensor.contains(kind)).map_or(1.0, |(_, of_all)| *of_all);
    let layers = config.num_hidden_layers;
    let edge = layers.div_ceil(10);
    let depth = if layer < edge {
        FIRST_LAYERS
    } else if layer + edge >= layers {
        LAST_LAYERS
    } else {
        1.0
    };
    let edge = edge.min(layers / 2);
    let all = (layers - 2 * edge) as f64 + (FIRST_LAYERS + LAST_LAYERS) * edge as f64;
    kind * depth / all.max(1.0)
}

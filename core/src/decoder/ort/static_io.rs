//! Inputs and outputs of static graphs, as the card says they are. See [`wheelwork_package::card::StaticGraphs`].

use ::ort::value::TensorElementType;
use wheelwork_package::card::{GraphForm, StaticGraphs};
use wheelwork_package::genai_config::Model;
use wheelwork_package::tensors::{LOGITS, layer_name, static_graph as names};

use super::names::GraphNames;
use super::session::Expected;

/// The two calls that static graphs are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Prefill,
    Decode,
}

impl Call {
    /// Tokens of a call.
    pub(super) fn tokens(self, graphs: &StaticGraphs) -> usize {
        match self {
            Self::Prefill => graphs.prefill_tokens,
            Self::Decode => 1,
        }
    }
}

/// Inputs and outputs of a part's graph.
pub(super) fn expected(
    graphs: &StaticGraphs,
    config: &Model,
    part: usize,
    call: Call,
) -> (Vec<Expected>, Vec<Expected>) {
    match graphs.form {
        GraphForm::Float => float(graphs, config, call),
        GraphForm::Quantized => integer(graphs, config, part, call),
    }
}

/// What a part of integer graphs ends in, and its columns.
pub(super) fn output(graphs: &StaticGraphs, config: &Model, part: usize) -> (&'static str, usize) {
    if part + 1 == graphs.parts.len() {
        (LOGITS, config.vocab_size)
    } else {
        (names::HIDDEN, config.decoder.hidden_size)
    }
}

fn float(graphs: &StaticGraphs, config: &Model, call: Call) -> (Vec<Expected>, Vec<Expected>) {
    let (float, int) = (TensorElementType::Float32, TensorElementType::Int32);
    let decoder = &config.decoder;
    let cache = [1, decoder.num_key_value_heads, graphs.context_length, decoder.head_size];
    let mut inputs = vec![
        Expected::new(names::X, float, &[1, call.tokens(graphs), decoder.hidden_size]),
        Expected::new(names::LAST_POSITION, int, &[1]),
        Expected::new(names::TOTAL_LENGTH, int, &[]),
    ];
    if call == Call::Prefill {
        inputs.push(Expected::new(names::LOGITS_POSITION, int, &[1]));
    }
    let caches = GraphNames::of(config);
    inputs.extend(caches.past.iter().map(|name| Expected::new(name, float, &cache)));
    let mut outputs = vec![Expected::new(LOGITS, float, &[1, 1, config.vocab_size])];
    outputs.extend(caches.present.iter().map(|name| Expected::new(name, float, &cache)));
    (inputs, outputs)
}

fn integer(graphs: &StaticGraphs, config: &Model, part: usize, call: Call) -> (Vec<Expected>, Vec<Expected>) {
    let (code, byte) = (TensorElementType::Uint16, TensorElementType::Uint8);
    let decoder = &config.decoder;
    let (heads, head_dim, context) = (decoder.num_key_value_heads, decoder.head_size, graphs.context_length);
    let tokens = call.tokens(graphs);
    let layers = graphs.parts[part].range();
    let caches = |key: &str, value: &str, tokens: usize| -> Vec<_> {
        let pair = |layer| {
            [
                Expected::new(layer_name(key, layer), byte, &[1, heads, head_dim, tokens]),
                Expected::new(layer_name(value, layer), byte, &[1, heads, tokens, head_dim]),
            ]
        };
        layers.clone().flat_map(pair).collect()
    };
    let mut inputs = vec![
        Expected::new(names::X, code, &[1, tokens, decoder.hidden_size]),
        Expected::new(names::COS, code, &[1, 1, tokens, head_dim / 2]),
        Expected::new(names::SIN, code, &[1, 1, tokens, head_dim / 2]),
        Expected::new(names::MASK, code, &[1, 1, tokens, context + tokens]),
    ];
    inputs.extend(caches(names::PAST_KEY_PATTERN, names::PAST_VALUE_PATTERN, context));
    let (name, columns) = output(graphs, config, part);
    let mut outputs = vec![Expected::new(name, code, &[1, tokens, columns])];
    outputs.extend(caches(names::NEW_KEY_PATTERN, names::NEW_VALUE_PATTERN, tokens));
    (inputs, outputs)
}

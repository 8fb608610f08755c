//! What a graph takes, node by node in their order.

use std::collections::{HashMap, HashSet};

use super::super::GraphError;
use super::super::limits;
use super::super::proto::Graph;
use super::given::{of_input, of_tensor};
use super::node::Cost;
use super::operators::infer;
use super::span::Span;
use super::value::Value;
use crate::budget;
use crate::genai_config::Inputs;

/// What a graph takes at most, besides its initialisers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of all tensors that are computed when the graph is loaded, from initialisers alone.
    pub constant_bytes: u64,
    /// Steps that this takes: additions, multiplications, elements touched.
    pub constant_steps: u64,
    /// Bytes that are there at once in a call of `call_tokens`, caches and initialisers not counted.
    pub call_bytes: u64,
    /// Steps of such a call.
    pub call_steps: u64,
    /// Tokens of the call that was estimated: fewer where the graph gives logits for every token.
    pub call_tokens: u64,
}

/// Estimates a graph whose nodes and names were checked, with so many bytes of initialisers.
pub(in super::super) fn estimate(
    graph: &Graph<'_>,
    names: &Inputs,
    weight_bytes: u64,
) -> Result<Estimate, GraphError> {
    let walked = walk(graph, names, limits::CALL_TOKENS)?;
    let walked =
        if walked.gives_every_row { walk(graph, names, limits::CALL_TOKENS_ALL_LOGITS)? } else { walked };
    let found = walked.estimate;
    let weights = |times: u64| weight_bytes.saturating_mul(times);
    let bounds = [
        (found.constant_bytes, budget::GRAPH_CONSTANT_BYTES.plus(weights(8))),
        (found.constant_steps, budget::GRAPH_CONSTANT_STEPS.plus(weights(64))),
        (found.call_bytes, budget::GRAPH_CALL_BYTES.plus(weights(2))),
        (found.call_steps, budget::GRAPH_CALL_STEPS.plus(weights(8 * found.call_tokens))),
    ];
    match bounds.into_iter().find(|(found, limit)| *found > limit.number) {
        Some((found, limit)) => Err(GraphError::Costs { limit, found }),
        None => Ok(found),
    }
}

struct Walked {
    estimate: Estimate,
    gives_every_row: bool,
}

/// All nodes, in a call of at most so many tokens.
fn walk<'a>(graph: &'a Graph<'a>, names: &Inputs, call_tokens: usize) -> Result<Walked, GraphError> {
    let outputs: HashSet<&str> = graph.outputs.iter().map(|output| output.name).collect();
    let mut last_use: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        for input in &node.inputs {
            last_use.insert(input, index);
        }
    }
    let mut values: HashMap<&str, Value> = HashMap::with_capacity(graph.nodes.len());
    for tensor in &graph.initializers {
        values.insert(tensor.name, Value { is_constant: true, ..of_tensor(tensor) });
    }
    for input in &graph.inputs {
        let is_of_tokens = input.name == names.input_ids || names.position_ids.as_deref() == Some(input.name);
        let free = if is_of_tokens { call_tokens } else { limits::CALL_TOKENS };
        values.insert(input.name, of_input(input, free));
    }
    let mut estimate = Estimate { call_tokens: call_tokens as u64, ..Estimate::default() };
    // Outputs of nodes that are there at once, and what each takes.
    let mut held: HashMap<&str, u64> = HashMap::new();
    let mut held_bytes = 0_u64;
    let mut gives_every_row = false;
    for (index, node) in graph.nodes.iter().enumerate() {
        let inputs: Vec<_> = node.inputs.iter().map(|name| values.get(name)).collect();
        let is_constant = inputs.iter().flatten().all(|value| value.is_constant);
        let (mut found, cost) = infer(node, &inputs)?;
        // Outputs that no rule speaks of are not larger than the first.
        let first = found.first().map_or_else(|| Value::of(None, 0), |first| Value::of(None, first.elements));
        found.resize(node.outputs.len().max(found.len()), first);
        let Cost { steps, scratch_bytes } = cost;
        let is_attention = node.operator == "GroupQueryAttention";
        for (place, (name, value)) in node.outputs.iter().zip(found).enumerate() {
            // An output that is not wanted has no name, and an input that is not given has none either.
            if name.is_empty() {
                continue;
            }
            // The caches are given, and what is given is theirs.
            if is_attention && place > 0 {
                if !outputs.contains(name) {
                    return Err(GraphError::Cache { node: node.label(), output: (*name).to_owned() });
                }
                values.insert(name, value);
                continue;
            }
            let bytes = value.bytes();
            if is_constant {
                estimate.constant_bytes = estimate.constant_bytes.saturating_add(bytes);
            } else {
                held.insert(name, bytes);
                held_bytes = held_bytes.saturating_add(bytes);
                let is_row = value.dims.as_ref().is_none_or(|dims| dims.get(1) != Some(&Span::exactly(1)));
                gives_every_row |= outputs.contains(name) && is_row;
            }
            values.insert(name, Value { is_constant, ..value });
        }
        if is_constant {
            estimate.constant_steps = estimate.constant_steps.saturating_add(steps);
            continue;
        }
        estimate.call_steps = estimate.call_steps.saturating_add(steps);
        estimate.call_bytes = estimate.call_bytes.max(held_bytes.saturating_add(scratch_bytes));
        let gone = node.inputs.iter().chain(&node.outputs);
        for name in gone.filter(|name| !outputs.contains(*name)) {
            // Never read, or for the last time.
            if last_use.get(name).is_none_or(|last| *last <= index) {
                held_bytes = held_bytes.saturating_sub(held.remove(name).unwrap_or(0));
            }
        }
    }
    Ok(Walked { estimate, gives_every_row })
}

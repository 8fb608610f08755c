//! Feed-forward layers of a rewritten graph with one product of ours for the gate and what it is for.
//!
//! ```text
//! gate = wheelwork:MatMulBlocks(x, packed)    up = wheelwork:MatMulBlocks(x, packed)
//! com.microsoft:QuickGelu(gate), alpha 1  ->  Mul(.., up)
//!     -> wheelwork:GatedMatMulBlocks(x, packed of the gate, packed of up)
//! ```
//!
//! A pass of its own behind [`rewritten`](super::rewritten::rewritten): single products are measured before it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::GraphError;
use super::proto::{Graph, Model, Node};
use super::rewritten::{OPERATOR, in_place_of};
use super::rules::{DOMAIN, MICROSOFT};
use super::wire::{Fields, put, put_bytes, replace};

/// The operator that takes the place of a layer's two products, its activation and their product.
pub const GATED: &str = "GatedMatMulBlocks";
/// Attributes that both products have alike.
const SHARED: [&str; 4] = ["K", "N", "block_size", "activation_terms"];
/// Attributes of each.
const OWN: [&str; 3] = ["bits", "scale_bits", "zero_points"];

/// The graph with every such layer's nodes in one; as it was where it has none.
///
/// # Errors
/// [`GraphError`] for what is no graph.
pub fn gated(rewritten: &[u8]) -> Result<Vec<u8>, GraphError> {
    let graph = Model::read(rewritten)?.graph;
    let layers = layers(&graph);
    let gone: HashSet<_> = layers.values().flat_map(Layer::gone).collect();
    replace(rewritten, 7, |read| {
        let mut gated = Vec::with_capacity(read.len());
        let mut nodes = graph.nodes.iter();
        for field in Fields::new(read) {
            let field = field?;
            let output = match field.number {
                1 => nodes.next().and_then(|node| node.outputs.first().copied()),
                _ => None,
            };
            match output.map(|output| (layers.get(output), gone.contains(output))) {
                Some((Some(layer), _)) => put_bytes(&mut gated, 1, &layer.node()),
                Some((None, true)) => {}
                _ => put(&mut gated, &field),
            }
        }
        Ok(gated)
    })
}

/// The nodes of a layer.
struct Layer<'g> {
    gate: &'g Node<'g>,
    up: &'g Node<'g>,
    activation: &'g Node<'g>,
    product: &'g Node<'g>,
}

/// The layers of a graph by their outputs.
fn layers<'g>(graph: &'g Graph<'g>) -> BTreeMap<&'g str, Layer<'g>> {
    let makers: HashMap<&str, &Node<'_>> =
        graph.nodes.iter().flat_map(|node| node.outputs.iter().map(move |output| (*output, node))).collect();
    let mut readers = HashMap::<&str, usize>::new();
    let read = graph.nodes.iter().flat_map(|node| node.inputs.iter().copied());
    for name in read.chain(graph.outputs.iter().map(|output| output.name)) {
        *readers.entry(name).or_default() += 1;
    }
    // What a node makes for one other alone.
    let only = |name: &str| makers.get(name).copied().filter(|_| readers.get(name) == Some(&1));
    let layer = |product: &'g Node<'g>| {
        let is_product = (product.domain, product.operator) == ("", "Mul") && product.outputs.len() == 1;
        let [one, other] = product.inputs[..] else { return None };
        let pairs = [(one, other), (other, one)].into_iter().filter(|_| is_product);
        pairs.filter_map(|(activation, up)| Some((only(activation)?, only(up)?))).find_map(
            |(activation, up)| {
                let is_silu = (activation.domain, activation.operator) == (MICROSOFT, "QuickGelu")
                    && activation.float("alpha") == Some(1.0);
                let gate = only(activation.inputs.first().filter(|_| is_silu)?)?;
                are_alike(gate, up).then_some(Layer { gate, up, activation, product })
            },
        )
    };
    graph.nodes.iter().filter_map(|node| Some((*node.outputs.first()?, layer(node)?))).collect()
}

/// Whether two products of ours read the same activations in the same way, and add nothing.
fn are_alike(gate: &Node<'_>, up: &Node<'_>) -> bool {
    let is_ours = |node: &Node<'_>| {
        (node.domain, node.operator) == (DOMAIN, OPERATOR)
            && node.inputs.len() == 2
            && node.outputs.len() == 1
    };
    is_ours(gate)
        && is_ours(up)
        && gate.inputs.first() == up.inputs.first()
        && SHARED.iter().all(|name| gate.int(name).is_some() && gate.int(name) == up.int(name))
}

impl Layer<'_> {
    /// The outputs of the nodes that go.
    fn gone(&self) -> impl Iterator<Item = &str> {
        [self.gate, self.up, self.activation].into_iter().flat_map(|node| node.outputs.iter().copied())
    }

    /// The node in their place.
    fn node(&self) -> Vec<u8> {
        let inputs = self.gate.inputs.iter().chain(self.up.inputs.get(1)).copied();
        let number = |node: &Node<'_>, name| node.int(name).unwrap_or_default().cast_unsigned();
        let of_gate = SHARED.into_iter().chain(OWN).map(|name| (name.to_owned(), number(self.gate, name)));
        let of_up = OWN.map(|name| (format!("up_{name}"), number(self.up, name)));
        in_place_of(self.product, GATED, inputs, of_gate.chain(of_up))
    }
}

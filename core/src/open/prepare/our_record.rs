//! What the record of a form with our kernels tells, and the graph that follows from it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wheelwork_package::graph::Product;
use wheelwork_package::graph::attention::Attentions;
use wheelwork_package::graph::codes::Stated;
use wheelwork_package::graph::gated::gated;
use wheelwork_package::graph::rewritten::{replaceable, rewritten};
use wheelwork_package::packing;

use super::attention::AttentionChoice;
use super::choice::ProductChoice;

/// What the graph calls the packed file: no file of a package has that name.
pub(super) const PACKED_LOCATION: &str = "./packed.bin";
/// The fact of the record that holds an [`Ours`].
pub(super) const OURS: &str = "kernels";
/// What the record tells of a form with our kernels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ours {
    /// Our operators' outputs, in the order of the graph.
    pub(super) replaced: Vec<String>,
    pub(super) choices: Vec<ProductChoice>,
    /// `None` where none of the graph's can be replaced.
    pub(super) attention: Option<AttentionChoice>,
}

impl Ours {
    /// The products that ours compute, as the graph has them.
    pub(super) fn products(&self) -> Vec<Product> {
        let ours = self.choices.iter().filter(|choice| choice.is_ours);
        let product = |choice: &ProductChoice| {
            let ProductChoice { k, n, stored_bits: bits, block_size, products, .. } = *choice;
            std::iter::repeat_n(Product { k, n, bits, block_size }, products.min(self.replaced.len()))
        };
        ours.flat_map(product).collect()
    }

    /// The rewritten graph, and the bytes of its packed file; `None` where the record does not fit the graph.
    pub(super) fn graph(&self, original: &[u8], stated: &Stated) -> Option<(Vec<u8>, u64)> {
        let products = replaceable(original, stated).ok()?;
        let wanted: BTreeSet<_> = self.replaced.iter().collect();
        let kept: Vec<_> = products.iter().filter(|product| wanted.contains(&product.output)).collect();
        let (places, bytes) = packing::places(kept.iter().copied())?;
        let is_whole = !wanted.is_empty() && places.len() == self.replaced.len();
        let attention = match &self.attention {
            Some(choice) if choice.is_ours => Attentions::Ours,
            _ => Attentions::Original,
        };
        let graph = || gated(&rewritten(original, PACKED_LOCATION, &places, attention).ok()?).ok();
        is_whole.then(|| Some((graph()?, bytes)))?
    }
}

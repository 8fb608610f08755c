//! What is opened of a compact form.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use wheelwork_package::compact::{Compact, WEIGHTS};
use wheelwork_package::graph::attention::replaceable_attentions;
use wheelwork_package::graph::codes::Stated;
use wheelwork_package::graph::rewritten::{Does, replaceable};
use wheelwork_package::graph::{Product, Verified};

use super::attention::AttentionChoice;
use super::choice::Kind;
use super::form::{Above, OurKernels, Stored};
use crate::decoder::ort::session::Located;
use crate::error::PrepareError;
use crate::open::memory::{Packed, packed_bytes};

/// A graph of a variant whose weights may be in a compact form.
pub(crate) struct CompactForm<'a> {
    /// The variant's folder, and the graph's file in it.
    pub(crate) folder: &'a Path,
    pub(crate) file: &'a str,
    /// The graph's bytes.
    pub(crate) original: &'a [u8],
    pub(crate) verified: &'a Verified,
    /// What the package's card states of the weights.
    pub(crate) stated: Stated,
}

impl CompactForm<'_> {
    /// What is opened in place of the package's graph.
    pub(crate) fn stored(&self, compact: &Compact) -> Result<Stored, PrepareError> {
        let nodes = replaceable(self.original, &self.stated)?;
        let (mut kinds, mut packed) = (BTreeMap::<_, usize>::new(), Vec::new());
        for node in compact.record.packed(&nodes).filter(|node| node.does == Does::Multiply) {
            *kinds.entry(Kind::of(node)).or_default() += 1;
            packed.push(Product { k: node.k, n: node.n, bits: node.bits, block_size: node.block_size });
        }
        let left_bytes = packed_bytes(&self.verified.products).saturating_sub(packed_bytes(&packed));
        let attentions = replaceable_attentions(self.original)?.len();
        let file_bytes = compact.record.packed_bytes();
        Ok(Stored {
            graph: self.folder.join(self.file),
            located: self.located(compact)?,
            probe: None,
            kernels: OurKernels {
                products: kinds.into_iter().map(|(kind, count)| kind.choice(count, None)).collect(),
                attention: (attentions > 0).then(|| AttentionChoice::ours(attentions)),
            },
            packed: Packed::Ours { file_bytes, left_bytes },
            disk_bytes: file_bytes,
        })
    }

    /// The graph with our operators, which reads the compact form.
    pub(super) fn located(&self, compact: &Compact) -> Result<Arc<Located>, PrepareError> {
        let Above { folder, form, package } = Above::of(&compact.folder, self.folder)?;
        let weights = format!("{form}{WEIGHTS}");
        let beside = |name: &str| format!("{package}{name}");
        let graph = compact.record.graph(self.original, &self.stated, &weights, beside)?;
        Ok(Arc::new(Located { graph, folder, is_ours: true }))
    }
}

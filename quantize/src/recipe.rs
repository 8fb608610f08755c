//! Recipes: which scheme each kind of matrix is stored in. They are data, and the package records the one it was
//! made by.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::scheme::{Bits, BlockScheme, BlockSize, Fit, Scheme};

/// Which scheme each kind of matrix is stored in. Norms and biases are always 32-bit floating point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// What the command calls it.
    pub name: &'static str,
    /// The projections of attention and MLP.
    pub layers: Scheme,
    /// The output projection; also the embedding table where both are one.
    pub lm_head: Scheme,
    /// The embedding table.
    pub embedding: Scheme,
    /// Projections of layers that get another scheme than `layers`, by the name of their node, such as
    /// `model.layers.3.mlp.down_proj`. An entry for one of `self_attn.q_proj`, `k_proj` and `v_proj` makes three products of the
    /// one, `self_attn.qkv_proj`; what has no entry then has the scheme of `layers`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exceptions: BTreeMap<String, BlockScheme>,
}

pub(crate) const INT4: BlockScheme =
    BlockScheme { bits: Bits::Four, block_size: BlockSize::Of32, symmetric: false, fit: Fit::Search };
/// Symmetric and without a search: at 8 bits both gain less than the last digit that is printed.
pub(crate) const INT8: BlockScheme =
    BlockScheme { bits: Bits::Eight, block_size: BlockSize::Of32, symmetric: true, fit: Fit::Nearest };

/// No quantisation: the yardstick.
pub const FLOAT: Recipe = Recipe {
    name: "float",
    layers: Scheme::Float32,
    lm_head: Scheme::Float32,
    embedding: Scheme::Float32,
    exceptions: BTreeMap::new(),
};

/// Round to nearest.
pub const FAST: Recipe = Recipe {
    name: "fast",
    layers: Scheme::Blocks(BlockScheme { fit: Fit::Nearest, ..INT4 }),
    lm_head: Scheme::Blocks(INT8),
    embedding: Scheme::Blocks(INT8),
    exceptions: BTreeMap::new(),
};

/// Searched blocks, with 8 bits where 4 make a model repeat itself: in the output projection.
pub const BALANCED: Recipe = Recipe {
    name: "balanced",
    layers: Scheme::Blocks(INT4),
    lm_head: Scheme::Blocks(INT8),
    embedding: Scheme::Blocks(INT8),
    exceptions: BTreeMap::new(),
};

/// 8 bits throughout: nearly the answers of float32, at nearly twice the size of int4.
pub const INT8_THROUGHOUT: Recipe = Recipe {
    name: "int8",
    layers: Scheme::Blocks(INT8),
    lm_head: Scheme::Blocks(INT8),
    embedding: Scheme::Blocks(INT8),
    exceptions: BTreeMap::new(),
};

/// Every recipe.
pub const RECIPES: [Recipe; 4] = [FLOAT, INT8_THROUGHOUT, FAST, BALANCED];

impl Recipe {
    /// The scheme of a projection of a layer, by the name of its node.
    #[must_use]
    pub fn projection(&self, node: &str) -> Scheme {
        self.exceptions.get(node).map_or(self.layers, |&scheme| Scheme::Blocks(scheme))
    }

    /// The same with other blocks in all projections; what is float32 stays so. The embedding table, of which a row is
    /// read at a time, keeps its own.
    #[must_use]
    pub fn with_block_size(mut self, block_size: BlockSize) -> Self {
        for scheme in [&mut self.layers, &mut self.lm_head] {
            if let Scheme::Blocks(blocks) = scheme {
                blocks.block_size = block_size;
            }
        }
        self
    }

    /// The recipe of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        RECIPES.into_iter().find(|recipe| recipe.name == name)
    }
}

impl Default for Recipe {
    fn default() -> Self {
        BALANCED
    }
}

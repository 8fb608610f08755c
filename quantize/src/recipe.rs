//! Recipes: which scheme each kind of matrix is stored in. They are data, and the package records the one it was
//! made by.

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
}

const INT4: BlockScheme =
    BlockScheme { bits: Bits::Four, block_size: BlockSize::Of32, symmetric: false, fit: Fit::Search };
/// Symmetric and without a search: at 8 bits both gain less than the last digit that is printed.
const INT8: BlockScheme =
    BlockScheme { bits: Bits::Eight, block_size: BlockSize::Of32, symmetric: true, fit: Fit::Nearest };

/// No quantisation: the yardstick.
pub const FLOAT: Recipe =
    Recipe { name: "float", layers: Scheme::Float32, lm_head: Scheme::Float32, embedding: Scheme::Float32 };

/// Round to nearest.
pub const FAST: Recipe = Recipe {
    name: "fast",
    layers: Scheme::Blocks(BlockScheme { fit: Fit::Nearest, ..INT4 }),
    lm_head: Scheme::Blocks(INT8),
    embedding: Scheme::Blocks(INT8),
};

/// Searched blocks, with 8 bits where 4 make a model repeat itself: in the output projection.
pub const BALANCED: Recipe = Recipe {
    name: "balanced",
    layers: Scheme::Blocks(INT4),
    lm_head: Scheme::Blocks(INT8),
    embedding: Scheme::Blocks(INT8),
};

/// Every recipe.
pub const RECIPES: [Recipe; 3] = [FLOAT, FAST, BALANCED];

impl Recipe {
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

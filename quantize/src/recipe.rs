//! Recipes: which scheme each kind of matrix is stored in. They are data, and the package records the one it was
//! made by.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::scheme::{Bits, BlockScheme, BlockSize, Fit, ScaleBits, Scheme};

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
    /// What the inputs of products with quantised matrices are computed in.
    #[serde(skip_serializing_if = "Activations::is_default")]
    pub activations: Activations,
}

/// What the inputs of a product with a quantised matrix may be rounded to: `accuracy_level` of `MatMulNBits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activations {
    /// 8-bit integers with a scale for each block: ONNX Runtime's only kernel for 8-bit weights, and its fastest for 4-bit ones.
    #[default]
    Int8,
    /// Not rounded. ONNX Runtime then unpacks 8-bit matrices to float32 at every product.
    Float32,
}

impl Activations {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The attribute's value.
    pub(crate) fn accuracy_level(self) -> i64 {
        match self {
            Self::Int8 => 4,
            Self::Float32 => 1,
        }
    }
}

pub(crate) const INT4: BlockScheme = BlockScheme {
    bits: Bits::Four,
    block_size: BlockSize::Of32,
    symmetric: false,
    fit: Fit::Search,
    scale_bits: ScaleBits::Eight,
};
/// Symmetric and without a search: at 8 bits both gain less than the last digit that is printed.
pub(crate) const INT8: BlockScheme = BlockScheme {
    bits: Bits::Eight,
    block_size: BlockSize::Of32,
    symmetric: true,
    fit: Fit::Nearest,
    scale_bits: ScaleBits::Sixteen,
};

/// No quantisation: the yardstick.
pub const FLOAT: Recipe = Recipe {
    name: "float",
    layers: Scheme::Float32,
    lm_head: Scheme::Float32,
    embedding: Scheme::Float32,
    exceptions: BTreeMap::new(),
    activations: Activations::Int8,
};

/// Round to nearest.
pub const FAST: Recipe = Recipe {
    name: "fast",
    layers: Scheme::Blocks(BlockScheme { fit: Fit::Nearest, scale_bits: ScaleBits::Sixteen, ..INT4 }),
    lm_head: Scheme::Blocks(INT8),
    embedding: Scheme::Blocks(INT8),
    exceptions: BTreeMap::new(),
    activations: Activations::Int8,
};

/// Searched blocks, with 8 bits where 4 make a model repeat itself: in the output projection.
pub const BALANCED: Recipe = Recipe {
    name: "balanced",
    layers: Scheme::Blocks(INT4),
    lm_head: Scheme::Blocks(INT8),
    embedding: Scheme::Blocks(INT8),
    exceptions: BTreeMap::new(),
    activations: Activations::Int8,
};

/// 8 bits throughout: nearly the answers of float32, at nearly twice the size of int4.
pub const INT8_THROUGHOUT: Recipe = Recipe {
    name: "int8",
    layers: Scheme::Blocks(INT8),
    lm_head: Scheme::Blocks(INT8),
    embedding: Scheme::Blocks(INT8),
    exceptions: BTreeMap::new(),
    activations: Activations::Int8,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A card of a package before there was a choice says the same as one of the default now.
    #[test]
    fn activations_are_stated_where_they_are_not_the_default() {
        let stated =
            |recipe: &Recipe| serde_json::to_value(recipe).map(|recipe| recipe.get("activations").cloned());
        assert!(matches!(stated(&BALANCED), Ok(None)));
        let float = Recipe { activations: Activations::Float32, ..BALANCED };
        assert!(matches!(stated(&float), Ok(Some(value)) if value == "float32"));
    }
}

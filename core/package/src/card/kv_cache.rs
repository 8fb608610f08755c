//! The key-value cache of a variant: in which forms its graph exists and which one is the default.

use serde::{Deserialize, Serialize};

/// How keys and values stand in the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KvForm {
    /// 32-bit floating point: what every package has.
    #[default]
    Float,
    /// One signed byte an element, with one scale a channel that is part of the graph.
    Int8,
}

impl KvForm {
    /// As it stands in the card.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Int8 => "int8",
        }
    }
}

/// The forms of one variant's cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KvCache {
    /// What a runtime uses that was not told otherwise.
    pub default: KvForm,
    /// The graph with an int8 cache, a file in the variant's folder that shares the weights of the float one.
    pub int8_graph: String,
    /// Tokens from which the scales were taken.
    pub scale_tokens: usize,
    /// The float graph against the int8 graph, on the machine that made the package.
    pub self_check: KvSelfCheck,
}

/// What the int8 cache costs: its logits against those of the float cache, after each token of fixed texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KvSelfCheck {
    /// Positions that were compared.
    pub tokens: usize,
    /// Mean Kullback-Leibler divergence in nats.
    pub mean_kl: f64,
    /// The largest one.
    pub max_kl: f64,
    /// Share of positions with the same best token, 0 to 1.
    pub same_top: f64,
    /// The largest `mean_kl` that passes.
    pub mean_kl_limit: f64,
    /// Whether it passed.
    pub passed: bool,
}

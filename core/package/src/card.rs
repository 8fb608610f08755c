//! `wheelwork.json`: what genai's files have no place for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::files::FileRecord;

mod context_binary;
mod evaluation;
mod kv_cache;
mod static_graphs;

pub use context_binary::{CompiledPart, ContextBinary, Packing};
pub use evaluation::{
    AtPositions, Divergence, Estimate, Evaluation, Gate, Repetition, SourceOfError, TaskScore, Tasks,
};
pub use kv_cache::{KvCache, KvForm, KvSelfCheck};
pub use static_graphs::{
    EmbeddingBlocks, EmbeddingTable, EmbeddingType, Encoding, Encodings, GraphForm, GraphPart, LmHead,
    StaticGraphs, StaticSelfCheck,
};

/// The format version that this build writes. Readers accept the same major version.
pub const FORMAT_VERSION: &str = "1.4";

/// `wheelwork.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// [`FORMAT_VERSION`] of the writer: a newer minor version only adds fields.
    pub format_version: String,
    /// The model's name, by default the checkpoint folder's.
    pub name: String,
    /// Name and version of the program that wrote the package.
    pub producer: String,
    /// The shapes, by Hugging Face's config names.
    pub architecture: Architecture,
    /// Token ids that the runtime acts on.
    pub tokens: ControlTokens,
    /// What the runtime ends reasoning with, before the closing tag, where the model does not end it in time: words
    /// that the model ends its own reasoning with. Without it the closing tag stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing_phrase: Option<String>,
    /// How the weights were stored and what that cost.
    pub quantization: Quantization,
    /// The files of each variant.
    pub variants: BTreeMap<String, Vec<FileRecord>>,
    /// Bits that the codes of matrices use where those are fewer than the bits that they stand in, by variant and by the
    /// name of the initialiser: 5 or 6 in 8, 3 in 4. Zero points use no more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub code_bits: BTreeMap<String, BTreeMap<String, u32>>,
    /// Bits that the scales of matrices need where those are fewer than 16, by variant and by the name of the codes' initialiser: 8,
    /// numbers below 2 with five significant bits. What is stated wrongly is not packed by our kernels, and nothing more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scale_bits: BTreeMap<String, BTreeMap<String, u32>>,
    /// Radians by which a position turns each pair of a head. Tables of cosines and sines that follow from them to the bit are left
    /// out of compact forms; what is stated wrongly leaves the tables there, and nothing more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotary_frequencies: Vec<f64>,
    /// The variants with an int8 key-value cache beside the float one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kv_cache: BTreeMap<String, KvCache>,
    /// The variants made of static graphs, for NPUs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub static_graphs: BTreeMap<String, StaticGraphs>,
    /// What `wheelwork evaluate` found, by variant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evaluation: BTreeMap<String, Evaluation>,
    /// What the checkpoint got wrong and how it was read, and what of the package is unproven: sentences for a person.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Licence files of the checkpoint that were copied into the variants.
    #[serde(default)]
    pub licences: Vec<String>,
}

/// The shapes of the decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// `qwen2`, `qwen3` or `llama`.
    pub model_type: String,
    /// Elements of the residual stream.
    pub hidden_size: usize,
    /// Elements of the gated layer.
    pub intermediate_size: usize,
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// Elements of one head.
    pub head_dim: usize,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Longest sequence in tokens.
    pub max_position_embeddings: usize,
}

/// Token ids that the runtime acts on, read from the checkpoint's tokenizer, never from the architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlTokens {
    /// First token of a prompt.
    pub bos: Option<u32>,
    /// Generation ends at any of these.
    pub eos: Vec<u32>,
    /// `<think>`, where it is one token.
    pub reasoning_open: Option<u32>,
    /// `</think>`, where it is one token.
    pub reasoning_close: Option<u32>,
}

/// How the weights were stored and what that cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantization {
    /// The recipe as it was applied, by the names of `docs/quantization.md`.
    pub recipe: serde_json::Value,
    /// Stored bits per weight over all matrices: codes, scales and zero points as the graph's operators read them.
    pub bits_per_weight: f64,
    /// The same in the bits that say something: codes and scales of their own bits. `None` in packages that were
    /// made before this was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_bits_per_weight: Option<f64>,
    /// One entry a matrix.
    pub tensors: Vec<TensorError>,
}

/// The error of one matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorError {
    /// The checkpoint's tensor name.
    pub name: String,
    /// Bits that a code uses; 32 for unquantised. It may stand in more: [`Card::code_bits`].
    pub bits: u32,
    /// Weights that share a scale; 0 for unquantised.
    pub block_size: usize,
    /// Bits that a scale needs where those are fewer than 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_bits: Option<u32>,
    /// Sum of squared differences over sum of squares.
    pub relative_mse: f64,
}

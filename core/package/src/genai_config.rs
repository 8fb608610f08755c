//! `genai_config.json`: onnxruntime-genai's description of a model folder, as far as both runtimes need it.
//!
//! Written complete, so that `onnxruntime_genai.Model(FOLDER)` loads our variants; read leniently, so that
//! folders of its model builder load here.

use serde::{Deserialize, Serialize};

use crate::generation::TokenIds;
use crate::tensors;

/// `genai_config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenaiConfig {
    /// Graph, shapes and token ids.
    pub model: Model,
    /// Search defaults.
    pub search: Search,
}

/// Graph, shapes and token ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `qwen2`, `qwen3` or `llama`; genai picks its decoder by it.
    #[serde(rename = "type")]
    pub model_type: String,
    /// Number of rows of the embedding table and of the logits.
    pub vocab_size: usize,
    /// Longest sequence in tokens.
    pub context_length: usize,
    /// First token of a prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bos_token_id: Option<u32>,
    /// Stop tokens.
    pub eos_token_id: TokenIds,
    /// Padding, unused at batch 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad_token_id: Option<u32>,
    /// The decoder graph.
    pub decoder: Decoder,
}

/// The decoder graph and its sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decoder {
    /// The graph's file name in the variant's folder.
    pub filename: String,
    /// Elements of one attention head.
    pub head_size: usize,
    /// Elements of the residual stream.
    pub hidden_size: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Input names.
    #[serde(default)]
    pub inputs: Inputs,
    /// Output names.
    #[serde(default)]
    pub outputs: Outputs,
    /// genai's session options; ours are empty.
    #[serde(default)]
    pub session_options: SessionOptions,
}

/// genai's session options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionOptions {
    /// The name under which ONNX Runtime logs.
    #[serde(default)]
    pub log_id: String,
    /// Execution providers with their options; empty means CPU.
    #[serde(default)]
    pub provider_options: Vec<serde_json::Value>,
}

/// Graph input names; `%d` stands for the layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inputs {
    /// Token ids.
    pub input_ids: String,
    /// Attention mask.
    pub attention_mask: String,
    /// Positions, for graphs that ask for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_ids: Option<String>,
    /// Key cache.
    pub past_key_names: String,
    /// Value cache.
    pub past_value_names: String,
}

/// Graph output names; `%d` stands for the layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outputs {
    /// Scores over the vocabulary.
    pub logits: String,
    /// Key cache.
    pub present_key_names: String,
    /// Value cache.
    pub present_value_names: String,
}

/// Search defaults, as genai names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Search {
    /// Sample (true) or take the best token (false).
    pub do_sample: bool,
    /// Longest sequence, prompt included.
    pub max_length: usize,
    /// Shortest sequence.
    pub min_length: usize,
    /// Beams; we know 1.
    pub num_beams: usize,
    /// Sequences returned; we know 1.
    pub num_return_sequences: usize,
    /// Past and present caches are one buffer.
    pub past_present_share_buffer: bool,
    /// See [`crate::GenerationDefaults`].
    pub repetition_penalty: f32,
    /// See [`crate::GenerationDefaults`].
    pub temperature: f32,
    /// See [`crate::GenerationDefaults`]; 0 means all.
    pub top_k: u32,
    /// See [`crate::GenerationDefaults`].
    pub top_p: f32,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { log_id: "onnxruntime-genai".into(), provider_options: Vec::new() }
    }
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            input_ids: tensors::INPUT_IDS.into(),
            attention_mask: tensors::ATTENTION_MASK.into(),
            position_ids: None,
            past_key_names: tensors::PAST_KEY_PATTERN.into(),
            past_value_names: tensors::PAST_VALUE_PATTERN.into(),
        }
    }
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            logits: tensors::LOGITS.into(),
            present_key_names: tensors::PRESENT_KEY_PATTERN.into(),
            present_value_names: tensors::PRESENT_VALUE_PATTERN.into(),
        }
    }
}

impl Default for Search {
    fn default() -> Self {
        Self {
            do_sample: false,
            max_length: 0,
            min_length: 0,
            num_beams: 1,
            num_return_sequences: 1,
            past_present_share_buffer: true,
            repetition_penalty: 1.0,
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
        }
    }
}

//! Model families as data: what a decoder of each family has, and which tensors hold it.
//!
//! All families here are one decoder: RMS norm, grouped-query attention with rotary positions, RMS norm, gated MLP
//! with SiLU. A family says in which of the details it differs; nothing else in this crate asks for its name.

mod tensors;

pub use tensors::tensors;

/// What distinguishes a family.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// `model_type` in `config.json`; onnxruntime-genai's name too.
    pub model_type: &'static str,
    /// The one entry of `architectures` in `config.json`.
    pub class: &'static str,
    /// The query, key and value projections add a bias.
    pub qkv_bias: bool,
    /// Each head of query and key goes through an RMS norm before the rotation.
    pub qk_norm: bool,
    /// `head_dim` where `config.json` does not say; otherwise `hidden_size / num_attention_heads`.
    pub default_head_dim: Option<usize>,
}

/// Every family that can be quantised.
pub const FAMILIES: [Family; 3] = [
    Family {
        model_type: "qwen2",
        class: "Qwen2ForCausalLM",
        qkv_bias: true,
        qk_norm: false,
        default_head_dim: None,
    },
    Family {
        model_type: "qwen3",
        class: "Qwen3ForCausalLM",
        qkv_bias: false,
        qk_norm: true,
        default_head_dim: Some(128),
    },
    Family {
        model_type: "llama",
        class: "LlamaForCausalLM",
        qkv_bias: false,
        qk_norm: false,
        default_head_dim: None,
    },
];

/// Tensor names of a checkpoint, which all families share.
pub mod names {
    /// The embedding table, `[vocab, hidden]`.
    pub const EMBEDDING: &str = "model.embed_tokens.weight";
    /// The last norm, `[hidden]`.
    pub const FINAL_NORM: &str = "model.norm.weight";
    /// The output projection, `[vocab, hidden]`; absent where it is the embedding table.
    pub const LM_HEAD: &str = "lm_head.weight";

    /// A tensor of a layer.
    #[must_use]
    pub fn layer(layer: usize, name: &str) -> String {
        format!("model.layers.{layer}.{name}")
    }

    /// The layer that a tensor belongs to.
    #[must_use]
    pub fn layer_of(tensor: &str) -> Option<usize> {
        tensor.strip_prefix("model.layers.")?.split('.').next()?.parse().ok()
    }

    /// Tables that old checkpoints carry and that follow from the configuration.
    #[must_use]
    pub fn is_derived(tensor: &str) -> bool {
        tensor.ends_with(".rotary_emb.inv_freq")
    }
}

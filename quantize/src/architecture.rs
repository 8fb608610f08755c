//! Model families as data: what a decoder of each family has, and which tensors hold it.
//!
//! All families here are one decoder: RMS norm, grouped-query attention with rotary positions, RMS norm, gated MLP
//! with SiLU. A family says in which of the details it differs; nothing else in this crate asks for its name.

use crate::checkpoint::Config;

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

/// The tensors that a checkpoint of this configuration has, with their shapes.
#[must_use]
pub fn tensors(config: &Config) -> Vec<(String, Vec<usize>)> {
    let hidden = config.hidden_size;
    let inner = config.intermediate_size;
    let queries = config.query_size();
    let keys = config.key_size();
    let mut all = vec![(names::EMBEDDING.to_owned(), vec![config.vocab_size, hidden])];
    for layer in 0..config.num_hidden_layers {
        let mut add = |name: &str, shape: &[usize]| all.push((names::layer(layer, name), shape.to_vec()));
        add("input_layernorm.weight", &[hidden]);
        for (projection, size) in [("q_proj", queries), ("k_proj", keys), ("v_proj", keys)] {
            add(&format!("self_attn.{projection}.weight"), &[size, hidden]);
            if config.family.qkv_bias {
                add(&format!("self_attn.{projection}.bias"), &[size]);
            }
        }
        if config.family.qk_norm {
            add("self_attn.q_norm.weight", &[config.head_dim]);
            add("self_attn.k_norm.weight", &[config.head_dim]);
        }
        add("self_attn.o_proj.weight", &[hidden, queries]);
        add("post_attention_layernorm.weight", &[hidden]);
        add("mlp.gate_proj.weight", &[inner, hidden]);
        add("mlp.up_proj.weight", &[inner, hidden]);
        add("mlp.down_proj.weight", &[hidden, inner]);
    }
    all.push((names::FINAL_NORM.to_owned(), vec![hidden]));
    if !config.tie_word_embeddings {
        all.push((names::LM_HEAD.to_owned(), vec![config.vocab_size, hidden]));
    }
    all
}

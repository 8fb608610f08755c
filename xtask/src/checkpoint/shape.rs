//! The shapes of real distils, by the names of `config.json` and of Hugging Face's tensors.

use clap::ValueEnum;
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ShapeName {
    #[value(name = "qwen-1.5b")]
    Qwen1p5B,
    #[value(name = "qwen-7b")]
    Qwen7B,
    #[value(name = "qwen-14b")]
    Qwen14B,
    #[value(name = "qwen-32b")]
    Qwen32B,
    #[value(name = "qwen3-8b")]
    Qwen3Of8B,
    #[value(name = "llama-8b")]
    Llama8B,
    #[value(name = "llama-70b")]
    Llama70B,
    /// Two small layers, for a quick look.
    #[value(name = "llama-small")]
    LlamaSmall,
}

/// By the names of `config.json`.
pub(super) struct Shape {
    model_type: &'static str,
    pub(super) hidden_size: u64,
    pub(super) num_hidden_layers: u64,
    num_attention_heads: u64,
    num_key_value_heads: u64,
    head_dim: u64,
    intermediate_size: u64,
    pub(super) vocab_size: u64,
    rope_theta: f64,
    rms_norm_eps: f64,
}

impl ShapeName {
    pub(super) fn shape(self) -> Shape {
        let shape = |model_type, sizes: [u64; 7], rope_theta, rms_norm_eps| {
            let [hidden, layers, heads, key_heads, head_dim, inner, vocab] = sizes;
            Shape {
                model_type,
                hidden_size: hidden,
                num_hidden_layers: layers,
                num_attention_heads: heads,
                num_key_value_heads: key_heads,
                head_dim,
                intermediate_size: inner,
                vocab_size: vocab,
                rope_theta,
                rms_norm_eps,
            }
        };
        match self {
            Self::Qwen1p5B => shape("qwen2", [1536, 28, 12, 2, 128, 8960, 151_936], 10_000.0, 1e-6),
            Self::Qwen7B => shape("qwen2", [3584, 28, 28, 4, 128, 18_944, 152_064], 10_000.0, 1e-6),
            Self::Qwen14B => shape("qwen2", [5120, 48, 40, 8, 128, 13_824, 152_064], 1_000_000.0, 1e-5),
            Self::Qwen32B => shape("qwen2", [5120, 64, 40, 8, 128, 27_648, 152_064], 1_000_000.0, 1e-5),
            Self::Qwen3Of8B => shape("qwen3", [4096, 36, 32, 8, 128, 12_288, 151_936], 1_000_000.0, 1e-6),
            Self::Llama8B => shape("llama", [4096, 32, 32, 8, 128, 14_336, 128_256], 500_000.0, 1e-5),
            Self::Llama70B => shape("llama", [8192, 80, 64, 8, 128, 28_672, 128_256], 500_000.0, 1e-5),
            Self::LlamaSmall => shape("llama", [512, 2, 8, 2, 64, 1536, 32_000], 500_000.0, 1e-5),
        }
    }
}

impl Shape {
    pub(super) fn config(&self) -> Value {
        let class = match self.model_type {
            "qwen3" => "Qwen3ForCausalLM",
            "llama" => "LlamaForCausalLM",
            _ => "Qwen2ForCausalLM",
        };
        let mut config = json!({
            "architectures": [class], "model_type": self.model_type, "hidden_act": "silu", "torch_dtype": "bfloat16",
            "hidden_size": self.hidden_size, "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads, "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim, "intermediate_size": self.intermediate_size, "vocab_size": self.vocab_size,
            "rope_theta": self.rope_theta, "rms_norm_eps": self.rms_norm_eps,
            "max_position_embeddings": 131_072, "tie_word_embeddings": false,
        });
        if self.model_type == "llama" {
            config["rope_scaling"] = json!({
                "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192,
            });
        }
        config
    }

    /// Names and shapes, in the order of the shards.
    pub(super) fn tensors(&self) -> Vec<(String, Vec<u64>)> {
        let hidden = self.hidden_size;
        let (queries, keys) =
            (self.num_attention_heads * self.head_dim, self.num_key_value_heads * self.head_dim);
        let mut tensors = vec![("model.embed_tokens.weight".to_owned(), vec![self.vocab_size, hidden])];
        for layer in 0..self.num_hidden_layers {
            let mut add = |name: &str, shape: &[u64]| {
                tensors.push((format!("model.layers.{layer}.{name}"), shape.to_vec()));
            };
            add("input_layernorm.weight", &[hidden]);
            for (projection, size) in [("q", queries), ("k", keys), ("v", keys)] {
                add(&format!("self_attn.{projection}_proj.weight"), &[size, hidden]);
                if self.model_type == "qwen2" {
                    add(&format!("self_attn.{projection}_proj.bias"), &[size]);
                }
            }
            if self.model_type == "qwen3" {
                add("self_attn.q_norm.weight", &[self.head_dim]);
                add("self_attn.k_norm.weight", &[self.head_dim]);
            }
            add("self_attn.o_proj.weight", &[hidden, queries]);
            add("post_attention_layernorm.weight", &[hidden]);
            add("mlp.gate_proj.weight", &[self.intermediate_size, hidden]);
            add("mlp.up_proj.weight", &[self.intermediate_size, hidden]);
            add("mlp.down_proj.weight", &[hidden, self.intermediate_size]);
        }
        tensors.push(("model.norm.weight".to_owned(), vec![hidden]));
        tensors.push(("lm_head.weight".to_owned(), vec![self.vocab_size, hidden]));
        tensors
    }
}

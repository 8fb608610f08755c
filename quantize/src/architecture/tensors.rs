//! Which tensors a checkpoint has, by its configuration.

use super::names;
use crate::checkpoint::Config;

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

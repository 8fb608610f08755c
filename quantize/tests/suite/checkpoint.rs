//! A tiny checkpoint in a folder of its own, whole or spoilt on purpose.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::bf16;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;
use wheelwork_quantize::{Options, QuantizeError, Recipe, Report, quantize};

pub(crate) const HIDDEN: usize = 64;
pub(crate) const INNER: usize = 96;
pub(crate) const LAYERS: usize = 2;
pub(crate) const HEADS: usize = 4;
pub(crate) const KEY_HEADS: usize = 2;
pub(crate) const HEAD_DIM: usize = 16;
pub(crate) const VOCAB: usize = 40;
/// `<end>` of the tiny tokenizer.
pub(crate) const END: u32 = 4;

/// A checkpoint that is written when all is set. Dropped with its folder.
pub(crate) struct Tiny {
    folder: TempDir,
    pub(crate) config: Value,
    pub(crate) tensors: BTreeMap<String, Tensor>,
    pub(crate) tokenizer: Value,
    pub(crate) tokenizer_config: Value,
    pub(crate) generation_config: Value,
}

#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) dtype: safetensors::Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Tiny {
    pub(crate) fn qwen2() -> Self {
        let config = json!({
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu",
            "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS, "vocab_size": VOCAB,
            "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
            "tie_word_embeddings": false, "bos_token_id": 3, "eos_token_id": END,
        });
        let mut tiny = Self {
            folder: tempfile::tempdir().unwrap(),
            config,
            tensors: BTreeMap::new(),
            tokenizer: tokenizer(),
            tokenizer_config: json!({
                "bos_token": "<begin>", "eos_token": {"content": "<end>", "lstrip": false},
                "chat_template": "{{ bos_token }}",
            }),
            generation_config: json!({"bos_token_id": 3, "eos_token_id": END, "temperature": 0.6, "top_p": 0.95}),
        };
        tiny.random("model.embed_tokens.weight", &[VOCAB, HIDDEN]);
        tiny.random("model.norm.weight", &[HIDDEN]);
        tiny.random("lm_head.weight", &[VOCAB, HIDDEN]);
        for layer in 0..LAYERS {
            let name = |rest: &str| format!("model.layers.{layer}.{rest}");
            for (projection, heads) in [("q", HEADS), ("k", KEY_HEADS), ("v", KEY_HEADS)] {
                tiny.random(
                    &name(&format!("self_attn.{projection}_proj.weight")),
                    &[heads * HEAD_DIM, HIDDEN],
                );
                tiny.random(&name(&format!("self_attn.{projection}_proj.bias")), &[heads * HEAD_DIM]);
            }
            tiny.random(&name("self_attn.o_proj.weight"), &[HIDDEN, HEADS * HEAD_DIM]);
            tiny.random(&name("mlp.gate_proj.weight"), &[INNER, HIDDEN]);
            tiny.random(&name("mlp.up_proj.weight"), &[INNER, HIDDEN]);
            tiny.random(&name("mlp.down_proj.weight"), &[HIDDEN, INNER]);
            tiny.random(&name("input_layernorm.weight"), &[HIDDEN]);
            tiny.random(&name("post_attention_layernorm.weight"), &[HIDDEN]);
        }
        tiny
    }

    pub(crate) fn qwen3() -> Self {
        let mut tiny = Self::llama()
            .with("architectures", json!(["Qwen3ForCausalLM"]))
            .with("model_type", json!("qwen3"))
            .with("head_dim", json!(HEAD_DIM));
        for layer in 0..LAYERS {
            for norm in ["q_norm", "k_norm"] {
                tiny.random(&format!("model.layers.{layer}.self_attn.{norm}.weight"), &[HEAD_DIM]);
            }
        }
        tiny
    }

    pub(crate) fn llama() -> Self {
        let mut tiny = Self::qwen2()
            .with("architectures", json!(["LlamaForCausalLM"]))
            .with("model_type", json!("llama"));
        tiny.tensors.retain(|name, _| !name.ends_with(".bias"));
        tiny
    }

    /// The output projection is the embedding table.
    pub(crate) fn tied() -> Self {
        let mut tiny = Self::qwen2().with("tie_word_embeddings", json!(true));
        tiny.tensors.remove("lm_head.weight");
        tiny
    }

    /// With a field of `config.json` set.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.config[field] = value;
        self
    }

    /// With a tensor of random numbers.
    pub(crate) fn with_tensor(mut self, name: &str, shape: &[usize]) -> Self {
        self.random(name, shape);
        self
    }

    /// With all files written, the weights as one.
    pub(crate) fn written(self) -> Self {
        self.write();
        self
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("tiny")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes all files, the weights as one.
    pub(crate) fn write(&self) -> &Self {
        self.write_descriptions();
        self.write_weights("model.safetensors", |_| true);
        self
    }

    /// Writes all files, the weights as two shards with an index: layers, and the rest.
    pub(crate) fn write_sharded(&self) -> &Self {
        self.write_descriptions();
        let in_layers = |name: &str| name.starts_with("model.layers.");
        self.write_weights("layers.safetensors", in_layers);
        self.write_weights("rest.safetensors", |name| !in_layers(name));
        self.write_index(|name| if in_layers(name) { "layers.safetensors" } else { "rest.safetensors" });
        self
    }

    pub(crate) fn write_descriptions(&self) {
        fs_err::create_dir_all(self.path()).unwrap();
        for (name, value) in [
            ("config.json", &self.config),
            ("tokenizer.json", &self.tokenizer),
            ("tokenizer_config.json", &self.tokenizer_config),
            ("generation_config.json", &self.generation_config),
        ] {
            fs_err::write(self.file(name), serde_json::to_vec(value).unwrap()).unwrap();
        }
    }

    pub(crate) fn write_weights(&self, file: &str, chosen: impl Fn(&str) -> bool) {
        let views = self.tensors.iter().filter(|(name, _)| chosen(name)).map(|(name, tensor)| {
            (name, TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes).unwrap())
        });
        safetensors::serialize_to_file(views, None, &self.file(file)).unwrap();
    }

    pub(crate) fn write_index<'a>(&self, shard_of: impl Fn(&str) -> &'a str) {
        let map: BTreeMap<_, _> = self.tensors.keys().map(|name| (name, shard_of(name))).collect();
        let index = json!({"metadata": {"total_size": 1}, "weight_map": map});
        fs_err::write(self.file("model.safetensors.index.json"), index.to_string()).unwrap();
    }

    /// A package beside the checkpoint.
    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("tiny.ortpackage")
    }

    pub(crate) fn quantize(&self, recipe: &Recipe) -> Result<Report, QuantizeError> {
        let options = Options { recipe: recipe.clone(), overwrite: true, ..Options::default() };
        quantize(&self.path(), &self.out(), &options, &())
    }

    /// The error of the default recipe. Nothing may be left beside the checkpoint.
    pub(crate) fn refusal(&self) -> QuantizeError {
        let error = self.quantize(&Recipe::default()).expect_err("the checkpoint must be refused");
        assert_eq!(self.siblings(), ["tiny"], "something was left behind after: {error}");
        error
    }

    /// What stands beside the checkpoint, itself included.
    pub(crate) fn siblings(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Adds a bfloat16 tensor of numbers that depend on its name.
    pub(crate) fn random(&mut self, name: &str, shape: &[usize]) {
        let mut state =
            name.bytes().fold(1_u64, |state, byte| state.wrapping_mul(31).wrapping_add(byte.into()));
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
        };
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| (next() + next() + next()) * 0.1).collect();
        self.tensors.insert(name.to_owned(), Tensor::bf16(shape, &values));
    }
}

impl Tensor {
    pub(crate) fn bf16(shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect();
        Self { dtype: safetensors::Dtype::BF16, shape: shape.to_vec(), bytes }
    }

    /// The elements of a bfloat16 tensor.
    pub(crate) fn values(&self) -> Vec<f32> {
        let (pairs, _) = self.bytes.as_chunks();
        pairs.iter().map(|pair| bf16::from_le_bytes(*pair).to_f32()).collect()
    }

    pub(crate) fn put(&mut self, index: usize, value: f32) {
        self.bytes[2 * index..2 * index + 2].copy_from_slice(&bf16::from_f32(value).to_le_bytes());
    }
}

/// A safetensors file of any header and data.
pub(crate) fn raw_safetensors(path: &Path, header: &str, data: &[u8]) {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    fs_err::write(path, bytes).unwrap();
}

/// Three tokens, one merge, two ends of a text and two ends of reasoning.
fn tokenizer() -> Value {
    let added = |id: u32, content: &str, special: bool| {
        json!({"id": id, "content": content, "special": special, "normalized": false,
               "single_word": false, "lstrip": false, "rstrip": false})
    };
    json!({
        "version": "1.0",
        "added_tokens": [
            added(3, "<begin>", true), added(END, "<end>", true),
            added(5, "<think>", false), added(6, "</think>", false),
        ],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
        "post_processor": null,
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
    })
}

//! `cargo xtask checkpoint SHAPE DIR`: a checkpoint of random weights in the exact shapes of a real distil, for
//! measuring size, time and memory where the real one cannot be.
//!
//! bfloat16 shards of at most 5 GB with an index, as Hugging Face writes them. Each weight depends on its tensor's name
//! and its place only, so every run gives the same files. The tokenizer is R1's from `R1_DISTILL_DIR` where its ids
//! fit, otherwise that of `testdata/tiny-r1`. With `--empty` the shards are holes of the right size: enough for
//! `wheelwork quantize --dry-run`, at any size of model.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

const SHARD_BYTES: u64 = 5_000_000_000;
/// Copied from the tokenizer's folder.
const TOKENIZER: [&str; 3] = ["tokenizer.json", "tokenizer_config.json", "generation_config.json"];
/// The vocabulary that R1's Qwen tokenizer needs.
const R1_VOCAB: u64 = 151_936;

#[derive(Args)]
pub(crate) struct Options {
    /// Whose shapes.
    shape: ShapeName,
    /// The folder to make.
    folder: PathBuf,
    /// Holes instead of weights: no disk space, zeros when read.
    #[arg(long)]
    empty: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShapeName {
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
struct Shape {
    model_type: &'static str,
    hidden_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    num_key_value_heads: u64,
    head_dim: u64,
    intermediate_size: u64,
    vocab_size: u64,
    rope_theta: u64,
    rms_norm_eps: &'static str,
}

impl ShapeName {
    fn shape(self) -> Shape {
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
            Self::Qwen1p5B => shape("qwen2", [1536, 28, 12, 2, 128, 8960, 151_936], 10_000, "1e-6"),
            Self::Qwen7B => shape("qwen2", [3584, 28, 28, 4, 128, 18_944, 152_064], 10_000, "1e-6"),
            Self::Qwen14B => shape("qwen2", [5120, 48, 40, 8, 128, 13_824, 152_064], 1_000_000, "1e-5"),
            Self::Qwen32B => shape("qwen2", [5120, 64, 40, 8, 128, 27_648, 152_064], 1_000_000, "1e-5"),
            Self::Qwen3Of8B => shape("qwen3", [4096, 36, 32, 8, 128, 12_288, 151_936], 1_000_000, "1e-6"),
            Self::Llama8B => shape("llama", [4096, 32, 32, 8, 128, 14_336, 128_256], 500_000, "1e-5"),
            Self::Llama70B => shape("llama", [8192, 80, 64, 8, 128, 28_672, 128_256], 500_000, "1e-5"),
            Self::LlamaSmall => shape("llama", [512, 2, 8, 2, 64, 1536, 32_000], 500_000, "1e-5"),
        }
    }
}

impl Shape {
    fn config(&self) -> String {
        let class = match self.model_type {
            "qwen3" => "Qwen3ForCausalLM",
            "llama" => "LlamaForCausalLM",
            _ => "Qwen2ForCausalLM",
        };
        let scaling = if self.model_type == "llama" {
            r#","rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192}"#
        } else {
            ""
        };
        let Self { model_type, hidden_size, num_hidden_layers, num_attention_heads, .. } = self;
        let Self { num_key_value_heads, head_dim, intermediate_size, vocab_size, .. } = self;
        let Self { rope_theta, rms_norm_eps, .. } = self;
        format!(
            r#"{{"architectures":["{class}"],"model_type":"{model_type}","hidden_act":"silu","torch_dtype":"bfloat16",
"hidden_size":{hidden_size},"num_hidden_layers":{num_hidden_layers},"num_attention_heads":{num_attention_heads},
"num_key_value_heads":{num_key_value_heads},"head_dim":{head_dim},"intermediate_size":{intermediate_size},
"vocab_size":{vocab_size},"rope_theta":{rope_theta}.0,"rms_norm_eps":{rms_norm_eps},
"max_position_embeddings":131072,"tie_word_embeddings":false{scaling}}}"#
        )
    }

    /// Names and shapes, in the order of the shards.
    fn tensors(&self) -> Vec<(String, Vec<u64>)> {
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

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let shape = options.shape.shape();
    let folder = &options.folder;
    fs_err::create_dir(folder)?;
    fs_err::write(folder.join("config.json"), shape.config())?;
    let tokenizer = match std::env::var_os("R1_DISTILL_DIR") {
        Some(r1) if shape.vocab_size >= R1_VOCAB => PathBuf::from(r1),
        _ => workspace.root.join("testdata/tiny-r1"),
    };
    for name in TOKENIZER {
        fs_err::copy(tokenizer.join(name), folder.join(name))?;
    }
    let shards = shards(shape.tensors());
    let mut map = String::new();
    for (index, shard) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", index + 1, shards.len());
        report::step(&format!("{name}, {} tensors", shard.len()));
        write_shard(&folder.join(&name), shard, options.empty)?;
        for (tensor, _) in shard {
            let _ = write!(map, r#"{}"{tensor}":"{name}""#, if map.is_empty() { "" } else { "," });
        }
    }
    let index = format!(r#"{{"metadata":{{}},"weight_map":{{{map}}}}}"#);
    fs_err::write(folder.join("model.safetensors.index.json"), index)?;
    Ok(())
}

fn bytes(shape: &[u64]) -> u64 {
    2 * shape.iter().product::<u64>()
}

type Tensors = Vec<(String, Vec<u64>)>;

fn shards(tensors: Tensors) -> Vec<Tensors> {
    let mut shards: Vec<Tensors> = Vec::new();
    let mut filled = u64::MAX;
    for (name, shape) in tensors {
        filled = filled.saturating_add(bytes(&shape));
        if filled > SHARD_BYTES {
            shards.push(Vec::new());
            filled = bytes(&shape);
        }
        if let Some(shard) = shards.last_mut() {
            shard.push((name, shape));
        }
    }
    shards
}

fn write_shard(path: &Path, tensors: &Tensors, empty: bool) -> Result<(), TaskError> {
    let mut header = String::from("{");
    let mut end = 0;
    for (name, shape) in tensors {
        let comma = if end == 0 { "" } else { "," };
        let begin = end;
        end += bytes(shape);
        let _ = write!(
            header,
            r#"{comma}"{name}":{{"dtype":"BF16","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#
        );
    }
    header.push('}');
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut file = std::io::BufWriter::with_capacity(1 << 20, fs_err::File::create_new(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    if empty {
        file.flush()?;
        file.get_ref().set_len(8 + header.len() as u64 + end)?;
        return Ok(());
    }
    for (name, shape) in tensors {
        let is_norm = name.ends_with("norm.weight");
        let mut random = Random::of(name);
        for _ in 0..shape.iter().product::<u64>() {
            let weight = if is_norm { 1.0 } else { random.weight() };
            // The upper half of a float32 is a bfloat16.
            let [_, _, low, high] = weight.to_le_bytes();
            file.write_all(&[low, high])?;
        }
    }
    file.flush()?;
    Ok(())
}

/// Bell-shaped weights: sums of uniform numbers from a linear congruential generator.
struct Random(u64);

impl Random {
    fn of(name: &str) -> Self {
        Self(name.bytes().fold(1, |state, byte| state.wrapping_mul(31).wrapping_add(byte.into())))
    }

    #[allow(clippy::cast_precision_loss)] // below 2^24
    fn weight(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = |shift: u32| (self.0 >> shift & 0x3fff) as f32;
        (part(22) + part(36) + part(50) - 24_574.5) * (0.02 / 8_192.0)
    }
}

//! `cargo xtask checkpoint SHAPE DIR`: a checkpoint of random weights in the exact shapes of a real distil, for
//! measuring size, time and memory where the real one cannot be.
//!
//! bfloat16 shards of at most 5 GB with an index, as Hugging Face writes them. Each weight depends on its tensor's name
//! and its place only, so every run gives the same files. The tokenizer is R1's from `R1_DISTILL_DIR` where its ids
//! fit, otherwise that of `testdata/tiny-r1`. With `--layers` the model is cut, its widths stay. With `--sure` it is as
//! sure of its next token as a trained one ([`weights`]). With `--empty` the shards are holes of the right size: enough
//! for `wheelwork quantize --dry-run`, at any size of model.

mod shape;
mod weights;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, json};

pub(crate) use shape::ShapeName;
use weights::Content;

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{report, test};

/// Copied from the tokenizer's folder.
const TOKENIZER: [&str; 3] = ["tokenizer.json", "tokenizer_config.json", "generation_config.json"];
/// The vocabulary that R1's Qwen tokenizer needs.
const R1_VOCAB: u64 = 151_936;

#[derive(Args)]
pub(crate) struct Options {
    /// Whose shapes.
    pub(crate) shape: ShapeName,
    /// The folder to make.
    pub(crate) folder: PathBuf,
    /// Only so many layers.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) layers: Option<u64>,
    /// A model that is sure of its next token.
    #[arg(long)]
    pub(crate) sure: bool,
    /// Holes instead of weights: no disk space, zeros when read.
    #[arg(long, conflicts_with = "sure")]
    pub(crate) empty: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let mut shape = options.shape.shape();
    shape.num_hidden_layers = options.layers.unwrap_or(shape.num_hidden_layers);
    let folder = &options.folder;
    fs_err::create_dir(folder)?;
    fs_err::write(folder.join("config.json"), shape.config().to_string())?;
    let tokenizer = match test::r1_folder(workspace)? {
        Some(r1) if shape.vocab_size >= R1_VOCAB => r1,
        _ => workspace.root.join("testdata/tiny-r1"),
    };
    for name in TOKENIZER {
        fs_err::copy(tokenizer.join(name), folder.join(name))?;
    }
    let content = match (options.empty, options.sure) {
        (true, _) => Content::Holes,
        (false, false) => Content::Random,
        (false, true) => Content::Sure { columns: shape.hidden_size },
    };
    let shards = weights::shards(shape.tensors());
    let mut map = Map::new();
    for (index, shard) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", index + 1, shards.len());
        report::step(&format!("{name}, {} tensors", shard.len()));
        weights::write_shard(&folder.join(&name), shard, content)?;
        map.extend(shard.iter().map(|(tensor, _)| (tensor.clone(), name.as_str().into())));
    }
    let index = json!({"metadata": {}, "weight_map": map});
    fs_err::write(folder.join("model.safetensors.index.json"), index.to_string())?;
    Ok(())
}

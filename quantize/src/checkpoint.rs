//! Reading a checkpoint in the Hugging Face layout: [`Checkpoint::open`] reads every description, checks each and
//! all against each other, and leaves the weights where they are; [`tensors`] then reads rows of them.
//!
//! ```text
//! config.json                          shapes                         -> config
//! model.safetensors                    weights, or                    -> header, tensors
//!   model.safetensors.index.json       which shard holds which tensor -> index
//! tokenizer.json                       vocabulary, added tokens       -> wheelwork_package::tokenizer_file
//! tokenizer_config.json                begin and end of a text        -> wheelwork_package::tokenizer_file, tokens
//!   special_tokens_map.json, added_tokens.json   (optional) the same, in older checkpoints
//! generation_config.json               (optional) sampling, end of an answer -> generation, tokens
//! ```
//!
//! Whatever bytes these files hold, the outcome is a [`Checkpoint`] that keeps its promises or a typed error: sizes
//! are checked before memory is allocated by them, arithmetic on them is checked, and no file leads out of the folder.

use std::path::Path;

use wheelwork_package::GenerationDefaults;
use wheelwork_package::card::ControlTokens;
use wheelwork_package::container::Name;
use wheelwork_package::files::names as package_names;
use wheelwork_package::tokenizer_file::{self, AddedToken};

mod adapter;
pub mod config;
mod config_error;
pub mod dtype;
mod error;
mod fields;
pub mod files;
mod formats;
mod generation;
mod header;
mod index;
mod json;
mod low_rank;
mod open_error;
mod prefixes;
mod recognise;
mod rope_config;
mod template;
pub mod tensors;
mod tokens;

pub use config::Config;
pub use config_error::{ConfigError, Found};
pub use error::{CheckpointError, HeaderFault};
pub use header::{HEADER_BYTES_LIMIT, TENSORS_LIMIT};
pub use open_error::OpenError;

use crate::architecture::{self, names};
use files::Folder;
use tensors::Tensors;

/// A checkpoint whose descriptions agree.
#[derive(Debug)]
pub struct Checkpoint {
    /// The folder.
    pub folder: Folder,
    /// The decoder's shapes.
    pub config: Config,
    /// The weights: exactly those that the architecture has, in the shapes it asks for.
    pub tensors: Tensors,
    /// Token ids that the runtime acts on; each has a row in the embedding table.
    pub tokens: ControlTokens,
    /// All added tokens, where `tokenizer.json` alone has not all or not as they are.
    pub added_tokens: Option<Vec<AddedToken>>,
    /// `generation_config.json`, or what `config.json` says of sampling where there is none.
    pub generation: GenerationDefaults,
    /// What the files got wrong and how it was read, in sentences for a person.
    pub warnings: Vec<String>,
}

impl Checkpoint {
    /// Opens a checkpoint's folder. Reads no weights but those of an output projection that should be the embedding
    /// table's.
    ///
    /// # Errors
    /// [`OpenError`]: the first rule that a file breaks.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, None)
    }

    /// The same with a LoRA adapter's folder, merged into the weights.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open_with(path: &Path, adapter: Option<&Path>) -> Result<Self, OpenError> {
        let folder = Folder::open(path)?;
        recognise::check(&folder, adapter)?;
        let config = config::read(&folder)?;
        let (mut tensors, which_files) = Tensors::open(&folder)?;
        let prefix = prefixes::remove(&folder, &mut tensors)?;
        remove_tied_head(&folder, &config, &mut tensors)?;
        check_tensors(&folder, &config, &tensors)?;
        let merged = adapter.map(|adapter| adapter::merge(adapter, &mut tensors)).transpose()?;

        let read = |name: &str, limit: u64| -> Result<_, OpenError> {
            let is_read = name == package_names::TOKENIZER || folder.has(name);
            Ok(is_read.then(|| folder.read(name, limit)).transpose()?)
        };
        let files = tokenizer_file::read_files(folder.path(), read)?;
        let tokenizer =
            folder.read_json(package_names::TOKENIZER_CONFIG, tokens::TOKENIZER_CONFIG_BYTES_LIMIT)?;
        let generation = generation::read(&folder)?;
        let tokens::Resolved { tokens, mut warnings } =
            tokens::resolve(&folder, &config, &files, &generation)?;
        warnings.extend(template::warning(&folder, &tokenizer, &tokens)?);
        warnings.extend([which_files, prefix, merged].into_iter().flatten());
        let added_tokens = files.is_merged.then_some(files.facts.added_tokens);
        Ok(Self { folder, config, tensors, tokens, added_tokens, generation, warnings })
    }

    /// What its package is called unless somebody says otherwise: the folder's name, or in Hugging Face's cache
    /// (`models--ORGANISATION--NAME/snapshots/REVISION`) the model's.
    #[must_use]
    pub fn name(&self) -> Name {
        let path = self.folder.path();
        let path = fs_err::canonicalize(path).unwrap_or_else(|_| path.into());
        let last = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cached = path.parent().filter(|parent| parent.ends_with("snapshots")).and_then(Path::parent);
        let model = cached
            .and_then(|cached| Some(last(cached).strip_prefix("models--")?.rsplit("--").next()?.to_owned()));
        Name::nearest(&model.unwrap_or_else(|| last(&path)))
    }
}

/// An output projection that repeats the embedding table, as some tools save it, is left out.
///
/// # Errors
/// [`ConfigError::Contradiction`] where it has other numbers.
fn remove_tied_head(folder: &Folder, config: &Config, tensors: &mut Tensors) -> Result<(), OpenError> {
    if !config.tie_word_embeddings || tensors.shape(names::LM_HEAD).is_none() {
        return Ok(());
    }
    if !tensors.are_equal(names::EMBEDDING, names::LM_HEAD)? {
        return Err(contradiction(
            folder,
            "tie_word_embeddings",
            "true".into(),
            "false where the output projection is not the embedding table",
            names::LM_HEAD.into(),
        )
        .into());
    }
    tensors.remove(names::LM_HEAD);
    Ok(())
}

/// The tensors are those of the architecture, in name and shape.
fn check_tensors(folder: &Folder, config: &Config, tensors: &Tensors) -> Result<(), OpenError> {
    let present = tensors.names();
    check_unquantized(folder, &present)?;
    check_layers(folder, config, &present)?;
    let expected = architecture::tensors(config);
    let missing: Vec<_> = expected.iter().filter(|(name, _)| tensors.shape(name).is_none()).collect();
    if !missing.is_empty() {
        let missing = missing.into_iter().map(|(name, _)| name.clone()).collect();
        return Err(CheckpointError::MissingTensors { missing }.into());
    }
    let known: std::collections::HashSet<_> = expected.iter().map(|(name, _)| name.as_str()).collect();
    let extra: Vec<_> = present
        .into_iter()
        .filter(|name| !known.contains(name) && !names::is_derived(name))
        .map(files::shortened)
        .collect();
    if !extra.is_empty() {
        return Err(CheckpointError::UnexpectedTensors { extra }.into());
    }
    for (name, expected) in expected {
        let found = tensors.get(&name)?.shape().to_vec();
        if found != expected {
            return Err(CheckpointError::TensorShape { tensor: name, found, expected }.into());
        }
    }
    Ok(())
}

/// Quantised checkpoints without a `quantization_config` still show in their tensors' names.
fn check_unquantized(folder: &Folder, present: &[&str]) -> Result<(), CheckpointError> {
    const MARKS: [(&str, &str); 6] = [
        (".qweight", "GPTQ or AWQ"),
        (".weight_packed", "compressed-tensors"),
        (".weight_scale", "fp8 or compressed-tensors"),
        (".weight_scale_inv", "fp8"),
        (".weight.absmax", "bitsandbytes"),
        (".SCB", "bitsandbytes"),
    ];
    for name in present {
        if let Some((_, method)) = MARKS.iter().find(|(suffix, _)| name.ends_with(suffix)) {
            let method = format!("{method}: it has the tensor {}", files::shortened(name));
            return Err(CheckpointError::AlreadyQuantized { path: folder.path().into(), method });
        }
    }
    Ok(())
}

/// Says in one sentence what would otherwise be a list of hundreds of tensors.
fn check_layers(folder: &Folder, config: &Config, present: &[&str]) -> Result<(), ConfigError> {
    let layers = present
        .iter()
        .filter_map(|name| names::layer_of(name))
        .max()
        .map_or(0, |last| last.saturating_add(1));
    if layers == config.num_hidden_layers {
        return Ok(());
    }
    Err(contradiction(
        folder,
        "num_hidden_layers",
        config.num_hidden_layers.to_string(),
        "the number of layers in the weights",
        layers.to_string(),
    ))
}

fn contradiction(
    folder: &Folder,
    field: &'static str,
    value: String,
    rule: &'static str,
    other: String,
) -> ConfigError {
    let path = folder.path().join(config::NAME);
    ConfigError::Contradiction { path, field: field.into(), value, rule, other }
}

//! The files of a variant folder beside its weights: the graph, genai's description, and what the checkpoint gives
//! along: tokenizer, generation defaults, licences.

use std::path::Path;

use wheelwork_package::files::{FileRecord, names};
use wheelwork_package::genai_config::{self, Decoder, GenaiConfig, Search};
use wheelwork_package::generation::TokenIds;
use wheelwork_package::tokenizer_file::{self, AddedToken, TokenizerFileError};
use wheelwork_package::{GenerationDefaults, PackageError, json};

use crate::checkpoint::Checkpoint;
use crate::checkpoint::files::is_file_name;
use crate::disk::write_file;
use crate::error::QuantizeError;
use crate::plan::Plan;

/// Files of the checkpoint that are taken as they are, where they exist, with the largest size accepted in bytes.
const COPIED: [(&str, u64); 6] = [
    (names::TOKENIZER, tokenizer_file::FILE_BYTES_LIMIT),
    (names::TOKENIZER_CONFIG, 16 << 20),
    (names::SPECIAL_TOKENS_MAP, 16 << 20),
    (names::ADDED_TOKENS, 16 << 20),
    (names::GENERATION_CONFIG, 1 << 20),
    (names::CHAT_TEMPLATE, 1 << 20),
];
/// How the names of licence files begin, in lower case.
const LICENCE_PREFIXES: [&str; 4] = ["license", "licence", "notice", "copying"];
const LICENCE_BYTES_LIMIT: u64 = 1 << 20;

/// Writes everything but the weights into the variant's folder.
///
/// # Errors
/// [`QuantizeError`]; the names of licence files otherwise.
pub(crate) fn write(
    folder: &Path,
    checkpoint: &Checkpoint,
    plan: &Plan,
    context_length: usize,
) -> Result<Vec<String>, QuantizeError> {
    write_file(&folder.join(names::GRAPH), &plan.model.to_bytes())?;
    write_json(&folder.join(names::GENAI_CONFIG), &genai_config(checkpoint, context_length))?;
    let source = &checkpoint.folder;
    for (name, limit) in COPIED {
        if source.has(name) {
            let content = source.read(name, limit)?;
            // Other readers of these files do not skip the mark, and such as genai read no other for added tokens.
            let content: &[u8] = match &checkpoint.added_tokens {
                Some(tokens) if name == names::TOKENIZER => &merged(&content, tokens, folder)?,
                _ if name.ends_with(".json") => json::without_bom(&content),
                _ => &content,
            };
            write_file(&folder.join(name), content)?;
        }
    }
    if !source.has(names::GENERATION_CONFIG) {
        write_json(&folder.join(names::GENERATION_CONFIG), &generation_defaults(checkpoint))?;
    }
    let mut licences: Vec<String> = Vec::new();
    for name in source.names()? {
        let lower = name.to_lowercase();
        if is_file_name(&name) && LICENCE_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
            // The file form takes lower case only. Names that fall together so get a number.
            let mut stored = lower.clone();
            for number in 2.. {
                if !licences.contains(&stored) {
                    break;
                }
                stored = format!("{lower}-{number}");
            }
            write_file(&folder.join(&stored), &source.read(&name, LICENCE_BYTES_LIMIT)?)?;
            licences.push(stored);
        }
    }
    Ok(licences)
}

/// The `tokenizer.json` of a checkpoint with all its added tokens.
fn merged(own: &[u8], tokens: &[AddedToken], folder: &Path) -> Result<Vec<u8>, QuantizeError> {
    let path = folder.join(names::TOKENIZER);
    let merged = tokenizer_file::with_added_tokens(own, tokens);
    Ok(merged.map_err(|fault| TokenizerFileError::Broken { path, fault })?)
}

/// Sizes and digests of every file in a folder, by name.
pub(crate) fn records(folder: &Path) -> Result<Vec<FileRecord>, QuantizeError> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(QuantizeError::write(folder))? {
        let entry = entry.map_err(QuantizeError::write(folder))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names.iter().map(|name| FileRecord::of(folder, name)).collect::<Result<_, PackageError>>()?)
}

/// Writes a value as indented JSON that ends in a newline, and returns when it has reached the disk.
pub(crate) fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<(), QuantizeError> {
    write_file(path, &json::to_bytes(path, value)?)
}

fn genai_config(checkpoint: &Checkpoint, context_length: usize) -> GenaiConfig {
    let config = &checkpoint.config;
    let tokens = &checkpoint.tokens;
    let defaults = checkpoint.generation.sampling();
    let do_sample = defaults.temperature > 0.0;
    let search = Search {
        do_sample,
        max_length: context_length,
        temperature: if do_sample { defaults.temperature } else { 1.0 },
        top_k: defaults.top_k,
        top_p: defaults.top_p,
        repetition_penalty: defaults.repetition_penalty,
        ..Search::default()
    };
    GenaiConfig {
        model: genai_config::Model {
            model_type: config.family.model_type.to_owned(),
            vocab_size: config.vocab_size,
            context_length,
            bos_token_id: tokens.bos,
            eos_token_id: TokenIds::Several(tokens.eos.clone()),
            // Never attended to; an id that exists keeps every reader content.
            pad_token_id: tokens.eos.first().copied(),
            decoder: Decoder {
                filename: names::GRAPH.to_owned(),
                head_size: config.head_dim,
                hidden_size: config.hidden_size,
                num_attention_heads: config.num_attention_heads,
                num_key_value_heads: config.num_key_value_heads,
                num_hidden_layers: config.num_hidden_layers,
                inputs: genai_config::Inputs::default(),
                outputs: genai_config::Outputs::default(),
                session_options: genai_config::SessionOptions::default(),
            },
        },
        search,
    }
}

/// For checkpoints without `generation_config.json`: what other files say.
fn generation_defaults(checkpoint: &Checkpoint) -> GenerationDefaults {
    GenerationDefaults {
        bos_token_id: checkpoint.tokens.bos.map(TokenIds::One),
        eos_token_id: Some(TokenIds::Several(checkpoint.tokens.eos.clone())),
        ..checkpoint.generation.clone()
    }
}

//! The token ids that the runtime acts on, from four files that often disagree.
//!
//! The tokenizer's files know what an id means and name the tokens that begin and end a text,
//! `generation_config.json` the ids that end an answer, and `config.json` repeats both, in many distilled checkpoints
//! from the base model, hence wrong. So: the tokenizer wins, then the generation configuration, and `config.json` is
//! believed only where nothing else speaks. Each disagreement becomes a warning.
//!
//! The chat template in `tokenizer_config.json` is carried along as text and never run here.

use std::collections::BTreeSet;

use serde::Deserialize;
use wheelwork_package::GenerationDefaults;
use wheelwork_package::card::ControlTokens;
use wheelwork_package::generation::TokenIds;
use wheelwork_package::tokenizer_file::{TokenizerFacts, TokenizerFiles};

use super::files::Folder;
use super::{Config, ConfigError, config};

/// The longest `tokenizer_config.json` that is read, in bytes; chat templates stand in it.
pub(super) const TOKENIZER_CONFIG_BYTES_LIMIT: u64 = 16 << 20;
/// What the families' tokenizers call the two ends of reasoning.
const REASONING: [&str; 2] = ["<think>", "</think>"];

/// `tokenizer_config.json` as far as it matters here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct TokenizerConfig {
    /// A text, or several with names.
    pub(super) chat_template: Option<serde_json::Value>,
}

/// The control tokens, and what was wrong in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub tokens: ControlTokens,
    pub warnings: Vec<String>,
}

/// Decides which ids count.
///
/// # Errors
/// [`ConfigError::Contradiction`] if an id has no row in the embedding table, [`ConfigError::NoEndToken`].
pub(super) fn resolve(
    folder: &Folder,
    config: &Config,
    files: &TokenizerFiles,
    generation: &GenerationDefaults,
) -> Result<Resolved, ConfigError> {
    let mut warnings = Vec::new();
    let facts = &files.facts;
    for (field, _) in &files.without_id {
        warnings
            .push(format!("the tokenizer's files name a {field} that no file gives an id; it is not used"));
    }
    let id_of = |name: &str| facts.added(files.text(name)?).map(|token| token.id);
    let (tokenizer_bos, tokenizer_eos) = (id_of("bos_token"), id_of("eos_token"));
    let ids = |ids: Option<&TokenIds>| ids.map(|ids| ids.as_slice().to_vec()).unwrap_or_default();
    let generation_bos = ids(generation.bos_token_id.as_ref()).first().copied();
    let generation_eos = ids(generation.eos_token_id.as_ref());

    let bos = tokenizer_bos.or(generation_bos).or(config.bos_token_id);
    for (file, stated) in [("config.json", config.bos_token_id), ("generation_config.json", generation_bos)] {
        if let (Some(stated), Some(bos)) = (stated, bos)
            && stated != bos
        {
            warnings.push(format!(
                "{file} sets bos_token_id to {stated}, the tokenizer's is {bos}; {bos} is used"
            ));
        }
    }

    let mut eos: Vec<u32> = generation_eos.into_iter().chain(tokenizer_eos).collect();
    if eos.is_empty() {
        eos.clone_from(&config.eos_token_id);
    }
    let mut seen = BTreeSet::new();
    eos.retain(|id| seen.insert(*id));
    if eos.is_empty() {
        return Err(ConfigError::NoEndToken { path: folder.path().join(config::NAME) });
    }
    for stated in config.eos_token_id.iter().filter(|id| !eos.contains(id)) {
        warnings.push(format!(
            "config.json sets eos_token_id to {stated}, generation_config.json and the tokenizer to {eos:?}; \
             {stated} does not end an answer"
        ));
    }

    let [reasoning_open, reasoning_close] = REASONING.map(|text| facts.added(text).map(|token| token.id));
    let tokens = ControlTokens { bos, eos, reasoning_open, reasoning_close };
    check_rows(folder, config, facts, &tokens)?;
    Ok(Resolved { tokens, warnings })
}

/// Every id has a row in the embedding table.
fn check_rows(
    folder: &Folder,
    config: &Config,
    facts: &TokenizerFacts,
    tokens: &ControlTokens,
) -> Result<(), ConfigError> {
    let greatest = tokens.eos.iter().copied().chain(tokens.bos).chain(facts.id_limit.checked_sub(1)).max();
    match greatest {
        Some(id) if usize::try_from(id).map_or(true, |id| id >= config.vocab_size) => {
            Err(ConfigError::Contradiction {
                path: folder.path().join(config::NAME),
                field: "vocab_size".into(),
                value: config.vocab_size.to_string(),
                rule: "more than the largest token id",
                other: id.to_string(),
            })
        }
        _ => Ok(()),
    }
}

//! The chat template, read as text and never run here: whether there is one, and whether it is an outdated copy.
//!
//! In February 2025 the template of R1's distilled models got `<think>` at the start of the answer, without which they
//! skip their reasoning now and then. Copies of checkpoints often have the older one.

use wheelwork_package::card::ControlTokens;
use wheelwork_package::files::names;

use super::CheckpointError;
use super::files::Folder;
use super::tokens::TokenizerConfig;

/// Wins over the template in `tokenizer_config.json`.
const FILE: &str = names::CHAT_TEMPLATE;
const BYTES_LIMIT: u64 = 1 << 20;
const MISSING: &str = "there is no chat template: with a tokenizer of R1's conversations are R1's, with another they \
                       need a template of the caller's";

/// A sentence for a person if there is no template, or if it is R1's older one and the tokenizer knows reasoning.
///
/// # Errors
/// [`CheckpointError`] if the template's file cannot be read.
pub(super) fn warning(
    folder: &Folder,
    tokenizer: &TokenizerConfig,
    tokens: &ControlTokens,
) -> Result<Option<String>, CheckpointError> {
    let stated = tokenizer.chat_template.as_ref().filter(|template| !template.is_null());
    let (file, outdated) = if folder.has(FILE) {
        (FILE, is_older_r1(&String::from_utf8_lossy(&folder.read(FILE, BYTES_LIMIT)?)))
    } else if let Some(template) = stated {
        ("tokenizer_config.json", template.as_str().is_some_and(is_older_r1))
    } else {
        return Ok(Some(MISSING.to_owned()));
    };
    Ok((outdated && tokens.reasoning_open.is_some()).then(|| {
        format!(
            "the chat template in {file} is R1's of before February 2025: the model may skip its reasoning"
        )
    }))
}

/// It begins R1's answers, and never with reasoning.
fn is_older_r1(template: &str) -> bool {
    template.contains("<｜Assistant｜>") && !template.contains("<think>")
}

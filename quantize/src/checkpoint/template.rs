//! The chat template, read as text and never run here: whether it is an outdated copy.
//!
//! In February 2025 the template of R1's distilled models got `<think>` at the start of the answer, without which they
//! skip their reasoning now and then. Copies of checkpoints often have the older one.

use wheelwork_package::card::ControlTokens;

use super::CheckpointError;
use super::files::Folder;
use super::tokens::TokenizerConfig;

/// Wins over the template in `tokenizer_config.json`.
const FILE: &str = "chat_template.jinja";
const BYTES_LIMIT: u64 = 1 << 20;

/// A sentence for a person if the template is R1's older one and the tokenizer knows reasoning.
///
/// # Errors
/// [`CheckpointError`] if the template's file cannot be read.
pub(super) fn warning(
    folder: &Folder,
    tokenizer: &TokenizerConfig,
    tokens: &ControlTokens,
) -> Result<Option<String>, CheckpointError> {
    let (file, outdated) = if folder.has(FILE) {
        (FILE, is_older_r1(&String::from_utf8_lossy(&folder.read(FILE, BYTES_LIMIT)?)))
    } else {
        let text = tokenizer.chat_template.as_ref().and_then(serde_json::Value::as_str);
        ("tokenizer_config.json", text.is_some_and(is_older_r1))
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

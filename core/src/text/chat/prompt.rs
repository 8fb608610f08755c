//! What the model will see.

use std::borrow::Cow;

use super::guard::Guard;
use crate::control::CancelToken;
use crate::text::reasoning::{CLOSE_TAG, OPEN_TAG};
use crate::text::tokenizer::{Tokenizer, TokenizerError};

/// A prompt as text and as token ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The text, control tokens included.
    pub text: String,
    /// The token ids.
    pub ids: Vec<u32>,
    /// The prompt ends inside an open `<think>`: the first token is reasoning already.
    pub opens_reasoning: bool,
}

impl Prompt {
    /// A text in which control tokens are recognised, and to which none is added: the first token of a sequence
    /// must stand in it. For text that a developer wrote; what users wrote goes through
    /// [`crate::chat::ChatTemplate::prompt`].
    ///
    /// # Errors
    /// As [`Tokenizer::encode_plain`], and [`TokenizerError::TooManyTokens`].
    pub fn from_raw_text(text: &str, tokenizer: &Tokenizer) -> Result<Self, TokenizerError> {
        let ids = encode(text, tokenizer, None, |piece| piece.into())?;
        Ok(Self { opens_reasoning: ends_in_reasoning(&ids, text, tokenizer), text: text.to_owned(), ids })
    }

    /// Ids as they are.
    #[must_use]
    pub fn from_ids(ids: Vec<u32>, tokenizer: &Tokenizer) -> Self {
        let text = tokenizer.text_of(&ids);
        Self { opens_reasoning: ends_in_reasoning(&ids, &text, tokenizer), text, ids }
    }

    /// What a template made of guarded messages: every control token in it is the template's own.
    pub(super) fn from_guarded(
        rendered: &str,
        guard: &Guard,
        tokenizer: &Tokenizer,
        cancel: &CancelToken,
    ) -> Result<Self, TokenizerError> {
        let ids = encode(rendered, tokenizer, Some(cancel), |piece| guard.restore(piece))?;
        let opens_reasoning = ends_in_reasoning(&ids, rendered, tokenizer);
        Ok(Self { text: guard.restore(rendered).into_owned(), ids, opens_reasoning })
    }
}

fn encode(
    text: &str,
    tokenizer: &Tokenizer,
    cancel: Option<&CancelToken>,
    restore: impl Fn(&str) -> Cow<'_, str>,
) -> Result<Vec<u32>, TokenizerError> {
    let mut encoder = tokenizer.prompt_encoder(text.len(), cancel)?;
    encoder.prompt(text, restore)?;
    Ok(encoder.ids)
}

/// Whether the last reasoning tag is an open one. Where the tags are tokens, only those count.
fn ends_in_reasoning(ids: &[u32], text: &str, tokenizer: &Tokenizer) -> bool {
    match (tokenizer.added_token_id(OPEN_TAG), tokenizer.added_token_id(CLOSE_TAG)) {
        (Some(open), Some(close)) => ids.iter().rfind(|id| **id == open || **id == close) == Some(&open),
        // Nothing is less than a place.
        _ => text.rfind(OPEN_TAG) > text.rfind(CLOSE_TAG),
    }
}

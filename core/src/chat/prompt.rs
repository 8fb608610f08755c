//! What the model will see.

use crate::model::{REASONING_CLOSE, REASONING_OPEN};
use crate::tokenizer::{Piece, Tokenizer, TokenizerError};

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
    /// A text in which control tokens are recognised. For text that the developer wrote; what users wrote goes
    /// through [`crate::chat::ChatTemplate::prompt`].
    ///
    /// # Errors
    /// [`TokenizerError::Library`].
    pub fn from_raw_text(text: &str, tokenizer: &Tokenizer) -> Result<Self, TokenizerError> {
        Self::cut(text, None, tokenizer)
    }

    /// Ids as they are.
    #[must_use]
    pub fn from_ids(ids: Vec<u32>, tokenizer: &Tokenizer) -> Self {
        let text = tokenizer.text_of(&ids);
        Self { opens_reasoning: ends_in_reasoning(&text), text, ids }
    }

    /// A rendered template in which `sentinel` breaks the control tokens of message text.
    pub(super) fn from_rendered(
        rendered: &str,
        sentinel: char,
        tokenizer: &Tokenizer,
    ) -> Result<Self, TokenizerError> {
        Self::cut(rendered, Some(sentinel), tokenizer)
    }

    /// Cuts at control tokens and encodes what is between them, without the sentinel, each piece as a whole.
    fn cut(text: &str, sentinel: Option<char>, tokenizer: &Tokenizer) -> Result<Self, TokenizerError> {
        let plain = |piece: &str| match sentinel {
            Some(sentinel) => piece.replace(sentinel, ""),
            None => piece.to_owned(),
        };
        let mut ids = Vec::new();
        for piece in tokenizer.pieces(text) {
            match piece {
                Piece::Token(id) => ids.push(id),
                Piece::Text(piece) => ids.extend(tokenizer.encode_plain(&plain(piece))?),
            }
        }
        Ok(Self { text: plain(text), ids, opens_reasoning: ends_in_reasoning(text) })
    }
}

/// Whether the last reasoning tag is an open one.
fn ends_in_reasoning(text: &str) -> bool {
    match (text.rfind(REASONING_OPEN), text.rfind(REASONING_CLOSE)) {
        (Some(open), Some(close)) => open > close,
        (open, _) => open.is_some(),
    }
}

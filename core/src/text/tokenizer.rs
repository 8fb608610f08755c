//! Text to token ids and back to bytes.
//!
//! Text is encoded *plain*: the byte-level BPE alone, which knows no added tokens. So no text, whoever wrote it,
//! becomes a control token here. Control tokens come from templates only: [`Tokenizer::pieces`] cuts what a
//! template wrote at them ([`crate::chat`]).
//!
//! The file is checked by [`wheelwork_package::tokenizer_file`] before the `tokenizers` crate sees any of it, and
//! that crate is called where a panic of it is caught: both its loader and its normalisers have stopped processes.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wheelwork_package::tokenizer_file::{self, AddedToken};

mod added;
mod error;
mod plain;
mod table;

pub use added::Piece;
pub use error::TokenizerError;

use crate::text::output::{OutputError, Vocabulary};

/// The longest text that is encoded, in bytes: more than 128k tokens of 128 bytes each.
pub const TEXT_BYTES_LIMIT: usize = 16 << 20;

/// A loaded tokenizer: immutable, shared between threads.
pub struct Tokenizer {
    path: PathBuf,
    plain: plain::PlainBpe,
    added: added::AddedTokens,
    bytes: table::TokenBytes,
    /// Made when the first answer is held to a form.
    vocabulary: OnceLock<Result<Vocabulary, OutputError>>,
}

impl Tokenizer {
    /// Loads a `tokenizer.json`. Takes some tenths of a second for 150k tokens.
    ///
    /// # Errors
    /// [`TokenizerError::File`] for a file that breaks a rule, [`TokenizerError::Library`] for one that the
    /// `tokenizers` crate refuses.
    pub fn load(path: &Path) -> Result<Self, TokenizerError> {
        let mut facts = tokenizer_file::read(path)?;
        let library = |message| TokenizerError::Library { path: path.into(), message };
        let bytes = table::TokenBytes::of(&facts);
        let added = added::AddedTokens::new(std::mem::take(&mut facts.added_tokens)).map_err(library)?;
        let plain = plain::PlainBpe::new(facts, |id| added.has_id(id)).map_err(library)?;
        Ok(Self { path: path.into(), plain, added, bytes, vocabulary: OnceLock::new() })
    }

    /// The ids of a text in which nothing is a control token.
    ///
    /// # Errors
    /// [`TokenizerError::TextTooLong`], [`TokenizerError::ByteWithoutToken`], or [`TokenizerError::Library`] where
    /// the `tokenizers` crate fails.
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        if text.len() > TEXT_BYTES_LIMIT {
            return Err(TokenizerError::TextTooLong { bytes: text.len(), limit: TEXT_BYTES_LIMIT });
        }
        let library = |message| TokenizerError::Library { path: self.path.clone(), message };
        let ids = self.plain.encode(text).map_err(library)?;
        // The model was built without added tokens. This is the promise that everything rests on, so it is looked
        // at once more.
        match ids.iter().find(|id| self.bytes.get(**id).is_none() || self.added.has_id(**id)) {
            None => Ok(ids),
            Some(&plain::UNKNOWN) => Err(TokenizerError::ByteWithoutToken { path: self.path.clone() }),
            Some(id) => Err(library(format!("plain text became the token {id}"))),
        }
    }

    /// Cuts a text at its added tokens, as the reference does before BPE: the first one counts, and of those that
    /// begin at one place the longest. For text that a template or a developer wrote, never a user.
    #[must_use]
    pub fn pieces<'t>(&self, text: &'t str) -> Vec<Piece<'t>> {
        self.added.pieces(text)
    }

    /// The bytes of a token: part of a character, characters, or an added token's text. `None` for an id that no
    /// token has; embedding tables are often padded with such.
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.bytes.get(id)
    }

    /// One more than the largest id that a token has.
    #[must_use]
    pub fn id_limit(&self) -> u32 {
        self.bytes.id_limit()
    }

    /// Whether the id is an added token's.
    #[must_use]
    pub fn is_added(&self, id: u32) -> bool {
        self.added.has_id(id)
    }

    /// What answers are matched with; see [`crate::output`].
    pub(crate) fn vocabulary(&self) -> Result<&Vocabulary, OutputError> {
        let bytes = |id| if self.is_added(id) { None } else { self.token_bytes(id) };
        let tokens = || (0..self.id_limit()).map(|id| bytes(id).unwrap_or_default());
        self.vocabulary.get_or_init(|| Vocabulary::of(tokens())).as_ref().map_err(Clone::clone)
    }

    /// The text of some ids, added tokens included; what is no UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn text_of(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().filter_map(|&id| self.token_bytes(id)).flatten().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The tokens that are matched as a whole, control tokens among them; ascending by id.
    #[must_use]
    pub fn added_tokens(&self) -> &[AddedToken] {
        self.added.tokens()
    }

    /// The id of an added token by its text.
    #[must_use]
    pub fn added_token_id(&self, content: &str) -> Option<u32> {
        self.added_tokens().iter().find(|token| token.content == content).map(|token| token.id)
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokenizer").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

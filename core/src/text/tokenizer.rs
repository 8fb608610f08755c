//! Text to token ids and back to bytes.
//!
//! Text is encoded *plain*: the byte-level BPE alone, which knows no added tokens. So no text, whoever wrote it,
//! becomes a control token here. Control tokens come from templates only: what a template wrote is cut at them
//! ([`crate::chat`]).
//!
//! The file is checked by [`wheelwork_package::tokenizer_file`]; what it then makes of a text is bounded by a budget: the
//! steps of its patterns, the bytes that it writes, the tokens that anybody has a use for.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wheelwork_package::budget::{Budget, NORMALIZED_BYTES, PATTERN_STEPS};
use wheelwork_package::files::names;
use wheelwork_package::tokenizer_file::{self, AddedToken, TokenizerFacts};

mod added;
mod bpe;
mod control;
mod error;
mod normalizer;
mod pattern;
mod patterns;
mod plain;
mod pre_tokenizer;
mod table;

use added::{AddedFault, AddedTokens, Piece};
pub(crate) use control::ControlTexts;
pub use error::TokenizerError;
use plain::{EncodeFault, PlainBpe};

use crate::control::CancelToken;
use crate::text::output::{OutputError, Vocabulary};

/// The longest text that is encoded, in bytes: more than 128k tokens of 128 bytes each.
pub const TEXT_BYTES_LIMIT: usize = 16 << 20;

/// Steps of patterns and merges for each byte of a text, besides [`PATTERN_STEPS`]. GPT-2's and Qwen's patterns take up to
/// forty.
const STEPS_PER_BYTE: u64 = 128;
/// What normalizers may write for each byte of a text, besides [`NORMALIZED_BYTES`].
const NORMALIZED_PER_BYTE: u64 = 16;

/// A loaded tokenizer: immutable, shared between threads.
pub struct Tokenizer {
    path: PathBuf,
    plain: PlainBpe,
    added: AddedTokens,
    bytes: table::TokenBytes,
    /// The most tokens of a prompt that are counted.
    prompt_tokens: usize,
    /// Made for the template of the first prompt, and again for another template.
    control: Mutex<Option<(String, Arc<ControlTexts>)>>,
    /// Made when the first answer is held to a form.
    vocabulary: OnceLock<Result<Vocabulary, OutputError>>,
}

impl Tokenizer {
    /// Loads a `tokenizer.json`. Takes some tenths of a second for 150k tokens.
    ///
    /// # Errors
    /// [`TokenizerError::File`] for a file that breaks a rule, [`TokenizerError::Steps`], [`TokenizerError::Pattern`] or
    /// [`TokenizerError::Exhausted`] for one that says what can't be done.
    pub fn load(path: &Path) -> Result<Self, TokenizerError> {
        Self::of_facts(path, tokenizer_file::read(path)?)
    }

    /// Loads the tokenizer of a model's folder, of all the files that say something of it.
    ///
    /// # Errors
    /// As [`Tokenizer::load`]; [`TokenizerError::File`] for files that contradict each other.
    pub fn from_folder(folder: &Path) -> Result<Self, TokenizerError> {
        Self::of_facts(&folder.join(names::TOKENIZER), tokenizer_file::read_folder(folder)?.facts)
    }

    fn of_facts(path: &Path, mut facts: TokenizerFacts) -> Result<Self, TokenizerError> {
        let bytes = table::TokenBytes::of(&facts);
        let tokens = std::mem::take(&mut facts.added_tokens);
        let ids: HashSet<u32> = tokens.iter().map(|token| token.id).collect();
        let plain = PlainBpe::new(facts, |id| ids.contains(&id)).map_err(|fault| fault.at(path))?;
        let budget = budget(tokens.iter().map(|token| token.content.len()).sum());
        let normalize =
            |text: &str| plain.normalize(text, &budget).map(Cow::into_owned).map_err(AddedFault::from);
        let added = AddedTokens::new(tokens, normalize).map_err(|fault| fault.at(path))?;
        let (control, vocabulary) = (Mutex::new(None), OnceLock::new());
        Ok(Self { path: path.into(), plain, added, bytes, prompt_tokens: usize::MAX, control, vocabulary })
    }

    /// Encodes no prompt further than to so many tokens.
    #[must_use]
    pub fn with_prompt_limit(self, tokens: usize) -> Self {
        Self { prompt_tokens: tokens, ..self }
    }

    /// The ids of a text in which nothing is a control token.
    ///
    /// # Errors
    /// [`TokenizerError::TextTooLong`], [`TokenizerError::ByteWithoutToken`], or [`TokenizerError::Exhausted`] where the
    /// file makes too much work of the text.
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let mut encoder = self.encoder(text.len(), usize::MAX, None)?;
        encoder.plain(text)?;
        Ok(encoder.ids)
    }

    /// Makes ids of a prompt, piece by piece, up to the limit of [`Tokenizer::with_prompt_limit`].
    pub(crate) fn prompt_encoder(
        &self,
        bytes: usize,
        cancel: Option<&CancelToken>,
    ) -> Result<Encoder<'_>, TokenizerError> {
        self.encoder(bytes, self.prompt_tokens, cancel)
    }

    fn encoder(
        &self,
        bytes: usize,
        limit: usize,
        cancel: Option<&CancelToken>,
    ) -> Result<Encoder<'_>, TokenizerError> {
        if bytes > TEXT_BYTES_LIMIT {
            return Err(TokenizerError::TextTooLong { bytes, limit: TEXT_BYTES_LIMIT });
        }
        let budget = match cancel {
            Some(cancel) => {
                let cancel = cancel.clone();
                budget(bytes).cancelled_by(move || cancel.request().is_some())
            }
            None => budget(bytes),
        };
        Ok(Encoder { tokenizer: self, budget, limit, ids: Vec::new() })
    }

    /// The control tokens, whose texts no message may hold for this template to see: special tokens, and those that the
    /// template or one of the `tags` uses. All other added tokens are words, in anybody's text, as in the reference.
    pub(crate) fn control_texts(&self, template: &str, tags: &[&str]) -> Arc<ControlTexts> {
        let mut known = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((source, texts)) if source == template => Arc::clone(texts),
            _ => {
                let texts = Arc::new(ControlTexts::new(self.added_tokens(), template, tags));
                *known = Some((template.to_owned(), Arc::clone(&texts)));
                texts
            }
        }
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

/// What a text of so many bytes may cost.
fn budget(bytes: usize) -> Budget {
    let bytes = bytes as u64;
    Budget::new()
        .steps(PATTERN_STEPS.plus(bytes * STEPS_PER_BYTE))
        .bytes(NORMALIZED_BYTES.plus(bytes * NORMALIZED_PER_BYTE))
}

/// Makes the ids of one text, piece by piece, within one budget.
pub(crate) struct Encoder<'t> {
    tokenizer: &'t Tokenizer,
    budget: Budget,
    limit: usize,
    pub(crate) ids: Vec<u32>,
}

impl Encoder<'_> {
    /// Appends the ids of a text in which nothing is an added token.
    fn plain(&mut self, text: &str) -> Result<(), TokenizerError> {
        let text = self.normalize(text)?;
        self.words(&text)
    }

    /// Appends the ids of a prompt's text, in which added tokens count. `restore` gives the characters back that stand
    /// for others in it, so that they are none.
    pub(crate) fn prompt(
        &mut self,
        text: &str,
        restore: impl Fn(&str) -> Cow<'_, str>,
    ) -> Result<(), TokenizerError> {
        let added = &self.tokenizer.added;
        for piece in added.pieces(text) {
            let text = match piece {
                Piece::Token(id) => {
                    self.token(id)?;
                    continue;
                }
                Piece::Text(text) => self.normalize(text)?,
            };
            for piece in added.normalized_pieces(&text) {
                match piece {
                    Piece::Token(id) => self.token(id)?,
                    Piece::Text(text) => self.words(&restore(text))?,
                }
            }
        }
        Ok(())
    }

    fn normalize<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, TokenizerError> {
        let normalized = self.tokenizer.plain.normalize(text, &self.budget);
        normalized.map_err(|exhausted| self.failed(exhausted.into()))
    }

    fn words(&mut self, text: &str) -> Result<(), TokenizerError> {
        let Tokenizer { path, plain, .. } = self.tokenizer;
        let start = self.ids.len();
        let encoded = plain.encode(text, self.limit, &self.budget, &mut self.ids);
        encoded.map_err(|fault| self.failed(fault))?;
        if self.ids[start..].contains(&bpe::UNKNOWN) {
            return Err(TokenizerError::ByteWithoutToken { path: path.clone() });
        }
        Ok(())
    }

    fn token(&mut self, id: u32) -> Result<(), TokenizerError> {
        self.ids.push(id);
        if self.ids.len() > self.limit { Err(self.failed(EncodeFault::TooManyTokens)) } else { Ok(()) }
    }

    fn failed(&self, fault: EncodeFault) -> TokenizerError {
        match fault {
            EncodeFault::Exhausted(exhausted) => {
                TokenizerError::Exhausted { path: self.tokenizer.path.clone(), exhausted }
            }
            EncodeFault::TooManyTokens => {
                TokenizerError::TooManyTokens { tokens: self.limit.saturating_add(1), limit: self.limit }
            }
        }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokenizer").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

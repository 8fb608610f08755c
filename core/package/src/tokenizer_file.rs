//! `tokenizer.json`: reading Hugging Face's tokenizer file and checking every rule that later code relies on.
//!
//! [`read_folder`] reads all tokenizer files and merges them, [`read`] this one: bytes (bounded) -> JSON (no key twice) ->
//! rules -> [`TokenizerFacts`].
//! Accepted is the byte-level BPE of GPT-2, Llama 3, Qwen2, Qwen3 and their relatives: each byte of the text
//! is one character of a fixed [`byte_level`] alphabet, and merges join neighbours in the order of the list.
//!
//! Source of the rules: the `tokenizers` crate stops the process on some of these files (a merge that is longer
//! than every key, for one), so nothing of it runs before the file has passed here.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::budget::{ADDED_TOKENS_BYTES, PATTERN_TEXT_BYTES, TOKEN_BYTES};

pub mod byte_level;
mod fault;
mod json;
mod merge;

pub use fault::{TokenizerFault, TokenizerFileError};
pub use merge::{TokenizerFiles, read_files, read_folder, special_texts, with_added_tokens};

/// The largest `tokenizer.json` that is read, in bytes; the largest honest one we know has 34 MB.
pub const FILE_BYTES_LIMIT: u64 = 64 << 20;
/// The longest pattern of a normalizer or pre-tokenizer, in bytes; Qwen's has 113.
pub const PATTERN_BYTES_LIMIT: usize = 4096;
/// Most steps of a normalizer or of a pre-tokenizer.
pub const STEPS_LIMIT: usize = 32;
/// The longest added token, in bytes.
pub const ADDED_TOKEN_BYTES_LIMIT: usize = 256;
/// The longest text of all added tokens together, in bytes: what finds them takes twenty bytes for each.
pub const ADDED_TOKENS_BYTES_LIMIT: usize = ADDED_TOKENS_BYTES.as_usize();
/// The longest ordinary token, in bytes; R1's has 128.
pub const TOKEN_BYTES_LIMIT: usize = TOKEN_BYTES.as_usize();
/// Token ids are below this: a table by id stays small.
pub const ID_BOUND: u32 = 1 << 20;

/// For tokens and pairs of tokens, with a hash that takes less time than the standard library's. It is seeded by chance too, so that
/// no file can be written beforehand whose tokens all meet in one place.
pub type Map<K, V> = HashMap<K, V, Seeded>;
/// What a [`Map`] begins with.
pub use foldhash::fast::RandomState as Seeded;

/// A checked `tokenizer.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenizerFacts {
    /// Tokens that are matched in the text before BPE, control tokens among them; ascending by id.
    pub added_tokens: Vec<AddedToken>,
    /// The largest id plus one. An embedding table needs at least this many rows, and often has more.
    pub id_limit: u32,
    /// Token, in the [`byte_level`] alphabet, to id. An added token may stand here too, then with its own id.
    pub vocabulary: Map<String, u32>,
    /// Pairs to join, most important first.
    pub merges: Vec<Merge>,
    /// A word that is a token as a whole is taken before any merge (Llama 3).
    pub ignore_merges: bool,
    /// The normalizer as it stands in the file: only known steps, with bounded patterns.
    pub normalizer: Option<Value>,
    /// The pre-tokenizer as it stands in the file: only known steps, one of them `ByteLevel`, bounded patterns.
    pub pre_tokenizer: Value,
}

/// Two tokens of the vocabulary that follow each other, and the one that they become, by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// The first one.
    pub left: u32,
    /// The second one.
    pub right: u32,
    /// The token of both texts.
    pub whole: u32,
}

/// An entry of `added_tokens`. The flags are Hugging Face's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedToken {
    /// The token's id.
    pub id: u32,
    /// The text that is this token.
    pub content: String,
    /// Left out when text is shown. `<think>` is an added token that is not special.
    #[serde(default)]
    pub special: bool,
    /// Takes the whitespace before it away.
    #[serde(default)]
    pub lstrip: bool,
    /// Takes the whitespace after it away.
    #[serde(default)]
    pub rstrip: bool,
    /// Matches only where no letter, digit or underscore adjoins.
    #[serde(default)]
    pub single_word: bool,
    /// Matches in the text as the normalizer leaves it.
    #[serde(default)]
    pub normalized: bool,
}

impl TokenizerFacts {
    /// The added token with this text.
    #[must_use]
    pub fn added(&self, content: &str) -> Option<&AddedToken> {
        self.added_tokens.iter().find(|token| token.content == content)
    }
}

/// Reads and checks a `tokenizer.json`.
///
/// # Errors
/// [`TokenizerFileError`]: the file cannot be read, or the first rule that it breaks.
pub fn read(path: &Path) -> Result<TokenizerFacts, TokenizerFileError> {
    let bytes = crate::json::read_bytes(path, FILE_BYTES_LIMIT)?;
    parse(&bytes).map_err(|fault| TokenizerFileError::Broken { path: path.into(), fault })
}

fn parse(bytes: &[u8]) -> Result<TokenizerFacts, TokenizerFault> {
    let file = json::parse(crate::json::without_bom(bytes))?;
    check_components(&file)?;
    let mut added_tokens = file.added_tokens;
    added_tokens.sort_by_key(|token| token.id);
    let mut facts = TokenizerFacts {
        added_tokens,
        id_limit: 0,
        vocabulary: file.model.vocab.0,
        merges: Vec::new(),
        ignore_merges: file.model.ignore_merges,
        normalizer: file.normalizer,
        pre_tokenizer: file.pre_tokenizer.unwrap_or_default(),
    };
    facts.id_limit = check_tokens(&facts)?;
    facts.merges = merges(&file.model.merges, &facts.vocabulary)?;
    Ok(facts)
}

/// What must hold of the vocabulary and the added tokens together. Returns one more than the largest id.
fn check_tokens(facts: &TokenizerFacts) -> Result<u32, TokenizerFault> {
    let contents = check_added_tokens(&facts.added_tokens, &facts.vocabulary)?;
    check_keys(&facts.vocabulary, &contents)?;
    check_ids(&facts.vocabulary, &facts.added_tokens)
}

/// The parts around the vocabulary: what text goes through before BPE, and how bytes come back after it.
fn check_components(file: &json::File<'_>) -> Result<(), TokenizerFault> {
    let model = &file.model;
    let unsupported =
        |field, found: String, supported| TokenizerFault::Unsupported { field, found, supported };
    if let Some(rate) = model.dropout.filter(|rate| *rate != 0.0) {
        return Err(unsupported("model.dropout", rate.to_string(), "none: encoding must be repeatable"));
    }
    let affixes = [
        ("model.continuing_subword_prefix", &model.continuing_subword_prefix),
        ("model.end_of_word_suffix", &model.end_of_word_suffix),
    ];
    for (field, affix) in affixes {
        if let Some(affix) = affix.as_deref().filter(|affix| !affix.is_empty()) {
            return Err(unsupported(field, fault::shown(affix), "none"));
        }
    }
    let decoder = Steps::of("decoder", file.decoder.as_ref(), &["ByteLevel"])?;
    let pre_tokenizer = Steps::of(
        "pre_tokenizer",
        file.pre_tokenizer.as_ref(),
        &["ByteLevel", "Split", "Digits", "Punctuation", "WhitespaceSplit"],
    )?;
    let normalizer = Steps::of(
        "normalizer",
        file.normalizer.as_ref(),
        &["NFC", "NFD", "NFKC", "NFKD", "Replace", "Prepend"],
    )?;
    for (field, steps) in [("decoder", &decoder), ("pre_tokenizer", &pre_tokenizer)] {
        if steps.byte_level == 0 {
            return Err(unsupported(field, "no step of type ByteLevel".into(), "byte-level BPE"));
        }
    }
    // Each doubles what it is given.
    if pre_tokenizer.byte_level > 1 {
        let found = format!("{} steps of type ByteLevel", pre_tokenizer.byte_level);
        return Err(unsupported("pre_tokenizer", found, "one of them"));
    }
    let (bytes, limit) = (pre_tokenizer.text_bytes + normalizer.text_bytes, PATTERN_TEXT_BYTES.as_usize());
    if bytes > limit {
        return Err(TokenizerFault::PatternTooLong { field: "the steps", bytes, limit });
    }
    Ok(())
}

/// What a walk through a component and its nested sequences found.
#[derive(Default)]
struct Steps {
    count: usize,
    /// How many are of type `ByteLevel`.
    byte_level: usize,
    /// Of all patterns and replacements together.
    text_bytes: usize,
}

impl Steps {
    fn of(
        field: &'static str,
        component: Option<&Value>,
        known: &'static [&'static str],
    ) -> Result<Self, TokenizerFault> {
        let mut steps = Self::default();
        let mut open: Vec<&Value> = component.into_iter().collect();
        while let Some(step) = open.pop() {
            steps.count += 1;
            if steps.count > STEPS_LIMIT {
                return Err(TokenizerFault::TooManySteps { field, limit: STEPS_LIMIT });
            }
            let kind = step.get("type").and_then(Value::as_str).unwrap_or_default();
            if kind == "Sequence" {
                // The list's key differs by component: "normalizers", "pretokenizers", "decoders".
                open.extend(
                    step.as_object()
                        .into_iter()
                        .flat_map(|map| map.values())
                        .filter_map(Value::as_array)
                        .flatten(),
                );
            } else if !known.contains(&kind) {
                let found = format!("type `{}`", fault::shown(kind));
                return Err(TokenizerFault::Unsupported {
                    field,
                    found,
                    supported: "byte-level BPE's own steps",
                });
            }
            steps.byte_level += usize::from(kind == "ByteLevel");
            steps.text_bytes += check_strings(field, step)?;
        }
        Ok(steps)
    }
}

/// No text in a step is longer than a pattern may be. Nested steps are checked when their turn comes. Returns the bytes of
/// all.
fn check_strings(field: &'static str, step: &Value) -> Result<usize, TokenizerFault> {
    let mut bytes = 0;
    let direct = step.as_object().into_iter().flat_map(|map| map.values());
    let pattern = step.get("pattern").and_then(Value::as_object).into_iter().flat_map(|map| map.values());
    for text in direct.chain(pattern).filter_map(Value::as_str) {
        if text.len() > PATTERN_BYTES_LIMIT {
            return Err(TokenizerFault::PatternTooLong {
                field,
                bytes: text.len(),
                limit: PATTERN_BYTES_LIMIT,
            });
        }
        bytes += text.len();
    }
    Ok(bytes)
}

/// Returns the texts of the added tokens.
fn check_added_tokens<'a>(
    added: &'a [AddedToken],
    vocabulary: &Map<String, u32>,
) -> Result<HashSet<&'a str>, TokenizerFault> {
    let (bytes, limit) = (added.iter().map(|token| token.content.len()).sum(), ADDED_TOKENS_BYTES_LIMIT);
    if bytes > limit {
        return Err(TokenizerFault::AddedTokensTooLong { bytes, limit });
    }
    let mut contents = HashSet::with_capacity(added.len());
    for token in added {
        let content = token.content.as_str();
        if content.is_empty() || content.len() > ADDED_TOKEN_BYTES_LIMIT {
            return Err(TokenizerFault::AddedTokenLength {
                id: token.id,
                bytes: content.len(),
                limit: ADDED_TOKEN_BYTES_LIMIT,
            });
        }
        if !contents.insert(content) {
            return Err(TokenizerFault::AddedTokenTwice { content: fault::shown(content) });
        }
        if let Some(&in_vocabulary) = vocabulary.get(content).filter(|id| **id != token.id) {
            let content = fault::shown(content);
            return Err(TokenizerFault::TwoIds { content, in_vocabulary, added: token.id });
        }
    }
    Ok(contents)
}

/// Keys are written in the byte-level alphabet; SentencePiece's byte escapes have no place here.
fn check_keys(vocabulary: &Map<String, u32>, added: &HashSet<&str>) -> Result<(), TokenizerFault> {
    for key in vocabulary.keys() {
        if let Some(digits) = key.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'))
            && (digits.len() != 2 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        {
            return Err(TokenizerFault::MalformedByteEscape { token: fault::shown(key) });
        }
        if (key.is_empty() || key.chars().any(|char| byte_level::byte_of(char).is_none()))
            && !added.contains(key.as_str())
        {
            return Err(TokenizerFault::NotByteLevel { token: fault::shown(key) });
        }
        let (bytes, limit) = (key.chars().count(), TOKEN_BYTES_LIMIT);
        if bytes > limit {
            return Err(TokenizerFault::TokenTooLong { token: fault::shown(key), bytes, limit });
        }
    }
    Ok(())
}

/// Every id belongs to one token, and the ids fill at least half of their range. Returns the limit.
fn check_ids(vocabulary: &Map<String, u32>, added: &[AddedToken]) -> Result<u32, TokenizerFault> {
    let mut owners: Map<u32, &str> =
        Map::with_capacity_and_hasher(vocabulary.len() + added.len(), Seeded::default());
    let entries = vocabulary.iter().map(|(token, id)| (token.as_str(), *id));
    for (token, id) in entries.chain(added.iter().map(|token| (token.content.as_str(), token.id))) {
        if id >= ID_BOUND {
            return Err(TokenizerFault::IdOutOfRange { id, token: fault::shown(token), bound: ID_BOUND });
        }
        if let Some(other) = owners.insert(id, token).filter(|other| *other != token) {
            // The map's order is random; the message should not be.
            let (first, second) = (fault::shown(other.min(token)), fault::shown(other.max(token)));
            return Err(TokenizerFault::DuplicateId { id, first, second });
        }
    }
    let id_limit = owners.keys().max().map_or(0, |largest| largest + 1);
    if id_limit as usize > owners.len() * 2 {
        return Err(TokenizerFault::SparseIds { tokens: owners.len(), id_limit });
    }
    Ok(id_limit)
}

/// The ids of the merges: both parts and the result stand in the vocabulary.
fn merges(merges: &[json::Merge<'_>], vocabulary: &Map<String, u32>) -> Result<Vec<Merge>, TokenizerFault> {
    let mut joined = String::new();
    let merge = |(index, json::Merge(left, right)): (usize, &json::Merge<'_>)| {
        let id_of = |part: &str| {
            let id = vocabulary.get(part).copied();
            id.ok_or_else(|| TokenizerFault::MergeOfUnknown { index, token: fault::shown(part) })
        };
        let (left_id, right_id) = (id_of(left)?, id_of(right)?);
        joined.clear();
        joined.push_str(left);
        joined.push_str(right);
        let whole = vocabulary.get(&joined).copied();
        let whole =
            whole.ok_or_else(|| TokenizerFault::MergeIntoUnknown { index, token: fault::shown(&joined) })?;
        Ok(Merge { left: left_id, right: right_id, whole })
    };
    merges.iter().enumerate().map(merge).collect()
}

#[cfg(test)]
mod merge_tests;
#[cfg(test)]
mod tests;

//! One tokenizer of several files, as `transformers` makes it.
//!
//! ```text
//! tokenizer.json            the vocabulary, and nearly always all added tokens
//! tokenizer_config.json     `added_tokens_decoder`: more added tokens, or other flags of the same ones, which win;
//!                           the names of special tokens: `bos_token`, `eos_token`, ...
//! where it has no such list:
//! special_tokens_map.json   names of special tokens, which win
//! added_tokens.json         more added tokens: text to id
//! ```
//!
//! `transformers` gives a token that it does not know the next free id, whatever the file says, and goes on; here an id
//! that differs is a contradiction and refused by name, because the model was trained with one of the two.
//!
//! Source: `PreTrainedTokenizerBase._from_pretrained` and `TokenizersBackend.__init__` of transformers 5.23.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fault::{self, TokenizerFault, TokenizerFileError};
use super::{AddedToken, TokenizerFacts};
use crate::error::PackageError;
use crate::files::names;
use crate::{json, vfs};

/// Names of special tokens and what they are called in the files.
const SPECIAL: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
/// Lists of more of them.
const MORE_SPECIAL: [&str; 2] = ["additional_special_tokens", "extra_special_tokens"];

/// What the tokenizer files of a folder say together.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenizerFiles {
    /// Vocabulary, merges, steps and all added tokens.
    pub facts: TokenizerFacts,
    /// The texts of special tokens by name, as far as they have one.
    pub texts: Vec<(&'static str, String)>,
    /// The added tokens are not those of `tokenizer.json` alone.
    pub is_merged: bool,
    /// Special tokens that are named and have no id, as `field` and text: they are not used.
    pub without_id: Vec<(String, String)>,
}

/// A token as text or with its flags; the id stands elsewhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Described {
    Text(String),
    Token(Token),
}

#[derive(Debug, Clone, Deserialize)]
struct Token {
    content: String,
    #[serde(default)]
    special: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    single_word: bool,
    normalized: Option<bool>,
}

impl Token {
    /// Of which only the text is known.
    fn plain(content: String, special: bool) -> Self {
        Self { content, special, lstrip: false, rstrip: false, single_word: false, normalized: None }
    }

    fn with_id(self, id: u32) -> AddedToken {
        let Self { content, special, lstrip, rstrip, single_word, normalized } = self;
        let normalized = normalized.unwrap_or(!special);
        AddedToken { id, content, special, lstrip, rstrip, single_word, normalized }
    }
}

impl Described {
    fn into_content(self) -> String {
        match self {
            Self::Text(content) | Self::Token(Token { content, .. }) => content,
        }
    }

    /// As a special token.
    fn special(self, id: u32) -> AddedToken {
        match self {
            Self::Token(token) => AddedToken { special: true, ..token.with_id(id) },
            Self::Text(content) => Token::plain(content, true).with_id(id),
        }
    }
}

impl TokenizerFiles {
    /// What the special token of this name is, such as `bos_token`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }
}

/// Reads the tokenizer files of a folder and merges them.
///
/// # Errors
/// [`TokenizerFileError`]: a file cannot be read, the first rule that it breaks, or two files that contradict each other.
pub fn read_folder(folder: &Path) -> Result<TokenizerFiles, TokenizerFileError> {
    read_files(folder, |name, limit| Ok(in_folder(folder, name, limit)?))
}

/// The same, of files that `read` gives by name and largest size, if they exist. `folder` is named in errors.
///
/// # Errors
/// As [`read_folder`], and those of `read`.
pub fn read_files<E: From<TokenizerFileError>>(
    folder: &Path,
    read: impl Fn(&str, u64) -> Result<Option<Vec<u8>>, E>,
) -> Result<TokenizerFiles, E> {
    let at = |name: &str, fault| TokenizerFileError::Broken { path: folder.join(name), fault };
    let read_object = |name: &str| -> Result<Map<String, Value>, E> {
        let bytes = read(name, json::JSON_BYTES_LIMIT)?;
        Ok(object(bytes.as_deref()).map_err(|error| at(name, error.into()))?)
    };
    let file = read(names::TOKENIZER, super::FILE_BYTES_LIMIT)?.unwrap_or_default();
    let facts = super::parse(&file).map_err(|fault| at(names::TOKENIZER, fault))?;
    let mut named = read_object(names::TOKENIZER_CONFIG)?;
    let (file, listed) = match take_list(&mut named) {
        Some(list) => {
            let file = names::TOKENIZER_CONFIG;
            (file, by_id(&list).map_err(|fault| at(file, fault))?)
        }
        None => {
            let file = names::ADDED_TOKENS;
            named.extend(read_object(names::SPECIAL_TOKENS_MAP)?);
            let special: HashSet<_> =
                special_tokens(&named).into_iter().map(|(_, token)| token.into_content()).collect();
            (file, older_list(read_object(file)?, &special).map_err(|fault| at(file, fault))?)
        }
    };
    Ok(merge(facts, listed, file, &named).map_err(|fault| at(file, fault))?)
}

/// What special tokens are called in the files of a folder: the names that templates ask for, each with its text.
///
/// # Errors
/// [`PackageError`]: a file cannot be read, or is no JSON object.
pub fn special_texts(folder: &Path) -> Result<Vec<(&'static str, String)>, PackageError> {
    let read = |name: &str| {
        let bytes = in_folder(folder, name, json::JSON_BYTES_LIMIT)?;
        object(bytes.as_deref()).map_err(|error| PackageError::invalid(folder.join(name), error))
    };
    let mut named = read(names::TOKENIZER_CONFIG)?;
    if take_list(&mut named).is_none() {
        named.extend(read(names::SPECIAL_TOKENS_MAP)?);
    }
    Ok(texts(&named))
}

/// The list of added tokens in the configuration, where it has one.
fn take_list(config: &mut Map<String, Value>) -> Option<Value> {
    config.remove("added_tokens_decoder").filter(|list| !list.is_null())
}

/// A file of a folder, if it exists.
fn in_folder(folder: &Path, name: &str, limit: u64) -> Result<Option<Vec<u8>>, PackageError> {
    let path = folder.join(name);
    if name == names::TOKENIZER || vfs::stands(&path)? {
        json::read_bytes(&path, limit).map(Some)
    } else {
        Ok(None)
    }
}

/// A JSON object, empty where there is no file.
fn object(file: Option<&[u8]>) -> Result<Map<String, Value>, serde_json::Error> {
    file.map_or_else(|| Ok(Map::new()), json::parse)
}

fn merge(
    mut facts: TokenizerFacts,
    listed: BTreeMap<u32, AddedToken>,
    file: &'static str,
    named: &Map<String, Value>,
) -> Result<TokenizerFiles, TokenizerFault> {
    let before = facts.added_tokens.clone();
    let wins = file == names::TOKENIZER_CONFIG;
    // By their texts, because files may list many thousands.
    let mut places: HashMap<String, usize> =
        (0..).zip(&before).map(|(place, token)| (token.content.clone(), place)).collect();
    let mut behind = before.iter().map(|token| token.id.saturating_add(1)).max().unwrap_or(0);
    for (id, token) in listed {
        let known = places.get(&token.content).copied();
        let expected =
            known.map_or_else(|| facts.id_for(&token.content, behind), |place| facts.added_tokens[place].id);
        if expected != id {
            let content = fault::shown(&token.content);
            return Err(TokenizerFault::Contradiction { content, file, id, expected });
        }
        match known {
            Some(place) if wins => facts.added_tokens[place] = token,
            Some(_) => {}
            None => {
                places.insert(token.content.clone(), facts.added_tokens.len());
                behind = behind.max(id.saturating_add(1));
                facts.add(token);
            }
        }
    }
    let mut without_id = Vec::new();
    for (field, described) in special_tokens(named) {
        let content = described.clone().into_content();
        if let Some(place) = places.get(&content) {
            facts.added_tokens[*place].special = true;
        } else if let Some(id) = facts.vocabulary.get(&content).copied() {
            places.insert(content, facts.added_tokens.len());
            facts.add(described.special(id));
        } else {
            without_id.push((field, content));
        }
    }
    facts.added_tokens.sort_by_key(|token| token.id);
    let is_merged = facts.added_tokens != before;
    if is_merged {
        super::check_tokens(&facts)?;
    }
    let texts = texts(named);
    Ok(TokenizerFiles { is_merged, texts, without_id, facts })
}

impl TokenizerFacts {
    /// The id that `transformers` gives to a token that is no added token yet; those end before `behind`.
    fn id_for(&self, content: &str, behind: u32) -> u32 {
        let vocabulary = u32::try_from(self.vocabulary.len()).unwrap_or(u32::MAX);
        self.vocabulary.get(content).copied().unwrap_or(vocabulary.max(behind))
    }

    fn add(&mut self, token: AddedToken) {
        self.id_limit = self.id_limit.max(token.id.saturating_add(1));
        self.added_tokens.push(token);
    }
}

/// A `tokenizer.json` with these added tokens in place of its own.
///
/// # Errors
/// [`TokenizerFault::Json`].
pub fn with_added_tokens(file: &[u8], tokens: &[AddedToken]) -> Result<Vec<u8>, TokenizerFault> {
    let mut file: Map<String, Value> = json::from_bytes(json::without_bom(file))?;
    file.insert("added_tokens".to_owned(), serde_json::to_value(tokens)?);
    Ok(serde_json::to_vec_pretty(&file)?)
}

/// `added_tokens_decoder`: ids, written as text, to tokens.
fn by_id(list: &Value) -> Result<BTreeMap<u32, AddedToken>, TokenizerFault> {
    let list = BTreeMap::<String, Token>::deserialize(list)?;
    let with_id = |(id, token): (String, Token)| {
        let id = id.trim().parse().map_err(|_| TokenizerFault::IdNotNumber { id: fault::shown(&id) })?;
        Ok((id, token.with_id(id)))
    };
    list.into_iter().map(with_id).collect()
}

/// `added_tokens.json`: texts to ids. Those that have a name are special.
fn older_list(
    list: Map<String, Value>,
    special: &HashSet<String>,
) -> Result<BTreeMap<u32, AddedToken>, TokenizerFault> {
    let list = BTreeMap::<String, u32>::deserialize(Value::Object(list))?;
    let with_id = |(content, id): (String, u32)| {
        let special = special.contains(&content);
        (id, Token::plain(content, special).with_id(id))
    };
    Ok(list.into_iter().map(with_id).collect())
}

/// The special tokens that have names, with the field of each.
fn special_tokens(named: &Map<String, Value>) -> Vec<(String, Described)> {
    let described = |value: &Value| Described::deserialize(value).ok();
    let mut tokens: Vec<_> = named
        .iter()
        // A model's own names are texts; `transformers` looks at no others.
        .filter(|(field, value)| {
            SPECIAL.contains(&field.as_str()) || (field.ends_with("_token") && value.is_string())
        })
        .filter_map(|(field, value)| Some((field.clone(), described(value)?)))
        .collect();
    for field in MORE_SPECIAL {
        let list: Vec<&Value> = match named.get(field) {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(Value::Object(list)) => list.values().collect(),
            _ => Vec::new(),
        };
        tokens.extend(list.into_iter().filter_map(|value| Some((field.to_owned(), described(value)?))));
    }
    tokens
}

fn texts(named: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let text =
        |name: &'static str| Some((name, Described::deserialize(named.get(name)?).ok()?.into_content()));
    SPECIAL.into_iter().filter_map(text).collect()
}

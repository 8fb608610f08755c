//! The JSON forms of `tokenizer.json`, as they stand in the file.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::budget::{ADDED_TOKENS_BYTES, MERGES};
use crate::json;

use super::fault::{TokenizerFault, shown};
use super::{AddedToken, ID_BOUND, Map};

#[derive(serde::Deserialize)]
pub(super) struct File<'f> {
    #[serde(default, deserialize_with = "added_tokens")]
    pub(super) added_tokens: Vec<AddedToken>,
    #[serde(default, deserialize_with = "json::few")]
    pub(super) normalizer: Option<Value>,
    #[serde(default, deserialize_with = "json::few")]
    pub(super) pre_tokenizer: Option<Value>,
    #[serde(default, deserialize_with = "json::few")]
    pub(super) decoder: Option<Value>,
    #[serde(borrow)]
    pub(super) model: Model<'f>,
}

#[derive(serde::Deserialize)]
pub(super) struct Model<'f> {
    #[serde(rename = "type")]
    kind: Option<String>,
    pub(super) dropout: Option<f64>,
    pub(super) continuing_subword_prefix: Option<String>,
    pub(super) end_of_word_suffix: Option<String>,
    #[serde(default)]
    pub(super) ignore_merges: bool,
    pub(super) vocab: Vocabulary,
    #[serde(borrow, deserialize_with = "merges")]
    pub(super) merges: Vec<Merge<'f>>,
}

/// A map that refuses a key that stands twice, where JSON readers keep the last silently.
pub(super) struct Vocabulary(pub(super) Map<String, u32>);

/// `"left right"` or `["left", "right"]`; parts of the file, because a copy of each would be most of what reading one costs.
pub(super) struct Merge<'f>(pub(super) Cow<'f, str>, pub(super) Cow<'f, str>);

/// A text that stands in the file as it is, unless it has escapes.
#[derive(serde::Deserialize)]
struct Part<'f>(#[serde(borrow)] Cow<'f, str>);

/// A file that does not parse may hold another kind of model, whose vocabulary has another form.
pub(super) fn parse(bytes: &[u8]) -> Result<File<'_>, TokenizerFault> {
    #[derive(serde::Deserialize)]
    struct Outline {
        model: Kind,
    }
    #[derive(serde::Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    let parsed: Result<File<'_>, _> = json::from_bytes(bytes);
    let kind = match &parsed {
        Ok(file) => file.model.kind.clone(),
        Err(_) => json::from_bytes(bytes).ok().and_then(|outline: Outline| outline.model.kind),
    };
    // Files of early versions have no type, and are BPE.
    if let Some(kind) = kind.filter(|kind| kind != "BPE") {
        let found = format!("type `{}`", shown(&kind));
        return Err(TokenizerFault::Unsupported { field: "model", found, supported: "BPE" });
    }
    Ok(parsed?)
}

fn added_tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AddedToken>, D::Error> {
    json::at_most(deserializer, ADDED_TOKENS_BYTES.as_usize(), "added tokens")
}

fn merges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Merge<'de>>, D::Error> {
    json::at_most(deserializer, MERGES.as_usize(), "merges")
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vocabulary;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of tokens to ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vocabulary, A::Error> {
                let mut vocabulary = Map::default();
                while let Some((token, id)) = entries.next_entry::<String, u32>()? {
                    if vocabulary.len() >= ID_BOUND as usize {
                        return Err(de::Error::custom(format!(
                            "the vocabulary has more than {ID_BOUND} entries"
                        )));
                    }
                    match vocabulary.entry(token) {
                        Entry::Vacant(place) => place.insert(id),
                        Entry::Occupied(first) => {
                            let (token, first) = (shown(first.key()), first.get());
                            return Err(de::Error::custom(format!(
                                "the token `{token}` stands twice in the vocabulary, with the ids {first} and {id}"
                            )));
                        }
                    };
                }
                Ok(Vocabulary(vocabulary))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for Merge<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Merge<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a merge: two tokens in a list, or in a text with one space between them")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Merge<'de>, E> {
                let (left, right) = cut(text, &self)?;
                Ok(Merge(left.into(), right.into()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Merge<'de>, E> {
                let (left, right) = cut(text, &self)?;
                Ok(Merge(left.to_owned().into(), right.to_owned().into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Merge<'de>, A::Error> {
                let length = |length| de::Error::invalid_length(length, &self);
                let Part(left) = parts.next_element()?.ok_or_else(|| length(0))?;
                let Part(right) = parts.next_element()?.ok_or_else(|| length(1))?;
                if parts.next_element::<de::IgnoredAny>()?.is_some() {
                    return Err(length(3));
                }
                Ok(Merge(left, right))
            }
        }
        deserializer.deserialize_any(Parts)
    }
}

/// Both tokens of a merge in one text.
fn cut<'t, E: de::Error>(text: &'t str, expected: &dyn de::Expected) -> Result<(&'t str, &'t str), E> {
    text.split_once(' ')
        .filter(|(_, right)| !right.contains(' '))
        .ok_or_else(|| E::invalid_value(de::Unexpected::Str(&shown(text)), expected))
}

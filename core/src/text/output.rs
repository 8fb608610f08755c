//! The form that an answer must have: a JSON schema, a regular expression or a grammar.
//!
//! 1. [`OutputFormat::check`] looks at what a caller gave: its size, its nesting, whether it compiles.
//! 2. A turn makes a `Matcher` of it. Before each token of the answer the matcher rules out what the form does not
//!    allow, the end of the turn included where the answer is not complete; after it, it takes the token in.
//! 3. Nothing in a form reaches the reasoning: where the answer begins is the turn's business (`generate::answer`).
//!
//! The matching is [llguidance](https://docs.rs/llguidance)'s: an Earley parser over lexemes whose regular expressions
//! are derivatives, run against a trie of the vocabulary's bytes. That trie knows ordinary tokens alone, so an answer in
//! a form never holds a control token. `docs/structured-output.md` tells what each form may say.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod error;
mod limits;
mod matcher;
mod vocabulary;

pub use error::OutputError;
pub use limits::{DEFINITIONS_LIMIT, FORM_BYTES_LIMIT, NESTING_LIMIT};
pub(crate) use matcher::{Matcher, with_options};
pub(crate) use vocabulary::Vocabulary;

use crate::text::tokenizer::Tokenizer;

/// What an answer must look like. As JSON: `{"json_schema": {..}}`, `{"regex": ".."}` or `{"lark": ".."}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// JSON text that this schema (draft 2020-12 and earlier) describes. Keywords that can't be held are an error.
    JsonSchema(Value),
    /// Text that this regular expression (Rust's syntax, without anchors and look-around) matches as a whole.
    Regex(String),
    /// Text of this grammar, in llguidance's dialect of Lark; it begins with the rule `start`.
    Lark(String),
}

impl OutputFormat {
    /// A schema that is given as JSON text.
    ///
    /// # Errors
    /// [`OutputError::TooLarge`], [`OutputError::TooDeep`] or [`OutputError::NotJson`].
    pub fn json_schema(text: &str) -> Result<Self, OutputError> {
        limits::check_text(text)?;
        Value::from_str(text)
            .map(Self::JsonSchema)
            .map_err(|error| OutputError::NotJson { line: error.line(), column: error.column() })
    }

    /// Whether a model with this tokenizer can be held to the form. Any text gives an answer.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn check(&self, tokenizer: &Tokenizer) -> Result<(), OutputError> {
        Matcher::new(tokenizer, self).map(drop)
    }

    /// The form's name, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::JsonSchema(_) => "JSON schema",
            Self::Regex(_) => "regular expression",
            Self::Lark(_) => "grammar",
        }
    }
}

#[cfg(test)]
mod tests;

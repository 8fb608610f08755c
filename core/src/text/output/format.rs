//! What an answer may be held to.

use std::str::FromStr as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::OutputError;
use super::limits;

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

    /// Looks at it before it is compiled.
    pub(super) fn check_limits(&self) -> Result<(), OutputError> {
        match self {
            Self::JsonSchema(schema) => limits::check_schemas(std::iter::once(schema)),
            Self::Regex(text) => limits::check_text(text),
            Self::Lark(text) => limits::check_grammar(text),
        }
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

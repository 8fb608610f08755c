//! Errors of `config.json` and of the files that have to agree with it.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use wheelwork_package::{Class, Diagnostic};

use crate::architecture::FAMILIES;

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the messages say
pub enum ConfigError {
    /// A field that has no default.
    #[error("`{path}` lacks the field {field}")]
    Missing { path: PathBuf, field: &'static str },
    /// A model of another kind.
    #[error("`{path}` describes the architecture `{found}`, supported are {}", supported_architectures())]
    UnknownArchitecture { path: PathBuf, found: String },
    /// A feature of a known architecture that the graph does not have.
    #[error("`{path}` sets {field} to {found}, supported is {supported}")]
    Unsupported { path: PathBuf, field: &'static str, found: String, supported: &'static str },
    /// A value outside its limits.
    #[error("`{path}` sets {field} to {found}, expected {least} to {greatest}")]
    OutOfRange { path: PathBuf, field: &'static str, found: Found, least: Found, greatest: Found },
    /// Two statements that cannot both be true.
    #[error("`{path}` sets {field} to {value}, expected {rule}, which is {other}")]
    Contradiction { path: PathBuf, field: &'static str, value: String, rule: &'static str, other: String },
    /// Generation would never end.
    #[error(
        "`{path}` names no end-of-sequence token, nor do generation_config.json and tokenizer_config.json"
    )]
    NoEndToken { path: PathBuf },
}

/// A number as the file has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    /// A whole number.
    Integer(i64),
    /// Any number.
    Number(f64),
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(formatter, "{value}"),
            Self::Number(value) => write!(formatter, "{value:?}"),
        }
    }
}

impl Diagnostic for ConfigError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "config_field_missing",
            Self::UnknownArchitecture { .. } => "config_unknown_architecture",
            Self::Unsupported { .. } => "config_unsupported",
            Self::OutOfRange { .. } => "config_out_of_range",
            Self::Contradiction { .. } => "config_contradiction",
            Self::NoEndToken { .. } => "config_no_end_token",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::UnknownArchitecture { .. } | Self::Unsupported { .. } => Class::Unsupported,
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::UnknownArchitecture { .. } => {
                format!("give a checkpoint of one of: {}", supported_architectures()).into()
            }
            Self::Unsupported { .. } => "give a checkpoint without this feature".into(),
            Self::Missing { .. } | Self::OutOfRange { .. } => {
                "check config.json against the original of the model".into()
            }
            Self::Contradiction { .. } => {
                "check that config.json, the tokenizer and the weights come from the same model".into()
            }
            Self::NoEndToken { .. } => "add eos_token_id to generation_config.json".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Missing { path, field }
            | Self::Unsupported { path, field, .. }
            | Self::OutOfRange { path, field, .. }
            | Self::Contradiction { path, field, .. } => Some(format!("{}: {field}", path.display())),
            Self::UnknownArchitecture { path, .. } | Self::NoEndToken { path } => {
                Some(path.display().to_string())
            }
        }
    }
}

fn supported_architectures() -> String {
    FAMILIES.map(|family| family.class).join(", ")
}

//! Errors of `config.json` and of the files that have to agree with it.

use std::fmt;
use std::path::{Path, PathBuf};

use wheelwork_diagnostic::{Diagnosis, Diagnostic, check, correct, give, leave_out, retry, unsupported};

use crate::architecture::FAMILIES;

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum ConfigError {
    /// A field that has no default.
    #[error("`{path}` lacks the field {field}")]
    Missing { path: PathBuf, field: String },
    /// A model of another kind.
    #[error("`{path}` describes the architecture `{found}`, supported are {}", supported_architectures())]
    UnknownArchitecture { path: PathBuf, found: String },
    /// A feature of a known architecture that the graph does not have.
    #[error("`{path}` sets {field} to {found}, supported is {supported}")]
    Unsupported { path: PathBuf, field: String, found: String, supported: &'static str },
    /// A value of another type.
    #[error("`{path}` sets {field} to {found}, expected {expected}")]
    WrongValue { path: PathBuf, field: String, found: String, expected: &'static str },
    /// A value outside its limits.
    #[error("`{path}` sets {field} to {found}, expected {least} to {greatest}")]
    OutOfRange { path: PathBuf, field: String, found: Found, least: Found, greatest: Found },
    /// Two statements that cannot both be true.
    #[error("`{path}` sets {field} to {value}, expected {rule}, which is {other}")]
    Contradiction { path: PathBuf, field: String, value: String, rule: &'static str, other: String },
    /// One setting in two spellings, with two values.
    #[error("`{path}` contradicts itself: {field} is {value}, {other_field} is {other}")]
    ContradictsItself { path: PathBuf, field: String, value: Box<str>, other_field: String, other: Box<str> },
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
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Missing { path, field } => {
                retry("config_field_missing", check(ORIGINAL)).at(at(path, field))
            }
            Self::UnknownArchitecture { path, .. } => unsupported(
                "config_unknown_architecture",
                give(format!("a checkpoint of one of: {}", supported_architectures())),
            )
            .file(path),
            Self::Unsupported { path, field, .. } => {
                unsupported("config_unsupported", give("a checkpoint without this feature"))
                    .at(at(path, field))
            }
            Self::WrongValue { path, field, expected, .. } => {
                retry("config_wrong_value", correct(format!("{field}: it takes {expected}")))
                    .at(at(path, field))
            }
            Self::OutOfRange { path, field, .. } => {
                retry("config_out_of_range", check(ORIGINAL)).at(at(path, field))
            }
            Self::Contradiction { path, field, .. } => retry(
                "config_contradiction",
                check("that config.json, the tokenizer and the weights come from the same model"),
            )
            .at(at(path, field)),
            Self::ContradictsItself { path, field, other_field, .. } => retry(
                "config_contradicts_itself",
                leave_out(format!("{field} or {other_field}, whichever does not describe the model")),
            )
            .at(at(path, field)),
            Self::NoEndToken { path } => {
                retry("config_no_end_token", give("eos_token_id in generation_config.json")).file(path)
            }
        }
    }
}

const ORIGINAL: &str = "config.json against the original of the model";

fn at(path: &Path, field: &str) -> String {
    format!("{}: {field}", path.display())
}

fn supported_architectures() -> String {
    FAMILIES.map(|family| family.class).join(", ")
}

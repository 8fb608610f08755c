//! Why a tokenizer could not be loaded or used.

use std::borrow::Cow;
use std::path::PathBuf;

use wheelwork_package::tokenizer_file::TokenizerFileError;
use wheelwork_package::{Class, Diagnostic};

/// Why a tokenizer could not be loaded or used. No variant holds text that was to be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file breaks a rule.
    #[error(transparent)]
    File(#[from] TokenizerFileError),
    /// The `tokenizers` crate refuses or panics.
    #[error("the tokenizer `{}` is not usable: {message}", .path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// The crate's words.
        message: String,
    },
    /// A text longer than any context.
    #[error("the text has {bytes} bytes, expected at most {limit}")]
    TextTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The longest accepted, in bytes.
        limit: usize,
    },
    /// The vocabulary lacks one of the 256 bytes, and the text has it.
    #[error("the text has a byte that `{}` has no token for", .path.display())]
    ByteWithoutToken {
        /// The file.
        path: PathBuf,
    },
}

impl Diagnostic for TokenizerError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Library { .. } => "tokenizer_library",
            Self::TextTooLong { .. } => "text_too_long",
            Self::ByteWithoutToken { .. } => "byte_without_token",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Library { .. } => Class::Reinstall,
            Self::TextTooLong { .. } => Class::Retry,
            Self::ByteWithoutToken { .. } => Class::Unsupported,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Library { .. } => "take tokenizer.json anew from where the checkpoint came from".into(),
            Self::TextTooLong { .. } => "shorten the text".into(),
            Self::ByteWithoutToken { .. } => "leave out unusual characters, or use another model".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::File(error) => error.place(),
            Self::Library { path, .. } | Self::ByteWithoutToken { path } => Some(path.display().to_string()),
            Self::TextTooLong { .. } => None,
        }
    }
}

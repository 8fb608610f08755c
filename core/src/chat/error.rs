//! Why messages could not become a prompt.

use std::borrow::Cow;

use wheelwork_package::{Class, Diagnostic, PackageError};

use crate::tokenizer::TokenizerError;

/// Why messages could not become a prompt. No variant holds text of a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// `tokenizer_config.json` can't be read.
    #[error(transparent)]
    Config(#[from] PackageError),
    /// The template is no valid Jinja.
    #[error("parse the chat template: {detail}")]
    Template {
        /// What and where.
        detail: String,
    },
    /// The template failed on these messages.
    #[error("render the chat template: {detail}")]
    Render {
        /// The kind of failure and the line.
        detail: String,
    },
    /// The template ran for longer than any honest one.
    #[error("render the chat template: it used more than {limit} steps")]
    OutOfFuel {
        /// Steps allowed.
        limit: u64,
    },
    /// The template wrote more than any honest one.
    #[error("render the chat template: it wrote more than {limit} bytes")]
    TooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// The text could not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Diagnostic for ChatError {
    fn code(&self) -> &'static str {
        match self {
            Self::Config(error) => error.code(),
            Self::Template { .. } => "chat_template_invalid",
            Self::Render { .. } => "chat_template_failed",
            Self::OutOfFuel { .. } => "chat_template_endless",
            Self::TooLong { .. } => "chat_template_too_long",
            Self::Tokenizer(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Config(error) => error.class(),
            Self::Render { .. } => Class::Retry,
            Self::Template { .. } | Self::OutOfFuel { .. } | Self::TooLong { .. } => Class::Reinstall,
            Self::Tokenizer(error) => error.class(),
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Config(error) => error.remedy(),
            Self::Render { .. } => "check roles and order of the messages against the template".into(),
            Self::Template { .. } | Self::OutOfFuel { .. } | Self::TooLong { .. } => {
                "take tokenizer_config.json anew from where the checkpoint came from, or give another template".into()
            }
            Self::Tokenizer(error) => error.remedy(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.place(),
            Self::Tokenizer(error) => error.place(),
            _ => None,
        }
    }
}

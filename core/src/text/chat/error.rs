//! Why messages could not become a prompt.

use std::borrow::Cow;

use wheelwork_package::{Class, Diagnostic, PackageError};

use crate::text::tokenizer::TokenizerError;

/// Why messages could not become a prompt. No variant holds text of a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// `tokenizer_config.json` or `chat_template.jinja` can't be read.
    #[error(transparent)]
    Config(#[from] PackageError),
    /// The template is no valid Jinja.
    #[error("the chat template is not valid: {detail}")]
    Template {
        /// What and where.
        detail: String,
    },
    /// The folder has no template and the tokenizer is not R1's, so ours does not fit.
    #[error("there is no chat template, and R1's needs the token `{missing}`, which the tokenizer lacks")]
    NoTemplate {
        /// The token that the tokenizer lacks.
        missing: &'static str,
    },
    /// A message without content that calls no tool.
    #[error("message {index} ({role}) has no content")]
    NoContent {
        /// Position in the list, from 0.
        index: usize,
        /// Its role.
        role: &'static str,
    },
    /// The template calls `raise_exception`.
    #[error("the chat template refuses these messages: {reason}")]
    Refused {
        /// The template's words, unless they repeat text of a message.
        reason: String,
    },
    /// The template failed on these messages.
    #[error("the chat template failed: {detail}")]
    Render {
        /// The kind of failure and the line.
        detail: String,
    },
    /// The template ran for longer than any honest one.
    #[error("the chat template used more than {limit} steps")]
    OutOfFuel {
        /// Steps allowed.
        limit: u64,
    },
    /// The template wrote more than fits into any context.
    #[error("the chat template wrote more than {limit} bytes")]
    TooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// The messages use all private-use characters of Unicode, which tell their text from the template's.
    #[error("the messages use every private-use character, so their text can't be told from the template's")]
    NoStandIn,
    /// The text could not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Diagnostic for ChatError {
    fn code(&self) -> &'static str {
        match self {
            Self::Config(error) => error.code(),
            Self::Template { .. } => "chat_template_invalid",
            Self::NoTemplate { .. } => "chat_template_missing",
            Self::NoContent { .. } => "message_without_content",
            Self::Refused { .. } => "chat_template_refused",
            Self::Render { .. } => "chat_template_failed",
            Self::OutOfFuel { .. } => "chat_template_endless",
            Self::TooLong { .. } => "chat_template_too_long",
            Self::NoStandIn => "messages_not_separable",
            Self::Tokenizer(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Config(error) => error.class(),
            Self::NoContent { .. } | Self::Refused { .. } | Self::Render { .. } | Self::NoStandIn => {
                Class::Retry
            }
            Self::Template { .. } | Self::OutOfFuel { .. } | Self::TooLong { .. } => Class::Reinstall,
            Self::NoTemplate { .. } => Class::Unsupported,
            Self::Tokenizer(error) => error.class(),
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Config(error) => error.remedy(),
            Self::NoTemplate { .. } => "put the model's chat_template.jinja into its folder".into(),
            Self::NoContent { .. } => "give each message text, or at least one tool call".into(),
            Self::Refused { .. } | Self::Render { .. } => {
                "check roles and order of the messages against the template".into()
            }
            Self::Template { .. } | Self::OutOfFuel { .. } | Self::TooLong { .. } => {
                "take tokenizer_config.json anew from where the checkpoint came from, or give another template".into()
            }
            Self::NoStandIn => "remove private-use characters from the messages".into(),
            Self::Tokenizer(error) => error.remedy(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.place(),
            Self::Tokenizer(error) => error.place(),
            Self::NoContent { index, .. } => Some(format!("messages[{index}]")),
            _ => None,
        }
    }
}

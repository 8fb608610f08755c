//! Why a prefix could not be shared.

use std::borrow::Cow;

use wheelwork_package::{Class, Diagnostic};

use crate::decoder::DecoderError;

/// Why a prefix could not be shared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// The model was opened without room for it.
    #[error("the model was opened without a prefix cache")]
    Off,
    /// The messages do not begin every conversation that goes on from them.
    #[error("the last message is the user's: a shared prefix ends before the user's turn")]
    EndsWithUser,
    /// It would not fit even alone.
    #[error("a prefix of {tokens} tokens takes {bytes} bytes, the prefix cache has {limit_bytes}")]
    TooLarge {
        /// Tokens of the prefix.
        tokens: usize,
        /// What they take.
        bytes: u64,
        /// [`crate::OpenOptions::prefix_cache_bytes`].
        limit_bytes: u64,
    },
    /// The system gave no memory for a copy.
    #[error("no memory for {bytes} bytes of the prefix cache")]
    OutOfMemory {
        /// What was asked for.
        bytes: u64,
    },
    /// The decoder does not give its keys and values.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
}

impl Diagnostic for PrefixError {
    fn code(&self) -> &'static str {
        match self {
            Self::Off => "prefix_cache_off",
            Self::EndsWithUser => "prefix_ends_with_user",
            Self::TooLarge { .. } => "prefix_too_large",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::Decoder(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Off | Self::EndsWithUser => Class::Bug,
            Self::TooLarge { .. } => Class::Unsupported,
            Self::OutOfMemory { .. } => Class::Retry,
            Self::Decoder(error) => error.class(),
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Off => "open the model with `prefix_cache_bytes`",
            Self::EndsWithUser => "share before the user's message is added",
            Self::TooLarge { .. } => "give the prefix cache more bytes, or share less",
            Self::OutOfMemory { .. } => "free memory and try again; turns work without it",
            Self::Decoder(error) => return error.remedy(),
        }
        .into()
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Decoder(error) => error.place(),
            _ => None,
        }
    }
}

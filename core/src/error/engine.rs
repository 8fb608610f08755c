//! Why an engine refused or lost a turn.

use std::borrow::Cow;
use std::io;

use wheelwork_package::{Class, Diagnostic};

/// Why an engine refused or lost a turn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The conversation has a turn under way, or a call came out of the engine's own thread.
    #[error("the conversation is busy: it takes one turn at a time")]
    Busy,
    /// Something panicked in an earlier call on this conversation, so its state is not to be trusted.
    #[error("the conversation was lost when an earlier call on it panicked")]
    SessionLost,
    /// A step of the turn panicked.
    #[error("a step of the turn panicked")]
    Panicked,
    /// The system gave no thread.
    #[error("the engine's thread cannot be started: {0}")]
    Thread(io::Error),
}

impl Diagnostic for EngineError {
    fn code(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::SessionLost => "session_lost",
            Self::Panicked => "panicked",
            Self::Thread(_) => "no_thread",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Busy | Self::SessionLost | Self::Thread(_) => Class::Retry,
            Self::Panicked => Class::Bug,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Busy => "wait for the turn's end, or cancel it",
            Self::SessionLost => "restore the session from its file, or start a new one",
            Self::Panicked => "report this; other conversations go on",
            Self::Thread(_) => "try again when the system has threads to give",
        }
        .into()
    }
}

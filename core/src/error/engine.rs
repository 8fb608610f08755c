//! Why an engine refused or lost a turn.

use std::io;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, bug, retry, wait_until};

/// Why an engine refused or lost a turn.
#[derive(Debug, thiserror::Error)]
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
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Busy => retry("busy", wait_until("the turn has ended or was cancelled")),
            Self::SessionLost => retry("session_lost", Remedy::RestoreSession),
            Self::Panicked => bug("panicked", Remedy::Report),
            Self::Thread(_) => retry("no_thread", wait_until("the system has threads to give")),
        }
    }
}

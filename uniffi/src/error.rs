//! The one error that crosses the language boundary.

use wheelwork::diagnostic::{Class, Diagnosis, Diagnostic, give, retry, wait_until};

use crate::convert::mirror;

/// What failed, with what a program matches and what a person reads.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum FfiError {
    /// A call failed; what it was called on stands as before, unless the code says otherwise.
    #[error("{reason}")]
    Failed {
        /// Stable, in `snake_case`, unique across the project.
        code: String,
        /// What kind of reaction fits.
        class: ErrorClass,
        /// One imperative sentence: what to do now.
        remedy: String,
        /// The remedy for a program, in `snake_case`.
        remedy_kind: String,
        /// The file, tensor, node or field, where there is one.
        place: Option<String>,
        /// What is broken, with what was expected and found; never text of a prompt or an answer.
        reason: String,
    },
}

mirror! {
    /// What the caller can sensibly do about an error.
    ErrorClass = Class {
        /// Change the input or try again: nothing stored is damaged.
        Retry,
        /// What is stored is damaged or incomplete: install it again.
        Reinstall,
        /// This machine, this build or this model cannot do what was asked.
        Unsupported,
        /// A defect of ours: please report it.
        Bug,
    }
}

impl FfiError {
    /// The engine was shut down.
    pub(crate) fn closed() -> Self {
        Self::new(retry("closed", give("one that is open")), "it was closed")
    }

    /// Somebody waits for the turn's next event already.
    pub(crate) fn second_reader() -> Self {
        Self::new(
            retry("busy", wait_until("the other reader has its event")),
            "the turn has a reader that waits",
        )
    }

    /// A session key of a wrong length.
    pub(crate) fn key_length(found: usize, expected: usize) -> Self {
        let reason = format!("the session key has {found} bytes, expected {expected}");
        Self::new(retry("session_key_length", give("a key of that length")), reason)
    }

    fn new(diagnosis: Diagnosis, reason: impl Into<String>) -> Self {
        let Diagnosis { code, class, remedy, place } = diagnosis;
        Self::Failed {
            code: code.to_owned(),
            class: class.into(),
            remedy: remedy.to_string(),
            remedy_kind: remedy.kind().to_owned(),
            place,
            reason: reason.into(),
        }
    }
}

impl From<wheelwork::Error> for FfiError {
    fn from(error: wheelwork::Error) -> Self {
        Self::new(error.diagnosis(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_what_core_says_of_it() {
        let FfiError::Failed { code, class, remedy, remedy_kind, place, reason } =
            wheelwork::Error::PromptTooLong { tokens: 9, limit: 4 }.into();
        assert_eq!((code.as_str(), class, place), ("prompt_too_long", ErrorClass::Retry, None));
        assert_eq!(reason, "the prompt has 9 tokens, the context holds 4");
        assert!(remedy.contains("shorten"), "{remedy}");
        assert_eq!(remedy_kind, "shorten");
    }
}

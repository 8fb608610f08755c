//! The one error that crosses the language boundary.

use wheelwork::{Class, Diagnostic};

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
        /// The file, tensor, node or field, where there is one.
        place: Option<String>,
        /// What is broken, with what was expected and found; never text of a prompt or an answer.
        reason: String,
    },
}

/// What the caller can sensibly do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ErrorClass {
    /// Change the input or try again: nothing stored is damaged.
    Retry,
    /// What is stored is damaged or incomplete: install it again.
    Reinstall,
    /// This machine, this build or this model cannot do what was asked.
    Unsupported,
    /// A defect of ours: please report it.
    Bug,
}

impl FfiError {
    /// The engine was shut down.
    pub(crate) fn closed() -> Self {
        Self::new("closed", ErrorClass::Retry, "open it again", "it was closed")
    }

    /// Somebody waits for the turn's next event already.
    pub(crate) fn second_reader() -> Self {
        Self::new("busy", ErrorClass::Retry, "read a turn in one place", "the turn has a reader that waits")
    }

    /// A session key of a wrong length.
    pub(crate) fn key_length(found: usize, expected: usize) -> Self {
        let reason = format!("the session key has {found} bytes, expected {expected}");
        Self::new("session_key_length", ErrorClass::Retry, "give a key of that length", reason)
    }

    fn new(code: &str, class: ErrorClass, remedy: &str, reason: impl Into<String>) -> Self {
        let (code, remedy) = (code.to_owned(), remedy.to_owned());
        Self::Failed { code, class, remedy, place: None, reason: reason.into() }
    }
}

impl From<wheelwork::Error> for FfiError {
    fn from(error: wheelwork::Error) -> Self {
        Self::Failed {
            code: error.code().to_owned(),
            class: error.class().into(),
            remedy: error.remedy().into_owned(),
            place: error.place(),
            reason: error.to_string(),
        }
    }
}

impl From<Class> for ErrorClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Retry => Self::Retry,
            Class::Reinstall => Self::Reinstall,
            Class::Unsupported => Self::Unsupported,
            Class::Bug => Self::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_what_core_says_of_it() {
        let FfiError::Failed { code, class, remedy, place, reason } =
            wheelwork::Error::PromptTooLong { tokens: 9, limit: 4 }.into();
        assert_eq!((code.as_str(), class, place), ("prompt_too_long", ErrorClass::Retry, None));
        assert_eq!(reason, "the prompt has 9 tokens, the context holds 4");
        assert!(remedy.contains("shorten"), "{remedy}");
    }
}

//! The one error that crosses the language boundary.

use std::io;
use std::path::Path;

use wheelwork::diagnostic::{
    Class, Diagnosis, Diagnostic, Remedy, bug, give, retry, unsupported, wait_until,
};

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
        Self::new(retry("busy", wait_until("the other reader has its event")), "there is a reader that waits")
    }

    /// A session key of a wrong length.
    pub(crate) fn key_length(found: usize, expected: usize) -> Self {
        let reason = format!("the session key has {found} bytes, expected {expected}");
        Self::new(retry("session_key_length", give("a key of that length")), reason)
    }

    /// Text that is no public key.
    pub(crate) fn not_a_key() -> Self {
        Self::new(retry("not_a_key", Remedy::GiveKey), "the text holds no Ed25519 public key in PEM")
    }

    /// A system without paths for descriptors.
    pub(crate) fn no_descriptors() -> Self {
        let remedy = give("the path of the file, or push its bytes");
        Self::new(unsupported("no_descriptors", remedy), "this system has no path for an open file")
    }

    /// Pushed bytes where something is read more than once.
    pub(crate) fn source_is_pushed() -> Self {
        let remedy = give("a file or a descriptor");
        Self::new(bug("source_is_pushed", remedy), "pushed bytes can be read once only")
    }

    /// The folder of what was tried cannot be written.
    pub(crate) fn trials(folder: &str, error: &io::Error) -> Self {
        let diagnosis = retry("trials_io", Remedy::CheckStorage).file(Path::new(folder));
        Self::new(diagnosis, format!("`{folder}` cannot be written: {error}"))
    }

    fn new(diagnosis: Diagnosis, reason: impl Into<String>) -> Self {
        let Diagnosis { code, class, remedy, place } = diagnosis;
        // Neither the place nor the reason: a path may be what a person called a conversation.
        log::warn!("refused: {code} ({class:?})");
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

impl<E: Diagnostic> From<E> for FfiError {
    fn from(error: E) -> Self {
        Self::new(error.diagnosis(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

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

    #[test]
    fn a_refusal_is_logged_by_its_code_alone() {
        struct Kept(Mutex<Vec<String>>);
        impl log::Log for Kept {
            fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                true
            }
            fn log(&self, record: &log::Record<'_>) {
                self.0.lock().unwrap().push(record.args().to_string());
            }
            fn flush(&self) {}
        }
        static KEPT: Kept = Kept(Mutex::new(Vec::new()));
        log::set_logger(&KEPT).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let _ = FfiError::trials("private words", &io::Error::other("private words"));
        let lines = KEPT.0.lock().unwrap();
        assert!(lines.iter().any(|line| line == "refused: trials_io (Retry)"), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("private")), "{lines:?}");
    }
}

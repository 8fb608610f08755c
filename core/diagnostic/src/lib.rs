//! What every error of this project says beside its message: a stable code, a class, a remedy and a place.
//!
//! An error implements [`Diagnostic::diagnosis`], one row a variant. The remedy is a value: front ends word it with
//! flags or calls of their own, and programs act on it.
#![forbid(unsafe_code)]

mod remedy;

use std::fmt::Display;
use std::path::Path;

pub use remedy::{
    Phrase, Remedy, Requantize, check, choose, correct, get, give, leave_out, report_with, set, shorten,
    wait_until,
};

/// An error that can be shown to a person and matched by a program.
///
/// The `Display` text is a lowercase fragment that reads well after "failed to ...:", names what is broken with
/// what was expected and found, and never holds prompt or answer text.
pub trait Diagnostic: std::error::Error + Send + Sync + 'static {
    /// All of it. An error that only wraps another gives the other's.
    fn diagnosis(&self) -> Diagnosis;

    /// Stable, in `snake_case`, unique across the project.
    fn code(&self) -> &'static str {
        self.diagnosis().code
    }

    /// What kind of reaction fits.
    fn class(&self) -> Class {
        self.diagnosis().class
    }

    /// What to do now.
    fn remedy(&self) -> Remedy {
        self.diagnosis().remedy
    }

    /// The file, tensor, node or field, where there is one.
    fn place(&self) -> Option<String> {
        self.diagnosis().place
    }
}

/// What an error says beside its message; made by [`retry`], [`reinstall`], [`unsupported`] and [`bug`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Stable, in `snake_case`, unique across the project.
    pub code: &'static str,
    /// What kind of reaction fits.
    pub class: Class,
    /// What to do now.
    pub remedy: Remedy,
    /// The file, tensor, node or field, where there is one.
    pub place: Option<String>,
}

impl Diagnosis {
    /// The same at a place.
    #[must_use]
    pub fn at(self, place: impl Display) -> Self {
        Self { place: Some(place.to_string()), ..self }
    }

    /// The same at a file or folder.
    #[must_use]
    pub fn file(self, path: &Path) -> Self {
        self.at(path.display())
    }
}

/// What the caller can sensibly do about an error.
///
/// Wrong classes cost data: "reinstall" for a full disk would throw away a good model, so anything that
/// another try may cure is [`Class::Retry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Passing or caused by the input: nothing stored is damaged, change the input or try again.
    Retry,
    /// What is stored is damaged or incomplete: install or quantise it again.
    Reinstall,
    /// This machine, this build or this model cannot do what was asked.
    Unsupported,
    /// A defect of ours: please report it.
    Bug,
}

impl Class {
    /// The class as it stands in JSON output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Reinstall => "reinstall",
            Self::Unsupported => "unsupported",
            Self::Bug => "bug",
        }
    }
}

/// A row of the class [`Class::Retry`].
#[must_use]
pub const fn retry(code: &'static str, remedy: Remedy) -> Diagnosis {
    Diagnosis { code, class: Class::Retry, remedy, place: None }
}

/// A row of the class [`Class::Reinstall`].
#[must_use]
pub const fn reinstall(code: &'static str, remedy: Remedy) -> Diagnosis {
    Diagnosis { code, class: Class::Reinstall, remedy, place: None }
}

/// A row of the class [`Class::Unsupported`].
#[must_use]
pub const fn unsupported(code: &'static str, remedy: Remedy) -> Diagnosis {
    Diagnosis { code, class: Class::Unsupported, remedy, place: None }
}

/// A row of the class [`Class::Bug`].
#[must_use]
pub const fn bug(code: &'static str, remedy: Remedy) -> Diagnosis {
    Diagnosis { code, class: Class::Bug, remedy, place: None }
}

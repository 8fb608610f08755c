//! Why a template could not be read or rendered.

use wheelwork_package::budget::Exhausted;

/// What failed, and in which line. Holds words of the template's source, never values of its variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure} (line {line})")]
pub struct TemplateError {
    /// The line of the template, from 1.
    pub line: u32,
    /// What failed.
    pub failure: Failure,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The source breaks a rule of the language.
    #[error("{0}")]
    Syntax(String),
    /// An operation that Python refuses too.
    #[error("{0}")]
    Failed(String),
    /// What transformers can do and this crate can't.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The template called `raise_exception` with these words, which may repeat text of a message.
    #[error("the template raised an exception")]
    Raised(String),
    /// The budget is used up.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

impl Failure {
    pub(crate) fn failed(words: impl Into<String>) -> Self {
        Self::Failed(words.into())
    }

    pub(crate) fn unsupported(words: impl Into<String>) -> Self {
        Self::Unsupported(words.into())
    }

    pub(crate) fn syntax(words: impl Into<String>) -> Self {
        Self::Syntax(words.into())
    }

    pub(crate) fn at(self, line: u32) -> TemplateError {
        TemplateError { line, failure: self }
    }
}

/// What a step of rendering gives.
pub(crate) type Outcome<T> = Result<T, Failure>;

//! Why a task stopped, and what to do about it.

use std::fmt;

/// Why a task stopped. Made from any error by `?`, from a sentence by [`TaskError::new`].
///
/// It does not implement [`std::error::Error`]: that would make the conversion from any error ambiguous.
#[derive(Debug)]
pub(crate) struct TaskError {
    message: String,
    remedy: Option<String>,
}

impl TaskError {
    /// `message` is a lowercase fragment; the report puts `error:` before it.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: None }
    }

    /// Adds what a person can do.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Puts what was being done before what went wrong.
    #[must_use]
    pub(crate) fn during(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// What a person can do, where we know it.
    pub(crate) fn remedy_text(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for TaskError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::new(message)
    }
}

//! What a rule found.

use std::fmt;

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// A file, or a file and line, or a row.
    pub(super) place: String,
    pub(super) what: String,
}

impl Finding {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}

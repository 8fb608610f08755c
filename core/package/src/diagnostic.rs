//! What every error of this project can tell: a stable code, what to do about it, and where it happened.

use std::borrow::Cow;

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

/// An error that can be shown to a person and matched by a program.
///
/// The `Display` text is a lowercase fragment that reads well after "failed to ...:", names what is broken with
/// what was expected and found, and never holds prompt or answer text.
pub trait Diagnostic: std::error::Error + Send + Sync + 'static {
    /// Stable, in `snake_case`, unique across the project.
    fn code(&self) -> &'static str;
    /// What kind of reaction fits.
    fn class(&self) -> Class;
    /// One imperative sentence: what to do now.
    fn remedy(&self) -> Cow<'static, str>;
    /// The file, tensor, node or field, where there is one.
    fn place(&self) -> Option<String> {
        None
    }
}

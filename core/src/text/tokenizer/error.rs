//! Why a tokenizer could not be loaded or used.

use std::path::PathBuf;

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, choose, get, leave_out, reinstall, retry, shorten, unsupported,
};
use wheelwork_package::budget::Exhausted;
use wheelwork_package::tokenizer_file::TokenizerFileError;

/// Why a tokenizer could not be loaded or used. No variant holds text that was to be encoded.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum TokenizerError {
    /// The file breaks a rule.
    #[error(transparent)]
    File(#[from] TokenizerFileError),
    /// A step of the normalizer or pre-tokenizer is not what its type says, or a pattern is none.
    #[error("`{}` is not usable: {detail}", .path.display())]
    Steps { path: PathBuf, detail: String },
    /// A pattern that can't be run in bounded time.
    #[error("`{}` is not usable: {detail}", .path.display())]
    Pattern { path: PathBuf, detail: String },
    /// The file makes more work than is granted, to load it or to encode a text.
    #[error("encoding with `{}`: {exhausted}", .path.display())]
    Exhausted { path: PathBuf, exhausted: Exhausted },
    /// A text longer than any context.
    #[error("the text has {bytes} bytes, expected at most {limit}")]
    TextTooLong { bytes: usize, limit: usize },
    /// A prompt of more tokens than are counted.
    #[error("the text has {tokens} tokens or more, expected at most {limit}")]
    TooManyTokens { tokens: usize, limit: usize },
    /// The vocabulary lacks one of the 256 bytes, and the text has it.
    #[error("the text has a byte that `{}` has no token for", .path.display())]
    ByteWithoutToken { path: PathBuf },
}

impl Diagnostic for TokenizerError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::File(error) => error.diagnosis(),
            Self::Steps { path, .. } => {
                reinstall("tokenizer_steps", get("tokenizer.json again from where the checkpoint came from"))
                    .file(path)
            }
            Self::Pattern { path, .. } => {
                unsupported("tokenizer_pattern", choose("a model whose tokenizer has plain patterns"))
                    .file(path)
            }
            Self::Exhausted { path, exhausted } => exhausted.diagnosis().file(path),
            Self::TooManyTokens { .. } => retry("too_many_tokens", shorten("the text")),
            Self::TextTooLong { .. } => retry("text_too_long", shorten("the text")),
            Self::ByteWithoutToken { path } => {
                unsupported("byte_without_token", leave_out("unusual characters, or use another model"))
                    .file(path)
            }
        }
    }
}

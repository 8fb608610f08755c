//! Why a tokenizer could not be loaded or used.

use std::path::PathBuf;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, get, leave_out, reinstall, retry, shorten, unsupported};
use wheelwork_package::tokenizer_file::TokenizerFileError;

/// Why a tokenizer could not be loaded or used. No variant holds text that was to be encoded.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file breaks a rule.
    #[error(transparent)]
    File(#[from] TokenizerFileError),
    /// The `tokenizers` crate refuses or panics.
    #[error("the tokenizer `{}` is not usable: {message}", .path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// The crate's words.
        message: String,
    },
    /// A text longer than any context.
    #[error("the text has {bytes} bytes, expected at most {limit}")]
    TextTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The longest accepted, in bytes.
        limit: usize,
    },
    /// The vocabulary lacks one of the 256 bytes, and the text has it.
    #[error("the text has a byte that `{}` has no token for", .path.display())]
    ByteWithoutToken {
        /// The file.
        path: PathBuf,
    },
}

impl Diagnostic for TokenizerError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::File(error) => error.diagnosis(),
            Self::Library { path, .. } => reinstall(
                "tokenizer_library",
                get("tokenizer.json again from where the checkpoint came from"),
            )
            .file(path),
            Self::TextTooLong { .. } => retry("text_too_long", shorten("the text")),
            Self::ByteWithoutToken { path } => {
                unsupported("byte_without_token", leave_out("unusual characters, or use another model"))
                    .file(path)
            }
        }
    }
}

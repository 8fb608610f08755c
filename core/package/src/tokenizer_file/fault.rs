//! Which rule a `tokenizer.json` breaks.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::diagnostic::{Class, Diagnostic};
use crate::error::PackageError;

/// Why a `tokenizer.json` could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerFileError {
    /// The file cannot be read, or is too large.
    #[error(transparent)]
    File(#[from] PackageError),
    /// The file breaks a rule.
    #[error("`{path}` is not usable: {fault}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The first rule that it breaks.
        fault: TokenizerFault,
    },
}

/// A rule that a `tokenizer.json` breaks. Tokens are shortened for display.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerFault {
    /// Not JSON, a field that is missing or of the wrong type, a token that stands twice, a malformed merge.
    #[error("the content is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// An honest tokenizer of a kind that this build cannot use.
    #[error("{field} has {found}, supported is {supported}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What could stand there.
        supported: &'static str,
    },
    /// A normalizer or pre-tokenizer with more steps than any honest one.
    #[error("{field} has more than {limit} steps")]
    TooManySteps {
        /// The field.
        field: &'static str,
        /// Most steps accepted.
        limit: usize,
    },
    /// A pattern longer than any honest one: compiling it could take the memory of the machine.
    #[error("{field} has a pattern of {bytes} bytes, more than the {limit} allowed")]
    PatternTooLong {
        /// The field.
        field: &'static str,
        /// Length in bytes.
        bytes: usize,
        /// Longest pattern accepted, in bytes.
        limit: usize,
    },
    /// An added token that is empty (it would match everywhere) or too long.
    #[error("the added token {id} has {bytes} bytes, expected 1 to {limit}")]
    AddedTokenLength {
        /// Its id.
        id: u32,
        /// Its length in bytes.
        bytes: usize,
        /// Longest accepted, in bytes.
        limit: usize,
    },
    /// Two added tokens with one text.
    #[error("the added token `{content}` stands twice")]
    AddedTokenTwice {
        /// The text.
        content: String,
    },
    /// A token with one id in the vocabulary and another as an added token.
    #[error(
        "the token `{content}` has the id {in_vocabulary} in the vocabulary and {added} as an added token"
    )]
    TwoIds {
        /// The token.
        content: String,
        /// Its id in the vocabulary.
        in_vocabulary: u32,
        /// Its id among the added tokens.
        added: u32,
    },
    /// `<0x..>` with something else than two hexadecimal digits.
    #[error("the vocabulary has the malformed byte escape `{token}`")]
    MalformedByteEscape {
        /// The token.
        token: String,
    },
    /// A token with characters that stand for no byte.
    #[error("the vocabulary has the token `{token}`, which is not written in the byte-level alphabet")]
    NotByteLevel {
        /// The token.
        token: String,
    },
    /// An id above any honest one.
    #[error("the token `{token}` has the id {id}, expected less than {bound}")]
    IdOutOfRange {
        /// The id.
        id: u32,
        /// The token.
        token: String,
        /// Ids must be below.
        bound: u32,
    },
    /// Two tokens with one id.
    #[error("the tokens `{first}` and `{second}` have the same id {id}")]
    DuplicateId {
        /// The id.
        id: u32,
        /// One token.
        first: String,
        /// The other.
        second: String,
    },
    /// More than half of the ids are unused: a table by id would be far larger than the file.
    #[error("the ids reach {id_limit} with only {tokens} tokens")]
    SparseIds {
        /// How many tokens there are.
        tokens: usize,
        /// The largest id plus one.
        id_limit: u32,
    },
    /// A merge of something that is no token.
    #[error("merge {index} joins `{token}`, which is not in the vocabulary")]
    MergeOfUnknown {
        /// Position in the list, from 0.
        index: usize,
        /// The part.
        token: String,
    },
    /// A merge whose result is no token.
    #[error("merge {index} makes `{token}`, which is not in the vocabulary")]
    MergeIntoUnknown {
        /// Position in the list, from 0.
        index: usize,
        /// The result.
        token: String,
    },
}

impl Diagnostic for TokenizerFileError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Broken { fault: TokenizerFault::Unsupported { .. }, .. } => "tokenizer_unsupported",
            Self::Broken { .. } => "tokenizer_invalid",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Broken { fault: TokenizerFault::Unsupported { .. }, .. } => Class::Unsupported,
            Self::Broken { .. } => Class::Reinstall,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Broken { fault: TokenizerFault::Unsupported { .. }, .. } => {
                "use a model with a byte-level BPE tokenizer, such as the Qwen and Llama distils of R1".into()
            }
            Self::Broken { .. } => "get the tokenizer.json of the original checkpoint again".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::File(error) => error.place(),
            Self::Broken { path, .. } => Some(path.display().to_string()),
        }
    }
}

/// A text of the file as it may stand in a message: no control characters, at most 40 characters.
pub(super) fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        start.push('…');
    }
    start
}

//! Which rule a `tokenizer.json` breaks.

use std::path::PathBuf;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, choose, get, reinstall, unsupported};

use crate::error::PackageError;

/// Why a `tokenizer.json` could not be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum TokenizerFileError {
    /// The file cannot be read, or is too large.
    #[error(transparent)]
    File(#[from] PackageError),
    /// The file breaks a rule.
    #[error("`{path}` is not usable: {fault}")]
    Broken { path: PathBuf, fault: TokenizerFault },
}

/// A rule that a `tokenizer.json` breaks. Tokens are shortened for display.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum TokenizerFault {
    /// Not JSON, a field that is missing or of the wrong type, a token that stands twice, a malformed merge.
    #[error("the content is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// An honest tokenizer of a kind that this build cannot use.
    #[error("{field} has {found}, supported is {supported}")]
    Unsupported { field: &'static str, found: String, supported: &'static str },
    /// A normalizer or pre-tokenizer with more steps than any honest one.
    #[error("{field} has more than {limit} steps")]
    TooManySteps { field: &'static str, limit: usize },
    /// A pattern longer than any honest one: compiling it could take the memory of the machine.
    #[error("{field} has a pattern of {bytes} bytes, more than the {limit} allowed")]
    PatternTooLong { field: &'static str, bytes: usize, limit: usize },
    /// An added token that is empty (it would match everywhere) or too long.
    #[error("the added token {id} has {bytes} bytes, expected 1 to {limit}")]
    AddedTokenLength { id: u32, bytes: usize, limit: usize },
    /// Added tokens that would take too much memory to find.
    #[error("the added tokens have {bytes} bytes, expected at most {limit}")]
    AddedTokensTooLong { bytes: usize, limit: usize },
    /// A token longer than any honest one: no bound on the length of a prompt would follow from it.
    #[error("the token `{token}` has {bytes} bytes, expected at most {limit}")]
    TokenTooLong { token: String, bytes: usize, limit: usize },
    /// Two added tokens with one text.
    #[error("the added token `{content}` stands twice")]
    AddedTokenTwice { content: String },
    /// A token with one id in the vocabulary and another as an added token.
    #[error(
        "the token `{content}` has the id {in_vocabulary} in the vocabulary and {added} as an added token"
    )]
    TwoIds { content: String, in_vocabulary: u32, added: u32 },
    /// A second file that gives a token another id than the first file, or the order of the tokens, does.
    #[error("{file} gives the token `{content}` the id {id}, and by tokenizer.json it is {expected}")]
    Contradiction { content: String, file: &'static str, id: u32, expected: u32 },
    /// A list by ids with a key that is none.
    #[error("added_tokens_decoder has the id `{id}`, expected a number")]
    IdNotNumber { id: String },
    /// `<0x..>` with something else than two hexadecimal digits.
    #[error("the vocabulary has the malformed byte escape `{token}`")]
    MalformedByteEscape { token: String },
    /// A token with characters that stand for no byte.
    #[error("the vocabulary has the token `{token}`, which is not written in the byte-level alphabet")]
    NotByteLevel { token: String },
    /// An id above any honest one.
    #[error("the token `{token}` has the id {id}, expected less than {bound}")]
    IdOutOfRange { id: u32, token: String, bound: u32 },
    /// Two tokens with one id.
    #[error("the tokens `{first}` and `{second}` have the same id {id}")]
    DuplicateId { id: u32, first: String, second: String },
    /// More than half of the ids are unused: a table by id would be far larger than the file.
    #[error("the ids reach {id_limit} with only {tokens} tokens")]
    SparseIds { tokens: usize, id_limit: u32 },
    /// A merge of something that is no token.
    #[error("merge {index} joins `{token}`, which is not in the vocabulary")]
    MergeOfUnknown { index: usize, token: String },
    /// A merge whose result is no token.
    #[error("merge {index} makes `{token}`, which is not in the vocabulary")]
    MergeIntoUnknown { index: usize, token: String },
}

impl Diagnostic for TokenizerFileError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::File(error) => error.diagnosis(),
            Self::Broken { path, fault: TokenizerFault::Unsupported { .. } } => unsupported(
                "tokenizer_unsupported",
                choose("a model with a byte-level BPE tokenizer, such as the Qwen and Llama distils of R1"),
            )
            .file(path),
            Self::Broken { path, .. } => {
                reinstall("tokenizer_invalid", get("the tokenizer.json of the original checkpoint again"))
                    .file(path)
            }
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

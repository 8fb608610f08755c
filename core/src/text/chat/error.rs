//! Why messages could not become a prompt.

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, check, get, give, leave_out, reinstall, retry, shorten, unsupported,
};
use wheelwork_package::PackageError;

use crate::text::tokenizer::TokenizerError;

/// Why messages could not become a prompt. No variant holds text of a message.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum ChatError {
    /// `tokenizer_config.json` or `chat_template.jinja` can't be read.
    #[error(transparent)]
    Config(#[from] PackageError),
    /// The template is no valid Jinja.
    #[error("the chat template is not valid: {detail}")]
    Template { detail: String },
    /// The folder has no template and the tokenizer is not R1's, so ours does not fit.
    #[error("there is no chat template, and R1's needs the token `{missing}`, which the tokenizer lacks")]
    NoTemplate { missing: &'static str },
    /// Messages and tools of more parts than are copied into a template.
    #[error("the messages and tools have {values} values or more, expected at most {limit}")]
    TooManyValues { values: usize, limit: usize },
    /// A message without content that calls no tool, counted from 0.
    #[error("message {index} ({role}) has no content")]
    NoContent { index: usize, role: &'static str },
    /// The template calls `raise_exception`; its words are kept unless they repeat text of a message.
    #[error("the chat template refuses these messages: {reason}")]
    Refused { reason: String },
    /// The template failed on these messages; `detail` has words that stand in the template.
    #[error("the chat template failed in line {line}: {detail}")]
    Render { detail: String, line: u32 },
    /// The template uses what transformers has and the runtime has not.
    #[error("the chat template needs what is not supported, in line {line}: {what}")]
    Unsupported { what: String, line: u32 },
    /// The template is larger, nests deeper or runs for longer than any honest one.
    #[error("line {line} of the chat template exceeds a limit: {what}, {limit}")]
    OverLimit { what: &'static str, limit: u64, line: u32 },
    /// The caller cancelled while the template ran.
    #[error("the turn was cancelled before its prompt was complete")]
    Cancelled,
    /// The template wrote more than fits into any context.
    #[error("the chat template wrote more than {limit} bytes")]
    TooLong { limit: u64 },
    /// The messages use all private-use characters of Unicode, which tell their text from the template's.
    #[error("the messages use every private-use character, so their text can't be told from the template's")]
    NoStandIn,
    /// The text could not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Diagnostic for ChatError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Config(error) => error.diagnosis(),
            Self::Template { .. } => reinstall("chat_template_invalid", get(TEMPLATE)),
            Self::NoTemplate { .. } => {
                unsupported("chat_template_missing", give("the model's chat_template.jinja in its folder"))
            }
            Self::TooManyValues { .. } => retry("too_many_values", shorten("the conversation")),
            Self::NoContent { index, .. } => {
                retry("message_without_content", give("each message text, or at least one tool call"))
                    .at(format_args!("messages[{index}]"))
            }
            Self::Refused { .. } => retry("chat_template_refused", check(MESSAGES)),
            Self::Render { line, .. } => {
                retry("chat_template_failed", check(MESSAGES)).at(format_args!("line {line}"))
            }
            Self::Unsupported { line, .. } => {
                unsupported("chat_template_unsupported", give(OTHER_TEMPLATE)).at(format_args!("line {line}"))
            }
            Self::OverLimit { line, .. } => {
                reinstall("chat_template_over_limit", get(TEMPLATE)).at(format_args!("line {line}"))
            }
            Self::Cancelled => retry("prompt_cancelled", Remedy::Retry),
            Self::TooLong { .. } => reinstall("chat_template_too_long", get(TEMPLATE)),
            Self::NoStandIn => {
                retry("messages_not_separable", leave_out("private-use characters of the messages"))
            }
            Self::Tokenizer(error) => error.diagnosis(),
        }
    }
}

const TEMPLATE: &str = "tokenizer_config.json again from where the checkpoint came from, or another template";
const OTHER_TEMPLATE: &str = "another chat template, without that function";
const MESSAGES: &str = "roles and order of the messages against the template";

//! The one error type of the runtime's API; each module's own error stands inside.

mod engine;
mod prefix;
mod prepare;
mod snapshot;

use std::borrow::Cow;

use wheelwork_ort::LibraryError;
use wheelwork_package::{Class, Diagnostic, PackageError};

use crate::decoder::DecoderError;
use crate::device::{DevicePreference, NotUsed, OptionError};
use crate::sampling::SamplingError;
use crate::text::chat::ChatError;
use crate::text::output::OutputError;
use crate::text::tokenizer::TokenizerError;
use crate::text::tools::ToolsError;

pub use engine::EngineError;
pub use prefix::PrefixError;
pub use prepare::PrepareError;
pub use snapshot::SnapshotError;

/// Why a model could not be opened or a generation not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// ONNX Runtime's library.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Messages or chat template.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// Sampling options or logits.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The form that an answer must have.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The functions that the model may call.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// The graph.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
    /// A session file.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// An engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Preparing for this machine.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Sharing a prefix.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// An option of an execution provider.
    #[error(transparent)]
    ProviderOption(#[from] OptionError),
    /// What was asked for can only be measured on the CPU.
    #[error("{provider} does not let its cache be measured")]
    NotOnThisDevice {
        /// ONNX Runtime's name of the execution provider.
        provider: String,
    },
    /// No device fits the request.
    #[error("no device fits `{}`{}: {}", preference.name(), if *.strict { " (strict)" } else { "" }, describe(.not_used))]
    NoUsableDevice {
        /// What was asked for.
        preference: DevicePreference,
        /// Whether other devices were ruled out.
        strict: bool,
        /// Every provider with its reason.
        not_used: Vec<NotUsed>,
    },
    /// [`crate::OpenOptions::cancel`] ended it.
    #[error("opening the model was cancelled")]
    OpenCancelled,
    /// The prompt leaves no room.
    #[error("the prompt has {tokens} tokens, the context holds {limit}")]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// The context length in tokens.
        limit: usize,
    },
    /// A prompt of no tokens.
    #[error("the prompt has no tokens")]
    EmptyPrompt,
    /// A context length outside the package's range.
    #[error("a context of {wanted} tokens is out of range: the package allows 1 to {limit}")]
    ContextOutOfRange {
        /// What was asked for.
        wanted: usize,
        /// The package's context length.
        limit: usize,
    },
    /// The model does not fit into what is free; see [`crate::plan()`].
    #[error(
        "the model needs {need_bytes} bytes of memory with a context of {context_tokens} tokens, {told_by} has {have_bytes}"
    )]
    NotEnoughMemory {
        /// What it takes.
        need_bytes: u64,
        /// What is free.
        have_bytes: u64,
        /// Who says so.
        told_by: &'static str,
        /// The context that is counted.
        context_tokens: usize,
        /// The longest context that would fit; 0 for none.
        largest_context_tokens: usize,
    },
    /// An int8 key-value cache was asked for and the variant has no graph with one.
    #[error("the variant `{variant}` has no graph with an int8 key-value cache")]
    NoInt8KvCache {
        /// The variant.
        variant: String,
    },
}

fn describe(not_used: &[NotUsed]) -> String {
    let reasons = not_used.iter().map(ToString::to_string);
    format!("not {}", reasons.collect::<Vec<_>>().join(", not "))
}

impl Error {
    fn inner(&self) -> Option<&dyn Diagnostic> {
        match self {
            Self::Package(error) => Some(error),
            Self::Library(error) => Some(error),
            Self::Tokenizer(error) => Some(error),
            Self::Chat(error) => Some(error),
            Self::Sampling(error) => Some(error),
            Self::Output(error) => Some(error),
            Self::Tools(error) => Some(error),
            Self::Decoder(error) => Some(error),
            Self::Snapshot(error) => Some(error),
            Self::Engine(error) => Some(error),
            Self::Prepare(error) => Some(error),
            Self::Prefix(error) => Some(error),
            _ => None,
        }
    }
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::ProviderOption(_) => "provider_option",
            Self::NotOnThisDevice { .. } => "not_on_this_device",
            Self::NoUsableDevice { .. } => "no_usable_device",
            Self::OpenCancelled => "open_cancelled",
            Self::PromptTooLong { .. } => "prompt_too_long",
            Self::EmptyPrompt => "empty_prompt",
            Self::ContextOutOfRange { .. } => "context_out_of_range",
            Self::NotEnoughMemory { .. } => "not_enough_memory",
            Self::NoInt8KvCache { .. } => "no_int8_kv_cache",
            _ => self.inner().map_or("unknown", Diagnostic::code),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::NoUsableDevice { .. } | Self::NoInt8KvCache { .. } | Self::NotOnThisDevice { .. } => {
                Class::Unsupported
            }
            Self::ProviderOption(_)
            | Self::OpenCancelled
            | Self::PromptTooLong { .. }
            | Self::EmptyPrompt
            | Self::ContextOutOfRange { .. }
            | Self::NotEnoughMemory { .. } => Class::Retry,
            _ => self.inner().map_or(Class::Bug, Diagnostic::class),
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::ProviderOption(_) => "correct the option".into(),
            Self::NotOnThisDevice { .. } => "open the model with `--device cpu`".into(),
            Self::NoUsableDevice { .. } => {
                "ask for `auto`, or quantise the checkpoint for that device".into()
            }
            Self::OpenCancelled => "open it again when it suits".into(),
            Self::PromptTooLong { .. } => {
                "shorten the prompt, start a new session, or let the oldest turns be dropped".into()
            }
            Self::EmptyPrompt => "give at least one token".into(),
            Self::ContextOutOfRange { .. } => "choose a length in that range".into(),
            Self::NotEnoughMemory { largest_context_tokens: 0, .. } => {
                "close other apps, prepare the model for this machine, or take a smaller one".into()
            }
            Self::NotEnoughMemory { largest_context_tokens, .. } => format!(
                "open it with a context of at most {largest_context_tokens} tokens, or close other apps"
            )
            .into(),
            Self::NoInt8KvCache { .. } => {
                "open it with the float cache, or quantise the checkpoint again with `--kv int8`".into()
            }
            _ => self.inner().map_or(Cow::Borrowed("report this"), Diagnostic::remedy),
        }
    }

    fn place(&self) -> Option<String> {
        self.inner().and_then(Diagnostic::place)
    }
}

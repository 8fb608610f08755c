//! The one error type of the runtime's API; each module's own error stands inside.

mod engine;
mod prefix;
mod prepare;
mod snapshot;

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, Requantize, choose, correct, give, retry, set, shorten, unsupported,
};
use wheelwork_ort::{LibraryError, Version};
use wheelwork_package::PackageError;

use crate::decoder::DecoderError;
use crate::device::{CacheError, NoUsableDevice, NotUsedReason, OptionError};
use crate::facts::COUNTED_CONTEXTS;
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
#[allow(missing_docs)] // the fields are what the messages say
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
    NotOnThisDevice { provider: String },
    /// No device fits the request.
    #[error(transparent)]
    NoUsableDevice(#[from] NoUsableDevice),
    /// [`crate::OpenOptions::cancel`] ended it.
    #[error("opening the model was cancelled")]
    OpenCancelled,
    /// The prompt leaves no room.
    #[error("the prompt has {tokens} tokens{}, the context holds {limit}", or_more(*tokens, *limit))]
    PromptTooLong { tokens: usize, limit: usize },
    /// A prompt of no tokens.
    #[error("the prompt has no tokens")]
    EmptyPrompt,
    /// A context length outside the package's range.
    #[error("a context of {wanted} tokens is out of range: the package allows 1 to {limit}")]
    ContextOutOfRange { wanted: usize, limit: usize },
    /// The model does not fit into what is free; see [`crate::plan()`].
    #[error(
        "the model needs {need_bytes} bytes of memory with a context of {context_tokens} tokens, {told_by} has {have_bytes}"
    )]
    NotEnoughMemory {
        need_bytes: u64,
        have_bytes: u64,
        told_by: &'static str,
        context_tokens: usize,
        /// The longest context that would fit; 0 for none.
        largest_context_tokens: usize,
    },
    /// An int8 key-value cache was asked for and the variant has no graph with one.
    #[error("the variant `{variant}` has no graph with an int8 key-value cache")]
    NoInt8KvCache { variant: String },
    /// The package's own weights were given up for their compact form.
    #[error(
        "the weights of the variant `{variant}` are in their compact form alone, which {wanted} cannot read"
    )]
    CompactOnly { variant: String, wanted: String },
    /// What is asked for needs a newer ONNX Runtime.
    #[error("{what} needs ONNX Runtime {needed}, this is {found}")]
    RuntimeTooOld { what: &'static str, needed: Version, found: Version },
}

impl From<CacheError> for Error {
    fn from(error: CacheError) -> Self {
        Self::Prepare(error.into())
    }
}

/// Counting stops at some number of tokens.
fn or_more(tokens: usize, limit: usize) -> &'static str {
    if tokens > limit.saturating_mul(COUNTED_CONTEXTS) { " or more" } else { "" }
}

impl Diagnostic for Error {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Package(error) => error.diagnosis(),
            Self::Library(error) => error.diagnosis(),
            Self::Tokenizer(error) => error.diagnosis(),
            Self::Chat(error) => error.diagnosis(),
            Self::Sampling(error) => error.diagnosis(),
            Self::Output(error) => error.diagnosis(),
            Self::Tools(error) => error.diagnosis(),
            Self::Decoder(error) => error.diagnosis(),
            Self::Snapshot(error) => error.diagnosis(),
            Self::Engine(error) => error.diagnosis(),
            Self::Prepare(error) => error.diagnosis(),
            Self::Prefix(error) => error.diagnosis(),
            Self::ProviderOption(_) => retry("provider_option", correct("the option")),
            Self::NotOnThisDevice { .. } => {
                unsupported("not_on_this_device", Remedy::OpenOn { device: "cpu" })
            }
            Self::NoUsableDevice(NoUsableDevice { not_used, .. }) => {
                let failed = not_used.iter().any(|row| {
                    matches!(row.reason, NotUsedReason::CrashedBefore | NotUsedReason::CompileFailed)
                });
                let remedy = if failed { Remedy::AllowDeviceAgain } else { Remedy::AllowAnyDevice };
                unsupported("no_usable_device", remedy)
            }
            Self::OpenCancelled => retry("open_cancelled", Remedy::Retry),
            Self::PromptTooLong { .. } => retry(
                "prompt_too_long",
                shorten("the prompt, start a new session, or let the oldest turns be dropped"),
            ),
            Self::EmptyPrompt => retry("empty_prompt", give("at least one token")),
            Self::ContextOutOfRange { limit, .. } => {
                retry("context_out_of_range", set("the context length", format!("1 to {limit} tokens")))
            }
            Self::NotEnoughMemory { largest_context_tokens: 0, .. } => {
                retry("not_enough_memory", Remedy::UseSmallerModel)
            }
            Self::NotEnoughMemory { largest_context_tokens: tokens, .. } => {
                retry("not_enough_memory", Remedy::ReduceContext { tokens: *tokens })
            }
            Self::RuntimeTooOld { needed, .. } => {
                unsupported("onnxruntime_too_old", wheelwork_ort::install(needed))
            }
            Self::CompactOnly { .. } => retry(
                "compact_only",
                choose("the CPU with our kernels, or bring the package's own weights back first"),
            ),
            Self::NoInt8KvCache { .. } => {
                unsupported("no_int8_kv_cache", Remedy::Requantize(Requantize::Int8Cache))
            }
        }
    }
}

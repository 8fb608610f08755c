//! Why a decoder could not be made or a step not be computed.

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, Requantize, bug, give, leave_out, reinstall, retry, shorten, unsupported,
};

/// Why a decoder could not be made or a step not be computed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum DecoderError {
    /// ONNX Runtime refused the graph.
    #[error("the graph `{graph}` cannot be loaded: {message}")]
    Load { graph: String, message: String },
    /// The graph's inputs or outputs are not what the package says.
    #[error("the graph `{graph}` does not fit the package: {detail}")]
    Contract { graph: String, detail: String },
    /// The graph was loaded and other providers run it than it was loaded for.
    #[error("the graph `{graph}` is not on {provider} alone: ONNX Runtime gave {found}")]
    Placement { graph: String, provider: String, found: String },
    /// ONNX Runtime failed in the middle of a run.
    #[error("the run of {tokens} new tokens after {cached} cached ones failed: {message}")]
    Run { tokens: usize, cached: usize, message: String },
    /// The system gave no memory, for a larger cache or for ONNX Runtime's own work.
    #[error("no memory for {tokens} new tokens after {cached} cached ones: {message}")]
    OutOfMemory { tokens: usize, cached: usize, message: String },
    /// A call with no tokens or with too many.
    #[error("{tokens} tokens cannot run at once: a call takes 1 to {limit}")]
    ChunkSize { tokens: usize, limit: usize },
    /// Stored keys and values that are not those of so many tokens.
    #[error("{bytes} bytes of keys and values do not fit {tokens} tokens: expected {expected}")]
    KvBytes { bytes: usize, tokens: usize, expected: usize },
    /// The sequence would get longer than the model's context.
    #[error("a sequence of {cached} tokens cannot grow by {tokens}: the context holds {limit}")]
    ContextFull { cached: usize, tokens: usize, limit: usize },
    /// A token id outside the vocabulary.
    #[error("the token id {token} is outside the vocabulary of {vocab_size}")]
    UnknownToken { token: u32, vocab_size: usize },
    /// [`super::Interrupt::interrupt`] was called.
    #[error("the run was interrupted")]
    Interrupted,
}

impl Diagnostic for DecoderError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Load { graph, .. } => reinstall("graph_not_loadable", AGAIN).at(graph),
            Self::Contract { graph, .. } => reinstall("graph_contract", AGAIN).at(graph),
            Self::Placement { graph, .. } => {
                unsupported("graph_placement", Remedy::OpenOn { device: "cpu" }).at(graph)
            }
            Self::Run { .. } => retry("run_failed", Remedy::Retry),
            Self::OutOfMemory { .. } => retry("out_of_memory", Remedy::FreeMemory),
            Self::ChunkSize { .. } => bug("chunk_size", Remedy::Report),
            Self::KvBytes { .. } => {
                unsupported("kv_bytes", leave_out("the stored cache: it is of another model"))
            }
            Self::ContextFull { .. } => {
                retry("context_full", shorten("the conversation, or start a new session"))
            }
            Self::UnknownToken { .. } => retry("unknown_token", give("ids of this model's tokenizer")),
            Self::Interrupted => retry("interrupted", Remedy::Retry),
        }
    }
}

const AGAIN: Remedy = Remedy::Requantize(Requantize::AsBefore);

//! Why a decoder could not be made or a step not be computed.

use std::borrow::Cow;

use wheelwork_package::{Class, Diagnostic};

/// Why a decoder could not be made or a step not be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecoderError {
    /// ONNX Runtime refused the graph.
    #[error("the graph `{graph}` cannot be loaded: {message}")]
    Load {
        /// The graph's file.
        graph: String,
        /// ONNX Runtime's words.
        message: String,
    },
    /// The graph's inputs or outputs are not what the package says.
    #[error("the graph `{graph}` does not fit the package: {detail}")]
    Contract {
        /// The graph's file.
        graph: String,
        /// The broken rule, with expected and found.
        detail: String,
    },
    /// The graph was loaded and other providers run it than it was loaded for.
    #[error("the graph `{graph}` is not on {provider} alone: ONNX Runtime gave {found}")]
    Placement {
        /// The graph's file.
        graph: String,
        /// ONNX Runtime's name of the provider that should run all of it.
        provider: String,
        /// Who got how many nodes.
        found: String,
    },
    /// ONNX Runtime failed in the middle of a run.
    #[error("the run of {tokens} new tokens after {cached} cached ones failed: {message}")]
    Run {
        /// Tokens of the call.
        tokens: usize,
        /// Tokens in the cache before the call.
        cached: usize,
        /// ONNX Runtime's words.
        message: String,
    },
    /// The system gave no memory, for a larger cache or for ONNX Runtime's own work.
    #[error("no memory for {tokens} new tokens after {cached} cached ones: {message}")]
    OutOfMemory {
        /// Tokens of the call.
        tokens: usize,
        /// Tokens in the cache before the call, and still.
        cached: usize,
        /// What for, or ONNX Runtime's words.
        message: String,
    },
    /// A call with no tokens or with too many.
    #[error("{tokens} tokens cannot run at once: a call takes 1 to {limit}")]
    ChunkSize {
        /// Tokens of the call.
        tokens: usize,
        /// [`super::Decoder::chunk_tokens`].
        limit: usize,
    },
    /// Stored keys and values that are not those of so many tokens.
    #[error("{bytes} bytes of keys and values do not fit {tokens} tokens: expected {expected}")]
    KvBytes {
        /// Bytes that were given.
        bytes: usize,
        /// Tokens that were given.
        tokens: usize,
        /// What the tokens need.
        expected: usize,
    },
    /// The sequence would get longer than the model's context.
    #[error("a sequence of {cached} tokens cannot grow by {tokens}: the context holds {limit}")]
    ContextFull {
        /// Tokens in the cache.
        cached: usize,
        /// Tokens of the call.
        tokens: usize,
        /// [`super::Decoder::context_length`].
        limit: usize,
    },
    /// A token id outside the vocabulary.
    #[error("the token id {token} is outside the vocabulary of {vocab_size}")]
    UnknownToken {
        /// The id.
        token: u32,
        /// Rows of the embedding table.
        vocab_size: usize,
    },
    /// [`super::Interrupt::interrupt`] was called.
    #[error("the run was interrupted")]
    Interrupted,
}

impl Diagnostic for DecoderError {
    fn code(&self) -> &'static str {
        match self {
            Self::Load { .. } => "graph_not_loadable",
            Self::Contract { .. } => "graph_contract",
            Self::Placement { .. } => "graph_placement",
            Self::Run { .. } => "run_failed",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::ChunkSize { .. } => "chunk_size",
            Self::KvBytes { .. } => "kv_bytes",
            Self::ContextFull { .. } => "context_full",
            Self::UnknownToken { .. } => "unknown_token",
            Self::Interrupted => "interrupted",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Load { .. } | Self::Contract { .. } => Class::Reinstall,
            Self::Run { .. }
            | Self::OutOfMemory { .. }
            | Self::ContextFull { .. }
            | Self::UnknownToken { .. }
            | Self::Interrupted => Class::Retry,
            Self::ChunkSize { .. } => Class::Bug,
            Self::KvBytes { .. } | Self::Placement { .. } => Class::Unsupported,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Load { .. } | Self::Contract { .. } => {
                "quantise the checkpoint again with this version, or check that the folder is complete"
            }
            Self::Placement { .. } => "run it on the CPU, or quantise it for that provider's version",
            Self::Run { .. } => "try again; if it fails again, report this",
            Self::OutOfMemory { .. } => {
                "free memory and try again, or open the model with a shorter context or its int8 cache"
            }
            Self::ChunkSize { .. } => "report this: the caller should have cut the prompt",
            Self::KvBytes { .. } => "compute the tokens again: the stored cache is of another model",
            Self::ContextFull { .. } => "start a new session or shorten the conversation",
            Self::UnknownToken { .. } => "use ids of this model's tokenizer",
            Self::Interrupted => "call again to go on",
        }
        .into()
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Load { graph, .. } | Self::Contract { graph, .. } | Self::Placement { graph, .. } => {
                Some(graph.clone())
            }
            _ => None,
        }
    }
}

//! Errors of running a checkpoint's float model.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use wheelwork_onnx::GraphError;
use wheelwork_ort::LibraryError;
use wheelwork_package::{Class, Diagnostic};
use wheelwork_quantize::QuantizeError;
use wheelwork_quantize::checkpoint::CheckpointError;

/// Why the float model could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// ONNX Runtime could not be loaded.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The checkpoint's weights could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The graph of a layer could not be built.
    #[error("the graph of a layer cannot be built: {0}")]
    Graph(#[from] GraphError),
    /// ONNX Runtime refused a graph or failed in a run.
    #[error("{step} failed: {message}")]
    Run {
        /// What was running.
        step: String,
        /// ONNX Runtime's words.
        message: String,
    },
    /// A layer's output is no number, so nothing behind it would be one.
    #[error("layer {layer} gives a value that is not finite in sequence {sequence}")]
    NotFinite {
        /// The layer, from 0.
        layer: usize,
        /// The sequence, from 0.
        sequence: usize,
    },
    /// Activations could not be written to disk or read back.
    #[error("activations cannot be kept in `{}`: {source}", .folder.display())]
    Spill {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was stored could not be read back.
    #[error("stored weights cannot be read back: {0}")]
    ReadBack(std::io::Error),
    /// A token id without a row in the embedding table.
    #[error("the token id {token} in sequence {sequence} is outside the vocabulary of {vocab_size}")]
    UnknownToken {
        /// The sequence, from 0.
        sequence: usize,
        /// The id.
        token: u32,
        /// Rows of the embedding table.
        vocab_size: usize,
    },
    /// A sequence without tokens, or longer than the model's context.
    #[error("sequence {sequence} has {tokens} tokens, expected 1 to {limit}")]
    SequenceLength {
        /// The sequence, from 0.
        sequence: usize,
        /// Its tokens.
        tokens: usize,
        /// `max_position_embeddings`.
        limit: usize,
    },
    /// The package could not be made.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// The package that writes the calibration text could not be run.
    #[error("the model cannot write its calibration text: {0}")]
    Model(#[from] wheelwork::Error),
    /// The user's text.
    #[error("the calibration text `{}` cannot be used: {detail}", .path.display())]
    TextFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl CalibrateError {
    pub(crate) fn run(step: impl Into<String>) -> impl FnOnce(ort::Error) -> Self {
        move |error| Self::Run { step: step.into(), message: error.to_string() }
    }

    pub(crate) fn spill(folder: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Spill { folder: folder.into(), source }
    }
}

impl Diagnostic for CalibrateError {
    fn code(&self) -> &'static str {
        match self {
            Self::Library(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::Graph(_) => "calibrate_graph",
            Self::Run { .. } => "calibrate_run",
            Self::NotFinite { .. } => "calibrate_not_finite",
            Self::Spill { .. } => "calibrate_spill",
            Self::ReadBack(_) => "calibrate_read_back",
            Self::UnknownToken { .. } => "calibrate_unknown_token",
            Self::SequenceLength { .. } => "calibrate_sequence_length",
            Self::Quantize(error) => error.code(),
            Self::Model(error) => error.code(),
            Self::TextFile { .. } => "calibration_text",
            Self::Cancelled => "calibrate_cancelled",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Library(error) => error.class(),
            Self::Checkpoint(error) => error.class(),
            Self::Quantize(error) => error.class(),
            Self::Model(error) => error.class(),
            Self::Graph(_) => Class::Bug,
            Self::NotFinite { .. } => Class::Unsupported,
            Self::Run { .. }
            | Self::Spill { .. }
            | Self::ReadBack(_)
            | Self::UnknownToken { .. }
            | Self::SequenceLength { .. }
            | Self::TextFile { .. }
            | Self::Cancelled => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Library(error) => error.remedy(),
            Self::Checkpoint(error) => error.remedy(),
            Self::Quantize(error) => error.remedy(),
            Self::Model(error) => error.remedy(),
            Self::TextFile { .. } => "give a UTF-8 text, or leave it out: the model writes its own".into(),
            Self::Graph(_) => "report this with the checkpoint's config.json".into(),
            Self::Run { .. } => "free memory: one layer in float32 has to fit".into(),
            Self::NotFinite { .. } => "check the checkpoint: its weights overflow float32".into(),
            Self::Spill { .. } | Self::ReadBack(_) => {
                "check that the disk has room and the folder can be written".into()
            }
            Self::UnknownToken { .. } => "encode the text with this checkpoint's tokenizer".into(),
            Self::SequenceLength { limit, .. } => format!("cut sequences to at most {limit} tokens").into(),
            Self::Cancelled => "run it again; nothing was left behind".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Library(error) => error.place(),
            Self::Checkpoint(error) => error.place(),
            Self::Quantize(error) => error.place(),
            Self::Model(error) => error.place(),
            Self::TextFile { path, .. } => Some(path.display().to_string()),
            Self::NotFinite { layer, .. } => Some(format!("layer {layer}")),
            Self::Spill { folder, .. } => Some(folder.display().to_string()),
            Self::UnknownToken { sequence, .. } | Self::SequenceLength { sequence, .. } => {
                Some(format!("sequence {sequence}"))
            }
            Self::Graph(_) | Self::Run { .. } | Self::ReadBack(_) | Self::Cancelled => None,
        }
    }
}

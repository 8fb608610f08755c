//! Errors of running a checkpoint's float model.

use std::path::{Path, PathBuf};

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, bug, check, give, report_with, retry, shorten, unsupported,
};
use wheelwork_onnx::GraphError;
use wheelwork_ort::LibraryError;
use wheelwork_quantize::QuantizeError;
use wheelwork_quantize::checkpoint::CheckpointError;
use wheelwork_quantize::importance::MomentsError;

/// Why the float model could not be run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
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
    Run { step: String, message: String },
    /// A layer's output is no number, so nothing behind it would be one.
    #[error("layer {layer} gives a value that is not finite in sequence {sequence}")]
    NotFinite { layer: usize, sequence: usize },
    /// Activations could not be written to disk or read back.
    #[error("activations cannot be kept in `{}`: {source}", .folder.display())]
    Spill { folder: PathBuf, source: std::io::Error },
    /// What was stored could not be read back.
    #[error("stored weights cannot be read back: {0}")]
    ReadBack(std::io::Error),
    /// A token id without a row in the embedding table.
    #[error("the token id {token} in sequence {sequence} is outside the vocabulary of {vocab_size}")]
    UnknownToken { sequence: usize, token: u32, vocab_size: usize },
    /// A sequence without tokens, or longer than the model's context.
    #[error("sequence {sequence} has {tokens} tokens, expected 1 to {limit}")]
    SequenceLength { sequence: usize, tokens: usize, limit: usize },
    /// What was measured is no number.
    #[error(transparent)]
    Moments(MomentsError),
    /// The package could not be made.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// The package that writes the calibration text could not be run.
    #[error("the model cannot write its calibration text: {0}")]
    Model(#[from] wheelwork::Error),
    /// The user's text.
    #[error("the calibration text `{}` cannot be used: {detail}", .path.display())]
    TextFile { path: PathBuf, detail: String },
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
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Library(error) => error.diagnosis(),
            Self::Checkpoint(error) => error.diagnosis(),
            Self::Quantize(error) => error.diagnosis(),
            Self::Model(error) => error.diagnosis(),
            Self::Graph(_) => bug("calibrate_graph", report_with("the checkpoint's config.json")),
            Self::Run { .. } => {
                retry("calibrate_run", check("that memory has room for one layer in float32"))
            }
            Self::NotFinite { layer, .. } => {
                unsupported("calibrate_not_finite", check("the checkpoint: its weights overflow float32"))
                    .at(format_args!("layer {layer}"))
            }
            Self::Moments(_) => {
                unsupported("calibrate_moments", check("the checkpoint: its activations overflow float32"))
            }
            Self::Spill { folder, .. } => retry("calibrate_spill", Remedy::CheckStorage).file(folder),
            Self::ReadBack(_) => retry("calibrate_read_back", Remedy::CheckStorage),
            Self::UnknownToken { sequence, .. } => {
                retry("calibrate_unknown_token", give("a text encoded with this checkpoint's tokenizer"))
                    .at(format_args!("sequence {sequence}"))
            }
            Self::SequenceLength { sequence, limit, .. } => {
                retry("calibrate_sequence_length", shorten(format!("sequences to at most {limit} tokens")))
                    .at(format_args!("sequence {sequence}"))
            }
            Self::TextFile { path, .. } => {
                retry("calibration_text", give("a text in UTF-8, or none: the model writes its own"))
                    .file(path)
            }
            Self::Cancelled => retry("calibrate_cancelled", Remedy::Retry),
        }
    }
}

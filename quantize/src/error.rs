//! Errors of quantising a checkpoint.

use std::path::{Path, PathBuf};

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, bug, choose, leave_out, report_with, retry, set, unsupported, wait_until,
};
use wheelwork_onnx::GraphError;
use wheelwork_package::PackageError;
use wheelwork_package::tokenizer_file::TokenizerFileError;

use crate::checkpoint::{CheckpointError, ConfigError, OpenError};

/// Why a checkpoint was not quantised. Nothing stands under the output's name then that was not there before.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum QuantizeError {
    /// The checkpoint's files.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The checkpoint's tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerFileError),
    /// The request: recipe, context length, output.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The package's descriptions could not be written.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The package's weights or files could not be written.
    #[error("cannot write `{path}`: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    /// The graph could not be built.
    #[error("cannot build the graph: {0}")]
    Graph(#[from] GraphError),
    /// The calibration could not go on.
    #[error("{0}")]
    Calibration(Box<dyn Diagnostic>),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Why a request cannot be met, whatever the checkpoint holds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum RequestError {
    /// The output's name ends in nothing that could be a folder.
    #[error("`{path}` is no name for a folder")]
    NoName { path: PathBuf },
    /// The output stands already.
    #[error("`{path}` exists already")]
    Exists { path: PathBuf },
    /// The output stands already and is something that must not be removed.
    #[error("`{path}` exists and is not a package, so it is not overwritten")]
    NotAPackage { path: PathBuf },
    /// An earlier run did not finish.
    #[error("`{path}` is an unfinished package of an earlier run")]
    Unfinished { path: PathBuf },
    /// Another run is writing the same package.
    #[error("another run is writing `{path}`")]
    Busy { path: PathBuf },
    /// A folder of the name that ours would have.
    #[error("`{path}` is in the way and was not made by an earlier run")]
    NotOurs { path: PathBuf },
    /// Going on would mix two packages.
    #[error("the unfinished package cannot be continued: it was begun with another {difference} (`{path}`)")]
    ResumeMismatch { path: PathBuf, difference: &'static str },
    /// Writing would change the checkpoint while it is read.
    #[error("the output `{output}` and the checkpoint `{checkpoint}` lie inside each other")]
    OverlapsCheckpoint { output: PathBuf, checkpoint: PathBuf },
    /// A context that the model was not made for.
    #[error("a context of {asked} tokens was asked for, expected 1 to {limit}")]
    ContextLength { asked: usize, limit: usize },
    /// A budget that no mixture meets.
    #[error(
        "{asked} bits a weight were asked for, the nearest is {nearest:.3}: all matrices together can be stored in {least:.3} to {greatest:.3}"
    )]
    Budget { asked: f64, nearest: f64, least: f64, greatest: f64 },
    /// A size that no mixture meets.
    #[error("a package of {asked} bytes was asked for, the smallest takes {least}")]
    SizeBudget { asked: u64, least: u64 },
    /// A budget for weights that are not quantised.
    #[error("the recipe `{recipe}` does not store layers in 4 bits, so a budget has nothing to choose from")]
    NothingToMix { recipe: &'static str },
    /// Blocks that do not fill the rows.
    #[error("no blocks of up to {block_size} weights fill the rows of `{tensor}`, which have {columns}")]
    BlockSize { tensor: String, columns: usize, block_size: usize },
    /// Two codes share a byte.
    #[error("`{tensor}` has {rows} rows, static graphs take an even number")]
    OddRows { tensor: String, rows: usize },
}

impl QuantizeError {
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.into(), source }
    }

    /// The same run could go on from here: the cause lies outside of checkpoint and request.
    pub(crate) fn leaves_work(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Calibration(_) | Self::Cancelled)
    }
}

impl From<OpenError> for QuantizeError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Checkpoint(error) => Self::Checkpoint(error),
            OpenError::Config(error) => Self::Config(error),
            OpenError::Tokenizer(error) => Self::Tokenizer(error),
        }
    }
}

impl Diagnostic for QuantizeError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Checkpoint(error) => error.diagnosis(),
            Self::Config(error) => error.diagnosis(),
            Self::Tokenizer(error) => error.diagnosis(),
            Self::Request(error) => error.diagnosis(),
            Self::Package(error) => error.diagnosis(),
            Self::Calibration(error) => error.diagnosis(),
            Self::Write { path, .. } => retry("quantize_write", Remedy::MakeRoomAndResume).file(path),
            Self::Graph(_) => bug("quantize_graph", report_with("the checkpoint's config.json")),
            Self::Cancelled => retry("quantize_cancelled", Remedy::Resume),
        }
    }
}

impl Diagnostic for RequestError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::NoName { path } => retry("output_name", choose(OTHER_OUTPUT)).file(path),
            Self::Exists { path } => retry("output_exists", Remedy::Overwrite).file(path),
            Self::NotAPackage { path } => retry("output_not_a_package", choose(OTHER_OUTPUT)).file(path),
            Self::Unfinished { path } => retry("output_unfinished", Remedy::ResumeOrStartOver).file(path),
            Self::Busy { path } => retry("output_busy", wait_until("the other run ends")).file(path),
            Self::NotOurs { path } => retry("output_not_ours", Remedy::MoveAway).file(path),
            Self::ResumeMismatch { path, .. } => {
                retry("resume_mismatch", Remedy::RepeatOrStartOver).file(path)
            }
            Self::OverlapsCheckpoint { output, .. } => {
                retry("output_overlaps_checkpoint", choose("an output beside the checkpoint")).file(output)
            }
            Self::ContextLength { limit, .. } => {
                retry("context_length", set("the context length", format!("at most {limit} tokens")))
            }
            Self::Budget { .. } => {
                retry("bits_per_weight", choose("a number in that range, or other blocks"))
            }
            Self::SizeBudget { least, .. } => {
                retry("max_size", set("the size", format!("at least {least} bytes")))
            }
            Self::NothingToMix { .. } => {
                retry("nothing_to_mix", choose("the recipe `balanced` or `fast`, or no budget"))
            }
            Self::BlockSize { tensor, .. } => {
                unsupported("block_size", choose("the recipe `float`: blocks have a multiple of 16 weights"))
                    .at(tensor)
            }
            Self::OddRows { tensor, .. } => {
                unsupported("static_graph_odd_rows", leave_out("the static graphs")).at(tensor)
            }
        }
    }
}

const OTHER_OUTPUT: &str = "another output, such as NAME.ortpackage";

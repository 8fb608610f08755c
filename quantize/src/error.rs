//! Errors of quantising a checkpoint.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use wheelwork_onnx::GraphError;
use wheelwork_package::tokenizer_file::TokenizerFileError;
use wheelwork_package::{Class, Diagnostic, PackageError};

use crate::checkpoint::{CheckpointError, ConfigError, OpenError};

/// Why a checkpoint was not quantised. Nothing stands under the output's name then that was not there before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
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
#[non_exhaustive]
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
    #[error("{asked} bits a weight were asked for, the layers can be stored in {least:.3} to {greatest:.3}")]
    Budget { asked: f64, least: f64, greatest: f64 },
    /// A budget for weights that are not quantised.
    #[error("the recipe `{recipe}` does not store layers in 4 bits, so a budget has nothing to choose from")]
    NothingToMix { recipe: &'static str },
    /// Blocks that do not fill the rows.
    #[error("the recipe's blocks of {block_size} weights do not divide the {columns} columns of `{tensor}`")]
    BlockSize { tensor: String, columns: usize, block_size: usize },
}

impl QuantizeError {
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.into(), source }
    }

    /// The same run could go on from here: the cause lies outside of checkpoint and request.
    pub(crate) fn leaves_work(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Calibration(_) | Self::Cancelled)
    }

    /// The error inside that knows more.
    fn inner(&self) -> Option<&dyn Diagnostic> {
        match self {
            Self::Checkpoint(error) => Some(error),
            Self::Config(error) => Some(error),
            Self::Tokenizer(error) => Some(error),
            Self::Request(error) => Some(error),
            Self::Package(error) => Some(error),
            Self::Calibration(error) => Some(error.as_ref()),
            Self::Write { .. } | Self::Graph(_) | Self::Cancelled => None,
        }
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
    fn code(&self) -> &'static str {
        match self {
            Self::Write { .. } => "quantize_write",
            Self::Graph(_) => "quantize_graph",
            Self::Cancelled => "quantize_cancelled",
            _ => self.inner().map_or("quantize", Diagnostic::code),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Graph(_) => Class::Bug,
            _ => self.inner().map_or(Class::Retry, Diagnostic::class),
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Write { .. } => {
                "make sure that the disk has room and the folder can be written, then go on with --resume"
                    .into()
            }
            Self::Graph(_) => "report this with the checkpoint's config.json".into(),
            Self::Cancelled => "run it again with --resume to go on where it stopped".into(),
            _ => self.inner().map_or_else(Cow::default, Diagnostic::remedy),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Write { path, .. } => Some(path.display().to_string()),
            _ => self.inner().and_then(Diagnostic::place),
        }
    }
}

impl Diagnostic for RequestError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoName { .. } => "output_name",
            Self::Exists { .. } => "output_exists",
            Self::NotAPackage { .. } => "output_not_a_package",
            Self::Unfinished { .. } => "output_unfinished",
            Self::Busy { .. } => "output_busy",
            Self::NotOurs { .. } => "output_not_ours",
            Self::ResumeMismatch { .. } => "resume_mismatch",
            Self::OverlapsCheckpoint { .. } => "output_overlaps_checkpoint",
            Self::ContextLength { .. } => "context_length",
            Self::Budget { .. } => "bits_per_weight",
            Self::NothingToMix { .. } => "nothing_to_mix",
            Self::BlockSize { .. } => "block_size",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::BlockSize { .. } => Class::Unsupported,
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::NoName { .. } | Self::NotAPackage { .. } => {
                "choose another output, such as NAME.ortpackage".into()
            }
            Self::Unfinished { .. } => {
                "add --resume to go on where it stopped, or --overwrite to start over".into()
            }
            Self::Busy { .. } => "wait until it ends, or choose another output".into(),
            Self::NotOurs { .. } => "move the folder away, or choose another output".into(),
            Self::ResumeMismatch { .. } => {
                "repeat the earlier command with --resume, or start over with --overwrite and without --resume".into()
            }
            Self::Exists { .. } => "choose another output, or allow it to be overwritten".into(),
            Self::OverlapsCheckpoint { .. } => "choose an output beside the checkpoint".into(),
            Self::ContextLength { limit, .. } => format!("ask for at most {limit} tokens").into(),
            Self::Budget { .. } => "ask for a number in that range, or for other blocks".into(),
            Self::NothingToMix { .. } => "leave the budget out, or choose the recipe `balanced` or `fast`".into(),
            Self::BlockSize { .. } => "choose smaller blocks, or the recipe `float`".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::NoName { path }
            | Self::Exists { path }
            | Self::NotAPackage { path }
            | Self::Unfinished { path }
            | Self::Busy { path }
            | Self::NotOurs { path }
            | Self::ResumeMismatch { path, .. } => Some(path.display().to_string()),
            Self::OverlapsCheckpoint { output, .. } => Some(output.display().to_string()),
            Self::ContextLength { .. } | Self::Budget { .. } | Self::NothingToMix { .. } => None,
            Self::BlockSize { tensor, .. } => Some(tensor.clone()),
        }
    }
}

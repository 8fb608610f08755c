//! Why a checkpoint could not be opened, of all the files in it.

use wheelwork_package::tokenizer_file::TokenizerFileError;

use super::config_error::ConfigError;
use super::error::CheckpointError;

/// Why a checkpoint could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its files.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerFileError),
}

//! Errors of packing.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use super::LEVELS;
use crate::PackageError;
use crate::container::{ContainerError, Digest, NameError};
use crate::diagnostic::{Class, Diagnostic};
use crate::vfs::DiskError;

/// Why a folder could not be packed. Nothing stands under the output's name afterwards that was not there before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The folder is no package that opens.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// What would be written breaks a rule of the format.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The file system refused.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A name that a container cannot hold.
    #[error("`{path}` cannot be packed: {error}")]
    Name {
        /// The file or folder.
        path: PathBuf,
        /// The broken rule.
        error: NameError,
    },
    /// A link, a device, or a folder in a folder.
    #[error("`{path}` cannot be packed: it is no file, and no folder of the package's root")]
    NotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// The output would stand in the folder that is packed.
    #[error("`{path}` is in the folder that is packed")]
    OutputInside {
        /// The output.
        path: PathBuf,
    },
    /// A file of a variant that the card does not list.
    #[error("`{file}` is not listed in wheelwork.json")]
    NotInCard {
        /// Its path in the package.
        file: String,
    },
    /// A file that differs from what the card says.
    #[error("`{file}` has the SHA-256 {found}, wheelwork.json says another")]
    Card {
        /// Its path in the package.
        file: String,
        /// The digest of its content.
        found: Digest,
    },
    /// A file changed while it was being packed.
    #[error("`{path}` changed while it was being packed")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A compression level that zstd does not have.
    #[error("the compression level is {level}, expected {} to {}", LEVELS.start(), LEVELS.end())]
    Level {
        /// The level.
        level: i32,
    },
    /// zstd failed, or did not give back what it was given.
    #[error("compression failed: {detail}")]
    Compress {
        /// What went wrong.
        detail: String,
    },
    /// The head came out longer or shorter than the room that was left for it.
    #[error("the head has {found} bytes, {planned} were planned")]
    HeadLength {
        /// The room.
        planned: u64,
        /// The length.
        found: u64,
    },
    /// The caller cancelled.
    #[error("it was cancelled")]
    Cancelled,
}

impl PackError {
    /// For `map_err`: what was tried, and where.
    pub(super) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl From<DiskError> for PackError {
    fn from(DiskError { action, path, source }: DiskError) -> Self {
        Self::Io { action, path, source }
    }
}

impl Diagnostic for PackError {
    fn code(&self) -> &'static str {
        match self {
            Self::Package(error) => error.code(),
            Self::Container(error) => error.code(),
            Self::Io { .. } => "pack_io",
            Self::Name { .. } => "pack_name",
            Self::NotAFile { .. } => "pack_not_a_file",
            Self::OutputInside { .. } => "pack_output_inside",
            Self::NotInCard { .. } => "pack_not_in_card",
            Self::Card { .. } => "pack_card",
            Self::Changed { .. } => "pack_changed",
            Self::Level { .. } => "pack_level",
            Self::Compress { .. } => "pack_compress",
            Self::HeadLength { .. } => "pack_head_length",
            Self::Cancelled => "pack_cancelled",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Package(error) => error.class(),
            Self::Container(error) => error.class(),
            Self::Compress { .. } | Self::HeadLength { .. } => Class::Bug,
            Self::NotInCard { .. } | Self::Card { .. } => Class::Reinstall,
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Package(error) => error.remedy(),
            Self::Container(error) => error.remedy(),
            Self::Io { .. } => {
                "check that the folder can be read, the output written, and the disk is not full".into()
            }
            Self::Name { .. } => "rename it".into(),
            Self::OutputInside { .. } => "write it somewhere else".into(),
            Self::NotAFile { .. } | Self::NotInCard { .. } => "move it out of the package".into(),
            Self::Card { .. } => "the package is damaged: quantise it again".into(),
            Self::Changed { .. } => "pack again when nobody writes to the folder".into(),
            Self::Level { .. } => "choose a level that zstd has".into(),
            Self::Compress { .. } | Self::HeadLength { .. } => "report this".into(),
            Self::Cancelled => "start it again".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Package(error) => error.place(),
            Self::Container(error) => error.place(),
            Self::Io { path, .. }
            | Self::Name { path, .. }
            | Self::NotAFile { path }
            | Self::Changed { path }
            | Self::OutputInside { path } => Some(path.display().to_string()),
            Self::NotInCard { file } | Self::Card { file, .. } => Some(file.clone()),
            Self::Level { .. } | Self::Compress { .. } | Self::HeadLength { .. } | Self::Cancelled => None,
        }
    }
}

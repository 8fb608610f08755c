//! What goes wrong with files: a step on the disk that failed, a path that is not the file that it should be.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A step on the disk that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`: {source}", .path.display())]
pub struct DiskError {
    /// What was tried, as in `write`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskError {
    /// For `map_err`: what was tried, and where.
    pub fn of<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self { action, path: path.to_owned(), source }
    }

    /// [`is_not_ours`].
    #[must_use]
    pub fn is_not_ours(&self) -> bool {
        is_not_ours(&self.source)
    }
}

/// Whether an error says that something stands there that is not ours to write to or to remove.
#[must_use]
pub fn is_not_ours(error: &io::Error) -> bool {
    let Some(inner) = error.get_ref() else { return false };
    match (inner.downcast_ref(), inner.downcast_ref::<DiskError>()) {
        (Some(FileError { fault: FileFault::NotAFile { .. } | FileFault::NotOurs { .. }, .. }), _) => true,
        (_, Some(error)) => error.is_not_ours(),
        _ => false,
    }
}

impl From<DiskError> for io::Error {
    fn from(error: DiskError) -> Self {
        Self::new(error.source.kind(), error)
    }
}

/// A path that is not the file that it should be.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be used: {fault}", .path.display())]
pub struct FileError {
    /// The path.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: FileFault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum FileFault {
    /// The operating system refused.
    #[error("{0}")]
    Io(io::Error),
    /// A link, a folder, a pipe, a socket, a device.
    #[error("it is {found}, expected a file")]
    NotAFile { found: &'static str },
    /// More than is read.
    #[error("it has {bytes} bytes, more than the {limit} allowed")]
    TooLarge { bytes: u64, limit: u64 },
    /// A secret that others may read.
    #[error("others may read it: {permissions}")]
    Exposed { permissions: String },
    /// What somebody else has made, where a file or folder of ours would stand.
    #[error("{why}, so it is none that was made here")]
    NotOurs { why: String },
}

impl FileError {
    /// For `map_err`: the system's own error, and where.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self { path: path.to_owned(), fault: FileFault::Io(source) }
    }

    pub(crate) fn not_ours(path: &Path, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), fault: FileFault::NotOurs { why: why.into() } }
    }
}

impl FileFault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(source) => source.kind(),
            Self::TooLarge { .. } => ErrorKind::FileTooLarge,
            Self::Exposed { .. } => ErrorKind::PermissionDenied,
            Self::NotAFile { .. } | Self::NotOurs { .. } => ErrorKind::InvalidInput,
        }
    }
}

impl From<FileFault> for io::Error {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::Io(source) => source,
            fault => Self::new(fault.kind(), fault),
        }
    }
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        Self::new(error.fault.kind(), error)
    }
}

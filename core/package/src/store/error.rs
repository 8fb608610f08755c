//! Errors of the store.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use crate::PackageError;
use crate::container::{ContainerError, Digest, Name, NameError};
use crate::diagnostic::{Class, Diagnostic};
use crate::signature::SignatureError;
use crate::vfs::DiskError;

/// Why a package could not be installed, listed, verified, repaired or removed.
///
/// Whatever the error, the version that was installed before still is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The package itself.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// Its signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The file system refused.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// What was tried, as in `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk is too small, or has become full.
    #[error("`{path}` needs {needed_bytes} bytes more, there are {free_bytes} free")]
    NoSpace {
        /// The folder of the models.
        path: PathBuf,
        /// Bytes that are still to be written.
        needed_bytes: u64,
        /// Bytes that are free.
        free_bytes: u64,
    },
    /// Somebody else writes to the store.
    #[error("another process{} is installing or removing", process(*.pid))]
    Busy {
        /// Its process id, as far as it can be read.
        pid: Option<u32>,
        /// When it took the lock, in seconds since 1970 by its clock.
        started: Option<u64>,
    },
    /// A newer version is installed.
    #[error("version {installed} of `{name}` is installed, this package has version {offered}")]
    Downgrade {
        /// The model.
        name: Name,
        /// The installed version counter.
        installed: u64,
        /// The package's.
        offered: u64,
    },
    /// Something that the store did not make stands where the pointer goes.
    #[error("`{path}` is there and was not made by an installation")]
    NotOurs {
        /// What is there.
        path: PathBuf,
    },
    /// No such model.
    #[error("no model `{name}` is installed")]
    NotInstalled {
        /// The name asked for.
        name: Name,
    },
    /// Not a name that a model can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A repair was offered another package.
    #[error("the source is package {offered}, `{name}` was installed from {installed}")]
    OtherPackage {
        /// The model.
        name: Name,
        /// The id of the installed package.
        installed: Digest,
        /// The id of the source.
        offered: Digest,
    },
    /// The file system has no symbolic links.
    #[error("cannot make the link `{path}`: {source}")]
    NoLinks {
        /// The link.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Everything arrived intact, and is no package that we can open.
    #[error("the package does not open: {0}")]
    DoesNotOpen(#[source] PackageError),
    /// The caller cancelled.
    #[error("it was cancelled")]
    Cancelled,
}

impl StoreError {
    /// For `map_err`: what was tried, and where.
    pub(super) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl From<DiskError> for StoreError {
    fn from(DiskError { action, path, source }: DiskError) -> Self {
        Self::Io { action, path, source }
    }
}

impl Diagnostic for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Container(error) => error.code(),
            Self::Signature(error) => error.code(),
            Self::Io { .. } => "store_io",
            Self::NoSpace { .. } => "store_no_space",
            Self::Busy { .. } => "store_busy",
            Self::Downgrade { .. } => "store_downgrade",
            Self::NotOurs { .. } => "store_not_ours",
            Self::NotInstalled { .. } => "store_not_installed",
            Self::Name(_) => "store_name",
            Self::OtherPackage { .. } => "store_other_package",
            Self::NoLinks { .. } => "store_no_links",
            Self::DoesNotOpen(error) => error.code(),
            Self::Cancelled => "store_cancelled",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Container(error) => error.class(),
            Self::Signature(error) => error.class(),
            Self::DoesNotOpen(error) => error.class(),
            Self::NoLinks { .. } => Class::Unsupported,
            // A full, slow, read-only or unplugged disk has damaged nothing.
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Container(error) => error.remedy(),
            Self::Signature(error) => error.remedy(),
            Self::DoesNotOpen(error) => error.remedy(),
            Self::Io { .. } => {
                "check that the disk is there and can be written, then try again: what was done is kept"
                    .into()
            }
            Self::NoSpace { needed_bytes, free_bytes, .. } => format!(
                "free {} bytes, then try again: what was done is kept",
                needed_bytes.saturating_sub(*free_bytes)
            )
            .into(),
            Self::Busy { .. } => "wait until it is done".into(),
            Self::Downgrade { .. } => "get a newer package, or allow the downgrade".into(),
            Self::NotOurs { .. } => "move it away or rename it".into(),
            Self::NotInstalled { .. } => "choose one that `wheelwork list` shows".into(),
            Self::Name(_) => "choose a name of a-z, 0-9, `.`, `_` and `-`".into(),
            Self::OtherPackage { .. } => "give the package that was installed, or install the new one".into(),
            Self::NoLinks { .. } => "keep models on a file system with symbolic links".into(),
            Self::Cancelled => "start it again: what was done is kept".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Container(error) => error.place(),
            Self::Signature(error) => error.place(),
            Self::DoesNotOpen(error) => error.place(),
            Self::Io { path, .. }
            | Self::NoSpace { path, .. }
            | Self::NotOurs { path }
            | Self::NoLinks { path, .. } => Some(path.display().to_string()),
            Self::Downgrade { name, .. } | Self::NotInstalled { name } | Self::OtherPackage { name, .. } => {
                Some(name.to_string())
            }
            Self::Busy { .. } | Self::Name(_) | Self::Cancelled => None,
        }
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
}

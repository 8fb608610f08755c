//! Errors of the store.

use std::io;
use std::path::{Path, PathBuf};

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, choose, get, give, reinstall, retry, unsupported, wait_until,
};

use crate::PackageError;
use crate::container::{ContainerError, Digest, Name, NameError};
use crate::signature::SignatureError;
use crate::vfs::DiskError;

/// Why a package could not be installed, listed, verified, repaired or removed.
///
/// Whatever the error, the version that was installed before still is.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum StoreError {
    /// The package itself.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// Its signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The file system refused.
    #[error("cannot {action} `{path}`: {source}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The disk is too small, or has become full.
    #[error("`{path}` needs {needed_bytes} bytes more, there are {free_bytes} free")]
    NoSpace { path: PathBuf, needed_bytes: u64, free_bytes: u64 },
    /// Somebody else writes to the store.
    #[error("another process{} is installing or removing", process(*.pid))]
    Busy { pid: Option<u32>, started: Option<u64> },
    /// A newer version is installed.
    #[error("version {installed} of `{name}` is installed, this package has version {offered}")]
    Downgrade { name: Name, installed: u64, offered: u64 },
    /// A trusted key signed what is installed, and none signed this.
    #[error("`{name}` is installed as signed by {key}, and no trusted key signed this package")]
    Unvouched { name: Name, key: Digest },
    /// Something that the store did not make stands where it would write or remove.
    #[error("`{path}` is there and was not made by an installation")]
    NotOurs { path: PathBuf },
    /// No such model.
    #[error("no model `{name}` is installed")]
    NotInstalled { name: Name },
    /// Not a name that a model can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A repair was offered another package.
    #[error("the source is package {offered}, `{name}` was installed from {installed}")]
    OtherPackage { name: Name, installed: Digest, offered: Digest },
    /// The compact form of a variant is not to be had.
    #[error("the variant `{variant}` gets no compact form: {why}")]
    NotCompactable { variant: String, why: String },
    /// What is installed, or what its compact form gives back, is not what was installed.
    #[error("`{file}` is not what was installed from byte {offset} on")]
    NotWhole { file: String, offset: u64 },
    /// Everything arrived intact, and is no package that we can open.
    #[error("the package does not open: {0}")]
    DoesNotOpen(#[source] PackageError),
    /// The caller's own check of the package.
    #[error("the package cannot be used: {0}")]
    Refused(Box<dyn Diagnostic>),
    /// The caller cancelled.
    #[error("it was cancelled")]
    Cancelled,
}

impl StoreError {
    /// For `map_err`: what was tried, and where.
    pub(super) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| DiskError::of(action, path)(source).into()
    }
}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> Self {
        let is_not_ours = error.is_not_ours();
        let DiskError { action, path, source } = error;
        if is_not_ours { Self::NotOurs { path } } else { Self::Io { action, path, source } }
    }
}

impl Diagnostic for StoreError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Container(error) => error.diagnosis(),
            Self::Signature(error) => error.diagnosis(),
            Self::DoesNotOpen(error) => error.diagnosis(),
            Self::Refused(error) => error.diagnosis(),
            // A full, slow, read-only or unplugged disk has damaged nothing.
            Self::Io { path, .. } => retry("store_io", Remedy::CheckStorage).file(path),
            Self::NoSpace { path, needed_bytes, free_bytes } => {
                retry("store_no_space", Remedy::FreeDisk { bytes: needed_bytes.saturating_sub(*free_bytes) })
                    .file(path)
            }
            Self::Busy { .. } => retry("store_busy", wait_until("it is done")),
            Self::Downgrade { name, .. } => {
                retry("store_downgrade", get("a newer package, or allow the downgrade")).at(name)
            }
            Self::Unvouched { name, .. } => retry(
                "store_unvouched",
                get("the package with its publisher's signature, or remove the installed one first"),
            )
            .at(name),
            Self::NotOurs { path } => retry("store_not_ours", Remedy::MoveAway).file(path),
            Self::NotInstalled { name } => retry("store_not_installed", Remedy::ChooseInstalled).at(name),
            Self::Name(_) => retry("store_name", choose("a name of a-z, 0-9, `.`, `_` and `-`")),
            Self::OtherPackage { name, .. } => {
                retry("store_other_package", give("the package that was installed, or install the new one"))
                    .at(name)
            }
            Self::NotCompactable { variant, .. } => {
                unsupported("store_not_compactable", Remedy::UseAsItIs).at(variant)
            }
            Self::NotWhole { file, .. } => {
                reinstall("store_not_whole", give("the package file that it was installed from to `repair`"))
                    .at(file)
            }
            Self::Cancelled => retry("store_cancelled", Remedy::Continue),
        }
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
}

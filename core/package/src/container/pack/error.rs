//! Errors of packing.

use std::io;
use std::path::{Path, PathBuf};

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, bug, choose, correct, give, reinstall, retry, wait_until,
};

use super::options::LEVELS;
use crate::PackageError;
use crate::container::{ContainerError, Digest, NameError};
use crate::vfs::DiskError;

/// Why a folder could not be packed. Nothing stands under the output's name afterwards that was not there before.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum PackError {
    /// The folder is no package that opens.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// What would be written breaks a rule of the format.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The file system refused.
    #[error("cannot {action} `{path}`: {source}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A name that a container cannot hold.
    #[error("`{path}` cannot be packed: {error}")]
    Name { path: PathBuf, error: NameError },
    /// A link, a device, or a folder in a folder.
    #[error("`{path}` cannot be packed: it is no file, and no folder of the package's root")]
    NotAFile { path: PathBuf },
    /// The output would stand in the folder that is packed.
    #[error("`{path}` is in the folder that is packed")]
    OutputInside { path: PathBuf },
    /// A link, a folder or a device stands where the output goes.
    #[error("`{path}` is there and is no file that could be replaced")]
    OutputNotAFile { path: PathBuf },
    /// A file of a variant that the card does not list.
    #[error("`{file}` is not listed in wheelwork.json")]
    NotInCard { file: String },
    /// A file that differs from what the card says.
    #[error("`{file}` has the SHA-256 {found}, wheelwork.json says another")]
    Card { file: String, found: Digest },
    /// The weights of an installed model are there in another form only.
    #[error("the weights of the variant `{variant}` are in their compact form alone")]
    Compact { variant: String },
    /// A file changed while it was being packed.
    #[error("`{path}` changed while it was being packed")]
    Changed { path: PathBuf },
    /// A compression level that zstd does not have.
    #[error("the compression level is {level}, expected {} to {}", LEVELS.start(), LEVELS.end())]
    Level { level: i32 },
    /// zstd failed, or did not give back what it was given.
    #[error("compression failed: {detail}")]
    Compress { detail: String },
    /// The head came out longer or shorter than the room that was left for it.
    #[error("the head has {found} bytes, {planned} were planned")]
    HeadLength { planned: u64, found: u64 },
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
    fn from(error: DiskError) -> Self {
        let is_not_ours = error.is_not_ours();
        let DiskError { action, path, source } = error;
        if is_not_ours { Self::OutputNotAFile { path } } else { Self::Io { action, path, source } }
    }
}

impl Diagnostic for PackError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Package(error) => error.diagnosis(),
            Self::Container(error) => error.diagnosis(),
            Self::Io { path, .. } => retry("pack_io", Remedy::CheckStorage).file(path),
            Self::Name { path, .. } => retry("pack_name", correct("its name")).file(path),
            Self::NotAFile { path } => retry("pack_not_a_file", Remedy::MoveAway).file(path),
            Self::OutputInside { path } => {
                retry("pack_output_inside", choose("an output outside of the folder")).file(path)
            }
            Self::OutputNotAFile { path } => retry("pack_output_not_a_file", Remedy::MoveAway).file(path),
            Self::NotInCard { file } => reinstall("pack_not_in_card", Remedy::MoveAway).at(file),
            Self::Card { file, .. } => reinstall("pack_card", Remedy::Reinstall).at(file),
            Self::Compact { variant } => {
                retry("pack_compact", give("the model after its own weights were brought back")).at(variant)
            }
            Self::Changed { path } => {
                retry("pack_changed", wait_until("nobody writes to the folder")).file(path)
            }
            Self::Level { .. } => retry("pack_level", choose("a level that zstd has")),
            Self::Compress { .. } => bug("pack_compress", Remedy::Report),
            Self::HeadLength { .. } => bug("pack_head_length", Remedy::Report),
            Self::Cancelled => retry("pack_cancelled", Remedy::Retry),
        }
    }
}

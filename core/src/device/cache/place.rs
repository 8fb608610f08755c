//! Where what is derived from a package may be kept.

use std::path::{Path, PathBuf};

use wheelwork_package::container::Digest;
use wheelwork_package::vfs::DiskError;

use super::made_here::Maker;

/// The caller's own folders for what is derived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    /// [`crate::OpenOptions::cache_dir`].
    pub(crate) cache_dir: Option<&'a Path>,
    /// [`crate::OpenOptions::keys_dir`].
    pub(crate) keys_dir: Option<&'a Path>,
}

/// Where what is derived from a package is kept.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(super) folder: PathBuf,
    /// Who proves that it was made here; `None` where the folder is the caller's own.
    pub(super) maker: Option<Maker>,
}

/// `ID.N/prepared` beside `ID.N/package` of an installed model, which anybody may have made: with proofs. Else a folder of
/// the cache.
pub(crate) fn place(package: &Path, own: Own<'_>) -> Result<Option<Place>, DiskError> {
    let package = fs_err::canonicalize(package).map_err(DiskError::of("find", package))?;
    if let Some(keys_dir) = own.keys_dir
        && let Some(folder) = beside(&package)
    {
        return Ok(Some(Place { folder, maker: Some(Maker::new(keys_dir)) }));
    }
    let in_cache = |cache: &Path| cache.join(Digest::of(package.as_os_str().as_encoded_bytes()).short());
    Ok(own.cache_dir.map(|cache| Place::own(in_cache(cache))))
}

impl Place {
    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder of the caller's own.
    pub(crate) fn own(folder: PathBuf) -> Self {
        Self { folder, maker: None }
    }
}

fn beside(package: &Path) -> Option<PathBuf> {
    let version = package.parent()?;
    let is_installed = package.ends_with("package")
        && version.join("record.json").is_file()
        && version.ancestors().nth(3)?.ends_with(".wheelwork");
    is_installed.then(|| version.join("prepared"))
}

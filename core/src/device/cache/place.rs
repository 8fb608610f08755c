//! Where what is derived from a package may be kept.

use std::path::{Path, PathBuf};

use wheelwork_package::vfs::DiskError;

use super::key::digest;

/// `ID.N/prepared` beside `ID.N/package` of an installed model, else a folder of the cache.
pub(crate) fn place(package: &Path, cache_dir: Option<&Path>) -> Result<Option<PathBuf>, DiskError> {
    let package = fs_err::canonicalize(package).map_err(DiskError::of("find", package))?;
    let in_cache = || Some(cache_dir?.join(digest(package.as_os_str().as_encoded_bytes())));
    Ok(beside(&package).or_else(in_cache))
}

fn beside(package: &Path) -> Option<PathBuf> {
    let version = package.parent()?;
    let is_installed = package.ends_with("package")
        && version.join("record.json").is_file()
        && version.ancestors().nth(3)?.ends_with(".wheelwork");
    is_installed.then(|| version.join("prepared"))
}

//! What `pack` and the installation of a folder have in common: the library's packing, with its progress.

use std::path::Path;

use wheelwork::CancelToken;
use wheelwork_package::container::Name;
use wheelwork_package::container::pack::{PackOptions, PackReport, pack};
use wheelwork_package::signature::SecretKey;

use crate::failure::Failure;
use crate::progress;

/// The name that a folder is packed under: the package's own.
pub(super) fn name_of(folder: &Path) -> Result<Name, Failure> {
    Ok(Name::nearest(&wheelwork_package::open(folder)?.name))
}

/// Packs a folder.
pub(super) fn pack_folder(
    folder: &Path,
    out: &Path,
    options: &PackOptions,
    key: Option<&SecretKey>,
    cancel: &CancelToken,
    json: bool,
) -> Result<PackReport, Failure> {
    Ok(progress::shown(json, cancel, |watch| pack(folder, out, options, key, watch))?)
}

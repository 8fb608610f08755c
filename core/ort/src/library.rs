//! Where the library may be.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

/// Names the library's file; nothing else is tried where it is set.
pub const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";

/// The files that are tried, in this order: [`PATH_VARIABLE`]; beside the executable and in its `lib`
/// folder; by plain name, which asks the system's loader.
#[must_use]
pub fn candidates() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os(PATH_VARIABLE).filter(|path| !path.is_empty()) {
        return vec![PathBuf::from(path)];
    }
    let name = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
    let executable = std::env::current_exe().ok();
    let beside = executable.as_deref().and_then(Path::parent);
    beside
        .into_iter()
        .flat_map(|folder| [folder.join(&name), folder.join("lib").join(&name)])
        .filter(|path| path.is_file())
        .chain([PathBuf::from(&name)])
        .collect()
}

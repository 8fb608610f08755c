//! Whether a provider can be used on this machine: its library found and registered, and a device under it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use wheelwork_ort::{PluginDevice, PluginError, Runtime, plugin};

use super::placement::NotUsedReason;
use super::provider::{PluginLibrary, Provider};

/// Why a provider cannot be used, with what was said about it.
pub type Refusal = (NotUsedReason, Option<String>);

/// Registers a provider's library, once a process, and returns its devices; none for what ONNX Runtime's own library
/// holds.
///
/// # Errors
/// The reason, for reports.
pub fn detect(provider: &Provider, runtime: &Runtime) -> Result<Vec<PluginDevice>, Refusal> {
    let Some(library) = &provider.library else { return Ok(Vec::new()) };
    let path = library.find(&runtime.path).map_err(|detail| (NotUsedReason::LibraryMissing, Some(detail)))?;
    let refused = |error: PluginError| {
        let reason = match error {
            PluginError::Missing { .. } => NotUsedReason::LibraryMissing,
            _ => NotUsedReason::LibraryRefused,
        };
        (reason, Some(error.to_string()))
    };
    plugin::register(runtime, provider.ep, &path).map_err(refused)?;
    if let Some(backend) = library.backend_beside(&path).filter(|_| path.components().count() > 1) {
        plugin::check(&backend).map_err(refused)?;
    }
    let devices = plugin::devices(runtime, provider.ep);
    if devices.is_empty() { Err((NotUsedReason::NoDevice, None)) } else { Ok(devices) }
}

impl PluginLibrary {
    /// The backend's file, beside the provider's.
    #[must_use]
    pub fn backend_beside(&self, library: &Path) -> Option<PathBuf> {
        Some(library.with_file_name(file_name(self.backend?)))
    }

    /// The library's file: in the folder that the variable names; else beside the executable, in its `lib` folder, or
    /// beside ONNX Runtime.
    ///
    /// # Errors
    /// Where it was looked for.
    pub fn find(&self, onnxruntime: &Path) -> Result<PathBuf, String> {
        let file = file_name(self.stem);
        if let Some(folder) = std::env::var_os(self.folder_variable) {
            if folder.is_empty() {
                return Err(format!("{} is set to nothing", self.folder_variable));
            }
            return Ok(Path::new(&folder).join(file));
        }
        if cfg!(target_os = "android") {
            // The app's own folder of libraries is no path that can be looked into: the system's loader knows it.
            return Ok(file.into());
        }
        let executable = std::env::current_exe().ok();
        let beside = executable.as_deref().and_then(Path::parent);
        let folders = beside
            .into_iter()
            .flat_map(|folder| [folder.to_owned(), folder.join("lib")])
            // A plain name, which the system's loader found, stands in no folder that is known.
            .chain(onnxruntime.parent().filter(|folder| folder.is_absolute()).map(Path::to_owned));
        folders.map(|folder| folder.join(&file)).find(|path| path.is_file()).ok_or_else(|| {
            format!(
                "{file} is neither beside the program nor beside ONNX Runtime, and {} is not set",
                self.folder_variable
            )
        })
    }
}

/// A library's file in the system's manner.
fn file_name(stem: &str) -> String {
    format!("{DLL_PREFIX}{stem}{DLL_SUFFIX}")
}

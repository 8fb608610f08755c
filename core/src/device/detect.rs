//! Whether a provider can be used on this machine: its library found and registered, and a device under it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use wheelwork_ort::{DeviceKind, LibraryError, PluginDevice, PluginError, Runtime, plugin};

use super::placement::{Device, NotUsedReason};
use super::provider::{PluginLibrary, Provider, Support};
use super::table::PROVIDERS;

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

/// What this machine has of a provider.
#[derive(Debug, Clone)]
pub struct Detected {
    /// The row of the table.
    pub provider: &'static Provider,
    /// Its devices, none for what ONNX Runtime's own library holds; or why it cannot be used.
    pub devices: Result<Vec<DetectedDevice>, Refusal>,
}

/// A device that a provider offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedDevice {
    /// What it is. Where it is a CPU and the provider drives another kind, it is simulated there.
    pub kind: Device,
    /// Who made it, as the system says; may be empty.
    pub vendor: String,
    /// Who made the provider.
    pub provider_vendor: String,
}

/// What this machine has of every provider in the table, in its order. Loads ONNX Runtime and the providers' libraries,
/// which stay loaded: up to some seconds at the first call.
///
/// # Errors
/// [`LibraryError`] where there is no ONNX Runtime.
pub fn detect_all() -> Result<Vec<Detected>, LibraryError> {
    let runtime = wheelwork_ort::environment()?;
    let look = |provider: &'static Provider| {
        let devices = match provider.support {
            Support::NotInThisBuild => Err((NotUsedReason::NotInThisBuild, None)),
            Support::Unproven | Support::Supported => detect(provider, &runtime),
        };
        let devices = devices.map(|devices| devices.into_iter().map(DetectedDevice::from).collect());
        Detected { provider, devices }
    };
    Ok(PROVIDERS.iter().map(look).collect())
}

impl From<PluginDevice> for DetectedDevice {
    fn from(PluginDevice { kind, vendor, provider_vendor }: PluginDevice) -> Self {
        let kind = match kind {
            DeviceKind::Cpu => Device::Cpu,
            DeviceKind::Gpu => Device::Gpu,
            DeviceKind::Npu => Device::Npu,
        };
        Self { kind, vendor, provider_vendor }
    }
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

//! Execution providers that are libraries of their own.
//!
//! [`register`] loads one into the process's environment, [`devices`] tells what it found. A library stays loaded: there
//! is no call to be rid of it that is safe while sessions may live.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::builder::SessionBuilder;

use crate::Runtime;
use crate::object_file::{self, Processor, Unfit};
use crate::plugin_error::PluginError;

/// The name of the provider that is always there.
pub const CPU_PROVIDER: &str = "CPUExecutionProvider";

/// A device that a provider offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginDevice {
    /// What it is.
    pub kind: DeviceKind,
    /// Who made the device, as the system says; may be empty.
    pub vendor: String,
    /// Who made the provider.
    pub provider_vendor: String,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A CPU.
    Cpu,
    /// A GPU.
    Gpu,
    /// An NPU.
    Npu,
}

/// The provider libraries of this process, by the provider's name.
static REGISTERED: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// Registers the library of the provider that ONNX Runtime is to know as `provider`. A provider that is registered
/// already stays as it is, wherever it came from.
///
/// # Errors
/// [`PluginError`]; a call can be repeated.
pub fn register(runtime: &Runtime, provider: &str, library: &Path) -> Result<(), PluginError> {
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if registered.contains_key(provider) {
        return Ok(());
    }
    // The system's loader finds plain names in places of its own; anything else is looked at first.
    if library.components().count() > 1 {
        check(library)?;
    }
    runtime
        .environment
        .register_ep_library(provider, library)
        .map_err(|error| PluginError::of(library, &error.to_string()))?;
    registered.insert(provider.to_owned(), library.into());
    Ok(())
}

/// The devices of a registered provider.
#[must_use]
pub fn devices(runtime: &Runtime, provider: &str) -> Vec<PluginDevice> {
    let devices =
        runtime.environment.devices().filter(|device| device.ep().is_ok_and(|name| name == provider));
    let device = |device: ort::device::Device<'_>| {
        let hardware = device.hardware_device();
        PluginDevice {
            kind: match hardware.ty() {
                ort::memory::DeviceType::NPU => DeviceKind::Npu,
                ort::memory::DeviceType::GPU => DeviceKind::Gpu,
                _ => DeviceKind::Cpu,
            },
            vendor: hardware.vendor().unwrap_or_default().to_owned(),
            provider_vendor: device.ep_vendor().unwrap_or_default().to_owned(),
        }
    };
    devices.map(device).collect()
}

/// Puts a session on the CPU. Said, not left to ONNX Runtime: with a plugin registered whose device is the
/// CPU, it would give sessions that name no device to the plugin.
///
/// # Errors
/// What ONNX Runtime says.
pub fn on_cpu(builder: SessionBuilder, environment: &Environment) -> ort::Result<SessionBuilder> {
    let cpu = environment.devices().find(|device| device.ep().is_ok_and(|name| name == CPU_PROVIDER));
    Ok(builder.with_devices(cpu, None)?)
}

/// Says in time what the system's loader would say in its own words, or not at all. Also for what a provider loads in
/// its turn.
///
/// # Errors
/// [`PluginError`], but for what only loading shows.
pub fn check(library: &Path) -> Result<(), PluginError> {
    let path = || library.to_path_buf();
    let unfit = object_file::examine(library).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => PluginError::Missing { path: path() },
        _ => PluginError::NotLoadable { path: path(), message: error.to_string() },
    })?;
    match unfit {
        None => Ok(()),
        Some(Unfit::Processor(found)) => Err(PluginError::WrongProcessor {
            path: path(),
            found: found.to_string(),
            expected: Processor::OF_THIS_PROGRAM.to_string(),
        }),
        Some(Unfit::Truncated { bytes, needed }) => {
            Err(PluginError::Truncated { path: path(), bytes, needed })
        }
    }
}

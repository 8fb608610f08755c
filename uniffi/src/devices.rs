//! What this build could run on, and what of it this machine has.

use std::path::Path;

use wheelwork::device::{self, PROVIDERS, Support};
use wheelwork::{RuntimeFacts, runtime};

use crate::convert::{count, mirror};
use crate::edge::{guarded, safely};
use crate::{Device, FfiError, NotUsedReason};

/// One way to run a model.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ProviderFacts {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The device it drives.
    pub device: Device,
    /// What the device is, for a person.
    pub hardware: String,
    /// Whether this build has code for it. Whether the machine has the device shows [`detect_devices`].
    pub in_this_build: bool,
}

/// What this machine has of a way to run a model.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DetectedProvider {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The device it drives.
    pub device: Device,
    /// What the device is, for a person.
    pub hardware: String,
    /// How far it was proven.
    pub support: ProviderSupport,
    /// Whether this machine's CPU only computes what the device would.
    pub simulator: bool,
    /// The options that opening a model takes for it.
    pub options: Vec<String>,
    /// The devices that it offers here; none for what ONNX Runtime's own library holds, and where it cannot be used.
    pub devices: Vec<DetectedDevice>,
    /// Why it cannot be used; absent where it can.
    pub unusable: Option<Unusable>,
}

/// A device that a provider offers.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DetectedDevice {
    /// What it is. Where it is a CPU and the provider drives another kind, it is simulated there.
    pub kind: Device,
    /// Who made it, as the system says; may be empty.
    pub vendor: String,
    /// Who made the provider.
    pub provider_vendor: String,
}

/// Why a provider cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Unusable {
    /// The kind of reason.
    pub reason: NotUsedReason,
    /// The same for a person, after "because".
    pub words: String,
    /// What the system or ONNX Runtime said, where it said something.
    pub detail: Option<String>,
}

/// The process's ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OnnxRuntime {
    /// `MAJOR.MINOR.PATCH`.
    pub version: String,
    /// The file that was loaded, as it was given to the system's loader.
    pub path: String,
    /// What the library says of its build.
    pub build: String,
}

mirror! {
    /// How far a provider was proven.
    ProviderSupport = Support {
        /// Tested; taken wherever it can be used.
        Supported,
        /// Nobody ran it on the hardware that it is for. Taken where its device is asked for by name.
        Unproven,
        /// This build has no code for it.
        NotInThisBuild,
    }
}

/// Every execution provider that Wheelwork knows of, the best device first; an empty list after a defect of ours.
/// Microseconds, on any thread: nothing is loaded.
#[uniffi::export]
#[must_use]
pub fn devices() -> Vec<ProviderFacts> {
    let facts = || {
        let facts = PROVIDERS.iter().map(|provider| ProviderFacts {
            provider: provider.ep.to_owned(),
            device: provider.device.into(),
            hardware: provider.hardware.to_owned(),
            in_this_build: provider.support == Support::Supported,
        });
        facts.collect()
    };
    safely("devices", Vec::new, facts)
}

/// What this machine has of every provider, the best device first, and why the others cannot be used. Loads ONNX Runtime
/// and the providers' libraries, which stay loaded: up to some seconds at the first call. Needs no model.
///
/// # Errors
/// ONNX Runtime missing, too old or made for another machine, each with its code.
#[uniffi::export]
pub fn detect_devices() -> Result<Vec<DetectedProvider>, FfiError> {
    guarded(|| {
        let detected = device::detect_all()?;
        Ok(detected.into_iter().map(Into::into).collect())
    })
}

/// The ONNX Runtime of this process, loaded if need be: some ten milliseconds.
///
/// # Errors
/// As [`detect_devices`]. A failed call can be repeated.
#[uniffi::export]
pub fn onnx_runtime() -> Result<OnnxRuntime, FfiError> {
    guarded(|| Ok(runtime()?.into()))
}

/// Lets devices be tried again that took the process down or could not compile a model: what the remedy
/// `allow_device_again` asks for. Returns how many were forgotten. Removes small files.
///
/// # Errors
/// `trials_io` where the folder cannot be written.
#[uniffi::export]
pub fn allow_devices_again(trials_dir: String) -> Result<u32, FfiError> {
    guarded(|| {
        let forgotten = device::trial::forget(Path::new(&trials_dir));
        forgotten.map(count).map_err(|error| FfiError::trials(&trials_dir, &error))
    })
}

impl From<device::Detected> for DetectedProvider {
    fn from(detected: device::Detected) -> Self {
        let device::Detected { provider, devices } = detected;
        let (devices, unusable) = match devices {
            Ok(devices) => (devices.into_iter().map(Into::into).collect(), None),
            Err((reason, detail)) => {
                let words = reason.describe().to_owned();
                (Vec::new(), Some(Unusable { reason: reason.into(), words, detail }))
            }
        };
        Self {
            provider: provider.ep.to_owned(),
            device: provider.device.into(),
            hardware: provider.hardware.to_owned(),
            support: provider.support.into(),
            simulator: unusable.is_none() && provider.is_simulated_here(),
            options: provider.options.iter().map(|option| option.name.to_owned()).collect(),
            devices,
            unusable,
        }
    }
}

impl From<device::DetectedDevice> for DetectedDevice {
    fn from(device: device::DetectedDevice) -> Self {
        let device::DetectedDevice { kind, vendor, provider_vendor } = device;
        Self { kind: kind.into(), vendor, provider_vendor }
    }
}

impl From<RuntimeFacts> for OnnxRuntime {
    fn from(facts: RuntimeFacts) -> Self {
        let RuntimeFacts { version, path, build } = facts;
        Self { version, path: path.display().to_string(), build }
    }
}

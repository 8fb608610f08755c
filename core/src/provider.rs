//! Which device runs the model: package variants + what the caller wants -> one choice, with reasons for the
//! rest.
//!
//! [`PROVIDERS`] is the table. Planning is a pure function of it, so that every decision can be tested and is
//! reported as [`Placement`] in the first event. Nothing falls back in silence: [`Placement::not_used`] names
//! each better device with the reason, and a strict request fails with the same list.

use serde::{Deserialize, Serialize};
use wheelwork_package::OpenPackage;
use wheelwork_package::card::KvForm;

use crate::Error;
use crate::prepare::Prepared;

/// The device that the caller wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DevicePreference {
    /// The best one that this package and this build can use.
    #[default]
    Auto,
    /// A neural processing unit.
    Npu,
    /// A graphics processor.
    Gpu,
    /// The processor.
    Cpu,
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// A neural processing unit.
    Npu,
    /// A graphics processor.
    Gpu,
    /// The processor.
    Cpu,
}

/// Whether the runtime can drive a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Tested.
    Supported,
    /// The table knows it; this build has no code for it.
    NotInThisBuild,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// ONNX Runtime's name.
    pub ep: &'static str,
    /// The device it drives.
    pub device: Device,
    /// What the device is, for a person.
    pub hardware: &'static str,
    /// Whether this build can use it.
    pub support: Support,
}

/// Every execution provider that the design plans for, the best device first.
pub const PROVIDERS: &[Provider] = &[
    provider("QNNExecutionProvider", Device::Npu, "Qualcomm Hexagon NPU", Support::NotInThisBuild),
    provider("VitisAIExecutionProvider", Device::Npu, "AMD XDNA NPU", Support::NotInThisBuild),
    provider("OpenVINOExecutionProvider", Device::Npu, "Intel NPU", Support::NotInThisBuild),
    provider("CoreMLExecutionProvider", Device::Gpu, "Apple Neural Engine and GPU", Support::NotInThisBuild),
    provider("DmlExecutionProvider", Device::Gpu, "DirectX 12 GPU", Support::NotInThisBuild),
    provider("WebGpuExecutionProvider", Device::Gpu, "GPU through WebGPU", Support::NotInThisBuild),
    provider("CPUExecutionProvider", Device::Cpu, "processor", Support::Supported),
];

const fn provider(ep: &'static str, device: Device, hardware: &'static str, support: Support) -> Provider {
    Provider { ep, device, hardware, support }
}

/// Where a model runs, as a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// The device that runs the graph.
    pub device: Device,
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The package's variant.
    pub variant: String,
    /// Threads of ONNX Runtime's pool.
    pub threads: usize,
    /// How keys and values are cached.
    pub kv_cache: KvForm,
    /// Whether it runs on the form prepared for this machine.
    pub prepared: Prepared,
    /// The devices that were asked for, or would be better, and are not used.
    pub not_used: Vec<NotUsed>,
}

/// A device that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotUsed {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The kind of device.
    pub device: Device,
    /// Why.
    pub reason: NotUsedReason,
}

/// Why a device is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotUsedReason {
    /// This build has no code for the provider.
    NotInThisBuild,
    /// The package was not quantised for it.
    NoVariant,
    /// The caller asked for another device.
    NotRequested,
}

impl NotUsedReason {
    /// For a person, after "because".
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::NotInThisBuild => "this build cannot drive it",
            Self::NoVariant => "the package has no variant for it",
            Self::NotRequested => "another device was asked for",
        }
    }
}

/// Chooses a provider and its variant.
///
/// With `strict`, a preference other than `Auto` is a condition: without it the best other device is taken
/// and the wish is listed in [`Placement::not_used`].
///
/// # Errors
/// [`Error::NoUsableDevice`] with every provider's reason.
pub fn plan(
    package: &OpenPackage,
    preference: DevicePreference,
    strict: bool,
    threads: usize,
) -> Result<Placement, Error> {
    let wanted = |device: Device| match preference {
        DevicePreference::Auto => true,
        DevicePreference::Npu => device == Device::Npu,
        DevicePreference::Gpu => device == Device::Gpu,
        DevicePreference::Cpu => device == Device::Cpu,
    };
    let mut not_used = Vec::new();
    let first = PROVIDERS.iter().filter(|provider| wanted(provider.device));
    let rest = PROVIDERS.iter().filter(|provider| !wanted(provider.device));
    for (provider, allowed) in
        first.map(|provider| (provider, true)).chain(rest.map(|provider| (provider, !strict)))
    {
        let variant = package.variants.iter().find(|(_, variant)| variant.target.ep == provider.ep);
        let reason = match (variant, provider.support) {
            _ if !allowed => NotUsedReason::NotRequested,
            (_, Support::NotInThisBuild) => NotUsedReason::NotInThisBuild,
            (None, Support::Supported) => NotUsedReason::NoVariant,
            (Some((name, _)), Support::Supported) => {
                return Ok(Placement {
                    device: provider.device,
                    provider: provider.ep.to_owned(),
                    variant: name.clone(),
                    threads,
                    // Known when the graph is loaded.
                    kv_cache: KvForm::Float,
                    prepared: Prepared::NotWanted,
                    not_used,
                });
            }
        };
        not_used.push(NotUsed { provider: provider.ep.to_owned(), device: provider.device, reason });
    }
    Err(Error::NoUsableDevice { preference, strict, not_used })
}

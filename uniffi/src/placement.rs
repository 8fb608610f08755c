//! Where a model runs, as a fact.

use wheelwork::{Prepared, provider};

use crate::KvForm;
use crate::convert::count;

/// Where a model runs, and why not elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Placement {
    /// The device that runs the graph.
    pub device: Device,
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The package's variant.
    pub variant: String,
    /// Threads of ONNX Runtime's pool.
    pub threads: u32,
    /// How keys and values are cached.
    pub kv_cache: KvForm,
    /// Why it does not run on the form prepared for this machine; absent where it does.
    pub not_prepared: Option<String>,
    /// The devices that were asked for, or would be better, and are not used.
    pub not_used: Vec<NotUsed>,
}

/// A device that is not used.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NotUsed {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The kind of device.
    pub device: Device,
    /// Why, for a person, after "because".
    pub reason: String,
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Device {
    /// A neural processing unit.
    Npu,
    /// A graphics processor.
    Gpu,
    /// The processor.
    Cpu,
}

impl From<&provider::Placement> for Placement {
    fn from(placement: &provider::Placement) -> Self {
        let not_used = placement.not_used.iter().map(|row| NotUsed {
            provider: row.provider.clone(),
            device: row.device.into(),
            reason: row.reason.describe().to_owned(),
        });
        Self {
            device: placement.device.into(),
            provider: placement.provider.clone(),
            variant: placement.variant.clone(),
            threads: count(placement.threads),
            kv_cache: placement.kv_cache.into(),
            not_prepared: (placement.prepared != Prepared::Used)
                .then(|| placement.prepared.describe().to_owned()),
            not_used: not_used.collect(),
        }
    }
}

impl From<provider::Device> for Device {
    fn from(device: provider::Device) -> Self {
        match device {
            provider::Device::Npu => Self::Npu,
            provider::Device::Gpu => Self::Gpu,
            provider::Device::Cpu => Self::Cpu,
        }
    }
}

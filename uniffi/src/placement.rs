//! Where a model runs, as a fact.

use wheelwork::{Prepared, device};

use crate::KvForm;
use crate::convert::count;

/// Where a model runs, and why not elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Placement {
    /// The device that runs the graph.
    pub device: Device,
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The device is computed by this machine's CPU: right numbers, nothing of its speed.
    pub simulator: bool,
    /// The package's variant.
    pub variant: String,
    /// Threads of ONNX Runtime's pool.
    pub threads: u32,
    /// How keys and values are cached.
    pub kv_cache: KvForm,
    /// Why it does not run on the form prepared for this machine; absent where it does.
    pub not_prepared: Option<String>,
    /// Which provider really got the nodes of each graph.
    pub graphs: Vec<GraphPlacement>,
    /// The devices that were asked for, or would be better, and are not used.
    pub not_used: Vec<NotUsed>,
}

/// How the nodes of a graph were shared out.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GraphPlacement {
    /// The graph's file.
    pub graph: String,
    /// Bytes of weights, or of compiled binaries, that the graph reads.
    pub weight_bytes: u64,
    /// Each provider that got any.
    pub shares: Vec<Share>,
}

/// What a provider got of a graph.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Share {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// Nodes.
    pub nodes: u32,
    /// Their operators, each once, in alphabetical order.
    pub operators: Vec<String>,
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
    /// What the system or ONNX Runtime said, where it said something.
    pub detail: Option<String>,
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Device {
    /// A neural processing unit.
    Npu,
    /// A GPU.
    Gpu,
    /// The CPU.
    Cpu,
}

impl From<&device::Placement> for Placement {
    fn from(placement: &device::Placement) -> Self {
        let not_used = placement.not_used.iter().map(|row| NotUsed {
            provider: row.provider.clone(),
            device: row.device.into(),
            reason: row.reason.describe().to_owned(),
            detail: row.detail.clone(),
        });
        Self {
            device: placement.device.into(),
            provider: placement.provider.clone(),
            simulator: placement.simulator,
            variant: placement.variant.clone(),
            threads: count(placement.threads),
            kv_cache: placement.kv_cache.into(),
            not_prepared: (placement.prepared != Prepared::Used)
                .then(|| placement.prepared.describe().to_owned()),
            graphs: placement.graphs.iter().map(Into::into).collect(),
            not_used: not_used.collect(),
        }
    }
}

impl From<&device::GraphPlacement> for GraphPlacement {
    fn from(placement: &device::GraphPlacement) -> Self {
        let shares = placement.shares.iter().map(|share| Share {
            provider: share.provider.clone(),
            nodes: count(share.nodes),
            operators: share.operators.clone(),
        });
        Self {
            graph: placement.graph.clone(),
            weight_bytes: placement.weight_bytes,
            shares: shares.collect(),
        }
    }
}

impl From<device::Device> for Device {
    fn from(device: device::Device) -> Self {
        match device {
            device::Device::Npu => Self::Npu,
            device::Device::Gpu => Self::Gpu,
            device::Device::Cpu => Self::Cpu,
        }
    }
}

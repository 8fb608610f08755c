//! Where a model runs, as a fact.

use wheelwork::{Prepared, device};

use crate::KvForm;
use crate::convert::{count, mirror};

/// Where a model runs, and why not elsewhere.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Placement {
    /// The device that runs the graph.
    pub device: Device,
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// Whose code computes.
    pub kernels: KernelSet,
    /// The device is computed by this machine's processor: right numbers, nothing of its speed.
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
    /// What the provider computed for a fixed prompt; absent on the CPU.
    pub self_check: Option<SelfCheck>,
    /// The devices that were asked for, or would be better, and are not used.
    pub not_used: Vec<NotUsed>,
}

/// What a provider computed for a fixed prompt, against the logits that the package holds, or the CPU's where the graph
/// runs there too.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Enum)]
pub enum SelfCheck {
    /// The expected logits, up to this relative root mean square difference.
    Passed {
        /// The larger one of prefill and decode.
        relative_rms: f32,
    },
    /// It passed at an earlier open with the same libraries and package.
    PassedBefore,
    /// The package holds no logits to compare with.
    NotInPackage,
    /// Memory is short for the graph on the CPU, which it would be compared with.
    NoMemory,
    /// The caller wanted none.
    Skipped,
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

mirror! {
    /// Whose code computes a graph.
    KernelSet = device::KernelSet {
        /// ONNX Runtime's own, or those of the provider that it drives.
        OnnxRuntime,
    }
    /// A kind of device.
    Device = device::Device {
        /// A neural processing unit.
        Npu,
        /// A GPU.
        Gpu,
        /// The CPU.
        Cpu,
    }
}

impl From<device::Placement> for Placement {
    fn from(placement: device::Placement) -> Self {
        let device::Placement {
            device,
            provider,
            kernels,
            simulator,
            variant,
            threads,
            kv_cache,
            prepared,
            graphs,
            self_check,
            not_used,
        } = placement;
        Self {
            device: device.into(),
            provider,
            kernels: kernels.into(),
            simulator,
            variant,
            threads: count(threads),
            kv_cache: kv_cache.into(),
            not_prepared: (prepared != Prepared::Used).then(|| prepared.describe().to_owned()),
            graphs: graphs.into_iter().map(Into::into).collect(),
            self_check: self_check.map(Into::into),
            not_used: not_used.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<device::GraphPlacement> for GraphPlacement {
    fn from(placement: device::GraphPlacement) -> Self {
        let device::GraphPlacement { graph, weight_bytes, shares } = placement;
        Self { graph, weight_bytes, shares: shares.into_iter().map(Into::into).collect() }
    }
}

impl From<device::Share> for Share {
    fn from(share: device::Share) -> Self {
        let device::Share { provider, nodes, operators } = share;
        Self { provider, nodes: count(nodes), operators }
    }
}

impl From<device::NotUsed> for NotUsed {
    fn from(row: device::NotUsed) -> Self {
        let device::NotUsed { provider, device, reason, detail } = row;
        Self { provider, device: device.into(), reason: reason.describe().to_owned(), detail }
    }
}

impl From<device::SelfCheck> for SelfCheck {
    fn from(check: device::SelfCheck) -> Self {
        use device::SelfCheck as Core;
        match check {
            Core::Passed { relative_rms } => Self::Passed { relative_rms },
            Core::PassedBefore => Self::PassedBefore,
            Core::NotInPackage => Self::NotInPackage,
            Core::NoMemory => Self::NoMemory,
            Core::Skipped => Self::Skipped,
        }
    }
}

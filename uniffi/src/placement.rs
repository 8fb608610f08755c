//! Where a model runs, as a fact.

use wheelwork::device;

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
    /// Whether it runs on the form prepared for this machine.
    pub prepared: Prepared,
    /// Why it does not, for a person; absent where it does.
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
    /// The same for a program.
    pub kind: NotUsedReason,
    /// What the system or ONNX Runtime said, where it said something.
    pub detail: Option<String>,
}

mirror! {
    /// Whose code computes a graph.
    KernelSet = device::KernelSet {
        /// ONNX Runtime's own, or those of the provider that it drives.
        OnnxRuntime,
        /// Our own, for x86-64 with AVX-512 VNNI.
        Avx512Vnni,
        /// Our own, for x86-64 with AVX2 and AVX-VNNI.
        AvxVnni,
        /// Our own, for x86-64 with AVX2.
        Avx2,
        /// Our own, for 64-bit Arm with dot products.
        DotProduct,
        /// Our own, for any CPU.
        Portable,
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
    /// Whether a model runs on the form prepared for this machine, and why not.
    Prepared = device::Prepared {
        /// It does.
        Used,
        /// It was not wanted.
        NotWanted,
        /// No folder was given for it, or no folder for keys.
        NoPlace,
        /// It was never made.
        Missing,
        /// One was made for another machine, ONNX Runtime, package or version.
        Stale,
        /// It came with the model, and nothing proves that it was made on this machine. Preparing replaces it.
        NotMadeHere,
        /// It is damaged. Preparing again replaces it.
        Damaged,
    }
    /// Why a device is not used.
    NotUsedReason = device::NotUsedReason {
        /// This build has no code for the provider.
        NotInThisBuild,
        /// The package was not quantised for it.
        NoVariant,
        /// The caller asked for another device.
        NotRequested,
        /// Nobody ran the provider on its hardware; it is taken where its device is asked for.
        Unproven,
        /// The provider's library is not there, or switched off.
        LibraryMissing,
        /// The provider's library is there and does not load.
        LibraryRefused,
        /// The provider finds no device that it can drive.
        NoDevice,
        /// The provider only simulates the device here, and that was not asked for by name.
        SimulatorOnly,
        /// The package's compiled graphs are for other systems-on-chip or newer libraries, and no compiler is here.
        NoMatchingBinary,
        /// Its graphs are being compiled for this system-on-chip, once; the device is used when they are.
        Compiling,
        /// It refused, now or earlier, to compile its graphs for this system-on-chip.
        CompileFailed,
        /// A file of the variant is not what the package says it is.
        Damaged,
        /// At an earlier use of the provider the process ended.
        CrashedBefore,
        /// Another process is trying the provider at this moment.
        BeingTried,
        /// The provider computed other numbers than the package holds.
        SelfCheckFailed,
        /// A run failed in the middle of a turn.
        RunFailed,
        /// The provider does not load the graph.
        SessionFailed,
        /// This ONNX Runtime does not load the graph; another of the package's is used.
        RuntimeTooOld,
        /// The provider loaded the graph and took none of the nodes that compute.
        TookNoNodes,
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
            prepared: prepared.into(),
            not_prepared: (prepared != device::Prepared::Used).then(|| prepared.describe().to_owned()),
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
        let words = reason.describe().to_owned();
        Self { provider, device: device.into(), reason: words, kind: reason.into(), detail }
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

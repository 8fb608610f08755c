//! Where a model runs, as facts: what [`super::plan()`] chose, what ONNX Runtime then did, and why nothing better.

use serde::{Deserialize, Serialize};
use wheelwork_kernels::Kernel;
use wheelwork_package::card::KvForm;

use crate::decoder::graph_placement::GraphPlacement;

/// The device that the caller wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DevicePreference {
    /// The best one that this package and this build can use.
    #[default]
    Auto,
    /// A neural processing unit.
    Npu,
    /// A GPU.
    Gpu,
    /// The CPU.
    Cpu,
}

impl DevicePreference {
    /// The name that commands and reports use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Npu => "npu",
            Self::Gpu => "gpu",
            Self::Cpu => "cpu",
        }
    }

    /// Whether a device is asked for by its kind.
    #[must_use]
    pub fn names(self, device: Device) -> bool {
        self != Self::Auto && self.wants(device)
    }

    /// Whether a device is among those that are wanted.
    pub(super) fn wants(self, device: Device) -> bool {
        match self {
            Self::Auto => true,
            Self::Npu => device == Device::Npu,
            Self::Gpu => device == Device::Gpu,
            Self::Cpu => device == Device::Cpu,
        }
    }
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// A neural processing unit.
    Npu,
    /// A GPU.
    Gpu,
    /// The CPU.
    Cpu,
}

/// Whose code computes a graph's products and attention. Two sets round differently, so that what one computed is not
/// taken for the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelSet {
    /// ONNX Runtime's own, or those of the provider that it drives.
    OnnxRuntime,
    /// Our own, where they were faster or wanted ([`Kernels`]), for x86-64 with AVX-512 VNNI.
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

impl KernelSet {
    /// Our own on this CPU.
    pub(crate) fn ours() -> Self {
        match Kernel::best() {
            Kernel::Avx512Vnni => Self::Avx512Vnni,
            Kernel::AvxVnni => Self::AvxVnni,
            Kernel::Avx2 => Self::Avx2,
            Kernel::DotProduct => Self::DotProduct,
            Kernel::Portable => Self::Portable,
        }
    }

    /// For people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "ONNX Runtime's kernels",
            Self::Avx512Vnni => "our kernels for AVX-512 VNNI",
            Self::AvxVnni => "our kernels for AVX-VNNI",
            Self::Avx2 => "our kernels for AVX2",
            Self::DotProduct => "our kernels for Arm's dot products",
            Self::Portable => "our kernels for any CPU",
        }
    }
}

/// Whose kernels a model is prepared for on the CPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernels {
    /// Those that are faster on this machine, by shape of matrix: both are measured when the model is prepared.
    #[default]
    Auto,
    /// ONNX Runtime's.
    Off,
    /// Ours wherever they can, without measuring, so that each preparation gives the same.
    Own,
}

impl Kernels {
    /// For keys and options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Off => "off",
            Self::Own => "own",
        }
    }
}

/// Where a model runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Placement {
    /// The device that runs the graph.
    pub device: Device,
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// Whose code computes.
    pub kernels: KernelSet,
    /// The device is computed by this machine's CPU: right numbers, nothing of its speed.
    pub simulator: bool,
    /// The package's variant.
    pub variant: String,
    /// Threads of ONNX Runtime's pool.
    pub threads: usize,
    /// How keys and values are cached.
    pub kv_cache: KvForm,
    /// Whether it runs on the form prepared for this machine.
    pub prepared: Prepared,
    /// Which provider really got the nodes of each graph, as ONNX Runtime recorded it.
    pub graphs: Vec<GraphPlacement>,
    /// What the provider computed for a fixed prompt; absent on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_check: Option<SelfCheck>,
    /// The devices that were asked for, or would be better, and are not used; also what of the used one's files was not
    /// taken.
    pub not_used: Vec<NotUsed>,
}

/// Whether a model runs on its prepared form, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prepared {
    /// It does.
    Used,
    /// The caller does not want it.
    NotWanted,
    /// Neither [`crate::OpenOptions::cache_dir`] names a place for it nor, for an installed model,
    /// [`crate::OpenOptions::keys_dir`].
    NoPlace,
    /// It was never made.
    Missing,
    /// One was made for another machine, ONNX Runtime, package or version.
    Stale,
    /// It came with the model's folder: nothing proves that it was made on this machine. Preparing replaces it.
    NotMadeHere,
    /// It is damaged, or does not compute what the plain form does. Preparing again replaces it.
    Damaged,
}

impl Prepared {
    /// For a person, after "the prepared form is not used: ".
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Used => "it is",
            Self::NotWanted => "it was not wanted",
            Self::NoPlace => "no folder was given for it",
            Self::Missing => "it was never made",
            Self::Stale => "it was made for another machine, ONNX Runtime, package or version",
            Self::NotMadeHere => {
                "it came with the model, and nothing proves that it was made on this machine"
            }
            Self::Damaged => "it is damaged",
        }
    }
}

/// Operators that do nearly all of a decoder's work.
const HEAVY: [&str; 3] = ["GroupQueryAttention", "MatMul", "MatMulNBits"];

impl Placement {
    /// Why the device that it names is not used, or not with all that is there for it.
    pub(crate) fn row(&self, reason: NotUsedReason, detail: Option<String>) -> NotUsed {
        NotUsed { provider: self.provider.clone(), device: self.device, reason, detail }
    }

    /// What of the computing another provider got, if it got any: arithmetic on masks and lengths may go to the
    /// CPU, products with weights and attention may not.
    pub(crate) fn computes_elsewhere(&self) -> Option<String> {
        let others =
            self.graphs.iter().flat_map(|graph| graph.shares.iter().map(move |share| (graph, share)));
        others.filter(|(_, share)| share.provider != self.provider).find_map(|(graph, share)| {
            let heavy = share.operators.iter().find(|operator| HEAVY.contains(&operator.as_str()))?;
            Some(format!("{heavy} of {} went to {}", graph.graph, share.provider))
        })
    }
}

/// What a provider computed for a fixed prompt, against the logits that the package holds, or the CPU's where the
/// graph runs there too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
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

/// A device that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotUsed {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The kind of device.
    pub device: Device,
    /// Why.
    pub reason: NotUsedReason,
    /// What the system or ONNX Runtime said, where it said something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Why a device is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotUsedReason {
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

impl NotUsedReason {
    /// For a person, after "because".
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::NotInThisBuild => "it is unproven, and this build cannot drive it",
            Self::NoVariant => "the package has no variant for it",
            Self::NotRequested => "another device was asked for",
            Self::Unproven => "it is unproven and was not asked for by name",
            Self::LibraryMissing => "its library is not installed",
            Self::LibraryRefused => "its library does not load",
            Self::NoDevice => "it finds no device",
            Self::SimulatorOnly => "it is a simulator here and was not asked for by name",
            Self::NoMatchingBinary => "the package has no binary for this system-on-chip and library version",
            Self::Compiling => "its graphs are being compiled for this system-on-chip",
            Self::CompileFailed => "it does not compile the graphs",
            Self::Damaged => "a file of its variant is damaged",
            Self::CrashedBefore => "a process ended while it was tried",
            Self::BeingTried => "another process is trying it at this moment",
            Self::SelfCheckFailed => "it computed wrong numbers",
            Self::RunFailed => "it failed in the middle of a run",
            Self::SessionFailed => "it does not load the graph",
            Self::RuntimeTooOld => "this ONNX Runtime is too old for its graph",
            Self::TookNoNodes => "it left the computing to another provider",
        }
    }
}

impl std::fmt::Display for NotUsed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} because {}", self.provider, self.reason.describe())?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(formatter, " ({detail})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoder::graph_placement::Share;
    use crate::testing::placement;

    #[test]
    fn rt_03_heavy_nodes_on_another_provider_are_told_and_light_ones_are_not() {
        let with = |shares: &[(&str, usize, &[&str])]| {
            let shares = shares.iter().map(|(provider, nodes, operators)| Share {
                provider: (*provider).to_owned(),
                nodes: *nodes,
                operators: operators.iter().map(|&name| name.to_owned()).collect(),
            });
            let graph = GraphPlacement { graph: "g.onnx".into(), weight_bytes: 1, shares: shares.collect() };
            Placement { provider: "A".into(), graphs: vec![graph], ..placement() }.computes_elsewhere()
        };
        let (heavy, light): (&[&str], &[&str]) = (&["Add", "MatMulNBits"], &["Add", "Gather"]);
        assert_eq!(with(&[("A", 9, heavy), ("B", 2, light)]), None);
        assert_eq!(with(&[("A", 2, light), ("B", 9, heavy)]).unwrap(), "MatMulNBits of g.onnx went to B");
        assert!(with(&[("B", 9, heavy)]).is_some(), "none at all");
    }
}

//! The execution providers that this runtime plans for: all that differs between them is data in these rows.

use super::options::{OptionRule, Values};
use super::placement::Device;

/// How far a provider was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Tested; taken wherever it can be used.
    Supported,
    /// This build drives it, and nobody ran it on the hardware that it is for. Taken where its device is asked for by
    /// name, never by `auto`.
    Unproven,
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
    /// The library that holds it; `None` for what ONNX Runtime's own library holds.
    pub library: Option<PluginLibrary>,
    /// The providers whose package variants it runs, the best first: those made for it, then those whose graph it takes
    /// as it is.
    pub variants: &'static [&'static str],
    /// ONNX Runtime's name of the device's own memory, where caches stay; `None` for the host's.
    pub(crate) memory: Option<&'static str>,
    /// The options that a caller may give; providers take anything misspelt without a word.
    pub options: &'static [OptionRule],
    /// The processor for which the libraries compute what the device would, as [`std::env::consts::ARCH`] names it.
    pub(crate) simulated_on: Option<&'static str>,
}

impl Provider {
    /// Whether the libraries for this machine's processor only compute what the device would.
    #[must_use]
    pub fn is_simulated_here(&self) -> bool {
        self.simulated_on == Some(std::env::consts::ARCH)
    }
}

/// A provider's library and where it is looked for.
#[derive(Debug, Clone, Copy)]
pub struct PluginLibrary {
    /// The file's name without the system's prefix and suffix.
    pub stem: &'static str,
    /// Names the folder; nowhere else is looked where it is set, and an empty value does without the provider.
    pub folder_variable: &'static str,
    /// What the provider loads by path, named as `stem` is.
    pub backend: Option<&'static str>,
    /// The package that carries the files.
    pub package: &'static str,
}

/// The provider of ONNX Runtime's own library, which every machine has.
pub(crate) const CPU: &str = "CPUExecutionProvider";

/// ONNX Runtime's name of Qualcomm's provider.
const QNN: &str = "QNNExecutionProvider";

/// The best device first.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        ep: QNN,
        device: Device::Npu,
        hardware: "Qualcomm Hexagon NPU",
        support: Support::Supported,
        library: Some(PluginLibrary {
            stem: "onnxruntime_providers_qnn",
            folder_variable: "WHEELWORK_QNN_DIR",
            backend: Some("QnnHtp"),
            package: "onnxruntime-qnn",
        }),
        variants: &[QNN],
        memory: None,
        options: &[
            OptionRule::new("soc_model", Values::Number(0, 1000)),
            OptionRule::new("htp_arch", Values::OneOf(&["68", "69", "73", "75", "79", "81"])),
            OptionRule::new("vtcm_mb", Values::Number(1, 64)),
            OptionRule::new("device_id", Values::Number(0, 16)),
            OptionRule::new("rpc_control_latency", Values::Number(0, 100_000)),
            OptionRule::new("htp_graph_finalization_optimization_mode", Values::OneOf(&["0", "1", "2", "3"])),
            OptionRule::new("enable_htp_shared_memory_allocator", Values::OneOf(&["0", "1"])),
            OptionRule::new("profiling_level", Values::OneOf(&["off", "basic", "detailed"])),
            OptionRule::new("profiling_file_path", Values::Text),
        ],
        simulated_on: Some("x86_64"),
    },
    planned(
        "VitisAIExecutionProvider",
        Device::Npu,
        "AMD XDNA NPU",
        Some(PluginLibrary {
            stem: "onnxruntime_providers_vitisai",
            folder_variable: "WHEELWORK_VITISAI_DIR",
            backend: None,
            package: "Ryzen AI software",
        }),
        &[OptionRule::new("config_file", Values::Text), OptionRule::new("cache_dir", Values::Text)],
    ),
    planned(
        "OpenVINOExecutionProvider",
        Device::Npu,
        "Intel NPU",
        Some(PluginLibrary {
            stem: "onnxruntime_providers_openvino",
            folder_variable: "WHEELWORK_OPENVINO_DIR",
            backend: None,
            package: "onnxruntime-openvino",
        }),
        &[
            OptionRule::new("device_type", Values::OneOf(&["CPU", "GPU", "NPU"])),
            OptionRule::new("cache_dir", Values::Text),
            OptionRule::new("num_of_threads", Values::Number(1, 1024)),
        ],
    ),
    planned(
        "CoreMLExecutionProvider",
        Device::Gpu,
        "Apple Neural Engine and GPU",
        None,
        &[
            OptionRule::new("ModelFormat", Values::OneOf(&["MLProgram", "NeuralNetwork"])),
            OptionRule::new(
                "MLComputeUnits",
                Values::OneOf(&["ALL", "CPUOnly", "CPUAndGPU", "CPUAndNeuralEngine"]),
            ),
            OptionRule::new("RequireStaticInputShapes", Values::OneOf(&["0", "1"])),
            OptionRule::new("ModelCacheDirectory", Values::Text),
        ],
    ),
    planned("MLXExecutionProvider", Device::Gpu, "Apple GPU through MLX", None, &[]),
    planned(
        "DmlExecutionProvider",
        Device::Gpu,
        "DirectX 12 GPU",
        None,
        &[OptionRule::new("device_id", Values::Number(0, 16))],
    ),
    Provider {
        ep: "WebGpuExecutionProvider",
        device: Device::Gpu,
        hardware: "GPU through WebGPU (Vulkan, Metal, Direct3D 12)",
        support: Support::Unproven,
        library: Some(PluginLibrary {
            stem: "onnxruntime_providers_webgpu",
            folder_variable: "WHEELWORK_WEBGPU_DIR",
            backend: None,
            package: "onnxruntime-ep-webgpu",
        }),
        // It has MatMulNBits and GroupQueryAttention: the processor's graph runs as it is.
        variants: &["WebGpuExecutionProvider", CPU],
        memory: Some("WebGPU_Buffer"),
        options: &[],
        simulated_on: None,
    },
    Provider {
        ep: CPU,
        device: Device::Cpu,
        hardware: "processor",
        support: Support::Supported,
        library: None,
        variants: &[CPU],
        memory: None,
        options: &[],
        simulated_on: None,
    },
];

/// The row of a provider.
pub(crate) fn row(ep: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.ep == ep)
}

/// A provider that no code drives yet.
const fn planned(
    ep: &'static str,
    device: Device,
    hardware: &'static str,
    library: Option<PluginLibrary>,
    options: &'static [OptionRule],
) -> Provider {
    Provider {
        ep,
        device,
        hardware,
        support: Support::NotInThisBuild,
        library,
        variants: &[],
        memory: None,
        options,
        simulated_on: None,
    }
}

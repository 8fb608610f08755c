//! The execution providers that this runtime plans for: all that differs between them is data in these rows.

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
}

/// A provider's library and where it is looked for.
#[derive(Debug, Clone, Copy)]
pub struct PluginLibrary {
    /// The file's name without the system's prefix and suffix.
    pub stem: &'static str,
    /// Names the folder; nowhere else is looked where it is set, and an empty value does without the provider.
    pub folder_variable: &'static str,
}

/// The provider of ONNX Runtime's own library, which every machine has.
pub(crate) const CPU: &str = "CPUExecutionProvider";

/// The best device first.
pub const PROVIDERS: &[Provider] = &[
    planned("QNNExecutionProvider", Device::Npu, "Qualcomm Hexagon NPU"),
    planned("VitisAIExecutionProvider", Device::Npu, "AMD XDNA NPU"),
    planned("OpenVINOExecutionProvider", Device::Npu, "Intel NPU"),
    planned("CoreMLExecutionProvider", Device::Gpu, "Apple Neural Engine and GPU"),
    planned("DmlExecutionProvider", Device::Gpu, "DirectX 12 GPU"),
    Provider {
        ep: "WebGpuExecutionProvider",
        device: Device::Gpu,
        hardware: "GPU through WebGPU (Vulkan, Metal, Direct3D 12)",
        support: Support::Unproven,
        library: Some(PluginLibrary {
            stem: "onnxruntime_providers_webgpu",
            folder_variable: "WHEELWORK_WEBGPU_DIR",
        }),
        // It has MatMulNBits and GroupQueryAttention: the processor's graph runs as it is.
        variants: &["WebGpuExecutionProvider", CPU],
        memory: Some("WebGPU_Buffer"),
    },
    Provider {
        ep: CPU,
        device: Device::Cpu,
        hardware: "processor",
        support: Support::Supported,
        library: None,
        variants: &[CPU],
        memory: None,
    },
];

/// A provider that no code drives yet.
const fn planned(ep: &'static str, device: Device, hardware: &'static str) -> Provider {
    Provider {
        ep,
        device,
        hardware,
        support: Support::NotInThisBuild,
        library: None,
        variants: &[],
        memory: None,
    }
}

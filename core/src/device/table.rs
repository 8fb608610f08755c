//! The execution providers that this runtime plans for: all that differs between them is data in these rows.

mod qnn;

use super::options::OptionError;
use super::placement::{Device, DevicePreference};
use super::provider::{PluginLibrary, Provider, Support};

/// The provider of ONNX Runtime's own library, which every machine has.
pub(crate) const CPU: &str = wheelwork_ort::plugin::CPU_PROVIDER;

const APPLE: &[&str] = &["ios", "macos"];

/// The best device first.
pub const PROVIDERS: &[Provider] = &[
    qnn::PROVIDER,
    planned(
        "VitisAIExecutionProvider",
        Device::Npu,
        "AMD XDNA NPU",
        &["linux", "windows"],
        Some(PluginLibrary {
            stem: "onnxruntime_providers_vitisai",
            folder_variable: "WHEELWORK_VITISAI_DIR",
            backend: None,
            package: "Ryzen AI software",
        }),
    ),
    planned(
        "OpenVINOExecutionProvider",
        Device::Npu,
        "Intel NPU",
        &["linux", "windows"],
        Some(PluginLibrary {
            stem: "onnxruntime_providers_openvino",
            folder_variable: "WHEELWORK_OPENVINO_DIR",
            backend: None,
            package: "onnxruntime-openvino",
        }),
    ),
    planned("CoreMLExecutionProvider", Device::Gpu, "Apple Neural Engine and GPU", APPLE, None),
    planned("MLXExecutionProvider", Device::Gpu, "Apple GPU through MLX", APPLE, None),
    planned("DmlExecutionProvider", Device::Gpu, "DirectX 12 GPU", &["windows"], None),
    Provider {
        support: Support::Unproven,
        // It has MatMulNBits and GroupQueryAttention: the CPU's graph runs as it is.
        variants: &["WebGpuExecutionProvider", CPU],
        memory: Some("WebGPU_Buffer"),
        ..planned(
            "WebGpuExecutionProvider",
            Device::Gpu,
            "GPU through WebGPU (Vulkan, Metal, Direct3D 12)",
            &[],
            Some(PluginLibrary {
                stem: "onnxruntime_providers_webgpu",
                folder_variable: "WHEELWORK_WEBGPU_DIR",
                backend: None,
                package: "onnxruntime-ep-webgpu",
            }),
        )
    },
    Provider {
        support: Support::Supported,
        variants: &[CPU],
        ..planned(CPU, Device::Cpu, "processor", &[], None)
    },
];

/// The row of a provider.
pub(crate) fn row(ep: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.ep == ep)
}

/// Checks options before any provider sees them: one that can be wanted must have them all. Where another one runs in
/// its place, they are not used.
///
/// # Errors
/// [`OptionError`], of the first such provider.
pub fn check_options(device: DevicePreference, options: &[(String, String)]) -> Result<(), OptionError> {
    let driven = PROVIDERS.iter().filter(|row| row.support != Support::NotInThisBuild);
    let mut refused = None;
    for provider in driven.filter(|row| device.wants(row.device)) {
        match provider.check_options(options) {
            Ok(()) => return Ok(()),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    refused.map_or(Ok(()), Err)
}

/// What a row says at least: a provider that no code drives yet.
const fn planned(
    ep: &'static str,
    device: Device,
    hardware: &'static str,
    systems: &'static [&'static str],
    library: Option<PluginLibrary>,
) -> Provider {
    Provider {
        ep,
        device,
        hardware,
        systems,
        support: Support::NotInThisBuild,
        library,
        variants: &[],
        memory: None,
        options: &[],
        simulated_on: None,
        static_driver: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<(), OptionError> {
        qnn::PROVIDER.check_options(&[(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn options_are_those_of_a_provider_of_the_wanted_device() {
        let options = [("soc_model".to_owned(), "57".to_owned())];
        for device in [DevicePreference::Npu, DevicePreference::Auto] {
            assert_eq!(check_options(device, &options), Ok(()));
        }
        let error = check_options(DevicePreference::Cpu, &options).unwrap_err().to_string();
        assert!(error.contains("CPUExecutionProvider has no option"), "{error}");
        assert_eq!(check_options(DevicePreference::Cpu, &[]), Ok(()));
    }

    #[test]
    fn a_misspelt_option_or_value_is_refused_and_the_right_ones_are_named() {
        assert_eq!(check("soc_model", "57"), Ok(()));
        assert!(check("soc_modell", "57").unwrap_err().to_string().contains("soc_model,"));
        assert!(check("htp_arch", "74").unwrap_err().to_string().contains("73 or 75"));
        assert!(check("soc_model", "-1").is_err());
        assert!(check("soc_model", "+1").is_err());
        assert!(check("profiling_file_path", "").is_err());
    }
}

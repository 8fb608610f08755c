//! Qualcomm's provider: QNN, on the Hexagon tensor processor (HTP) of a system-on-chip.

use wheelwork_package::card::ContextBinary;
use wheelwork_package::files::names;

use crate::decoder::effort::PerformanceModes;
use crate::device::options::{OptionRule, Values};
use crate::device::placement::Device;
use crate::device::provider::{PluginLibrary, Provider, StaticDriver, Support};

const EP: &str = "QNNExecutionProvider";
/// The option with the compiler's number of a system-on-chip.
const SOC: &str = "soc_model";
/// The option with the version of a processor's architecture.
const ARCH: &str = "htp_arch";

pub(super) const PROVIDER: Provider = Provider {
    ep: EP,
    device: Device::Npu,
    hardware: "Qualcomm Hexagon NPU",
    systems: &["android", "linux", "windows"],
    support: Support::Supported,
    library: Some(PluginLibrary {
        stem: "onnxruntime_providers_qnn",
        folder_variable: "WHEELWORK_QNN_DIR",
        backend: Some("QnnHtp"),
        package: "onnxruntime-qnn",
    }),
    variants: &[EP],
    memory: None,
    options: &[
        OptionRule::new(SOC, Values::Number(0, 1000)),
        OptionRule::new(ARCH, Values::OneOf(&["68", "69", "73", "75", "79", "81"])),
        OptionRule::new("vtcm_mb", Values::Number(1, 64)),
        OptionRule::new("device_id", Values::Number(0, 16)),
        OptionRule::new("rpc_control_latency", Values::Number(0, 100_000)),
        OptionRule::new("htp_graph_finalization_optimization_mode", Values::OneOf(&["0", "1", "2", "3"])),
        OptionRule::new("enable_htp_shared_memory_allocator", Values::OneOf(&["0", "1"])),
        OptionRule::new("profiling_level", Values::OneOf(&["off", "basic", "detailed"])),
        OptionRule::new("profiling_file_path", Values::Text),
    ],
    simulated_on: Some("x86_64"),
    static_driver: Some(&DRIVER),
};

static DRIVER: StaticDriver = StaticDriver {
    // A prompt is over in some calls and somebody waits for it; an answer goes on for minutes, which a burst does not.
    performance: PerformanceModes {
        option: "qnn.htp_perf_mode",
        full: ["burst", "sustained_high_performance"],
        power_saving: ["balanced", "low_balanced"],
    },
    backend_option: "backend_path",
    // Without it the provider leaves attention to the CPU.
    float_file: (names::OP_AFFINITY, "op_affinity"),
    compilers: &["libQnnHtpPrepare.so", "QnnHtpPrepare.dll"],
    // SM8650.
    simulated: &[(SOC, "57"), (ARCH, "75")],
    system_on_chip,
    binary: matching,
    binary_options: |binary| {
        vec![(SOC, binary.soc_model.to_string()), (ARCH, binary.arch.trim_start_matches('v').to_owned())]
    },
};

/// Linux and Android tell the part number in lower case or upper, as in `SM8650`.
fn system_on_chip() -> Option<String> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let name = read("/sys/devices/soc0/machine").or_else(|| read("/sys/devices/soc0/chip_id"))?;
    Some(name.trim().to_lowercase())
}

/// By the compiler's number, which the caller named, else by the part number.
fn matching<'b>(
    binaries: &'b [ContextBinary],
    options: &[(String, String)],
    here: Option<&str>,
) -> Option<&'b ContextBinary> {
    let named = options.iter().find(|(name, _)| name == SOC);
    binaries.iter().find(|binary| match (named, here) {
        (Some((_, number)), _) => binary.soc_model.to_string() == *number,
        (None, Some(here)) => here.starts_with(&binary.soc),
        (None, None) => false,
    })
}

#[cfg(test)]
mod tests {
    use wheelwork_package::card::Packing;

    use super::*;

    #[test]
    fn every_call_has_a_mode_of_its_own() {
        let modes = [DRIVER.performance.full, DRIVER.performance.power_saving].concat();
        let different: std::collections::BTreeSet<_> = modes.iter().collect();
        assert_eq!(different.len(), 4, "{modes:?}");
    }

    #[test]
    fn pk_11_binaries_of_another_system_on_chip_are_not_taken() {
        let binary = |soc: &str, soc_model| ContextBinary {
            soc: soc.to_owned(),
            arch: "v75".to_owned(),
            soc_model,
            parts: Vec::new(),
            compatibility: String::new(),
            sdk: String::new(),
            packing: Packing::PerGraph,
        };
        let binaries = [binary("sm8650", 57), binary("sm8750", 69)];
        let found = |named: Option<&str>, here| {
            let options: Vec<_> = named.iter().map(|&number| (SOC.to_owned(), number.to_owned())).collect();
            matching(&binaries, &options, here).map(|binary| binary.soc_model)
        };
        assert_eq!(found(None, Some("sm8750p")), Some(69));
        assert_eq!(found(None, Some("sm8550")), None);
        assert_eq!(found(None, None), None, "a machine that tells nothing gets none by guess");
        assert_eq!(found(Some("57"), Some("sm8750")), Some(57), "the caller's word counts");
        assert_eq!(found(Some("60"), Some("sm8750")), None);
    }
}

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

/// How the numbers of CPUs begin that Windows names, and the part number of the chip. From names that owners of such PCs have
/// published; none has been seen here.
const NUMBERS: [(&str, &str); 6] = [
    ("x1e", "sc8380xp"),
    ("x1p64", "sc8380xp"),
    ("x1p66", "sc8380xp"),
    ("x1p4", "sc8340xp"),
    ("x126", "sc8340xp"),
    ("x2e", "sc8480xp"),
];

/// The part number of a chip whose CPU Windows names as in `Snapdragon(R) X Elite - X1E80100 - Qualcomm(R) Oryon(TM) CPU`. A number
/// that is not in the table is told as it is: nothing is compiled for it.
#[cfg_attr(not(windows), allow(dead_code, reason = "only Windows names CPUs so"))]
fn part_number(cpu: &str) -> Option<String> {
    let name = cpu.to_lowercase();
    if !name.contains("snapdragon") {
        return None;
    }
    if name.contains("8cx gen 3") {
        return Some("sc8280x".to_owned());
    }
    let is_number =
        |word: &&str| word.starts_with('x') && word.chars().filter(char::is_ascii_digit).count() >= 5;
    let number = name.split_whitespace().find(is_number)?;
    let known = NUMBERS.iter().find(|(begin, _)| number.starts_with(begin));
    Some(known.map_or(number, |(_, part)| *part).to_owned())
}

#[cfg(windows)]
fn system_on_chip() -> Option<String> {
    part_number(&wheelwork_windows::cpu_name()?)
}

/// Linux and Android tell the part number in lower case or upper, as in `SM8650`.
#[cfg(not(windows))]
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
    fn windows_names_of_cpus_are_part_numbers() {
        for (name, part) in [
            ("Snapdragon(R) X Elite - X1E80100 - Qualcomm(R) Oryon(TM) CPU", Some("sc8380xp")),
            ("Snapdragon(R) X 12-core X1E78100 @ 3.40 GHz", Some("sc8380xp")),
            ("Snapdragon(R) X Plus - X1P64100 - Qualcomm(R) Oryon(TM) CPU", Some("sc8380xp")),
            ("Snapdragon(R) X Plus - X1P42100 - Qualcomm(R) Oryon(TM) CPU", Some("sc8340xp")),
            ("Snapdragon(R) X - X126100 - Qualcomm(R) Oryon(TM) CPU", Some("sc8340xp")),
            ("Snapdragon(R) X3 Elite - X3E00000 - Qualcomm(R) Oryon(TM) CPU", Some("x3e00000")),
            ("Snapdragon (TM) 8cx Gen 3 @ 3.0 GHz", Some("sc8280x")),
            ("Intel(R) Xeon(R) Processor @ 2.10GHz", None),
        ] {
            assert_eq!(part_number(name).as_deref(), part, "{name}");
        }
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

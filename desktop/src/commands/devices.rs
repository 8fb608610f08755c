//! `wheelwork devices`: what this machine and this build can run on.

use serde_json::{Value, json};
use wheelwork::device::{NotUsedReason, PROVIDERS, Provider, Support, detect, trial};
use wheelwork_diagnostic::Diagnostic;
use wheelwork_ort::{DeviceKind, LibraryError, PluginDevice, Runtime};

use crate::arguments::{DevicesArguments, trials_dir};
use crate::failure::Failure;
use crate::terminal::{columns, wrapped};
use crate::{output, remedy};

pub(crate) fn run(arguments: &DevicesArguments, json: bool) -> Result<(), Failure> {
    if arguments.retry {
        let forgotten = trials_dir().map_or(Ok(0), |folder| trial::forget(&folder))?;
        if !json {
            anstream::println!("providers that may be tried again: {forgotten}\n");
        }
    }
    if json {
        return output::json_line(&report());
    }
    let runtime = wheelwork_ort::environment();
    anstream::println!("{:<6}  {:<8}  {:<32}  provider", "device", "usable", "hardware");
    for (provider, found) in look(runtime.as_ref()).filter(|(provider, _)| provider.is_for_this_system()) {
        let usable = match (&found, provider.support) {
            (Err(_), _) => "no",
            (Ok(_), Support::Unproven) => "unproven",
            (Ok(_), _) if provider.is_simulated_here() => "simulated",
            (Ok(_), _) => "yes",
        };
        let device = output::kind(provider.device);
        let hardware = match (&found, provider.library) {
            (Ok(devices), Some(_)) => names(devices).join(", "),
            _ => provider.hardware.to_owned(),
        };
        anstream::println!("{device:<6}  {usable:<8}  {hardware:<32}  {}", provider.ep);
        if let Some(chip) = provider.system_on_chip() {
            anstream::println!("{:<6}  on the system-on-chip {chip}", "");
        }
        if let Err(reason) = &found {
            anstream::println!("{:<6}  {}", "", wrapped(reason, columns().saturating_sub(8), 8));
        }
    }
    match &runtime {
        Ok(runtime) => {
            anstream::println!("\nONNX Runtime {} in {}", runtime.version, runtime.path.display());
            anstream::println!("{} threads; `wheelwork doctor` looks at the rest", threads());
        }
        Err(error) => anstream::println!("\n{error}\n  what to do: {}", remedy::worded(&error.remedy())),
    }
    Ok(())
}

/// What `--json` tells.
pub(super) fn report() -> Value {
    let runtime = wheelwork_ort::environment();
    let rows: Vec<_> = look(runtime.as_ref())
        .map(|(provider, found)| {
            json!({
                "provider": provider.ep, "device": provider.device, "hardware": provider.hardware,
                "usable": found.is_ok(), "reason": found.as_ref().err(),
                "unproven": provider.support != Support::Supported,
                "simulator": found.is_ok() && provider.is_simulated_here(),
                "package": provider.library.map(|library| library.package),
                "options": provider.options.iter().map(|option| option.name).collect::<Vec<_>>(),
                "found": found.as_deref().map(names).ok(),
                "system_on_chip": provider.system_on_chip(),
            })
        })
        .collect();
    let onnxruntime = match &runtime {
        Ok(runtime) => json!({ "path": runtime.path, "build": runtime.build_info }),
        Err(error) => json!({ "error": error.to_string(), "remedy": remedy::worded(&error.remedy()) }),
    };
    json!({ "providers": rows, "threads": threads(), "onnxruntime": onnxruntime })
}

/// Every row of the table with its devices here, or why there are none.
pub(super) fn look(
    runtime: Result<&Runtime, &LibraryError>,
) -> impl Iterator<Item = (&'static Provider, Result<Vec<PluginDevice>, String>)> {
    PROVIDERS.iter().map(move |provider| {
        let found = match (provider.support, runtime) {
            (Support::NotInThisBuild, _) => Err(NotUsedReason::NotInThisBuild.describe().to_owned()),
            (_, Err(error)) => Err(error.to_string()),
            (_, Ok(runtime)) => detect(provider, runtime).map_err(|(reason, detail)| match detail {
                Some(detail) => format!("{}: {detail}", reason.describe()),
                None => reason.describe().to_owned(),
            }),
        };
        (provider, found)
    })
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Devices as the system names them.
fn names(devices: &[PluginDevice]) -> Vec<String> {
    let name = |device: &PluginDevice| {
        let kind = match device.kind {
            DeviceKind::Cpu => "CPU",
            DeviceKind::Gpu => "GPU",
            DeviceKind::Npu => "NPU",
        };
        format!("{} {kind}", device.vendor).trim().to_owned()
    };
    devices.iter().map(name).collect()
}

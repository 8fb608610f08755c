//! `wheelwork devices`: what this machine and this build can run on.

use serde_json::json;
use wheelwork::provider::{PROVIDERS, Support};
use wheelwork_package::Diagnostic;

use crate::failure::Failure;
use crate::output;

pub(crate) fn run(json: bool) -> Result<(), Failure> {
    let runtime = wheelwork_ort::environment();
    let providers = PROVIDERS.iter().map(|provider| {
        let (usable, reason) = match (provider.support, &runtime) {
            (Support::NotInThisBuild, _) => (false, Some("this build cannot drive it".to_owned())),
            (Support::Supported, Err(error)) => (false, Some(error.to_string())),
            (Support::Supported, Ok(_)) => (true, None),
        };
        (provider, usable, reason)
    });
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if json {
        let rows: Vec<_> = providers
            .map(|(provider, usable, reason)| {
                json!({
                    "provider": provider.ep, "device": provider.device, "hardware": provider.hardware,
                    "usable": usable, "reason": reason,
                })
            })
            .collect();
        return output::json_line(&match &runtime {
            Ok(runtime) => json!({
                "providers": rows, "threads": threads,
                "onnxruntime": { "path": runtime.path, "build": runtime.build_info },
            }),
            Err(error) => json!({
                "providers": rows, "threads": threads,
                "onnxruntime": { "error": error.to_string(), "remedy": error.remedy() },
            }),
        });
    }
    for (provider, usable, reason) in providers {
        let mark = if usable { "yes" } else { "no " };
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        anstream::println!("{mark}  {:<28} {}{reason}", provider.ep, provider.hardware);
    }
    match &runtime {
        Ok(runtime) => {
            anstream::println!("\nONNX Runtime: {}\n  {}", runtime.path.display(), runtime.build_info);
            anstream::println!("Threads: {threads}");
        }
        Err(error) => anstream::println!("\n{error}\n  what to do: {}", error.remedy()),
    }
    Ok(())
}

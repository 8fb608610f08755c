//! Drivers of GPUs and NPUs: on Linux the files by which they offer themselves, and whether this user may open them; on Windows
//! what is registered.

use super::Finding;

/// Folders, what a device's file begins with there, and what it is for.
#[cfg(target_os = "linux")]
const NODES: [(&str, &str, &str); 3] = [
    ("/dev/dri", "renderD", "GPU driver"),
    ("/dev/accel", "accel", "NPU driver"),
    ("/dev", "fastrpc-cdsp", "Hexagon driver"),
];

#[cfg(target_os = "linux")]
pub(super) fn found() -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, start, what) in NODES {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(start))
        {
            let path = entry.path();
            let opened = std::fs::OpenOptions::new().read(true).write(true).open(&path);
            findings.push(match opened {
                Ok(_) => Finding::good(what, path.display().to_string()),
                Err(error) => Finding::note(
                    what,
                    format!("{}: {error}", path.display()),
                    "have yourself added to the group that owns it (`ls -l` shows it), then log in again",
                ),
            });
        }
    }
    or_none(findings)
}

#[cfg(windows)]
pub(super) fn found() -> Vec<Finding> {
    use wheelwork_windows::{DriverClass, drivers};
    let named =
        |what: &'static str, class| drivers(class).into_iter().map(move |name| Finding::good(what, name));
    let gpus = named("GPU driver", DriverClass::Gpu);
    or_none(gpus.chain(named("NPU driver", DriverClass::Npu)).collect())
}

#[cfg(any(target_os = "linux", windows))]
fn or_none(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.is_empty() {
        findings.push(Finding::good("drivers", "no GPU or NPU offers itself; the CPU runs every package"));
    }
    findings
}

#[cfg(not(any(target_os = "linux", windows)))]
pub(super) fn found() -> Vec<Finding> {
    vec![Finding::good("drivers", "not looked at on this system")]
}

//! What the system tells of the machine, for measurements.

use serde_json::{Value, json};

/// The CPU's name, where the system tells it.
pub(crate) fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split(':').nth(1)?.trim().to_owned())
}

/// Resident memory of this process by kind in kB, where the system tells it.
pub(crate) fn memory() -> Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().ok())
    };
    json!({ "resident_kb": field("VmRSS"), "peak_kb": field("VmHWM"), "anonymous_kb": field("RssAnon") })
}

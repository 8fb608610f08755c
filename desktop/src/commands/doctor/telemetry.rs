//! Whether the library has an uploader, and that it is off.
//!
//! The official libraries for Linux and macOS carry one; in those for Windows neither its variable nor its address was
//! found (1.32). So the file itself is asked for the variable's name.

use wheelwork_ort::Runtime;

use super::Finding;

/// Read by ONNX Runtime when it is loaded; `wheelwork_ort` sets it before that.
const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";

pub(super) fn of(runtime: &Runtime) -> Finding {
    let is_off = std::env::var_os(VARIABLE).is_some_and(|value| value == "1");
    let holds = fs_err::read(&runtime.path).ok().map(|bytes| has(&bytes, VARIABLE.as_bytes()));
    match (holds, is_off) {
        (Some(false), _) => {
            Finding::good("telemetry", "none: this library does not know the uploader's switch")
        }
        (Some(true), true) => {
            Finding::good("telemetry", format!("off: the library reads {VARIABLE}, and it is 1"))
        }
        (None, true) => Finding::good(
            "telemetry",
            format!("off: {VARIABLE} is 1; the library's file could not be read to look"),
        ),
        (_, false) => {
            Finding::fault("telemetry", format!("{VARIABLE} is not 1"), "report this: wheelwork sets it")
        }
    }
}

fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

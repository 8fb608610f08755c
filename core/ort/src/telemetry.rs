//! ONNX Runtime's uploader, switched off.

/// Read by ONNX Runtime when it is loaded.
const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";

/// Must run before the library is loaded: the API's own switch comes after the uploader has made its device
/// id and its event queue. `tests/no_telemetry.rs` of the command traces a whole chat for both.
#[allow(unsafe_code)]
pub(crate) fn switch_off() {
    if std::env::var_os(VARIABLE).is_some_and(|value| value == "1") {
        return;
    }
    // SAFETY: changing the environment races with code that reads it through libc in other threads at the
    // same instant (Rust's own readers take a lock). It happens once a process, before the first model is
    // opened; a program that can't rule such readers out sets the variable itself and never comes here.
    unsafe { std::env::set_var(VARIABLE, "1") };
}

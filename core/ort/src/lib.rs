//! ONNX Runtime, found, checked and loaded with its telemetry switched off.
//!
//! ONNX Runtime's official builds carry an uploader that is on by default. It must be off *before* the
//! library is loaded, because loading starts it. So nothing else in this project loads the library:
//!
//! 1. [`environment`] looks for the library ([`library::candidates`]),
//! 2. sets `ORT_DISABLE_TELEMETRY=1` (`telemetry.rs`),
//! 3. loads it, checks its version, and
//! 4. makes the process's one environment with telemetry events off as well.
//!
//! [`plugin`] adds execution providers that are libraries of their own, and [`assignment()`] tells which provider got
//! which node. [`shared_contexts`] has sessions share binaries. [`custom_ops`] are our own operators. [`copy`] moves tensors between devices. [`version`] says what only newer
//! ones can do. Unsafe code stands in `telemetry.rs`, `assignment.rs`, `tensor_copy.rs` and `version.rs` and nowhere else in the
//! project.

pub mod assignment;
pub mod custom_ops;
mod error;
pub mod library;
mod object_file;
pub mod plugin;
mod plugin_error;
pub mod shared_contexts;
mod telemetry;
mod tensor_copy;
pub mod version;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

pub use assignment::{AssignedNode, assignment};
pub use error::{LibraryError, install};
pub use plugin::{DeviceKind, PluginDevice, on_cpu};
pub use plugin_error::PluginError;
pub use tensor_copy::copy;
pub use version::Version;

/// The process's ONNX Runtime.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// Needed to make sessions.
    pub environment: ort::environment::Environment,
    /// The file that was loaded, as it was given to the system's loader.
    pub path: PathBuf,
    /// What the library says of its build.
    pub build_info: String,
    /// The library's version.
    pub version: Version,
}

/// ONNX Runtime allows one environment a process, so the first success is kept; failures are not.
static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// Loads ONNX Runtime from the usual places, or gives what is loaded already.
///
/// # Errors
/// [`LibraryError`], with every place that was tried. A failed call can be repeated, for instance after
/// the library was installed.
pub fn environment() -> Result<Runtime, LibraryError> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = runtime.as_ref() {
        return Ok(runtime.clone());
    }
    telemetry::switch_off();
    let mut tried = Vec::new();
    for path in library::candidates() {
        // A plain name is the loader's to find: nothing of that name in the current folder is looked at.
        if path.components().count() > 1
            && let Ok(Some(unfit)) = object_file::examine(&path)
        {
            tried.push((path, unfit.to_string()));
            continue;
        }
        let resolved = version::resolved(&path);
        match ort::init_from(&resolved) {
            Ok(builder) => {
                let version =
                    version::of_library(&resolved).map_err(|message| LibraryError::NotStarted { message })?;
                let environment = builder
                    .with_name("wheelwork")
                    .with_telemetry(false)
                    .build()
                    .map_err(LibraryError::start)?;
                // Errors come back as status values; the library's own lines on stderr would only repeat them.
                environment.set_log_level(ort::logging::LogLevel::Fatal);
                let loaded = Runtime { environment, path, build_info: ort::info().to_owned(), version };
                return Ok(runtime.insert(loaded).clone());
            }
            Err(error) => tried.push((path, LibraryError::reason(&error))),
        }
    }
    Err(LibraryError::not_loadable(tried))
}

/// What is loaded already.
fn current() -> Option<Runtime> {
    RUNTIME.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

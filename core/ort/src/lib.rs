//! ONNX Runtime, found, checked and loaded with its telemetry switched off.
//!
//! ONNX Runtime's official builds carry an uploader that is on by default. It must be off *before* the
//! library is loaded, because loading starts it. So nothing else in this project loads the library:
//!
//! 1. [`environment`] sets `ORT_DISABLE_TELEMETRY=1` (`telemetry.rs`),
//! 2. looks for the library ([`library::candidates`]),
//! 3. loads it, checks its version (`loaded.rs`), and
//! 4. makes the process's one environment with telemetry events off as well.
//!
//! With the feature `linked` the library is a part of the program (`linked.rs`), and there is nothing to look for.
//!
//! [`plugin`] adds execution providers that are libraries of their own, and [`assignment()`] tells which provider got
//! which node. [`shared_contexts`] has sessions share binaries. [`custom_ops`] are our own operators. [`copy`] moves tensors between devices. [`version`] says what only newer
//! ones can do. [`give_back_freed_memory`] is for programs. Unsafe code stands in `telemetry.rs`, `assignment.rs`, `freed_memory.rs`,
//! `linked.rs`, `tensor_copy.rs` and `version.rs`.

pub mod assignment;
pub mod custom_ops;
mod error;
mod freed_memory;
pub mod library;
#[cfg(feature = "linked")]
mod linked;
#[cfg(not(feature = "linked"))]
mod loaded;
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
pub use freed_memory::give_back_freed_memory;
#[cfg(feature = "linked")]
use linked as source;
#[cfg(not(feature = "linked"))]
use loaded as source;
pub use plugin::{DeviceKind, PluginDevice, on_cpu};
pub use plugin_error::PluginError;
pub use tensor_copy::copy;
pub use version::Version;

/// The process's ONNX Runtime.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// Needed to make sessions.
    pub environment: ort::environment::Environment,
    /// The file that was loaded, as it was given to the system's loader; the program itself where it is linked.
    pub path: PathBuf,
    /// What the library says of its build.
    pub build_info: String,
    /// The library's version.
    pub version: Version,
}

/// ONNX Runtime allows one environment a process, so the first success is kept; failures are not.
static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// A library that fits, before anything is made with it.
struct Found {
    builder: ort::environment::EnvironmentBuilder,
    path: PathBuf,
    version: Version,
}

/// Loads ONNX Runtime from the usual places, or takes the linked one, or gives what is there already.
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
    let Found { builder, path, version } = source::find()?;
    let environment =
        builder.with_name("wheelwork").with_telemetry(false).build().map_err(LibraryError::start)?;
    // Errors come back as status values; the library's own lines on stderr would only repeat them.
    environment.set_log_level(ort::logging::LogLevel::Fatal);
    let started = Runtime { environment, path, build_info: ort::info().to_owned(), version };
    Ok(runtime.insert(started).clone())
}

/// What is loaded already.
fn current() -> Option<Runtime> {
    RUNTIME.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

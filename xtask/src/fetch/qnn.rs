//! Qualcomm's execution provider with its backend, in `target/onnxruntime-qnn/VERSION/`.
//!
//! On x86-64 the backend is a simulator of the NPU and the compiler for real ones; on aarch64 it drives
//! a real one. The libraries stay in `target/`: Qualcomm's licence lets them be shipped inside an application, not
//! alone, so they are neither committed nor served again.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use super::wheel::{Project, Wheel};
use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Names the folder with the provider's libraries for the runtime and for the tests that need them.
pub(crate) const FOLDER_VARIABLE: &str = "WHEELWORK_QNN_DIR";

/// [`Wheel::library`](super::wheel::Wheel::library) is the plugin, whose folder holds the other libraries as well.
const PROJECT: Project = Project {
    name: "onnxruntime-qnn",
    version: "2.7.0",
    wheels: "
    linux    x86_64   manylinux_2_35_x86_64   onnxruntime_qnn/libonnxruntime_providers_qnn.so           6feb735e2910127febd9c24c1be0f541bcaf688a90028b7efe55d12aca214c13
    linux    aarch64  manylinux_2_34_aarch64  onnxruntime_qnn/libonnxruntime_providers_qnn.so           40f6f8ab76a877b36c875122caf46189f810e52a1e7c2f75e431dfb7714168b8
    windows  x86_64   win_amd64               onnxruntime_qnn/libs/amd64/onnxruntime_providers_qnn.dll  83e0f18fc0233b911a78536da4d089eb66086a9d843f6046cf7a88daa4c1432c
    windows  aarch64  win_arm64               onnxruntime_qnn/onnxruntime_providers_qnn.dll             04dff4e75d4046a29fd8d90602c0cb3d130bb3c82c58e280c600c6c234a11c84
    ",
    remedy: "set WHEELWORK_QNN_DIR to a folder with the libraries, or to nothing to do without them",
};

/// The folder with the provider's libraries: what [`FOLDER_VARIABLE`] names, or else the fetched one. `None`, with a
/// line that says so, where no wheel is made for this platform or the variable is set to nothing.
pub(crate) fn libraries(workspace: &Workspace) -> Result<Option<PathBuf>, TaskError> {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
        if folder.is_empty() {
            report::note(&format!("{FOLDER_VARIABLE} is set to nothing: no Snapdragon simulator"));
            return Ok(None);
        }
        report::note(&format!("{FOLDER_VARIABLE} is set: using {}", Path::new(&folder).display()));
        return Ok(Some(std::path::absolute(folder)?));
    }
    let Some(wheel) = PROJECT.wheel(OS, ARCH, cfg!(target_env = "musl")) else {
        report::note(&format!("{} has no wheel for {OS} {ARCH}: no Snapdragon simulator", PROJECT.name));
        return Ok(None);
    };
    fetched(workspace, &wheel).map(Some)
}

/// The folder with the libraries for another system, named as in [`std::env::consts`].
pub(crate) fn libraries_of(workspace: &Workspace, os: &str, arch: &str) -> Result<PathBuf, TaskError> {
    let wheel = PROJECT
        .wheel(os, arch, false)
        .ok_or_else(|| TaskError::new(format!("{} has no wheel for {os} {arch}", PROJECT.name)))?;
    fetched(workspace, &wheel)
}

/// The folder of a wheel's libraries, which find their C++ runtime by the folders' places to each other.
fn fetched(workspace: &Workspace, wheel: &Wheel) -> Result<PathBuf, TaskError> {
    let folder = PROJECT.fetch(workspace, wheel, |content, ready| Ok(fs_err::rename(content, ready)?))?;
    let plugin = folder.join(wheel.library);
    Ok(plugin.parent().map_or(folder, Path::to_path_buf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_without_a_wheel_have_none() {
        assert!(PROJECT.wheel("linux", "x86_64", false).is_some());
        assert!(PROJECT.wheel("linux", "x86_64", true).is_none());
        assert!(PROJECT.wheel("macos", "aarch64", false).is_none());
    }
}

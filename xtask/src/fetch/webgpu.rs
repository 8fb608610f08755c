//! ONNX Runtime's WebGPU provider, in `target/onnxruntime-ep-webgpu/VERSION/`.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use super::wheel::Project;
use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Names the folder with the provider's library for the runtime and for the tests that need it.
pub(crate) const FOLDER_VARIABLE: &str = "WHEELWORK_WEBGPU_DIR";

/// [`Wheel::library`](super::wheel::Wheel::library) is the folder that everything lies in.
const PROJECT: Project = Project {
    name: "onnxruntime-ep-webgpu",
    version: "0.4.0",
    wheels: "
    linux    x86_64   manylinux_2_28_x86_64   onnxruntime_ep_webgpu  5d8c961eda91a88961cad1fb7621f389f006b18497d6ea9ecf96f729f066cbfb
    linux    aarch64  manylinux_2_28_aarch64  onnxruntime_ep_webgpu  17f660db53b1a509c63e721ac6784a2daa1c4e91a968523ee9986505ee5b0a55
    macos    aarch64  macosx_14_0_arm64       onnxruntime_ep_webgpu  8d0a91d44b43d931c3068b9134aed9770f27803e353c2b58c93e1700bb68bcca
    windows  x86_64   win_amd64               onnxruntime_ep_webgpu  7db646669d1a2390551da675115ea125e68cb3d4d2c3a2d6e463372bf8d6ea87
    windows  aarch64  win_arm64               onnxruntime_ep_webgpu  a9586f6744370776059edd794c11bca2f563258a5bd2707864aefff31d3af39f
    ",
    remedy: "set WHEELWORK_WEBGPU_DIR to a folder with the library",
};

/// The folder with the provider's library: what [`FOLDER_VARIABLE`] names, or else the fetched one. `None`, with a line
/// that says so, where no wheel is made for this platform.
pub(crate) fn library(workspace: &Workspace) -> Result<Option<PathBuf>, TaskError> {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
        report::note(&format!("{FOLDER_VARIABLE} is set: using {}", Path::new(&folder).display()));
        return Ok(Some(std::path::absolute(folder)?));
    }
    let Some(wheel) = PROJECT.wheel(OS, ARCH, cfg!(target_env = "musl")) else {
        report::note(&format!("{} has no wheel for {OS} {ARCH}: no WebGPU", PROJECT.name));
        return Ok(None);
    };
    let folder = PROJECT
        .fetch(workspace, &wheel, |content, ready| Ok(fs_err::rename(content.join(wheel.library), ready)?))?;
    Ok(Some(folder))
}

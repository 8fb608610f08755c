//! zig and cargo-zigbuild: a C compiler and linker for every system, and what has cargo use it.

use std::path::PathBuf;

use std::env::consts::{ARCH, OS};

use super::wheel::Project;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// [`Wheel::library`](super::wheel::Wheel::library) is the program.
const ZIG: Project = Project {
    name: "ziglang",
    version: "0.17.1",
    wheels: "
    linux    x86_64   manylinux_2_12_x86_64   ziglang/zig  ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54
    ",
    remedy: REMEDY,
};

const CARGO_ZIGBUILD: Project = Project {
    name: "cargo-zigbuild",
    version: "0.24.1",
    wheels: "
    linux    x86_64   manylinux1_x86_64   cargo_zigbuild-0.24.1.data/scripts/cargo-zigbuild  238a1ab54a95053a4eadc34775c81f795a8ad75f80bfed63f3f445f518102375
    ",
    remedy: REMEDY,
};

const REMEDY: &str = "build on the system itself with `cargo build`";

/// Programs that compile for another system.
pub(crate) struct Tools {
    pub(crate) zig: PathBuf,
    pub(crate) cargo_zigbuild: PathBuf,
}

/// Fetched if need be.
pub(crate) fn tools(workspace: &Workspace) -> Result<Tools, TaskError> {
    Ok(Tools { zig: program(workspace, &ZIG)?, cargo_zigbuild: program(workspace, &CARGO_ZIGBUILD)? })
}

fn program(workspace: &Workspace, project: &Project) -> Result<PathBuf, TaskError> {
    let wheel = project.wheel(OS, ARCH, cfg!(target_env = "musl")).ok_or_else(|| {
        TaskError::new(format!("no wheel of {} is pinned for {OS} {ARCH}", project.name))
            .remedy("compile for other systems on Linux x86_64, or add the wheel to xtask/src/fetch/zig.rs")
    })?;
    project.program(workspace, &wheel)
}

//! The binary API of our classes, as Kotlin's own tools dump it, beside a committed file: an app that was compiled against
//! one release runs with the next.

use std::path::{Path, PathBuf};

use super::toolchain::Toolchain;
use crate::command;
use crate::golden;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// The committed file of a module.
pub(super) fn file(module: &Path) -> PathBuf {
    let name = module.file_name().unwrap_or_default();
    module.join("api").join(name).with_extension("api")
}

/// Compares what a folder of classes offers with a committed file.
pub(super) fn check(
    workspace: &Workspace,
    toolchain: &Toolchain,
    classes: &Path,
    file: &Path,
) -> Result<(), TaskError> {
    golden::check(workspace, file, &dump(workspace, toolchain, classes)?)
}

/// Fails where a folder of classes offers anything.
pub(super) fn nothing(workspace: &Workspace, toolchain: &Toolchain, classes: &Path) -> Result<(), TaskError> {
    let found = dump(workspace, toolchain, classes)?;
    found.lines().find(|line| !line.trim().is_empty()).map_or(Ok(()), |line| {
        Err(TaskError::new(format!("an app can see what was generated: `{line}`"))
            .remedy("hide it in xtask/src/kotlin/bindings.rs"))
    })
}

fn dump(workspace: &Workspace, toolchain: &Toolchain, classes: &Path) -> Result<String, TaskError> {
    let program = workspace.root.join("android").join("wheelwork").join("toolchain").join("Dump.java");
    command::capture(toolchain.java(&[])?.arg(program).arg(classes))
}

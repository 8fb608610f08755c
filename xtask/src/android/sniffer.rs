//! What our classes use and the oldest Android lacks, found by animal-sniffer, beside a committed list: each line of it was
//! looked at, and stands behind a look at `Build.VERSION.SDK_INT`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::artefacts::{Artefacts, Role};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, golden};

/// Of a module, beside its binary API.
const LIST: &str = "newer-than-26.txt";

/// Compares what folders of classes use with the list of a module.
pub(super) fn check(
    workspace: &Workspace,
    artefacts: &Artefacts,
    module: &Path,
    classes: &[PathBuf],
) -> Result<(), TaskError> {
    let mut jars = artefacts.class_path(Role::Sniffer);
    jars.push(artefacts.jar("asm")?);
    let mut java = Command::new("java");
    java.arg("--class-path")
        .arg(std::env::join_paths(jars)?)
        .arg(workspace.root.join("android").join("toolchain").join("Sniff.java"))
        .arg(artefacts.signature()?)
        .args(classes);
    let found = command::capture(&mut java)?;
    golden::check(workspace, &module.join("api").join(LIST), &found)
}

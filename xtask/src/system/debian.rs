//! Files of Debian's packages in a folder of ours, with nothing installed: `apt-get download` checks their signatures.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::task_error::TaskError;
use crate::workspace::{self, Workspace, files_in};
use crate::{command, report};

/// `target/debian/NAME` with the content of those packages.
pub(crate) fn root(workspace: &Workspace, name: &str, packages: &[&str]) -> Result<PathBuf, TaskError> {
    let all = workspace.target.join("debian");
    let folder = all.join(name);
    let marker = folder.join("packages.txt");
    let wanted = packages.join("\n");
    if fs_err::read_to_string(&marker).is_ok_and(|present| present == wanted) {
        return Ok(folder);
    }
    report::step(&format!("fetching {} of Debian", packages.join(", ")));
    fs_err::create_dir_all(&all)?;
    let staging = tempfile::tempdir_in(&all)?;
    command::run(
        Command::new("apt-get")
            // As root it would download as another user, who can't write here.
            .args(["--quiet=2", "--option", "APT::Sandbox::User=root", "download"])
            .args(packages)
            .current_dir(staging.path()),
    )
    .map_err(|error| {
        error.remedy("run `apt-get update` once; without Debian's packages nothing can be tried here")
    })?;
    let ready = staging.path().join("ready");
    for package in files_in(staging.path(), "deb")? {
        extract(&package, &ready)?;
    }
    fs_err::write(ready.join("packages.txt"), wanted)?;
    workspace::replace(&ready, &folder)?;
    Ok(folder)
}

fn extract(package: &Path, folder: &Path) -> Result<(), TaskError> {
    command::run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(folder))
}

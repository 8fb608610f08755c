//! A wheel, fetched by project name, version and hash.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::python::Python;
use crate::task_error::TaskError;
use crate::workspace::{self, Workspace};
use crate::{command, report};

/// A project on pip's index, pinned.
#[derive(Debug)]
pub(crate) struct Project {
    pub(super) name: &'static str,
    pub(crate) version: &'static str,
    /// A wheel a line, with the fields of [`Wheel`].
    pub(super) wheels: &'static str,
    /// What else a person can do where pip finds nothing.
    pub(super) remedy: &'static str,
}

/// A wheel that carries the libraries for one platform.
#[derive(Debug)]
pub(super) struct Wheel {
    /// As in [`std::env::consts`].
    pub(super) os: &'static str,
    /// As in [`std::env::consts`].
    pub(super) arch: &'static str,
    /// pip's name of the platform.
    pub(super) platform: &'static str,
    /// The library's file in the wheel; the project says in which folder.
    pub(super) library: &'static str,
    /// Of the wheel, in hexadecimal.
    pub(super) sha256: &'static str,
}

impl Wheel {
    fn folder(&self, version: &str) -> String {
        let is_of_this_system = (self.os, self.arch) == (OS, ARCH);
        if is_of_this_system { version.to_owned() } else { format!("{version}-{}", self.platform) }
    }
}

/// Which of the wheels' Python versions is asked for. The libraries do not depend on Python, so whichever Python is
/// installed fetches the same files.
const PYTHON_VERSION: &str = "3.12";

/// Holds the hash of the wheel that the folder came from.
const MARKER: &str = "wheel.sha256";

impl Project {
    pub(super) fn wheels(&self) -> impl Iterator<Item = Wheel> {
        self.wheels.lines().filter_map(|line| {
            let mut fields = line.split_whitespace();
            let mut next = || fields.next();
            Some(Wheel { os: next()?, arch: next()?, platform: next()?, library: next()?, sha256: next()? })
        })
    }

    /// The wheel for a platform; none is made for musl.
    pub(super) fn wheel(&self, os: &str, arch: &str, musl: bool) -> Option<Wheel> {
        self.wheels().find(|wheel| wheel.os == os && wheel.arch == arch && !musl)
    }

    /// `target/NAME/VERSION`, filled by `take_out(content of the wheel, new folder)` unless it is there already; of another
    /// system than this one `target/NAME/VERSION-PLATFORM`.
    pub(super) fn fetch(
        &self,
        workspace: &Workspace,
        wheel: &Wheel,
        take_out: impl FnOnce(&Path, &Path) -> Result<(), TaskError>,
    ) -> Result<PathBuf, TaskError> {
        let releases = workspace.target.join(self.name);
        let folder = releases.join(wheel.folder(self.version));
        if is_complete(&folder, wheel) {
            return Ok(folder);
        }
        report::step(&format!("fetching {} {}", self.name, self.version));
        fs_err::create_dir_all(&releases)?;
        let staging = tempfile::tempdir_in(&releases)?;
        let ready = staging.path().join("ready");
        let python = Python::find()?;
        let archive = self.download(&python, wheel, staging.path())?;
        let content = staging.path().join("content");
        command::run(python.module("zipfile").arg("-e").arg(&archive).arg(&content))?;
        take_out(&content, &ready)?;
        fs_err::write(ready.join(MARKER), format!("{}\n", wheel.sha256))?;
        workspace::replace(&ready, &folder)?;
        Ok(folder)
    }

    /// As [`fetch`](Self::fetch), for a wheel whose `library` is a program: its path.
    pub(super) fn program(&self, workspace: &Workspace, wheel: &Wheel) -> Result<PathBuf, TaskError> {
        let folder = self.fetch(workspace, wheel, |content, ready| {
            fs_err::rename(content, ready)?;
            executable(&ready.join(wheel.library))
        })?;
        Ok(folder.join(wheel.library))
    }

    /// Brings the wheel into `staging` and checks its hash.
    fn download(&self, python: &Python, wheel: &Wheel, staging: &Path) -> Result<PathBuf, TaskError> {
        let Self { name, version, remedy, .. } = self;
        let folder = staging.join("wheel");
        let mut pip = python.module("pip");
        pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"])
            .args(["--implementation", "cp", "--python-version", PYTHON_VERSION])
            .args(["--platform", wheel.platform])
            .arg("--dest")
            .arg(&folder)
            .arg(format!("{name}=={version}"));
        command::run(&mut pip).map_err(|error| {
            error.remedy(format!("check pip's index and network settings (`pip config list`), or {remedy}"))
        })?;
        let archive = fs_err::read_dir(&folder)?
            .next()
            .ok_or_else(|| TaskError::new("`pip download` brought no file"))??
            .path();
        let found = sha256(&archive)?;
        if found != wheel.sha256 {
            return Err(TaskError::new(format!(
                "{name} {version} for {}: the wheel's SHA-256 is {found}, expected {}",
                wheel.platform, wheel.sha256
            ))
            .remedy("do not use that file; find out what pip's index serves (`pip config list`)"));
        }
        Ok(archive)
    }
}

/// Python's `zipfile` drops the mode.
#[cfg(unix)]
fn executable(path: &Path) -> Result<(), TaskError> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<(), TaskError> {
    Ok(())
}

fn is_complete(folder: &Path, wheel: &Wheel) -> bool {
    let marker = fs_err::read_to_string(folder.join(MARKER)).unwrap_or_default();
    marker.trim() == wheel.sha256
}

pub(crate) fn sha256(path: &Path) -> Result<String, TaskError> {
    let digest = Sha256::digest(fs_err::read(path)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_complete_only_with_the_matching_marker() {
        let folder = tempfile::tempdir().unwrap();
        let [wheel, other] = ["aa", "bb"].map(|sha256| Wheel {
            os: "linux",
            arch: "x86_64",
            platform: "manylinux",
            library: "lib.so",
            sha256,
        });
        assert!(!is_complete(folder.path(), &wheel));
        fs_err::write(folder.path().join(MARKER), "aa\n").unwrap();
        assert!(is_complete(folder.path(), &wheel));
        assert!(!is_complete(folder.path(), &other), "another wheel's marker");
    }

    #[test]
    fn sha256_is_lower_case_hexadecimal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs_err::write(&path, "abc").unwrap();
        assert_eq!(
            sha256(&path).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

//! unidbg: executes arm64 code of Android on a JVM, with Android 6's own C library, which it carries.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, maven};

/// The libraries of Android that our own may import from.
pub(super) const BIONIC: [&str; 4] = ["libc", "libm", "libdl", "liblog"];

/// Where they are in unidbg's jar: of Android 6, API level 23, for arm64.
const IN_JAR: &str = "android/sdk23/lib64";

/// unidbg, fetched.
pub(super) struct Unidbg {
    /// `Run.java`, and what is pinned.
    program: PathBuf,
    jars: PathBuf,
    work: PathBuf,
}

impl Unidbg {
    /// Fetched if need be.
    pub(super) fn fetch(workspace: &Workspace) -> Result<Self, TaskError> {
        let program = workspace.root.join("android").join("native").join("unidbg");
        let work = workspace.target.join("android");
        let jars = work.join("unidbg");
        maven::fetch(&program, &jars, "unidbg (34 MB)")?;
        Ok(Self { program, jars, work })
    }

    /// A folder with [`BIONIC`], as real files.
    pub(super) fn bionic(&self) -> Result<PathBuf, TaskError> {
        let name = "unidbg-android-0.9.8.jar";
        let files = BIONIC.map(|library| format!("{IN_JAR}/{library}.so"));
        command::run(
            Command::new("jar").arg("xf").arg(self.jars.join(name)).args(&files).current_dir(&self.work),
        )?;
        Ok(self.work.join(IN_JAR))
    }

    /// Executes a library for arm64; fails where something is not as `Run.java` expects.
    pub(super) fn run(&self, library: &Path) -> Result<(), TaskError> {
        let root = tempfile::tempdir_in(&self.work)?;
        command::run(
            Command::new("java")
                .arg("--class-path")
                .arg(self.jars.join("*"))
                .arg(self.program.join("Run.java"))
                .arg(library)
                .arg(root.path()),
        )
    }
}

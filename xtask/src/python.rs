//! The machine's Python, which carries the `pip` that packages are fetched with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::task_error::TaskError;

/// Names the interpreter; nothing else is tried where it is set.
const VARIABLE: &str = "PYTHON";

/// A Python 3 that has `pip`.
#[derive(Debug)]
pub(crate) struct Python {
    program: OsString,
}

impl Python {
    /// `$PYTHON`, else the first of `python3`, `python` and `py` that has `pip`.
    pub(crate) fn find() -> Result<Self, TaskError> {
        let named = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty());
        let candidates =
            named.map_or_else(|| ["python3", "python", "py"].map(String::from).into(), |name| vec![name]);
        let tried = candidates.join(", ");
        candidates.into_iter().map(|name| Self { program: name.into() }).find(Self::has_pip).ok_or_else(|| {
            TaskError::new(format!("find a Python 3 with `pip` (tried {tried})")).remedy(format!(
                "install Python 3 with pip (Debian: `apt-get install python3-pip`), or name an interpreter in the \
                 variable {VARIABLE}"
            ))
        })
    }

    /// The interpreter of a virtual environment.
    pub(crate) fn in_environment(folder: &Path) -> Self {
        let program: PathBuf = if cfg!(windows) {
            folder.join("Scripts").join("python.exe")
        } else {
            folder.join("bin").join("python")
        };
        Self { program: program.into() }
    }

    /// The interpreter at that path.
    pub(crate) fn at(program: &Path) -> Self {
        Self { program: program.into() }
    }

    /// `python -m MODULE`.
    pub(crate) fn module(&self, module: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-m", module]);
        command
    }

    /// `python SCRIPT`.
    pub(crate) fn script(&self, script: &Path) -> Command {
        let mut command = Command::new(&self.program);
        // A judge must not leave __pycache__ folders in the working tree.
        command.arg("-B").arg(script);
        command
    }

    fn has_pip(&self) -> bool {
        command::capture(self.module("pip").arg("--version"))
            .is_ok_and(|version| version.contains("python 3"))
    }
}

//! A static library for a phone's system, built without that system: no linker has a say in it.
//!
//! 1. [`add_targets`]: `rustup` brings Rust's standard library.
//! 2. [`StaticLibrary::build`] compiles for size and gives the file.
//! 3. [`check_places`]: panics in what was linked of it tell a place within a crate, not on the machine that built it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Optimised for size; see `Cargo.toml`.
const PROFILE: &str = "phone";

/// What is built.
pub(crate) struct StaticLibrary<'a> {
    pub(crate) package: &'a str,
    /// The library's name, as in `libNAME.a`.
    pub(crate) name: &'a str,
    pub(crate) features: &'a str,
    pub(crate) target: &'a str,
    /// Rust's linker in the manner of that system, and what it is told: a dependency makes a shared library of its own besides,
    /// which nobody uses, and asks for a linker.
    pub(crate) linker: &'a str,
    pub(crate) flags: &'a [String],
    pub(crate) variables: &'a [(&'a str, &'a Path)],
}

impl StaticLibrary<'_> {
    /// Builds it; its file.
    pub(crate) fn build(&self, workspace: &Workspace) -> Result<PathBuf, TaskError> {
        let mut flags = vec!["-Clinker=rust-lld".to_owned(), format!("-Clinker-flavor={}", self.linker)];
        flags.extend_from_slice(self.flags);
        flags.extend(neutral(&workspace.root, &cargo_home()));
        command::run(
            command::cargo()
                .args(["rustc", "--locked", "--package", self.package, "--lib", "--crate-type", "staticlib"])
                .args(["--features", self.features, "--profile", PROFILE, "--target", self.target])
                .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
                .envs(self.variables.iter().copied())
                .current_dir(&workspace.root),
        )?;
        let folder = workspace.target.join(self.target).join(PROFILE);
        Ok(folder.join(format!("lib{}.a", self.name)))
    }
}

/// Has `rustup` bring Rust's standard library for other systems.
pub(crate) fn add_targets<'a>(targets: impl IntoIterator<Item = &'a str>) -> Result<(), TaskError> {
    command::run(Command::new("rustup").args(["--quiet", "target", "add"]).args(targets))
        .map_err(|error| error.remedy("install Rust by rustup, which brings its library for other systems"))
}

/// Fails where a linked library names a folder of this machine.
pub(crate) fn check_places(workspace: &Workspace, library: &Path) -> Result<(), TaskError> {
    let content = fs_err::read(library)?;
    match named(&content, &[&workspace.root, &cargo_home()]) {
        Some(folder) => Err(TaskError::new(format!(
            "{} names {}, a folder of this machine",
            library.display(),
            folder.display()
        ))
        .remedy("see how xtask/src/static_library.rs hides such folders")),
        None => Ok(()),
    }
}

/// The first of the folders whose path stands in the bytes.
fn named<'a>(content: &[u8], folders: &[&'a Path]) -> Option<&'a Path> {
    let has = |text: &[u8]| content.windows(text.len()).any(|window| window == text);
    folders.iter().copied().find(|folder| has(folder.as_os_str().as_encoded_bytes()))
}

/// What has the compiler write no folder of this machine. Of two that fit, the compiler takes the last.
fn neutral(root: &Path, cargo_home: &Path) -> [String; 2] {
    let remap = |folder: &Path, name| format!("--remap-path-prefix={}={name}", folder.display());
    [remap(cargo_home, "cargo"), remap(root, "wheelwork")]
}

fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME")
        .map_or_else(|| std::env::home_dir().unwrap_or_default().join(".cargo"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_this_machine_is_found_in_a_library() {
        let folders = [Path::new("/builds/wheelwork"), Path::new("/tools/.cargo")];
        let content = b"\0panicked at cargo/registry/x.rs\0/tools/.cargo/registry/y.rs\0";
        assert_eq!(named(content, &folders), Some(folders[1]));
        assert_eq!(named(b"\0wheelwork/core/src/lib.rs\0", &folders), None);
    }
}

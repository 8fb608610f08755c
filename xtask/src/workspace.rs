//! The workspace as `cargo metadata` describes it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::task_error::TaskError;
use crate::{command, report};

/// The workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Where cargo builds, and where everything that a task fetches or makes lies.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    /// The workspace's own crates.
    pub(crate) packages: Vec<Package>,
}

/// One crate of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A dependency as the manifest writes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or nothing for what the crate itself uses.
    pub(crate) kind: Option<String>,
}

impl Dependency {
    /// Whether only tests, examples and benchmarks use it.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// Something that a crate builds.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

impl Workspace {
    /// Asks cargo. No dependency is resolved, so nothing is fetched.
    pub(crate) fn load() -> Result<Self, TaskError> {
        let json = command::capture(
            command::cargo()
                .args(["metadata", "--no-deps", "--format-version", "1"])
                .current_dir(crate_folder()),
        )?;
        serde_json::from_str(&json).map_err(|error| TaskError::from(error).during("read cargo's metadata"))
    }

    /// A path below the root, for messages: with `/` on every system.
    pub(crate) fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace('\\', "/")
    }

    /// Builds in the dev profile, or with `--release` among the arguments in the other.
    pub(crate) fn build(&self, what: &[&str]) -> Result<(), TaskError> {
        command::run(command::cargo().args(["build", "--locked"]).args(what).current_dir(&self.root))
    }

    /// Builds `wheelwork` in that profile (`debug`, `release`); where it is then.
    pub(crate) fn build_command(&self, profile: &str) -> Result<PathBuf, TaskError> {
        report::step("building the command");
        let release: &[&str] = if profile == "release" { &["--release"] } else { &[] };
        self.build(&[release, &["--package", "wheelwork-desktop"]].concat())?;
        Ok(self.program(profile, "wheelwork"))
    }

    /// The command that somebody has built already, or a new one.
    pub(crate) fn given_or_built(&self, given: Option<&Path>, profile: &str) -> Result<PathBuf, TaskError> {
        match given {
            Some(program) => Ok(std::path::absolute(program)?),
            None => self.build_command(profile),
        }
    }

    /// A program of the workspace after `cargo build` in that profile's folder (`debug`, `release`).
    pub(crate) fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}

/// The files of a folder with that extension, in order.
pub(crate) fn files_in(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, TaskError> {
    let paths = fs_err::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file() && path.extension().is_some_and(|own| own == extension));
    paths.sort();
    Ok(paths)
}

/// The files below a folder with that extension, in order.
pub(crate) fn files_below(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, TaskError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        found.extend(files_in(&folder, extension)?);
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Copies the files of a folder into another one, which is made; folders in it are left out.
pub(crate) fn copy_files(from: &Path, to: &Path) -> Result<(), TaskError> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs_err::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// Gives a folder that is complete its name; what had it goes.
pub(crate) fn replace(complete: &Path, folder: &Path) -> Result<(), TaskError> {
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    Ok(fs_err::rename(complete, folder)?)
}

/// xtask's own folder: `cargo xtask` may have been called from anywhere below the workspace.
fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

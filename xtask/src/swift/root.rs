//! Debian's Swift compiler in a root of its own, made once and kept outside of the clone: 2.7 GB, some minutes.
//!
//! Debian's stable release has it, the one before does not, and it wants a newer libc: hence a whole root. A library that
//! was built outside of it loads in it, since its libc is the newer one. The packages are signed, and `apt` checks that.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::task_error::TaskError;
use crate::workspace::{self, Workspace};
use crate::{command, report};

/// The release of Debian.
const RELEASE: &str = "trixie";

/// The compiler's own list leaves out what it links with.
const PACKAGES: [&str; 6] =
    ["swiftlang", "libc6-dev", "libgcc-14-dev", "libstdc++-14-dev", "binutils", "git"];

/// Runs `$3` and what follows in the root `$1`, with `$2` at the same path as outside. The mounts are in a namespace of its
/// own, so that they are gone when it ends, whatever ends it.
const ENTER: &str = "set -eu; root=$1 shared=$2; shift 2; mount -t proc proc \"$root/proc\"; mkdir -p \"$root$shared\"; \
                     mount --bind \"$shared\" \"$root$shared\"; exec chroot \"$root\" \"$@\"";

/// A root that is complete.
pub(super) struct Root {
    folder: PathBuf,
}

impl Root {
    /// Made if need be; else why this machine has none.
    pub(super) fn ready() -> Result<Self, String> {
        let folder = cache().join(format!("swift-{RELEASE}"));
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err("it wants Linux on x86-64".into());
        }
        if command::capture(Command::new("id").arg("-u")).map_or(true, |id| id.trim() != "0") {
            return Err("only root may make a root folder and enter it".into());
        }
        if folder.join("usr/bin/swiftc").exists() {
            return Ok(Self { folder });
        }
        report::step("making a Debian root with Swift (640 MB to fetch, once)");
        make(&folder).map_err(|error| format!("no root could be made: {error}"))?;
        Ok(Self { folder })
    }

    /// A program in it, which sees what the workspace built and fetched at the same paths.
    pub(super) fn run(&self, workspace: &Workspace, program: &str) -> Command {
        enter(&self.folder, &workspace.target, program)
    }
}

fn enter(root: &Path, shared: &Path, program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--", "sh", "-c", ENTER, "enter"]).arg(root).arg(shared).arg(program);
    command
}

/// Where what outlives a clone is kept.
fn cache() -> PathBuf {
    let user = std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty());
    user.map_or_else(|| PathBuf::from("/var/cache"), PathBuf::from).join("wheelwork")
}

/// It gets its name last.
fn make(folder: &Path) -> Result<(), TaskError> {
    if command::capture(Command::new("debootstrap").arg("--version")).is_err() {
        apt(&mut Command::new("apt-get"), &["update"])?;
        apt(&mut Command::new("apt-get"), &["install", "--yes", "--no-install-recommends", "debootstrap"])?;
    }
    let parent = folder.parent().unwrap_or(folder);
    fs_err::create_dir_all(parent)?;
    let staging = tempfile::tempdir_in(parent)?;
    let made = staging.path().join("root");
    let log = staging.path().join("log");
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", "--include=ca-certificates", RELEASE]).arg(&made);
    said(&log, command::run_to(&mut debootstrap, &log))?;
    // What is installed starts no services.
    let policy = made.join("usr/sbin/policy-rc.d");
    fs_err::write(&policy, "#!/bin/sh\nexit 101\n")?;
    command::capture(Command::new("chmod").arg("755").arg(&policy))?;
    for file in ["resolv.conf", "hosts"] {
        if let Ok(text) = fs_err::read(Path::new("/etc").join(file)) {
            fs_err::write(made.join("etc").join(file), text)?;
        }
    }
    let shared = staging.path().join("shared");
    fs_err::create_dir(&shared)?;
    let install = [["install", "--yes", "--no-install-recommends"].as_slice(), &PACKAGES].concat();
    for arguments in [["update"].as_slice(), &install, &["clean"]] {
        said(&log, apt(&mut enter(&made, &shared, "apt-get"), arguments))?;
    }
    workspace::replace(&made, folder)
}

fn apt(command: &mut Command, arguments: &[&str]) -> Result<(), TaskError> {
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command::capture(command).map(drop)
}

/// The log goes with the folder, so its last line goes into the error.
fn said(log: &Path, result: Result<(), TaskError>) -> Result<(), TaskError> {
    result.map_err(|error| {
        let log = fs_err::read_to_string(log).unwrap_or_default();
        error.during(log.lines().last().unwrap_or("it said nothing"))
    })
}

//! `cargo xtask ci`: everything that a change has to pass, the same on a laptop and in CI.
//!
//! All steps build in the dev profile, and share what they build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{android, command, fuzz, gpu, ios, kotlin, linked, report, runtimes, steps, swift, test, tidy};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these steps.
    steps: Vec<Step>,
}

/// The quickest answers come first.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Step {
    /// Layout: rustfmt.
    Fmt,
    /// The project's own rules.
    Tidy,
    /// Licences, sources and forbidden dependencies. (Advisories are left out: they need a database from the
    /// network, and change without us.)
    Deny,
    /// Lints of all targets, warnings denied.
    Clippy,
    /// Documentation of the libraries, warnings denied.
    Docs,
    /// Every test.
    Test,
    /// The GPU tests, on a GPU made of software.
    Gpu,
    /// The tests with a model, on the versions of ONNX Runtime that phones have.
    Runtimes,
    /// Every example builds.
    Examples,
    /// The Kotlin side on the JVM, where there is one.
    Kotlin,
    /// The Swift package on Linux, where a root with Swift can be made.
    Swift,
    /// Every fuzz target for 30 seconds.
    Fuzz,
    /// Tests with a model, with ONNX Runtime linked instead of loaded. This step and those behind it are left out where an hour has gone.
    Linked,
    /// What an iOS app links.
    Ios,
    /// The Android library and its app, as far as they run without Android.
    Android,
    /// What an Android app loads: linked, compared with its ledger, and executed. It builds everything once more.
    Native,
}

/// A machine so slow has no time for the last steps: all of them must end within 90 minutes.
const LATE: Duration = Duration::from_secs(3600);

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let start = Instant::now();
    let is_late = || options.steps.is_empty() && start.elapsed() > LATE;
    steps::run_each("cargo xtask ci", &options.steps, |step| match step {
        Step::Linked | Step::Ios | Step::Android | Step::Native if is_late() => {
            let name = steps::name(step);
            report::warning(&format!("SKIPPED: an hour has gone; run `cargo xtask ci {name}`"));
            Ok(())
        }
        step => step.run(workspace),
    })
}

impl Step {
    fn run(self, workspace: &Workspace) -> Result<(), TaskError> {
        let cargo = |arguments: &str| {
            let mut command = command::cargo();
            command.current_dir(&workspace.root).args(arguments.split_whitespace());
            command
        };
        match self {
            Self::Fmt => command::run(&mut cargo("fmt --all --check")),
            Self::Tidy => tidy::run(workspace),
            Self::Deny => deny(workspace),
            Self::Clippy => {
                command::run(&mut cargo("clippy --workspace --all-targets --locked -- --deny warnings"))
            }
            Self::Docs => command::run(
                // The command's program and Android's library have the runtime's name, and their pages would overwrite each other.
                cargo("doc --workspace --exclude wheelwork-android --lib --no-deps --locked")
                    .env("RUSTDOCFLAGS", "--deny warnings"),
            ),
            Self::Test => test::run(workspace, &test::Options::default()),
            Self::Gpu => gpu::run(workspace),
            Self::Runtimes => runtimes::run(workspace),
            Self::Linked => linked::run(workspace, &linked::Options::default()),
            Self::Ios => ios::run(workspace),
            Self::Fuzz => fuzz::run(workspace, &fuzz::Options::default()),
            Self::Kotlin => kotlin::run(workspace, &kotlin::Options::default()),
            Self::Android => android::run(workspace, &android::Options::default()),
            Self::Native => android::run(workspace, &android::Options::native()),
            Self::Swift => swift::run(workspace, &swift::Options::default()),
            Self::Examples => command::run(&mut cargo("build --workspace --examples --locked")),
        }
    }
}

fn deny(workspace: &Workspace) -> Result<(), TaskError> {
    let mut command = Command::new(cargo_deny(workspace)?);
    command::run(
        command
            .args(["--log-level", "error", "check", "bans", "licenses", "sources"])
            .current_dir(&workspace.root),
    )
}

/// The release of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// The developer's own cargo-deny where it is this release, else one in `target/tools`, built if need be.
///
/// A debug build takes 75 s on two cores and checks this workspace in one second, so an optimised one is not
/// worth its wait. The packages of other registries that carry the program can't read this workspace: they
/// are years older than its lock file's format.
fn cargo_deny(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    let tools = workspace.target.join("tools");
    let name = format!("cargo-deny{}", std::env::consts::EXE_SUFFIX);
    let built = tools.join("bin").join(&name);
    if let Some(program) = [PathBuf::from(name), built.clone()].into_iter().find(|program| is_right(program))
    {
        return Ok(program);
    }
    command::run(
        command::cargo()
            .args(["install", "--quiet", "--locked", "--debug", "--version", CARGO_DENY, "cargo-deny"])
            .arg("--root")
            .arg(&tools),
    )?;
    Ok(built)
}

fn is_right(program: &Path) -> bool {
    command::capture(Command::new(program).arg("--version"))
        .is_ok_and(|version| version.trim() == format!("cargo-deny {CARGO_DENY}"))
}

//! `cargo xtask fuzz`: libFuzzer on everything that reads bytes of strangers, each target for some seconds.
//!
//! Needs a C++ compiler (libFuzzer is built from libfuzzer-sys) and no nightly: the coverage counters come from flags that
//! a stable compiler takes. A finding is written to `target/fuzz/findings`; it becomes a unit test. New inputs stay in
//! `target/fuzz/corpus`; `fuzz/corpus` is what every run starts from.

use std::path::Path;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report, steps};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these targets.
    targets: Vec<Target>,
    /// How long each target runs.
    #[arg(long, default_value_t = DEFAULT_SECONDS)]
    seconds: u64,
}

/// What CI has time for.
const DEFAULT_SECONDS: u64 = 30;

impl Default for Options {
    fn default() -> Self {
        Self { targets: Vec::new(), seconds: DEFAULT_SECONDS }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Target {
    /// The index of a container.
    Index,
    /// The signature bundle of a container.
    Signature,
    /// A chunk as stored.
    Chunk,
    /// The JSON files of a package folder.
    Package,
    /// The verifier of ONNX graphs.
    Graph,
    /// Schemas, expressions and grammars that an answer is held to.
    Form,
}

impl Target {
    /// The longest input worth trying, in bytes.
    fn max_bytes(self) -> usize {
        match self {
            Self::Index | Self::Signature => 1 << 16,
            Self::Chunk => 1 << 14,
            Self::Package | Self::Graph => 1 << 15,
            Self::Form => 1 << 12,
        }
    }
}

/// What `cargo fuzz` passes, without what only a nightly compiler takes (an address sanitizer: our code has no unsafe).
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Memory of one target, in MB: far above what the bounds allow, far below what a lying length would ask for.
const MEMORY_MB: usize = 512;

/// Linux has it.
const MEMORY_FOLDER: &str = "/dev/shm";

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let work = workspace.target.join("fuzz");
    let host = host()?;
    command::run(
        command::cargo()
            // With a target, so that build scripts are built without the flags.
            .args(["build", "--release", "--locked", "--bins", "--target", &host, "--target-dir"])
            .arg(&work)
            .env("RUSTFLAGS", FLAGS)
            .current_dir(workspace.root.join("fuzz")),
    )?;
    let programs = work.join(&host).join("release");
    let findings = work.join("findings");
    fs_err::create_dir_all(&findings)?;
    steps::run_each("cargo xtask fuzz", &options.targets, |target| {
        let corpus = work.join("corpus").join(steps::name(target));
        fs_err::create_dir_all(&corpus)?;
        let mut fuzzer = Command::new(programs.join(steps::name(target)));
        fuzzer
            .arg(&corpus)
            .arg(workspace.root.join("fuzz").join("corpus").join(steps::name(target)))
            .arg(format!("-max_total_time={}", options.seconds))
            .arg(format!("-max_len={}", target.max_bytes()))
            .arg(format!("-rss_limit_mb={MEMORY_MB}"))
            .arg(format!("-malloc_limit_mb={MEMORY_MB}"))
            .args(["-timeout=10", "-print_final_stats=1", "-verbosity=1"])
            .arg(format!("-artifact_prefix={}/{}-", findings.display(), steps::name(target)));
        // A target that writes files does so a hundred times faster in memory.
        if Path::new(MEMORY_FOLDER).is_dir() {
            fuzzer.env("TMPDIR", MEMORY_FOLDER);
        }
        command::run(&mut fuzzer).map_err(|error| {
            report::note(&format!("what was found lies in {}", findings.display()));
            error.remedy("make a unit test of it, then mend the code")
        })
    })
}

/// The triple of this machine.
fn host() -> Result<String, TaskError> {
    let told = command::capture(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| TaskError::new("rustc does not say which machine this is"))
}

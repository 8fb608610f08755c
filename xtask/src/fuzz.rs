//! `cargo xtask fuzz`: libFuzzer on everything that reads bytes of strangers, each target for some seconds or so many inputs.
//!
//! Needs a C++ compiler (libFuzzer is built from libfuzzer-sys) and no nightly: the coverage counters come from flags that
//! a stable compiler takes. A finding is written to `target/fuzz/findings`; it becomes a unit test. New inputs stay in
//! `target/fuzz/corpus`; `fuzz/corpus` is what every run starts from, with the attacks of `fuzz/attacks.py`. What each
//! target said is in `target/fuzz/logs`, and a table of all of them is printed.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::python::Python;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report, steps, test};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these targets.
    targets: Vec<Target>,
    /// How long each target runs.
    #[arg(long, default_value_t = DEFAULT_SECONDS)]
    seconds: u64,
    /// A campaign instead: so many inputs over all targets, each with a share that fits its speed. 1e8 takes an hour or two of one core.
    #[arg(long)]
    inputs: Option<f64>,
    /// Targets that run at once.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
}

/// What CI has time for.
const DEFAULT_SECONDS: u64 = 30;

impl Default for Options {
    fn default() -> Self {
        Self { targets: Vec::new(), seconds: DEFAULT_SECONDS, inputs: None, jobs: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
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
    /// Chat templates, parsed and rendered.
    Template,
    /// Tokenizers, loaded and used.
    Tokenizer,
    /// Session files.
    Session,
    /// A whole package folder, to the first token.
    Folder,
    /// A prepared form's record and graph.
    Prepared,
}

impl Target {
    /// The longest input worth trying, in bytes.
    fn max_bytes(self) -> usize {
        match self {
            Self::Index | Self::Signature | Self::Tokenizer => 1 << 16,
            Self::Chunk => 1 << 14,
            Self::Package | Self::Graph => 1 << 15,
            Self::Form | Self::Session | Self::Folder | Self::Prepared => 1 << 12,
            Self::Template => 1 << 13,
        }
    }

    /// Its part of a campaign's inputs, in thousandths: each target gets about as much time, some minutes of 1e8 inputs.
    fn share(self) -> f64 {
        let thousandths = match self {
            Self::Index => 560.0,
            Self::Signature => 320.0,
            Self::Graph => 80.0,
            Self::Session => 25.0,
            Self::Package => 6.0,
            Self::Chunk => 5.0,
            Self::Template => 2.0,
            Self::Tokenizer => 1.0,
            Self::Form => 0.5,
            Self::Prepared => 0.3,
            Self::Folder => 0.2,
        };
        thousandths / 1000.0
    }

    /// Whether it changes files of a real package, and runs ONNX Runtime on them.
    fn needs_package(self) -> bool {
        matches!(self, Self::Folder | Self::Prepared)
    }
}

/// What `cargo fuzz` passes, without what only a nightly compiler takes (an address sanitizer: our code has no unsafe).
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Memory of one target, in MB, and seconds of one input: more is a finding.
const MEMORY_MB: usize = 512;
const SECONDS: usize = 10;
/// As `SECONDS`, in a campaign.
const CAMPAIGN_SECONDS: usize = 2;

/// Linux has it.
const MEMORY_FOLDER: &str = "/dev/shm";

/// Names the folder with the package to change, for the targets.
const BASE_VARIABLE: &str = "WHEELWORK_FUZZ_BASE";

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let work = workspace.target.join("fuzz");
    let host = host()?;
    let targets = match &options.targets[..] {
        [] => Target::value_variants(),
        named => named,
    };
    command::run(
        command::cargo()
            // With a target, so that build scripts are built without the flags.
            .args(["build", "--release", "--locked", "--bins", "--target", &host, "--target-dir"])
            .arg(&work)
            .env("RUSTFLAGS", FLAGS)
            .current_dir(workspace.root.join("fuzz")),
    )?;
    if targets.iter().any(|target| target.needs_package()) {
        make_base(workspace, &work.join("base"))?;
    }
    for folder in ["findings", "logs"] {
        fs_err::create_dir_all(work.join(folder))?;
    }
    let attacks = workspace.root.join("fuzz").join("attacks.py");
    command::run(Python::find()?.script(&attacks).arg(work.join("attacks")))?;
    let programs = work.join(&host).join("release");
    let jobs = options.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let mut results = Vec::new();
    for together in targets.chunks(jobs) {
        let runs: Vec<_> = together
            .iter()
            .map(|target| Ok((*target, fuzzer(workspace, options, *target, &programs)?)))
            .collect::<Result<_, TaskError>>()?;
        thread::scope(|scope| {
            let started: Vec<_> = runs
                .into_iter()
                .map(|(target, command)| {
                    scope.spawn(move || Outcome::of(target, command, &work_log(workspace, target)))
                })
                .collect();
            results.extend(started.into_iter().flat_map(thread::ScopedJoinHandle::join));
        });
    }
    summarise(&work, results)
}

fn work_log(workspace: &Workspace, target: Target) -> PathBuf {
    workspace.target.join("fuzz").join("logs").join(format!("{}.log", steps::name(&target)))
}

/// A target's program with its arguments.
fn fuzzer(
    workspace: &Workspace,
    options: &Options,
    target: Target,
    programs: &Path,
) -> Result<Command, TaskError> {
    let work = workspace.target.join("fuzz");
    let name = steps::name(&target);
    let corpus = work.join("corpus").join(&name);
    fs_err::create_dir_all(&corpus)?;
    let mut fuzzer = Command::new(programs.join(&name));
    if target.needs_package() {
        test::prepare(&mut fuzzer, workspace)?;
        fuzzer.env(BASE_VARIABLE, work.join("base"));
    }
    let bound = match options.inputs {
        // A campaign's inputs are far fewer than 2^63.
        Some(inputs) => format!("-runs={:.0}", (inputs * target.share()).max(1.0)),
        None => format!("-max_total_time={}", options.seconds),
    };
    let begin = [workspace.root.join("fuzz").join("corpus").join(&name), work.join("attacks").join(&name)];
    fuzzer
        .arg(&corpus)
        .args(begin.iter().filter(|folder| folder.is_dir()))
        .arg(bound)
        .arg(format!("-max_len={}", target.max_bytes()))
        .arg(format!("-rss_limit_mb={MEMORY_MB}"))
        .arg(format!("-malloc_limit_mb={MEMORY_MB}"))
        .arg(format!("-timeout={}", if options.inputs.is_some() { CAMPAIGN_SECONDS } else { SECONDS }))
        .args(["-print_final_stats=1", "-verbosity=1"])
        .arg(format!("-artifact_prefix={}/findings/{name}-", work.display()));
    // A target that writes files does so a hundred times faster in memory.
    if Path::new(MEMORY_FOLDER).is_dir() {
        fuzzer.env("TMPDIR", MEMORY_FOLDER);
    }
    Ok(fuzzer)
}

/// The smallest family's package, as our command makes it.
fn make_base(workspace: &Workspace, base: &Path) -> Result<(), TaskError> {
    let wheelwork = workspace.build_command("debug")?;
    if base.is_dir() {
        fs_err::remove_dir_all(base)?;
    }
    fs_err::create_dir_all(base)?;
    let mut command = Command::new(&wheelwork);
    test::prepare(&mut command, workspace)?;
    command::run(command.args(["quantize", "testdata/families/qwen2", "--out"]).arg(base.join("package")))
}

/// What a target did.
struct Outcome {
    name: String,
    result: Result<(), TaskError>,
    inputs: u64,
    added: u64,
    seconds: f64,
}

impl Outcome {
    fn of(target: Target, mut fuzzer: Command, log: &Path) -> Self {
        let start = Instant::now();
        let result = command::run_to(&mut fuzzer, log);
        let said = fs_err::read_to_string(log).unwrap_or_default();
        let number = |name: &str| {
            let found = said.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            found.unwrap_or(0)
        };
        Self {
            name: steps::name(&target),
            result,
            inputs: number("stat::number_of_executed_units:"),
            added: number("stat::new_units_added:"),
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

fn summarise(work: &Path, results: Vec<Outcome>) -> Result<(), TaskError> {
    println!("| target | inputs | added to the corpus | inputs a second | found |\n|---|---:|---:|---:|---|");
    let mut found = Vec::new();
    for Outcome { name, result, inputs, added, seconds } in results {
        let finding = if result.is_ok() { "nothing" } else { "something" };
        // Inputs are counted far below 2^52.
        #[allow(clippy::cast_precision_loss)]
        let rate = inputs as f64 / seconds.max(0.001);
        println!("| `{name}` | {inputs} | {added} | {rate:.0} | {finding} |");
        if let Err(error) = result {
            report::error(&error);
            found.push(name);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let findings = work.join("findings");
    report::note(&format!("what was found lies in {}", findings.display()));
    Err(TaskError::new(format!("{} found something", found.join(", ")))
        .remedy("make a unit test of it, then mend the code"))
}

/// The triple of this machine.
fn host() -> Result<String, TaskError> {
    let told = command::capture(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| TaskError::new("rustc does not say which machine this is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_shared_among_all_targets() {
        let sum: f64 = Target::value_variants().iter().map(|target| target.share()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn every_target_has_a_program() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        for target in Target::value_variants() {
            let name = steps::name(target);
            assert!(fuzz.join("targets").join(format!("{name}.rs")).is_file(), "{name}");
        }
    }
}

//! `cargo xtask aarch64`: our code as ARM runs it, on two CPUs that qemu-user plays.
//!
//! 1. The tests of the kernels, in the dev profile.
//! 2. The libraries' own tests, in the same profile: packages, templates, the runtime without a model.
//! 3. The program of the archive, with ONNX Runtime's ARM library: it quantises tiny-r1, packs it for our kernels, and answers
//!    with them.
//!
//! What this shows is what the code computes. It says nothing of speed, and nothing of what only real caches and cores do.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::system::arm::{self, CPUS, Cpu};
use crate::system::runner::Runner;
use crate::system::{System, build};
use crate::task_error::TaskError;
use crate::workspace::{Workspace, copy_files};
use crate::{command, fetch, report, steps};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts [default: all]
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Products by every kernel that the CPU has.
    Kernels,
    /// Tests of the libraries that packages and turns are made of.
    Libraries,
    /// The program of the archive quantises tiny-r1 and answers with ONNX Runtime's kernels and with ours.
    Answer,
}

impl Part {
    /// What `cargo test` takes.
    fn tests(self) -> Option<&'static str> {
        match self {
            Self::Kernels => Some("--package wheelwork-kernels --tests"),
            Self::Libraries => Some(
                "--package wheelwork-diagnostic --package wheelwork-package --package wheelwork-jinja --package wheelwork-onnx \
                 --package wheelwork --lib",
            ),
            Self::Answer => None,
        }
    }
}

const QUESTION: &str = "12 + 30 = ?";
const ANSWER: &str = "42";

/// A line of the table.
struct Row {
    cpu: &'static str,
    what: String,
    result: String,
    seconds: f64,
    failed: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let qemu = arm::qemu()?;
    let work = workspace.target.join("aarch64");
    fs_err::create_dir_all(&work)?;
    let parts = if options.parts.is_empty() { Part::value_variants() } else { &options.parts };
    let mut rows = Vec::new();
    for part in parts {
        let programs = if *part == Part::Answer { Some(programs(workspace, &work)?) } else { None };
        for cpu in &CPUS {
            report::step(&format!("{} on {}", steps::name(part), cpu.name));
            match (part.tests(), &programs) {
                (Some(tests), _) => {
                    let log = work.join(format!("tests-{}-{}.txt", steps::name(part), cpu.name));
                    rows.extend(test(workspace, &log, &qemu, cpu, tests)?);
                }
                (None, Some(programs)) => {
                    rows.extend(answer(workspace, &Runner::arm64(workspace, cpu)?, cpu, programs)?);
                }
                (None, None) => {}
            }
        }
    }
    table(&rows)
}

/// Builds tests, runs them on that CPU, and makes a row of each program of theirs.
fn test(
    workspace: &Workspace,
    log: &Path,
    qemu: &Path,
    cpu: &Cpu,
    tests: &str,
) -> Result<Vec<Row>, TaskError> {
    let prefix = arm::prefix(workspace, cpu)?;
    let mut cargo = build::cargo(workspace, System::LinuxArm64, "test")?;
    cargo
        .args(["--no-fail-fast"])
        .args(tests.split_whitespace())
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", emulator(qemu, &prefix, cpu))
        // An emulator is slow: a part of the random cases.
        .env("PROPTEST_CASES", "32");
    let start = Instant::now();
    let result = command::run_to(&mut cargo, log);
    let rows = rows_of(cpu, &fs_err::read_to_string(log)?, start.elapsed().as_secs_f64());
    if rows.is_empty() {
        result?;
        return Err(TaskError::new("no test ran").remedy(format!("look into {}", log.display())));
    }
    Ok(rows)
}

fn emulator(qemu: &Path, prefix: &Path, cpu: &Cpu) -> String {
    format!("{} -L {} -cpu {}", qemu.display(), prefix.display(), cpu.name)
}

/// A row for each program of tests, of what cargo has printed.
fn rows_of(cpu: &Cpu, log: &str, seconds: f64) -> Vec<Row> {
    let mut name = String::new();
    let mut rows = Vec::new();
    for line in log.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("Running ") {
            let program = rest.rsplit('/').next().unwrap_or(rest).trim_end_matches(')');
            name = program.rsplit_once('-').map_or(program, |(name, _)| name).to_owned();
        } else if let Some(result) = line.strip_prefix("test result: ") {
            let counts = result.split(';').take(3).collect::<Vec<_>>().join(",");
            rows.push(Row {
                cpu: cpu.name,
                what: format!("tests of {name}"),
                failed: !counts.starts_with("ok"),
                result: counts.split_once(". ").map_or(counts.as_str(), |(_, rest)| rest).to_owned(),
                seconds: finished_in(result).unwrap_or(seconds),
            });
        }
    }
    rows
}

/// `...; finished in 1.23s`
fn finished_in(result: &str) -> Option<f64> {
    result.rsplit_once("finished in ")?.1.trim_end_matches('s').parse().ok()
}

/// The archive's program and ONNX Runtime, in one folder.
fn programs(workspace: &Workspace, work: &Path) -> Result<PathBuf, TaskError> {
    let system = System::LinuxArm64;
    let folder = work.join("programs");
    fs_err::create_dir_all(&folder)?;
    fs_err::copy(build::program(workspace, system)?, folder.join(system.program()))?;
    let library = fetch::library_name(system.os());
    fs_err::copy(build::onnxruntime(workspace, system)?.join(library), folder.join(library))?;
    Ok(folder)
}

/// Quantises, packs for our kernels, and asks.
fn answer(workspace: &Workspace, runner: &Runner, cpu: &Cpu, programs: &Path) -> Result<Vec<Row>, TaskError> {
    let home = tempfile::tempdir_in(workspace.target.join("aarch64"))?;
    copy_files(&workspace.root.join("testdata").join("tiny-r1"), &home.path().join("tiny-r1"))?;
    let run = |arguments: &[&str]| {
        let mut program = runner.command(programs, home.path(), System::LinuxArm64.program());
        let start = Instant::now();
        let said = command::capture(program.args(arguments).arg("--json"))?;
        Ok::<_, TaskError>((events(&said), start.elapsed().as_secs_f64()))
    };
    let row = |what: &str, result: String, seconds, failed| Row {
        cpu: cpu.name,
        what: what.to_owned(),
        result,
        seconds,
        failed,
    };
    // Calibration is many steps in float32: minutes under an emulator, and nothing of what is looked at here.
    let (_, seconds) = run(&["quantize", "tiny-r1", "--out", "t.ortpackage", "--no-calibration"])?;
    let mut rows = vec![row("quantize", "done".into(), seconds, false)];
    let package = ["--model", "t.ortpackage", "--temperature", "0", "--prompt", QUESTION];
    for kernels in ["off", "own"] {
        let (_, seconds) = run(&["prepare", "t.ortpackage", "--kernels", kernels])?;
        rows.push(row("prepare", format!("--kernels {kernels}"), seconds, false));
        let (events, seconds) = run(&[&["generate", "--kernels", kernels], &package[..]].concat())?;
        let (used, answer) = (kernels_of(&events), text_of(&events));
        let is_right = answer == ANSWER && (used == "onnxruntime") == (kernels == "off");
        rows.push(row("generate", format!("{QUESTION} {answer}, kernels: {used}"), seconds, !is_right));
    }
    Ok(rows)
}

fn events(said: &str) -> Vec<Value> {
    said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Whose kernels the first event names.
fn kernels_of(events: &[Value]) -> String {
    let named = events.iter().find_map(|event| event["placement"]["kernels"].as_str());
    named.unwrap_or("not told").to_owned()
}

/// The answer's pieces, joined.
fn text_of(events: &[Value]) -> String {
    let pieces = events.iter().filter(|event| event["event"] == "AnswerDelta");
    pieces.filter_map(|event| event["text"].as_str()).collect::<String>().trim().to_owned()
}

fn table(rows: &[Row]) -> Result<(), TaskError> {
    println!("| CPU | what | result | seconds |\n|---|---|---|---:|");
    for Row { cpu, what, result, seconds, failed } in rows {
        let mark = if *failed { "**failed** " } else { "" };
        println!("| {cpu} | {what} | {mark}{result} | {seconds:.1} |");
    }
    let failed = rows.iter().filter(|row| row.failed).count();
    if failed == 0 {
        return Ok(());
    }
    Err(TaskError::new(format!("{failed} of {} failed", rows.len()))
        .remedy("look into target/aarch64/tests-*.txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_of_tests_is_a_row() {
        let log = "     Running unittests src/lib.rs (target/aarch64-unknown-linux-gnu/debug/deps/wheelwork-0ab1)\n\
                   test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.50s\n\
                   Running tests/products.rs (target/deps/products-12)\n\
                   test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.00s\n";
        let rows = rows_of(&CPUS[0], log, 9.0);
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.what.as_str(), row.result.as_str(), row.seconds, row.failed))
            .collect();
        assert_eq!(
            told,
            [
                ("tests of wheelwork", "3 passed, 0 failed, 1 ignored", 1.5, false),
                ("tests of products", "3 passed, 2 failed, 0 ignored", 2.0, true)
            ]
        );
    }
}

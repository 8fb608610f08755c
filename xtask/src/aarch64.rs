//! `cargo xtask aarch64`: our kernels as ARM computes them, on two CPUs that qemu-user plays.
//!
//! What this shows is what the code computes. It says nothing of speed, and nothing of what only real caches and cores do.

use std::path::Path;
use std::time::Instant;

use crate::system::arm::{self, CPUS, Cpu};
use crate::system::{LINUX_ARM64, build};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

/// Products by every kernel that the CPU has.
const TESTS: &str = "--package wheelwork-kernels --tests";

/// A line of the table.
struct Row {
    cpu: &'static str,
    what: String,
    result: String,
    seconds: f64,
    failed: bool,
}

pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let qemu = arm::qemu()?;
    let work = workspace.target.join("aarch64");
    fs_err::create_dir_all(&work)?;
    let mut rows = Vec::new();
    for cpu in &CPUS {
        report::step(&format!("tests of the kernels on {}", cpu.name));
        rows.extend(test(workspace, &work, &qemu, cpu)?);
    }
    table(&rows)
}

/// Builds tests, runs them on that CPU, and makes a row of each program of theirs.
fn test(workspace: &Workspace, work: &Path, qemu: &Path, cpu: &Cpu) -> Result<Vec<Row>, TaskError> {
    let prefix = arm::prefix(workspace, cpu)?;
    let log = work.join(format!("tests-{}.txt", cpu.name));
    let mut cargo = build::cargo(workspace, LINUX_ARM64, "test")?;
    cargo
        .args(["--no-fail-fast"])
        .args(TESTS.split(' '))
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", emulator(qemu, &prefix, cpu))
        // An emulator is slow: a part of the random cases.
        .env("PROPTEST_CASES", "32");
    let start = Instant::now();
    let result = command::run_to(&mut cargo, &log);
    let rows = rows_of(cpu, &fs_err::read_to_string(&log)?, start.elapsed().as_secs_f64());
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

//! Test programs of our crates, built for Windows and run by Wine one after the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Row, output};
use crate::fetch;
use crate::system::runner::{Runner, TestPlaces};
use crate::system::{System, build};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

/// What is built: libraries with their tests, and programs of tests that start no other one.
const BUILD: &str = "--package wheelwork-windows --package wheelwork-diagnostic --package wheelwork-kernels \
    --package wheelwork-package --package wheelwork-jinja --package wheelwork-onnx --package wheelwork-ort \
    --package wheelwork --package wheelwork-quantize --lib --test products --test wwpkg --test turns --test golden --test limits";

/// Tests that only Wine fails: a line each, name, then the reason.
const WINE_ONLY: &str = include_str!("wine-only.txt");

pub(super) fn run(
    workspace: &Workspace,
    work: &Path,
    home: &Path,
    runner: &Runner,
) -> Result<Vec<Row>, TaskError> {
    report::step("building test programs for Windows");
    let mut cargo = build::cargo(workspace, System::WindowsX64, "test")?;
    cargo.args(BUILD.split_whitespace()).args(["--no-run", "--message-format", "json-render-diagnostics"]);
    let programs = programs(&command::capture(&mut cargo)?);
    let library = build::onnxruntime(workspace, System::WindowsX64)?.join(fetch::library_name("windows"));
    let known = wine_only();
    let mut rows = Vec::new();
    for (folder, program) in programs {
        let places = TestPlaces {
            root: &workspace.root,
            target: &workspace.target,
            home,
            folder: &folder,
            program: &program,
            library: &library,
        };
        rows.push(one(workspace, work, runner, &places, &known)?);
    }
    Ok(rows)
}

/// Test programs that cargo's messages name, each with its crate's folder.
fn programs(messages: &str) -> Vec<(PathBuf, PathBuf)> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program = |message: serde_json::Value| {
        let is_test = message["profile"]["test"] == true;
        let program = message["executable"].as_str().filter(|_| is_test)?;
        let manifest = Path::new(message["manifest_path"].as_str()?);
        Some((manifest.parent()?.to_path_buf(), PathBuf::from(program)))
    };
    messages.filter_map(program).collect()
}

fn one(
    workspace: &Workspace,
    work: &Path,
    runner: &Runner,
    places: &TestPlaces<'_>,
    known: &BTreeMap<&str, &str>,
) -> Result<Row, TaskError> {
    let name = places.program.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!(
        "{}: {}",
        workspace.relative(places.folder),
        name.rsplit_once('-').map_or(&*name, |(name, _)| name)
    );
    report::step(&name);
    let start = Instant::now();
    let (said, _) = output(runner.in_place(places).args(["--test-threads", "2"]))?;
    let log = work.join(format!("{}.txt", name.replace(['/', ':', ' '], "-")));
    fs_err::write(&log, &said)?;
    let failures = failures(&said);
    let (listed, new): (Vec<_>, Vec<_>) = failures.iter().partition(|name| known.contains_key(name.as_str()));
    for name in &new {
        report::fail(name);
    }
    let counts = said.lines().rev().find_map(|line| line.strip_prefix("test result: "));
    let passed = counts.and_then(|counts| counts.split(' ').nth(1)).unwrap_or("none");
    let mut result = format!("{passed} passed");
    if !listed.is_empty() {
        result.push_str(&format!(", {} as only Wine does it", listed.len()));
    }
    if !new.is_empty() {
        result.push_str(&format!(
            ", {} failed: {}",
            new.len(),
            new.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
        ));
    }
    if counts.is_none() {
        result = format!("ended without a result; see {}", workspace.relative(&log));
    }
    Ok(Row {
        what: name,
        result,
        seconds: start.elapsed().as_secs_f64(),
        failed: counts.is_none() || !new.is_empty(),
    })
}

/// Names of lines such as `test a::b ... FAILED`.
fn failures(said: &str) -> Vec<String> {
    let failed = said.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix("... FAILED"));
    let name = |line: &str| line.split(" - ").next().unwrap_or(line).trim().to_owned();
    failed.map(name).collect()
}

fn wine_only() -> BTreeMap<&'static str, &'static str> {
    let lines = WINE_ONLY.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_that_only_wine_has_is_listed_with_a_reason() {
        for (name, reason) in wine_only() {
            assert!(reason.trim().len() > 10, "{name}");
        }
    }

    #[test]
    fn failures_are_named() {
        let said = "test a::one ... ok\ntest a::two ... FAILED\ntest three - should panic ... FAILED\n";
        assert_eq!(failures(said), ["a::two", "three"]);
    }
}

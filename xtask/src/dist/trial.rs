//! Tries an archive as a person would: unpacks it, starts the program, asks a question.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::version;
use crate::python::Python;
use crate::system::System;
use crate::system::runner::Runner;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

const QUESTION: &str = "12 + 30 = ?";
const ANSWER: &str = "42";

/// What was seen; `None` where nothing here runs that system's programs.
pub(super) fn run(
    workspace: &Workspace,
    system: System,
    archive: &Path,
    name: &str,
) -> Result<Option<String>, TaskError> {
    let Some(runner) = Runner::of(workspace, system)? else {
        report::note(&format!("nothing here runs programs for {}: its archive is not tried", system.name()));
        return Ok(None);
    };
    report::step(&format!("trying the archive for {} in {}", system.name(), runner.name()));
    let work = tempfile::tempdir_in(&workspace.target)?;
    unpack(archive, work.path())?;
    let (programs, home) = (work.path().join(name), work.path().join("home"));
    fs_err::create_dir(&home)?;
    command::capture(
        Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&programs),
    )?;
    let ask = |arguments: &[&str]| {
        let mut program = runner.command(&programs, &home, system.program());
        command::capture(program.args(arguments))
    };
    let said = ask(&["--version"])?;
    if said.trim() != format!("wheelwork {}", version(workspace)?) {
        return Err(TaskError::new(format!("the archive's program says it is `{}`", said.trim())));
    }
    let start = Instant::now();
    let said = ask(&["chat", "--temperature", "0", QUESTION])?;
    let answer = said.rsplit_once("[answer]").map_or("", |(_, answer)| answer.trim());
    if answer.lines().next().map(str::trim) != Some(ANSWER) {
        return Err(TaskError::new(format!(
            "asked `{QUESTION}`, the archive's program did not answer {ANSWER}:\n{said}"
        )));
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(Some(format!("in {}: {QUESTION} {ANSWER}, {seconds:.0} s after the first start", runner.name())))
}

/// As people do: `tar` keeps the modes, a zip has none that Windows knows.
fn unpack(archive: &Path, folder: &Path) -> Result<(), TaskError> {
    if archive.extension().is_some_and(|ending| ending == "zip") {
        return command::run(Python::find()?.module("zipfile").arg("-e").arg(archive).arg(folder));
    }
    command::run(
        Command::new("tar").arg("--extract").arg("--file").arg(archive).arg("--directory").arg(folder),
    )
}

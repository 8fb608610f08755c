//! `cargo xtask windows`: the Windows program under Wine 10, in a Debian of its own.
//!
//! 1. [`story`]: the command's life from a checkpoint to a resumed conversation, then kills and resumes.
//! 2. [`suites`]: test programs of our crates; what only Wine fails stands in `wine-only.txt`.
//! 3. With `--npu`, an answer on the NPU's simulator of Qualcomm's Windows wheel.
//!
//! Wine is no Windows: it shows nothing of mandatory locks, privileges, consoles and renames over open files.

mod kill;
mod story;
mod suites;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::fetch::{self, qnn};
use crate::report;
use crate::system::runner::Runner;
use crate::system::{System, build};
use crate::task_error::TaskError;
use crate::workspace::{Workspace, copy_files};

#[derive(Args)]
pub(crate) struct Options {
    /// Leave out the command's story and its kills.
    #[arg(long, conflicts_with_all = ["no_suites", "npu"])]
    no_story: bool,
    /// Leave out the test programs, which take a build of their own.
    #[arg(long)]
    no_suites: bool,
    /// Ask on the NPU's simulator too: a download of 130 MB, and a minute.
    #[arg(long)]
    npu: bool,
}

/// A line of the table.
struct Row {
    what: String,
    result: String,
    seconds: f64,
    failed: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let work = workspace.target.join("windows");
    let home = work.join("home");
    if home.exists() {
        fs_err::remove_dir_all(&home)?;
    }
    fs_err::create_dir_all(&home)?;
    let runner = Runner::of(workspace, System::WindowsX64)?
        .ok_or_else(|| TaskError::new("nothing here runs Windows' programs"))?;
    let mut rows = Vec::new();
    if !options.no_story {
        let programs = programs(workspace, &work, options.npu)?;
        rows.extend(story(workspace, options, &Desk { programs, home: &home, runner: &runner })?);
    }
    if !options.no_suites {
        rows.extend(suites::run(workspace, &work, &home, &runner)?);
    }
    table(&rows)
}

/// The command's story, its kills and, if asked for, the NPU's simulator.
fn story(workspace: &Workspace, options: &Options, desk: &Desk<'_>) -> Result<Vec<Row>, TaskError> {
    copy_files(&workspace.root.join("testdata").join("tiny-r1"), &desk.home.join("tiny-r1"))?;
    let mut rows = story::run(desk)?;
    rows.push(kill::run(desk)?);
    if options.npu {
        rows.push(story::npu(desk)?);
    }
    Ok(rows)
}

/// A folder with the program, and a user's folder.
struct Desk<'a> {
    programs: PathBuf,
    home: &'a Path,
    runner: &'a Runner,
}

impl Desk<'_> {
    /// `wheelwork.exe` with those arguments.
    fn wheelwork(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.runner.command(&self.programs, self.home, System::WindowsX64.program());
        command.args(arguments);
        command
    }
}

/// Program, ONNX Runtime and, if asked for, Qualcomm's libraries, in one folder as people have them.
fn programs(workspace: &Workspace, work: &Path, npu: bool) -> Result<PathBuf, TaskError> {
    let system = System::WindowsX64;
    let folder = work.join("programs");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    fs_err::copy(build::program(workspace, system)?, folder.join(system.program()))?;
    let library = fetch::library_name(system.os());
    fs_err::copy(build::onnxruntime(workspace, system)?.join(library), folder.join(library))?;
    if npu {
        copy_files(&qnn::libraries_of(workspace, system.os(), system.arch())?, &folder)?;
    }
    Ok(folder)
}

fn table(rows: &[Row]) -> Result<(), TaskError> {
    report::step("Windows x64 under Wine");
    println!("| what | result | seconds |\n|---|---|---:|");
    for Row { what, result, seconds, failed } in rows {
        let mark = if *failed { "**failed** " } else { "" };
        println!("| {what} | {mark}{result} | {seconds:.1} |");
    }
    let failed = rows.iter().filter(|row| row.failed).count();
    if failed == 0 {
        return Ok(());
    }
    Err(TaskError::new(format!("{failed} of {} failed under Wine", rows.len())).remedy(
        "mend it, or list it with its reason in xtask/src/windows/wine-only.txt if only Wine does it",
    ))
}

/// What a command said, and how it ended.
fn output(command: &mut std::process::Command) -> Result<(String, bool), TaskError> {
    let output = command.stdin(std::process::Stdio::null()).output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((String::from_utf8_lossy(&said).replace('\r', ""), output.status.success()))
}

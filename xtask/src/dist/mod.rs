//! `cargo xtask dist`: an archive for each system, in `target/dist-archives`.
//!
//! 1. [`build`] compiles the command with zig; on a Mac, for that Mac.
//! 2. [`ledger`] compares what the program is and needs with what is checked in.
//! 3. [`folder`] lays out what people get: program, ONNX Runtime, licences, completions, man pages, [`sbom`], checksums.
//! 4. `archive.py` packs it; the bytes depend on the files alone.
//! 5. [`trial`] unpacks the archive in a root that has nothing of ours, and asks it a question, where something here runs it.

mod folder;
mod ledger;
mod licences;
mod object;
mod sbom;
mod trial;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::fetch::wheel::sha256;
use crate::python::Python;
use crate::system::{System, build};
use crate::task_error::TaskError;
use crate::workspace::{self, Workspace};
use crate::{command, report, steps};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these systems [default: all that this machine compiles for]
    systems: Vec<System>,
    /// Leave out the trial of each archive, which wants bubblewrap, Debian's packages, qemu-user and Wine.
    #[arg(long)]
    untried: bool,
}

/// The largest program that is shipped.
const MOST_PROGRAM_BYTES: u64 = 30_000_000;

/// A line of the table.
struct Row {
    archive: String,
    bytes: u64,
    facts: object::Facts,
    tried: String,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let systems = if options.systems.is_empty() { System::built_here() } else { options.systems.clone() };
    let archives = workspace.target.join("dist-archives");
    fs_err::create_dir_all(&archives)?;
    let rows = RefCell::new(Vec::new());
    let outcome = steps::run_each("cargo xtask dist", &systems, |system| {
        rows.borrow_mut().push(make(workspace, *system, &archives, options.untried)?);
        Ok(())
    });
    sums(&archives)?;
    table(&rows.into_inner());
    outcome
}

fn make(workspace: &Workspace, system: System, archives: &Path, untried: bool) -> Result<Row, TaskError> {
    if !System::built_here().contains(&system) {
        return Err(TaskError::new(format!("archives for {} are not made on this system", system.name()))
            .remedy(
                "macOS' is made on a Mac, the others on Linux; `cargo xtask macos` links against stubs here",
            ));
    }
    let program = build::program(workspace, system)?;
    let facts = object::Facts::of(&program)?;
    ledger::check(workspace, system, &facts)?;
    if facts.bytes > MOST_PROGRAM_BYTES {
        return Err(TaskError::new(format!(
            "the program has {} bytes, at most {MOST_PROGRAM_BYTES}",
            facts.bytes
        ))
        .remedy("look for what has grown with `cargo bloat`"));
    }
    let staging = tempfile::tempdir_in(archives)?;
    let version = version(workspace)?;
    let name = format!("wheelwork-{version}-{}", system.name());
    let content = staging.path().join(&name);
    folder::lay_out(workspace, system, &program, &content, !untried)?;
    let ending = if system.is_windows() { "zip" } else { "tar.gz" };
    let archive = archives.join(format!("{name}.{ending}"));
    pack(workspace, &content, &archive)?;
    let tried = if untried { None } else { trial::run(workspace, system, &archive, &name)? };
    Ok(Row {
        archive: archive.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        bytes: fs_err::metadata(&archive)?.len(),
        facts,
        tried: tried.unwrap_or_else(|| "not run".into()),
    })
}

fn script(workspace: &Workspace) -> PathBuf {
    workspace.root.join("xtask").join("src").join("dist").join("archive.py")
}

fn pack(workspace: &Workspace, content: &Path, archive: &Path) -> Result<(), TaskError> {
    command::run(Python::find()?.script(&script(workspace)).arg(content).arg(archive))
}

/// The version that every crate has.
fn version(workspace: &Workspace) -> Result<String, TaskError> {
    let manifest: toml::Table = fs_err::read_to_string(workspace.root.join("Cargo.toml"))?.parse()?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    version.map(str::to_owned).ok_or_else(|| TaskError::new("Cargo.toml states no workspace.package.version"))
}

/// `SHA256SUMS` of all archives that are there.
fn sums(archives: &Path) -> Result<(), TaskError> {
    let mut lines = String::new();
    for path in [workspace::files_in(archives, "gz")?, workspace::files_in(archives, "zip")?].concat() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        lines.push_str(&format!("{}  {name}\n", sha256(&path)?));
    }
    Ok(fs_err::write(archives.join("SHA256SUMS"), lines)?)
}

fn table(rows: &[Row]) {
    report::step("archives");
    println!("| archive | MB | program MB | machine | needs | tried |\n|---|---:|---:|---|---|---|");
    for Row { archive, bytes, facts, tried } in rows {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        println!(
            "| {archive} | {:.1} | {:.1} | {} | {} | {tried} |",
            megabytes(*bytes),
            megabytes(facts.bytes),
            facts.machine,
            facts.needed()
        );
    }
}

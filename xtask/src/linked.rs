//! `cargo xtask linked`: tests with a model, with ONNX Runtime linked into the program instead of loaded, as on iOS.
//!
//! They link against the oldest version that we run on, which Apple's package is, and run with it. On Linux the library's
//! symbols carry its version, so that a program runs with the one that it was linked with.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, fetch, report, test};

#[derive(Args, Default)]
pub(crate) struct Options {
    /// The command's tests, too: logits against transformers, any history of steps, and that nothing is sent.
    #[arg(long)]
    all: bool,
}

/// Of the whole workspace, as other steps build it: what a crate is built with depends on its neighbours. What is linked into one
/// of them is linked into all.
const LINKED: [&str; 3] =
    ["--workspace", "--features", "wheelwork-ort/linked,wheelwork-uniffi/linked,wheelwork-uniffi/faults"];

/// What the app's library is made of.
const BINDINGS: [&str; 4] = ["--test", "bindings", "--test", "faults"];

const COMMAND: [&str; 6] = ["--test", "parity", "--test", "exact_turns", "--test", "no_telemetry"];

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    if !cfg!(target_os = "linux") {
        report::warning("SKIPPED: the linked form, because it is tried on Linux");
        return Ok(());
    }
    let [oldest, ..] = &fetch::OLDER;
    let library = folder(workspace, &fetch::library(workspace, oldest)?)?;
    let suites: &[&[&str]] = if options.all { &[&BINDINGS, &COMMAND] } else { &[&BINDINGS] };
    for suite in suites {
        report::step(&format!("tests with ONNX Runtime {} linked", oldest.version));
        let mut cargo = command::cargo();
        cargo.args(["test", "--locked", "--no-fail-fast"]).args(LINKED).args(*suite);
        test::prepare(&mut cargo, workspace)?;
        // For the linker, and for the loader.
        cargo.env("LIBRARY_PATH", &library).env("LD_LIBRARY_PATH", &library).env_remove(fetch::PATH_VARIABLE);
        command::run(&mut cargo)?;
    }
    Ok(())
}

/// A folder with the library by its linker's and by its loader's name.
fn folder(workspace: &Workspace, library: &Path) -> Result<PathBuf, TaskError> {
    let folder = workspace.target.join("linked");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    let content = fs_err::read(library)?;
    let soname = goblin::elf::Elf::parse(&content)?.soname.unwrap_or_default().to_owned();
    for name in [fetch::library_name("linux"), soname.as_str()] {
        let file = folder.join(name);
        if !name.is_empty() && !file.exists() {
            fs_err::write(file, &content)?;
        }
    }
    Ok(folder)
}

//! `cargo xtask test`: every test of the workspace, with what the tests need set up.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::fetch::{self, qnn, shellcheck};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

#[derive(Default, Args)]
pub(crate) struct Options {
    /// Passed on to `cargo test`, for example `-p wheelwork ck_03` or `-- --nocapture`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    extra: Vec<String>,
}

/// Everything, and the tests that want faults of the bindings.
const WORKSPACE: [&str; 3] = ["--workspace", "--features", "wheelwork-uniffi/faults"];

/// Runs `cargo test --workspace` with [`prepare`]d variables; one run shows every failure.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let mut cargo = command::cargo();
    // A package that is named replaces the whole workspace.
    let names_a_package = options.extra.iter().any(|word| word == "-p" || word.starts_with("--package"));
    cargo
        .args(["test", "--locked", "--no-fail-fast"])
        .args((!names_a_package).then_some(WORKSPACE).into_iter().flatten())
        .args(&options.extra);
    prepare(&mut cargo, workspace)?;
    command::run(&mut cargo)
}

/// Sets the working folder and the variables that tests, examples and the command read.
pub(crate) fn prepare(command: &mut Command, workspace: &Workspace) -> Result<(), TaskError> {
    command.current_dir(&workspace.root).env(fetch::PATH_VARIABLE, fetch::onnxruntime(workspace)?);
    if let Some(folder) = qnn::libraries(workspace)? {
        command.env(qnn::FOLDER_VARIABLE, folder);
    }
    if let Some(program) = shellcheck::program(workspace)? {
        command.env(shellcheck::VARIABLE, program);
    }
    match r1_folder(workspace)? {
        Some(folder) => drop(command.env(R1_VARIABLE, folder)),
        None => {
            report::note(&format!("{R1_VARIABLE} is not set: the tests with R1's own tokenizer are skipped"));
        }
    }
    Ok(())
}

/// The folder that the variable names, or else one beside the repository.
pub(crate) fn r1_folder(workspace: &Workspace) -> Result<Option<PathBuf>, TaskError> {
    if let Some(folder) = std::env::var_os(R1_VARIABLE) {
        return Ok(Some(folder.into()));
    }
    let beside = workspace.root.join("..").join("shared").join("r1-distill-qwen");
    Ok(if beside.is_dir() { Some(beside.canonicalize()?) } else { None })
}

/// Names a folder with tokenizer, templates and golden prompts of an R1 distil, which we can't ship.
const R1_VARIABLE: &str = "R1_DISTILL_DIR";

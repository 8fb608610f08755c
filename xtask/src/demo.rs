//! `cargo xtask demo`: from a fresh clone to a reasoning model that answers.
//!
//! Fetches ONNX Runtime, builds the command, quantises the shipped checkpoint, asks one question, and offers
//! the prompt where a person sits at a terminal.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, fetch, report};

const QUESTION: &str = "478 + 256 = ?";

pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let library = fetch::onnxruntime(workspace)?;
    let wheelwork = workspace.build_command("release")?;
    place_beside(&library, &wheelwork)?;
    let package = quantised(workspace, &wheelwork)?;

    let chat = || {
        let mut chat = Command::new(&wheelwork);
        chat.arg("chat").arg("--model").arg(&package).env(fetch::PATH_VARIABLE, &library);
        chat
    };
    report::step("asking");
    command::run(chat().arg(QUESTION))?;
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        report::step("your turn (Ctrl-D ends)");
        command::run(&mut chat())?;
    }
    Ok(())
}

/// Puts the library where the program looks for it, so that the program works on its own from now on.
fn place_beside(library: &Path, program: &Path) -> Result<(), TaskError> {
    let name = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let beside = program.with_file_name(name);
    if beside.exists() {
        fs_err::remove_file(&beside)?;
    }
    // A link costs no space; another file system needs a copy.
    if fs_err::hard_link(library, &beside).is_err() {
        fs_err::copy(library, &beside)?;
    }
    Ok(())
}

/// The shipped checkpoint as a package, made anew when the checkpoint or the program is newer.
pub(crate) fn quantised(workspace: &Workspace, wheelwork: &Path) -> Result<PathBuf, TaskError> {
    let checkpoint = workspace.root.join("testdata").join("tiny-r1");
    let folder = workspace.target.join("demo");
    let package = folder.join("tiny-r1.ortpackage");
    let files = fs_err::read_dir(&checkpoint)?.map(|entry| Ok(entry?.path()));
    let inputs = files.chain([Ok(wheelwork.to_path_buf())]).collect::<std::io::Result<Vec<_>>>()?;
    if is_newer(&package.join("manifest.json"), &inputs)? {
        report::note(&format!("{} is up to date", workspace.relative(&package)));
        return Ok(package);
    }
    report::step("quantising testdata/tiny-r1");
    fs_err::create_dir_all(folder)?;
    let mut quantize = Command::new(wheelwork);
    command::run(quantize.arg("quantize").arg(&checkpoint).arg("--out").arg(&package).arg("--overwrite"))?;
    Ok(package)
}

/// Whether `output` is there and was written after every one of `inputs`.
fn is_newer(output: &Path, inputs: &[PathBuf]) -> Result<bool, TaskError> {
    if !output.is_file() {
        return Ok(false);
    }
    let made = modified(output)?;
    for input in inputs {
        if modified(input)? > made {
            return Ok(false);
        }
    }
    Ok(true)
}

fn modified(path: &Path) -> Result<SystemTime, TaskError> {
    Ok(fs_err::metadata(path)?.modified()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_output_is_up_to_date_when_it_is_younger_than_every_input() {
        let folder = tempfile::tempdir().unwrap();
        let start = SystemTime::now() - Duration::from_secs(100);
        let file = |name: &str, age: u64| {
            let path = folder.path().join(name);
            let file = std::fs::File::create(&path).unwrap();
            file.set_modified(start + Duration::from_secs(age)).unwrap();
            path
        };
        let (old, output, new) = (file("old", 0), file("output", 10), file("new", 20));
        assert!(is_newer(&output, std::slice::from_ref(&old)).unwrap());
        assert!(!is_newer(&output, &[old, new]).unwrap());
        assert!(!is_newer(&folder.path().join("absent"), &[]).unwrap());
    }
}

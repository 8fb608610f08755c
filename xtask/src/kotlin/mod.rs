//! `cargo xtask kotlin`: the Kotlin side, on the JVM, against the real library and the shipped model.
//!
//! 1. [`toolchain`]: the compiler and JUnit, fetched once.
//! 2. The library as it ships: its bindings are generated and compared with the golden listing, [`surface`].
//! 3. The library with faults on demand, its bindings, and the shipped model quantised by the command.
//! 4. Bindings, our layer over them (`uniffi/kotlin/main`), the tests (`uniffi/kotlin/test`) and the example of
//!    `uniffi/README.md` are compiled; JUnit runs the tests.
//!
//! Where the machine has no JVM or no Maven, a line says so and nothing fails.

mod surface;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_in};
use crate::{command, demo, report, test};
use toolchain::Toolchain;

#[derive(Args, Default)]
pub(crate) struct Options {
    /// For JUnit's console instead of running every test, as in `--include-methodname .*bd_03.*`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    junit: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    if let Some(program) = Toolchain::lacks() {
        report::warning(&format!("SKIPPED: the Kotlin suite, because this machine has no `{program}`"));
        return Ok(());
    }
    let toolchain = Toolchain::fetch(workspace)?;
    let folder = Folder {
        kotlin: workspace.root.join("uniffi").join("kotlin"),
        work: workspace.target.join("kotlin"),
    };

    report::step("building the library as it ships, the generator and the command");
    build(workspace, &[])?;
    let shipped = generate(workspace, &folder.work.join("shipped"))?;
    surface::check(workspace, &fs_err::read_to_string(shipped)?, &folder.kotlin.join("main"))?;
    let model = demo::quantised(workspace, &workspace.program("debug", "wheelwork"))?;

    report::step("building the library with faults on demand");
    build(workspace, &["--features", "wheelwork-uniffi/faults"])?;
    let library = folder.work.join("faults");
    let bindings = generate(workspace, &library)?;

    report::step("compiling");
    let main = fresh(folder.work.join("main"))?;
    let mut sources = vec![bindings];
    sources.extend(files_in(&folder.kotlin.join("main"), "kt")?);
    toolchain.compile(&sources, None, &main)?;
    let tests = fresh(folder.work.join("test"))?;
    let mut sources = files_in(&folder.kotlin.join("test"), "kt")?;
    sources.push(write_example(workspace, &folder.work)?);
    toolchain.compile(&sources, Some(&main), &tests)?;

    report::step("testing");
    let mut junit = toolchain.java(&[main, tests.clone()])?;
    junit
        .arg(format!("-Djna.library.path={}", library.display()))
        .arg(format!("-Dwheelwork.model={}", model.display()))
        .arg("org.junit.platform.console.ConsoleLauncher")
        .args([
            "execute",
            "--details=tree",
            "--disable-banner",
            "--disable-ansi-colors",
            "--fail-if-no-tests",
        ])
        .arg("--scan-class-path")
        .arg(&tests)
        .args(&options.junit);
    // Panics on demand are not news.
    junit.env("RUST_BACKTRACE", "0");
    test::prepare(&mut junit, workspace)?;
    command::run(&mut junit)
}

struct Folder {
    /// In the repository.
    kotlin: PathBuf,
    /// Below target.
    work: PathBuf,
}

/// Builds the library, the generator and the command, and all that the other steps build: what a crate is built with
/// depends on its neighbours, and so `cargo xtask ci` builds it once.
fn build(workspace: &Workspace, arguments: &[&str]) -> Result<(), TaskError> {
    workspace.build(&[&["--workspace", "--lib", "--bins", "--examples"], arguments].concat())
}

/// Puts the library that was just built into a folder and its Kotlin below it; returns the Kotlin file.
fn generate(workspace: &Workspace, folder: &Path) -> Result<PathBuf, TaskError> {
    let name = format!("{}wheelwork_uniffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    fs_err::create_dir_all(folder)?;
    let library = folder.join(&name);
    fs_err::copy(workspace.target.join("debug").join(&name), &library)?;
    let mut bindgen = Command::new(workspace.program("debug", "wheelwork-uniffi-bindgen"));
    // Where cargo finds the crate's uniffi.toml.
    bindgen.current_dir(&workspace.root);
    bindgen
        .arg("generate")
        .arg(&library)
        .args(["--no-format", "--language", "kotlin", "--out-dir"])
        .arg(folder);
    command::run(&mut bindgen)?;
    Ok(folder.join("dev").join("wheelwork").join("wheelwork.kt"))
}

/// An empty folder.
fn fresh(folder: PathBuf) -> Result<PathBuf, TaskError> {
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    Ok(folder)
}

/// The README's example as a file to compile: what a reader copies is what the suite runs.
fn write_example(workspace: &Workspace, work: &Path) -> Result<PathBuf, TaskError> {
    let readme = fs_err::read_to_string(workspace.root.join("uniffi").join("README.md"))?;
    let file = work.join("Example.kt");
    fs_err::write(&file, example(&readme)?)?;
    Ok(file)
}

/// The first Kotlin example of a Markdown text.
fn example(markdown: &str) -> Result<&str, TaskError> {
    let example = markdown.split_once("```kotlin\n").and_then(|(_, rest)| rest.split_once("```"));
    example.map(|(code, _)| code).ok_or_else(|| TaskError::new("find a Kotlin example in uniffi/README.md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_what_stands_between_the_fences() {
        assert_eq!(example("x\n```kotlin\nfun main() {}\n```\ny").unwrap(), "fun main() {}\n");
        assert!(example("no example").is_err());
    }
}

//! `cargo xtask swift`: the Swift package, on Linux, against the real library and the shipped model.
//!
//! 1. [`root`]: Debian's Swift in a folder of its own, made once, outside of the clone.
//! 2. The library with faults on demand, its [`bindings`], and the shipped model quantised by the command.
//! 3. The constants of error codes are those of Rust.
//! 4. [`layout`]: the package as an app gets it, with what is generated, the example's logic, and a stub of Apple's `Security`.
//! 5. SwiftPM builds it without a warning, for debugging and for release, and runs XCTest and Swift Testing.
//! 6. [`api`] and [`table`](crate::table): what an app sees is what is committed, and nothing of Rust's is left out.
//!
//! Where the machine cannot have that root, a line says so and nothing fails.

pub(crate) mod api;
mod layout;
mod root;

use clap::Args;

use crate::kotlin::{Native, bindings, codes};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, golden, report, table, test};
use root::Root;

/// Set, nothing of Swift is run.
const SKIP: &str = "SKIP_SWIFT";

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Only the tests that this names, for debugging only, as in `bd_03`.
    filter: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    if std::env::var_os(SKIP).is_some_and(|value| !value.is_empty()) {
        report::warning(&format!("SKIPPED: the Swift suite, because {SKIP} is set"));
        return Ok(());
    }
    let root = match Root::ready() {
        Ok(root) => root,
        Err(why) => {
            report::warning(&format!("SKIPPED: the Swift suite, because {why}"));
            return Ok(());
        }
    };
    let work = workspace.target.join("swift");
    let Native { library, model, packages } = Native::build(workspace, &work)?;
    let generated = bindings::swift(workspace, &library, &work.join("generated"))?;
    let ios = workspace.root.join("ios");
    let constants = ios.join("Sources").join("Wheelwork").join("ErrorCode.swift");
    golden::check(workspace, &constants, &codes::swift(workspace)?)?;
    let package = work.join("package");
    let example = workspace.root.join("examples").join("ios-chat");
    layout::lay_out(&ios, Some(&example), &generated, &package)?;
    let wheelwork = workspace.program("debug", "wheelwork");

    let swift = |arguments: &[&str]| {
        let mut swift = root.run(workspace, "swift");
        swift
            .args(arguments)
            .arg("--package-path")
            .arg(&package)
            // Debian's libswiftObservation wants a function that nothing in the package has, for the message before an abort.
            .args(["-Xlinker", "--allow-shlib-undefined"])
            .args(["-Xlinker", "-lwheelwork_uniffi", "-Xlinker"])
            .arg(format!("-L{}", library.display()))
            .env("WHEELWORK_STRICT", "1")
            .env("WHEELWORK_EXAMPLE", "1")
            .env("WHEELWORK_STUB", "1")
            .env("HOME", work.join("home"))
            .env("LD_LIBRARY_PATH", &library);
        swift
    };
    report::step("compiling Swift");
    command::run(&mut swift(&["build", "--build-tests"]))?;
    if options.filter.is_none() {
        let graphs = work.join("symbols");
        fs_err::create_dir_all(&graphs)?;
        let folder = graphs.display().to_string();
        command::run(&mut swift(&[
            "build",
            "--configuration",
            "release",
            "--target",
            "Wheelwork",
            "-Xswiftc",
            "-emit-symbol-graph",
            "-Xswiftc",
            "-emit-symbol-graph-dir",
            "-Xswiftc",
            &folder,
        ]))?;
        api::check(workspace, &graphs.join("Wheelwork.symbols.json"))?;
        table::check(workspace, &bindings::exported(workspace, &library)?)?;
    }
    report::step("testing Swift");
    let mut tests = swift(&["test", "--skip-build", "--no-parallel"]);
    if let Some(filter) = &options.filter {
        tests.args(["--filter", filter]);
    }
    test::prepare(&mut tests, workspace)?;
    tests
        .env("WHEELWORK_MODEL", &model)
        .env("WHEELWORK_PACKAGES", &packages)
        .env("WHEELWORK_CHILD", package.join(".build").join("debug").join("SessionChild"))
        .env("WHEELWORK_COMMAND", &wheelwork)
        // Panics on demand are not news.
        .env("RUST_BACKTRACE", "0");
    command::run(&mut tests)
}

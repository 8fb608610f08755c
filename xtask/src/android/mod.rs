//! `cargo xtask android`: what an Android app takes, built and executed as far as it can be without Android.
//!
//! [`native`] is the library in Rust: linked for phones, and executed under [`unidbg`]. [`library`] is the one in Kotlin, and
//! [`example`] the app that uses it: both are compiled by [`kotlinc`] against the pinned [`artefacts`], get their manifest and
//! [`resources`] by Google's tools, and are tested by Robolectric in a [`suite`].

mod abi;
mod artefacts;
mod catalogue;
mod example;
mod kotlinc;
mod library;
mod native;
mod resources;
mod snippets;
mod suite;
mod unidbg;

use clap::{Args, ValueEnum};

use self::abi::Abi;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{maven, report, steps};

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Only these steps.
    steps: Vec<Step>,
    /// The architectures of `native`, instead of the one for phones, whose code is executed.
    #[arg(long)]
    abi: Vec<Abi>,
    /// Only tests of these classes of `library` or `example`, such as `TurnTest`.
    #[arg(long)]
    only: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Step {
    /// `libwheelwork.so`: linked, compared with its ledger, and executed.
    Native,
    /// The library in Kotlin: compiled against AndroidX, and tested under Robolectric with the real library and a model.
    Library,
    /// The example app in Compose: compiled, and its screens compared with pictures that were looked at.
    Example,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    if let Some(program) = maven::lacks() {
        report::warning(&format!("SKIPPED: Android, because this machine has no `{program}`"));
        return Ok(());
    }
    let abis = if options.abi.is_empty() { &[Abi::Arm64] } else { options.abi.as_slice() };
    steps::run_each("cargo xtask android", &options.steps, |step| match step {
        Step::Native => native::run(workspace, abis),
        Step::Library => library::run(workspace, &options.only),
        Step::Example => example::run(workspace, &options.only),
    })
}

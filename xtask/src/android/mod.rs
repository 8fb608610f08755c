//! `cargo xtask android`: what an Android app takes, built and executed as far as it can be without Android.
//!
//! [`native`] is the library in Rust: linked for phones, and executed under [`unidbg`]. [`library`] is the one in Kotlin, and
//! [`example`] the app that uses it: both are compiled by [`kotlinc`] against the pinned [`artefacts`], get their manifest and
//! [`resources`] by Google's tools, are held by a [`sniffer`] against the names that the oldest Android has, and are tested by
//! Robolectric in a [`suite`]. [`shrink`] has R8 shrink the layer, with what was left tested on the JVM.

mod abi;
mod apk;
mod artefacts;
mod catalogue;
mod example;
mod kotlinc;
mod library;
mod native;
mod resources;
mod shrink;
mod sniffer;
mod snippets;
mod suite;
mod unidbg;

use clap::{Args, ValueEnum};

use self::abi::Abi;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{maven, report, steps};

/// Set to anything, it leaves all of this out.
const SKIP: &str = "SKIP_ANDROID";

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Only these steps.
    steps: Vec<Step>,
    /// With the steps that take too long for each run.
    #[arg(long)]
    full: bool,
    /// The architectures of `native`, instead of the one for phones, whose code is executed.
    #[arg(long)]
    abi: Vec<Abi>,
    /// Only tests of these classes of `library` or `example`, such as `TurnTest`.
    #[arg(long)]
    only: Vec<String>,
}

impl Options {
    /// Only the library of Rust.
    pub(crate) fn native() -> Self {
        Self { steps: vec![Step::Native], ..Self::default() }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Step {
    /// `libwheelwork.so`: linked, compared with its ledger, and executed; only where it is named, and with `--full`. CI has it as a step of its own.
    Native,
    /// The library in Kotlin: compiled against AndroidX, and tested under Robolectric with the real library and a model.
    Library,
    /// The layer, JNA and the JVM's tests, shrunk by R8 with the rules that apps get: the tests pass on what is left.
    Shrink,
    /// The example app in Compose: compiled, and its screens compared with pictures that were looked at.
    Example,
    /// The example as a signed file for phones; only where it is named, and with `--full`.
    Apk,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    if std::env::var_os(SKIP).is_some_and(|value| !value.is_empty()) {
        report::warning(&format!("SKIPPED: Android, because {SKIP} is set"));
        return Ok(());
    }
    if let Some(program) = maven::lacks() {
        report::warning(&format!("SKIPPED: Android, because this machine has no `{program}`"));
        return Ok(());
    }
    let abis = if options.abi.is_empty() { &[Abi::Arm64] } else { options.abi.as_slice() };
    let usual = [Step::Library, Step::Shrink, Step::Example];
    let all = Step::value_variants();
    let asked = match options.steps.as_slice() {
        [] if options.full => all,
        [] => &usual,
        named => named,
    };
    steps::run_each("cargo xtask android", asked, |step| match step {
        Step::Native => native::run(workspace, abis),
        Step::Library => library::run(workspace, &options.only),
        Step::Shrink => shrink::run(workspace),
        Step::Example => example::run(workspace, &options.only),
        Step::Apk => apk::run(workspace),
    })
}

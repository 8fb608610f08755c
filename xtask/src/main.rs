//! The developer's commands: `cargo xtask fetch | demo | test | ci | tidy | judges | kotlin | android | swift | ios | fuzz | gpu |
//! runtimes | linked | npu | npu-compile | kill-test | package-story | checkpoint | bench-peers | aarch64 | dist | windows | macos`.
//!
//! They need Rust and Python's `pip`, nothing else. What they fetch lies in `target/` and is fetched once.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is its purpose")]

mod aarch64;
mod android;
mod bench_peers;
mod checkpoint;
mod ci;
mod command;
mod demo;
mod dist;
mod fetch;
mod fuzz;
mod golden;
mod gpu;
mod ios;
mod judges;
mod kill_test;
mod kotlin;
mod linked;
mod mach_o;
mod macos;
mod maven;
mod names;
mod npu;
mod npu_compile;
mod package_story;
mod python;
mod report;
mod runtimes;
mod size;
mod static_library;
mod steps;
mod stub;
mod swift;
mod system;
mod table;
mod task_error;
mod test;
mod tidy;
mod windows;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Wheelwork's developer commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetches ONNX Runtime and, where there is one, Qualcomm's provider into target; prints their paths.
    Fetch,
    /// Quantises the shipped checkpoint, asks it one question, then offers the prompt on a terminal.
    Demo,
    /// Runs every test, with ONNX Runtime fetched.
    Test(test::Options),
    /// Runs everything that a change has to pass; `.ci/run` calls this.
    Ci(ci::Options),
    /// Makes a checkpoint of random weights in the shapes of a real distil.
    Checkpoint(checkpoint::Options),
    /// Checks the project's own rules: arrows between crates, unsafe code, rows with tests, clean text.
    Tidy,
    /// Runs the GPU tests on a GPU made of software, which is fetched.
    Gpu,
    /// Runs the tests with a model on the older versions of ONNX Runtime that phones have.
    Runtimes,
    /// Runs tests with a model, with ONNX Runtime linked instead of loaded.
    Linked(linked::Options),
    /// Answers held-out problems on the simulator of an NPU and compares with the CPU.
    Npu(npu::Options),
    /// Compiles cuts of a 1.5B model for NPUs, with sizes, times and memory.
    NpuCompile(npu_compile::Options),
    /// Runs libFuzzer on everything that reads bytes of strangers, each target for some seconds.
    Fuzz(fuzz::Options),
    /// Kills installations at every marked step and at thousands of random times.
    KillTest(kill_test::Options),
    /// Takes a package through packing, two killed installations, an update and an answer, with figures.
    PackageStory(package_story::Options),
    /// Measures our rates and memory beside those of others, in turns.
    BenchPeers(bench_peers::Options),
    /// Runs kernels and an answer as ARM does, on two CPUs that qemu plays.
    Aarch64(aarch64::Options),
    /// Makes the archives that people get, and tries those that can run here.
    Dist(dist::Options),
    /// Runs the Windows program's story, kills and test programs under Wine.
    Windows(windows::Options),
    /// Compiles for macOS and links against stubs of its libraries: a check, nothing to ship.
    Macos,
    /// Compares with transformers and onnxruntime-genai, in a Python environment of their own (6 GB).
    Judges(judges::Options),
    /// Compiles and tests the Kotlin side on the JVM, against the real library and the shipped model.
    Kotlin(kotlin::Options),
    /// Builds, checks and executes what an Android app takes, as far as that can be done without Android.
    Android(android::Options),
    /// Compiles and tests the Swift package on Linux, against the real library and the shipped model.
    Swift(swift::Options),
    /// Builds and links what an iOS app links, against a list of what Apple's systems have, and compares it with a ledger.
    Ios,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<(), TaskError> {
    let workspace = Workspace::load()?;
    match task {
        Task::Fetch => {
            println!("{}", fetch::onnxruntime(&workspace)?.display());
            if let Some(folder) = fetch::qnn::libraries(&workspace)? {
                println!("{}", folder.display());
            }
            Ok(())
        }
        Task::Demo => demo::run(&workspace),
        Task::Test(options) => test::run(&workspace, options),
        Task::Ci(options) => ci::run(&workspace, options),
        Task::Checkpoint(options) => checkpoint::run(&workspace, options),
        Task::Tidy => tidy::run(&workspace),
        Task::Gpu => gpu::run(&workspace),
        Task::Runtimes => runtimes::run(&workspace),
        Task::Linked(options) => linked::run(&workspace, options),
        Task::Npu(options) => npu::run(&workspace, options),
        Task::NpuCompile(options) => npu_compile::run(&workspace, options),
        Task::Fuzz(options) => fuzz::run(&workspace, options),
        Task::KillTest(options) => kill_test::run(&workspace, options),
        Task::PackageStory(options) => package_story::run(&workspace, options),
        Task::BenchPeers(options) => bench_peers::run(&workspace, options),
        Task::Aarch64(options) => aarch64::run(&workspace, options),
        Task::Dist(options) => dist::run(&workspace, options),
        Task::Windows(options) => windows::run(&workspace, options),
        Task::Macos => macos::run(&workspace),
        Task::Judges(options) => judges::run(&workspace, options),
        Task::Kotlin(options) => kotlin::run(&workspace, options),
        Task::Android(options) => android::run(&workspace, options),
        Task::Swift(options) => swift::run(&workspace, options),
        Task::Ios => ios::run(&workspace),
    }
}

//! `cargo xtask kotlin`: the Kotlin side, on the JVM, against the real library and the shipped model.
//!
//! 1. [`toolchain`]: the compiler and JUnit, fetched once.
//! 2. The library with faults on demand, its [`bindings`], and the shipped model quantised by the command.
//! 3. [`codes`]: the constants of error codes are those of Rust.
//! 4. Bindings, our layer over them (`android/wheelwork`) with its tests, its part for JSON (`android/wheelwork-serialization`)
//!    and the example of `uniffi/README.md` are compiled.
//! 5. [`abi`], [`table`] and [`fields`]: what an app sees is what is committed, and nothing of Rust's is left out.
//! 6. JUnit runs the tests, and once more on the ONNX Runtime that the oldest phone builds have.
//!
//! Where the machine has no JDK or no Maven, a line says so and nothing fails.

mod abi;
mod bench;
pub(crate) mod bindings;
pub(crate) mod codes;
mod fields;
pub(crate) mod packages;
mod table;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_below};
use crate::{command, demo, fetch, golden, maven, report, test};
use toolchain::{Module, Rules, Toolchain};

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Measure tokens per second through Kotlin beside Rust instead of testing, both built for release.
    #[arg(long)]
    bench: bool,
    /// The package to measure with, instead of the shipped model.
    #[arg(long, requires = "bench")]
    model: Option<PathBuf>,
    /// For JUnit's console instead of running every test, as in `--include-methodname .*bd_03.*`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    junit: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    if let Some(program) = maven::lacks() {
        report::warning(&format!("SKIPPED: the Kotlin suite, because this machine has no `{program}`"));
        return Ok(());
    }
    let toolchain = Toolchain::fetch(workspace)?;
    let modules = Modules::of(workspace);
    let work = workspace.target.join("kotlin");

    let Native { library, generated, model, packages } = Native::build(workspace, &work)?;
    golden::check(workspace, &modules.codes(), &codes::kotlin(workspace)?)?;

    report::step("compiling");
    let classes = Classes::compile(workspace, &toolchain, &modules, &work, generated)?;
    abi::nothing(workspace, &toolchain, &classes.ffi)?;
    let dump = abi::check(workspace, &toolchain, &classes.main, &abi::file(&modules.layer))?;
    abi::check(workspace, &toolchain, &classes.serialization, &abi::file(&modules.serialization))?;
    let exported = bindings::exported(workspace, &library)?;
    let names = table::Names::read(&fs_err::read_to_string(
        workspace.root.join("uniffi").join("api").join("names.txt"),
    )?);
    table::check(workspace, &exported, &dump, &names)?;
    fields::check(&exported, &names, &main_of(&modules.layer))?;

    let suite = Suite { workspace, toolchain, classes, library, model, packages };
    if options.bench {
        report::step("building for release");
        workspace.build(&BENCH)?;
        let suite =
            Suite { library: bindings::library(workspace, "release", &work.join("release"))?, ..suite };
        let model = options.model.as_ref().unwrap_or(&suite.model);
        report::step("measuring, for more than a minute");
        let rust = Command::new(workspace.program("release", "examples/speed"));
        return bench::run(workspace, model, rust, suite.java("dev.wheelwork.Speed")?);
    }
    if !options.junit.is_empty() {
        return suite.run(None, &options.junit);
    }
    report::step("testing");
    suite.run(None, &[])?;
    let [oldest, ..] = &fetch::OLDER;
    report::step(&format!("testing with ONNX Runtime {}", oldest.version));
    suite.run(Some(&fetch::library(workspace, oldest)?), &["--exclude-tag".into(), "once".into()])
}

/// Where our Kotlin is.
struct Modules {
    /// The layer, and its tests.
    layer: PathBuf,
    /// Its part for JSON.
    serialization: PathBuf,
}

impl Modules {
    fn of(workspace: &Workspace) -> Self {
        let android = workspace.root.join("android");
        Self { layer: android.join("wheelwork"), serialization: android.join("wheelwork-serialization") }
    }

    /// The file of error codes, which is written from Rust's.
    fn codes(&self) -> PathBuf {
        main_of(&self.layer).join("kotlin").join("dev").join("wheelwork").join("ErrorCode.kt")
    }
}

/// What of a module apps get, as Gradle has it.
fn main_of(module: &Path) -> PathBuf {
    module.join("src").join("main")
}

/// What Rust gives the layer.
struct Native {
    /// The folder of the native library.
    library: PathBuf,
    /// The generated Kotlin.
    generated: PathBuf,
    /// The shipped model, quantised.
    model: PathBuf,
    /// The folder of packages to install.
    packages: PathBuf,
}

impl Native {
    fn build(workspace: &Workspace, work: &Path) -> Result<Self, TaskError> {
        report::step("building the library with faults on demand, the generator and the command");
        build(workspace)?;
        let library = work.join("library");
        let generated = bindings::generate(workspace, &library)?;
        let command = workspace.program("debug", "wheelwork");
        let model = demo::quantised(workspace, &command)?;
        let packages = packages::make(&command, &model, &work.join("packages"))?;
        Ok(Self { library, generated, model, packages })
    }
}

/// Our layer on the JVM, as the Android library compiles against it and runs on it.
pub(crate) struct Layer {
    /// The folder of the compiler's jars.
    pub(crate) compiler: PathBuf,
    /// Folders of classes: the generated ones, and ours.
    pub(crate) classes: [PathBuf; 2],
    /// The folder of the native library.
    pub(crate) library: PathBuf,
    /// The shipped model, quantised.
    pub(crate) model: PathBuf,
    /// The folder of packages to install.
    pub(crate) packages: PathBuf,
}

/// Builds it and what it needs, where that is not done.
pub(crate) fn layer(workspace: &Workspace) -> Result<Layer, TaskError> {
    let toolchain = Toolchain::fetch(workspace)?;
    let work = workspace.target.join("kotlin");
    let Native { library, generated, model, packages } = Native::build(workspace, &work)?;
    report::step("compiling the layer for the JVM");
    let classes = compile_layer(&toolchain, &Modules::of(workspace), &work, generated)?;
    Ok(Layer { compiler: work.join("toolchain"), classes, library, model, packages })
}

/// Compiles the generated Kotlin and our layer over it; the folders of their classes.
fn compile_layer(
    toolchain: &Toolchain,
    modules: &Modules,
    work: &Path,
    generated: PathBuf,
) -> Result<[PathBuf; 2], TaskError> {
    let [ffi, main] = ["ffi", "main"].map(|name| work.join("classes").join(name));
    toolchain
        .compile(&Module { rules: Rules::Generated, ..module("wheelwork-ffi", vec![generated], &ffi) })?;
    let seen = [ffi.clone()];
    let sources = files_below(&main_of(&modules.layer), "kt")?;
    toolchain.compile(&Module { friends: &seen, ..module("wheelwork", sources, &main) })?;
    Ok([ffi, main])
}

fn module<'a>(name: &'a str, sources: Vec<PathBuf>, classes: &'a Path) -> Module<'a> {
    Module { name, sources, classes, friends: &[], uses: &[], rules: Rules::Library, serialization: false }
}

/// Builds the library, the generator and the command, and all that the other steps build: what a crate is built with
/// depends on its neighbours, and so `cargo xtask ci` builds it once.
pub(crate) fn build(workspace: &Workspace) -> Result<(), TaskError> {
    workspace.build(&[
        "--workspace",
        "--lib",
        "--bins",
        "--examples",
        "--features",
        "wheelwork-uniffi/faults",
    ])
}

/// What is measured, with the faults that the generated Kotlin binds.
const BENCH: [&str; 8] = [
    "--release",
    "--package",
    "wheelwork-uniffi",
    "--lib",
    "--example",
    "speed",
    "--features",
    "wheelwork-uniffi/faults",
];

/// Folders of classes.
struct Classes {
    ffi: PathBuf,
    main: PathBuf,
    serialization: PathBuf,
    test: PathBuf,
}

impl Classes {
    fn compile(
        workspace: &Workspace,
        toolchain: &Toolchain,
        modules: &Modules,
        work: &Path,
        generated: PathBuf,
    ) -> Result<Self, TaskError> {
        let [ffi, main] = compile_layer(toolchain, modules, work, generated)?;
        let [serialization, test] = ["serialization", "test"].map(|name| work.join("classes").join(name));
        let seen = [main.clone()];
        let sources = files_below(&main_of(&modules.serialization), "kt")?;
        toolchain
            .compile(&Module { uses: &seen, ..module("wheelwork-serialization", sources, &serialization) })?;
        let seen = [ffi.clone(), main.clone(), serialization.clone()];
        let tests = modules.layer.join("src").join("test");
        let mut sources = files_below(&tests, "kt")?;
        sources.extend(files_below(&tests, "java")?);
        sources.push(write_example(workspace, work)?);
        toolchain.compile(&Module {
            friends: &seen,
            rules: Rules::Tests,
            serialization: true,
            ..module("wheelwork-test", sources, &test)
        })?;
        Ok(Self { ffi, main, serialization, test })
    }
}

/// The tests, ready to run.
struct Suite<'a> {
    workspace: &'a Workspace,
    toolchain: Toolchain,
    classes: Classes,
    /// The folder of the native library.
    library: PathBuf,
    model: PathBuf,
    /// The folder of the packages to install.
    packages: PathBuf,
}

impl Suite<'_> {
    /// Runs the tests that `arguments` leave, on an ONNX Runtime or the usual one.
    fn run(&self, onnxruntime: Option<&Path>, arguments: &[String]) -> Result<(), TaskError> {
        let mut junit = self.java("org.junit.platform.console.ConsoleLauncher")?;
        junit
            .args([
                "execute",
                "--details=tree",
                "--disable-banner",
                "--disable-ansi-colors",
                "--fail-if-no-tests",
            ])
            .arg("--scan-class-path")
            .arg(&self.classes.test)
            .args(arguments);
        // Panics on demand are not news.
        junit.env("RUST_BACKTRACE", "0");
        test::prepare(&mut junit, self.workspace)?;
        if let Some(onnxruntime) = onnxruntime {
            junit.env(fetch::PATH_VARIABLE, onnxruntime);
        }
        command::run(&mut junit)
    }

    /// A JVM that runs a `main` and knows where everything is.
    fn java(&self, main: &str) -> Result<Command, TaskError> {
        let Classes { ffi, main: own, serialization, test } = &self.classes;
        let mut java = self.toolchain.java(&[ffi, own, serialization, test].map(Clone::clone))?;
        java.arg(format!("-Djna.library.path={}", self.library.display()))
            .arg(format!("-Dwheelwork.model={}", self.model.display()))
            .arg(format!("-Dwheelwork.packages={}", self.packages.display()))
            .arg(main);
        Ok(java)
    }
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

//! `cargo xtask kotlin`: the Kotlin side, on the JVM, against the real library and the shipped model.
//!
//! 1. [`toolchain`]: the compiler and JUnit, fetched once.
//! 2. The library with faults on demand, its [`bindings`], and the shipped model quantised by the command.
//! 3. [`codes`]: the constants of error codes are those of Rust.
//! 4. Bindings, our layer over them (`android/wheelwork`) with its tests, its part for JSON (`android/wheelwork-serialization`)
//!    and the example of `uniffi/README.md` are compiled.
//! 5. [`abi`], [`table`](crate::table) and [`fields`]: what an app sees is what is committed, and nothing of Rust's is left out.
//! 6. JUnit runs the tests, and once more on the ONNX Runtime that the oldest phone builds have.
//!
//! Where the machine has no JDK or no Maven, a line says so and nothing fails.

mod abi;
mod bench;
pub(crate) mod bindings;
pub(crate) mod codes;
mod fields;
pub(crate) mod offered;
pub(crate) mod packages;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::names::Names;
use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_below};
use crate::{command, demo, fetch, golden, maven, report, table, test};
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

    let native = Native::build(workspace, &work)?;
    let generated = Generated::make(workspace, &native.library)?;
    golden::check(workspace, &modules.codes(), &codes::kotlin(workspace)?)?;

    report::step("compiling");
    let classes = Classes::compile(workspace, &toolchain, &modules, &work, &generated)?;
    abi::nothing(workspace, &toolchain, &classes.ffi)?;
    abi::check(workspace, &toolchain, &classes.main, &abi::file(&modules.layer))?;
    abi::check(workspace, &toolchain, &classes.serialization, &abi::file(&modules.serialization))?;
    let exported = bindings::exported(workspace, &native.library)?;
    table::check(workspace, &exported)?;
    fields::check(&exported, &Names::of(workspace, "Kotlin")?, &main_of(&modules.layer))?;

    let suite = Suite::new(workspace, &toolchain, &classes, native)?;
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

/// The API of the layer, as it is committed.
pub(crate) fn api(workspace: &Workspace) -> PathBuf {
    abi::file(&Modules::of(workspace).layer)
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

/// Compares the binary API of a module's classes with the file in the module's folder.
pub(crate) fn check_api(workspace: &Workspace, module: &Path, classes: &Path) -> Result<(), TaskError> {
    abi::check(workspace, &Toolchain::fetch(workspace)?, classes, &abi::file(module)).map(drop)
}

/// The suite as an app is shrunk: its classes and JNA's, and all that it stands on.
pub(crate) struct Shrinkable {
    /// Folders of classes, and a jar.
    pub(crate) program: Vec<PathBuf>,
    pub(crate) others: Vec<PathBuf>,
}

/// Runs the tests on the jar that `shrink` makes of the layer, JNA and the tests themselves.
pub(crate) fn test_shrunk(
    workspace: &Workspace,
    shrink: impl FnOnce(&Shrinkable) -> Result<PathBuf, TaskError>,
) -> Result<(), TaskError> {
    let toolchain = Toolchain::fetch(workspace)?;
    let work = workspace.target.join("kotlin");
    let native = Native::build(workspace, &work)?;
    report::step("compiling the layer and its tests");
    let generated = Generated::make(workspace, &native.library)?;
    let classes = Classes::compile(workspace, &toolchain, &Modules::of(workspace), &work, &generated)?;
    let jna = toolchain.jar("jna");
    let others = toolchain.jars()?.into_iter().filter(|jar| *jar != jna).collect();
    let program = classes.all().into_iter().chain([jna]).collect();
    let shrinkable = Shrinkable { program, others };
    let jar = shrink(&shrinkable)?;
    let suite = Suite {
        class_path: shrinkable.others.into_iter().chain([jar.clone()]).collect(),
        tests: jar,
        ..Suite::new(workspace, &toolchain, &classes, native)?
    };
    report::step("testing what was shrunk");
    suite.run(None, &["--exclude-tag".into(), "once".into()])
}

/// What UniFFI makes of the libraries.
struct Generated {
    /// The Kotlin below the layer.
    layer: PathBuf,
    /// That of the library beside ours.
    neighbour: PathBuf,
}

impl Generated {
    fn make(workspace: &Workspace, library: &Path) -> Result<Self, TaskError> {
        let layer = bindings::generate(workspace, library)?;
        Ok(Self { layer, neighbour: bindings::neighbour(workspace, library)? })
    }
}

/// What Rust gives a layer, and what its tests install and open.
pub(crate) struct Native {
    /// The folder of the native library.
    pub(crate) library: PathBuf,
    /// The shipped model, quantised.
    pub(crate) model: PathBuf,
    /// The folder of packages to install.
    pub(crate) packages: PathBuf,
}

impl Native {
    pub(crate) fn build(workspace: &Workspace, work: &Path) -> Result<Self, TaskError> {
        report::step("building the library with faults on demand, the generator and the command");
        build(workspace)?;
        let library = bindings::library(workspace, "debug", &work.join("library"))?;
        let command = workspace.program("debug", "wheelwork");
        let model = demo::quantised(workspace, &command)?;
        let packages = packages::make(&command, &model, &work.join("packages"))?;
        Ok(Self { library, model, packages })
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
    let Native { library, model, packages } = Native::build(workspace, &work)?;
    let generated = bindings::generate(workspace, &library)?;
    report::step("compiling the layer for the JVM");
    let classes = compile_layer(&toolchain, &Modules::of(workspace), &work, &generated)?;
    Ok(Layer { compiler: work.join("toolchain"), classes, library, model, packages })
}

/// Compiles the generated Kotlin and our layer over it; the folders of their classes.
fn compile_layer(
    toolchain: &Toolchain,
    modules: &Modules,
    work: &Path,
    generated: &Path,
) -> Result<[PathBuf; 2], TaskError> {
    let [ffi, main] = ["ffi", "main"].map(|name| work.join("classes").join(name));
    toolchain.compile(&Module {
        rules: Rules::Generated,
        ..module("wheelwork-ffi", vec![generated.to_owned()], &ffi)
    })?;
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
    neighbour: PathBuf,
    test: PathBuf,
}

impl Classes {
    fn compile(
        workspace: &Workspace,
        toolchain: &Toolchain,
        modules: &Modules,
        work: &Path,
        generated: &Generated,
    ) -> Result<Self, TaskError> {
        let [ffi, main] = compile_layer(toolchain, modules, work, &generated.layer)?;
        let [serialization, neighbour, test] =
            ["serialization", "neighbour", "test"].map(|name| work.join("classes").join(name));
        let seen = [main.clone()];
        let sources = files_below(&main_of(&modules.serialization), "kt")?;
        toolchain
            .compile(&Module { uses: &seen, ..module("wheelwork-serialization", sources, &serialization) })?;
        let sources = vec![generated.neighbour.clone()];
        toolchain.compile(&Module { rules: Rules::Generated, ..module("neighbour", sources, &neighbour) })?;
        let seen = [ffi.clone(), main.clone(), serialization.clone(), neighbour.clone()];
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
        Ok(Self { ffi, main, serialization, neighbour, test })
    }

    /// What an app has, and the tests.
    fn all(&self) -> [PathBuf; 5] {
        let Self { ffi, main, serialization, neighbour, test } = self;
        [ffi, main, serialization, neighbour, test].map(Clone::clone)
    }
}

/// The tests, ready to run.
struct Suite<'a> {
    workspace: &'a Workspace,
    /// Jars and folders of classes.
    class_path: Vec<PathBuf>,
    /// Which of them has the tests.
    tests: PathBuf,
    /// The folder of the native library.
    library: PathBuf,
    model: PathBuf,
    /// The folder of the packages to install.
    packages: PathBuf,
}

impl<'w> Suite<'w> {
    /// On the classes as they were compiled.
    fn new(
        workspace: &'w Workspace,
        toolchain: &Toolchain,
        classes: &Classes,
        native: Native,
    ) -> Result<Self, TaskError> {
        let Native { library, model, packages, .. } = native;
        let class_path = toolchain.jars()?.into_iter().chain(classes.all()).collect();
        Ok(Self { workspace, class_path, tests: classes.test.clone(), library, model, packages })
    }

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
            .arg(&self.tests)
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
        let mut java = toolchain::java(&self.class_path)?;
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

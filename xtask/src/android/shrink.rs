//! `cargo xtask android shrink`: R8 shrinks, optimises and renames layer, JNA and the tests of the JVM as a release build of an app
//! does, with the rules that the library ships, and the tests pass on what is left.
//!
//! It makes class files: the JVM runs them, and what rules keep is the same as for a phone. The tests stand for the app: only what
//! they reach stays.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::artefacts::Artefacts;
use crate::kotlin::{self, Shrinkable};
use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_below};
use crate::{command, report};

pub(super) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let artefacts = Artefacts::fetch(workspace)?;
    let android = workspace.root.join("android");
    let rules = [
        android.join("wheelwork-android").join(RULES),
        android.join("wheelwork").join("src").join("test").join("r8-rules.pro"),
    ];
    let work = workspace.target.join("android").join("shrink");
    kotlin::test_shrunk(workspace, |suite| shrunk(&artefacts, suite, &rules, &work))
}

/// What the library tells the R8 of each app.
pub(super) const RULES: &str = "consumer-rules.pro";

/// The heap that R8 gets.
const HEAP: &str = "-Xmx4g";

/// R8, ready for its arguments.
pub(super) fn r8(artefacts: &Artefacts) -> Result<Command, TaskError> {
    let mut java = Command::new("java");
    java.arg(HEAP)
        .arg("--class-path")
        .arg(artefacts.jar("r8")?)
        .arg("com.android.tools.r8.R8")
        .arg("--release");
    Ok(java)
}

/// The folder of the JDK, whose classes Android has, too.
pub(super) fn jdk() -> Result<PathBuf, TaskError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = std::env::split_paths(&path).map(|folder| folder.join("java")).find(|java| java.is_file());
    let lacks = || TaskError::new("find the folder of `java`");
    // What is found is often a link into the JDK's `bin`.
    let program = fs_err::canonicalize(program.ok_or_else(lacks)?)?;
    program.parent().and_then(Path::parent).map(Path::to_owned).ok_or_else(lacks)
}

/// A folder of classes as a jar, which R8 wants.
pub(super) fn jar(classes: &Path, work: &Path) -> Result<PathBuf, TaskError> {
    if classes.is_file() {
        return Ok(classes.to_owned());
    }
    let jar = work.join(classes.file_name().unwrap_or_default()).with_extension("jar");
    command::capture(
        Command::new("jar").arg("--create").arg("--file").arg(&jar).arg("-C").arg(classes).arg("."),
    )?;
    Ok(jar)
}

fn shrunk(
    artefacts: &Artefacts,
    suite: &Shrinkable,
    rules: &[PathBuf],
    work: &Path,
) -> Result<PathBuf, TaskError> {
    report::step("shrinking");
    fs_err::create_dir_all(work)?;
    let out = work.join("shrunk.zip");
    let mut r8 = r8(artefacts)?;
    r8.args(["--classfile", "--lib"]).arg(jdk()?).arg("--output").arg(&out);
    r8.arg("--pg-map-output").arg(work.join("names.txt"));
    for file in rules.iter().cloned().chain(shipped_rules(&suite.others, work)?) {
        r8.arg("--pg-conf").arg(file);
    }
    for jar in &suite.others {
        r8.arg("--classpath").arg(jar);
    }
    for classes in &suite.program {
        r8.arg(jar(classes, work)?);
    }
    command::run_briefly(&mut r8, "R8")?;
    // JUnit takes what is called a jar.
    let shrunk = out.with_extension("jar");
    fs_err::rename(&out, &shrunk)?;
    Ok(shrunk)
}

/// Where jars keep the rules that they ship, which Google's plugin for Gradle reads.
const SHIPPED: &str = "META-INF/com.android.tools/r8";

/// The rules in jars.
pub(super) fn shipped_rules(jars: &[PathBuf], work: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let folder = work.join("shipped");
    for (index, jar) in jars.iter().enumerate() {
        // Jars may call theirs the same.
        let own = folder.join(index.to_string());
        fs_err::create_dir_all(&own)?;
        command::capture(Command::new("jar").arg("xf").arg(jar).arg(SHIPPED).current_dir(&own))?;
    }
    files_below(&folder, "pro")
}

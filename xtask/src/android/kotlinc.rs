//! Kotlin for Android, compiled: against what the lock names instead of what a desktop has.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::fetch::wheel::sha256;
use crate::task_error::TaskError;
use crate::workspace::files_below;

/// As `cargo xtask kotlin` has it.
const KOTLIN: &str = "2.2";
const JVM: &str = "11";

/// Files that are compiled together.
pub(super) struct Unit<'a> {
    pub(super) name: &'a str,
    pub(super) sources: Vec<PathBuf>,
    /// Where the classes go.
    pub(super) classes: &'a Path,
    /// Folders of classes whose internal declarations are seen; they stand in the class path, too.
    pub(super) friends: &'a [PathBuf],
    pub(super) class_path: &'a [PathBuf],
    /// What the compiler is asked for besides.
    pub(super) rules: &'a [&'a str],
    /// A plugin of the compiler's.
    pub(super) plugin: Option<PathBuf>,
}

/// Warnings are refused.
const STRICT: [&str; 1] = ["-Werror"];

/// Warnings are refused, and whatever is public without saying so.
pub(super) const LIBRARY: [&str; 2] = ["-Werror", "-Xexplicit-api=strict"];

impl<'a> Unit<'a> {
    /// One without friends and plugin.
    pub(super) fn new(
        name: &'a str,
        sources: Vec<PathBuf>,
        classes: &'a Path,
        class_path: &'a [PathBuf],
    ) -> Self {
        Self { name, sources, classes, friends: &[], class_path, rules: &STRICT, plugin: None }
    }
}

/// The Kotlin files below `folder/kotlin`, in order.
pub(super) fn sources_in(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    files_below(&folder.join("kotlin"), "kt")
}

/// Compiles, unless the classes are of these very sources, settings and jars already.
pub(super) fn compile(compiler: &Path, unit: &Unit<'_>) -> Result<(), TaskError> {
    let stamp = stamp(unit)?;
    let stamp_file = unit.classes.with_extension("stamp");
    if fs_err::read_to_string(&stamp_file).is_ok_and(|present| present == stamp) {
        return Ok(());
    }
    if unit.classes.exists() {
        fs_err::remove_dir_all(unit.classes)?;
    }
    fs_err::create_dir_all(unit.classes)?;
    let friends: Vec<_> = unit.friends.iter().map(|path| path.display().to_string()).collect();
    // A class path of a hundred jars is long for a line.
    let arguments = unit.classes.with_extension("arguments");
    let class_path = std::env::join_paths(unit.class_path)?;
    fs_err::write(&arguments, format!("-classpath\n\"{}\"\n", class_path.to_string_lossy()))?;
    let mut java = Command::new("java");
    java.args(["-Xmx3g", "--class-path"])
        .arg(compiler.join("*"))
        .args(["org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib", "-no-reflect"])
        .args(["-jvm-target", JVM, "-language-version", KOTLIN, "-api-version", KOTLIN])
        .args(["-module-name", unit.name])
        .args(unit.rules)
        .args((!friends.is_empty()).then(|| format!("-Xfriend-paths={}", friends.join(","))))
        .args(unit.plugin.as_ref().map(|jar| format!("-Xplugin={}", jar.display())))
        .arg(format!("@{}", arguments.display()))
        .arg("-d")
        .arg(unit.classes)
        .args(&unit.sources);
    command::run_briefly(&mut java, unit.name)?;
    Ok(fs_err::write(stamp_file, stamp)?)
}

/// Names all that the classes come from.
fn stamp(unit: &Unit<'_>) -> Result<String, TaskError> {
    let mut stamp = format!("{KOTLIN} {JVM} {} {:?} {:?}\n", unit.name, unit.rules, unit.plugin);
    for source in &unit.sources {
        stamp.push_str(&format!("{}  {}\n", sha256(source)?, source.display()));
    }
    for path in unit.class_path {
        // A jar's version is in its name; a folder of classes has a stamp of its own beside it.
        let of_classes =
            fs_err::read(path.with_extension("stamp")).map(|_| sha256(&path.with_extension("stamp")));
        stamp.push_str(&format!(
            "{} {}\n",
            path.display(),
            of_classes.unwrap_or_else(|_| Ok(String::new()))?
        ));
    }
    Ok(stamp)
}

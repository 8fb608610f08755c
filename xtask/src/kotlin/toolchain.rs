//! The Kotlin compiler, JUnit and what Kotlin code of ours needs: what `android/wheelwork/toolchain` names, in
//! `target/kotlin/toolchain`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fetch::wheel::sha256;
use crate::task_error::TaskError;
use crate::workspace::{self, Workspace};
use crate::{command, maven};

/// The language that our classes are written in: two releases below the compiler's, so that apps with an older Kotlin can
/// use them.
const KOTLIN: &str = "2.2";

/// The oldest Java that runs our classes.
const JVM: &str = "11";

/// A folder of jars.
pub(super) struct Toolchain {
    folder: PathBuf,
}

/// Files that are compiled together.
pub(super) struct Module<'a> {
    pub(super) name: &'a str,
    /// Kotlin and Java.
    pub(super) sources: Vec<PathBuf>,
    /// Where the classes go.
    pub(super) classes: &'a Path,
    /// Classes that it sees, with what is internal in them.
    pub(super) friends: &'a [PathBuf],
    /// Classes that it sees.
    pub(super) uses: &'a [PathBuf],
    pub(super) rules: Rules,
    /// Whether classes can be marked to be read from JSON.
    pub(super) serialization: bool,
}

/// What the compiler is asked to refuse.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rules {
    /// Nothing that is legal: somebody else wrote it.
    Generated,
    /// Warnings.
    Tests,
    /// Warnings, and whatever is public without saying so.
    Library,
}

impl Rules {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Generated => &["-nowarn"],
            Self::Tests => &["-Werror"],
            Self::Library => &["-Werror", "-Xexplicit-api=strict"],
        }
    }
}

impl Toolchain {
    /// Fetched if need be.
    pub(super) fn fetch(workspace: &Workspace) -> Result<Self, TaskError> {
        let pinned = workspace.root.join("android").join("wheelwork").join("toolchain");
        let folder = workspace.target.join("kotlin").join("toolchain");
        maven::fetch(&pinned, &folder, "the Kotlin compiler, coroutines, JNA and JUnit (75 MB)")?;
        Ok(Self { folder })
    }

    /// Compiles a module, unless its classes are of these very sources, settings and jars already.
    pub(super) fn compile(&self, module: &Module<'_>) -> Result<(), TaskError> {
        let stamp = self.stamp(module)?;
        let stamp_file = module.classes.with_extension("stamp");
        if fs_err::read_to_string(&stamp_file).is_ok_and(|present| present == stamp) {
            return Ok(());
        }
        if module.classes.exists() {
            fs_err::remove_dir_all(module.classes)?;
        }
        fs_err::create_dir_all(module.classes)?;
        let seen: Vec<_> = module.friends.iter().chain(module.uses).collect();
        let (java, kotlin): (Vec<_>, Vec<_>) =
            module.sources.iter().partition(|path| path.extension().is_some_and(|own| own == "java"));
        let mut compiler = self.java(&[])?;
        compiler
            .args(["org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib", "-no-reflect"])
            .args(["-jvm-target", JVM, "-language-version", KOTLIN, "-api-version", KOTLIN])
            .args(["-module-name", module.name])
            .args(module.rules.arguments())
            .args((!module.friends.is_empty()).then(|| format!("-Xfriend-paths={}", joined(module.friends))))
            .args(module.serialization.then(|| {
                format!("-Xplugin={}", self.jar("kotlin-serialization-compiler-plugin-embeddable").display())
            }))
            // The compiler gets its jars by name: it knows no `*`.
            .arg("-classpath")
            .arg(std::env::join_paths(self.jars()?.iter().chain(seen.iter().copied()))?)
            .arg("-d")
            .arg(module.classes)
            .args(&kotlin)
            .args(&java);
        command::run(&mut compiler)?;
        if !java.is_empty() {
            let mut compiler = Command::new("javac");
            let own = module.classes.to_path_buf();
            compiler
                .args(["--release", JVM, "-Xlint:all,-options", "-Werror", "--class-path"])
                .arg(std::env::join_paths([&self.folder.join("*")].into_iter().chain(seen).chain([&own]))?)
                .arg("-d")
                .arg(module.classes)
                .args(java);
            command::run(&mut compiler)?;
        }
        Ok(fs_err::write(stamp_file, stamp)?)
    }

    /// Names all that the classes of a module come from.
    fn stamp(&self, module: &Module<'_>) -> Result<String, TaskError> {
        let mut stamp = format!(
            "{KOTLIN} {JVM} {} {:?} {}\n{}",
            module.name,
            module.rules,
            module.serialization,
            fs_err::read_to_string(self.folder.join(maven::SUMS))?
        );
        for source in &module.sources {
            stamp.push_str(&format!("{}  {}\n", sha256(source)?, source.display()));
        }
        for classes in module.friends.iter().chain(module.uses) {
            stamp.push_str(&fs_err::read_to_string(classes.with_extension("stamp"))?);
        }
        Ok(stamp)
    }

    /// The jar of that name, whatever its version.
    pub(super) fn jar(&self, name: &str) -> PathBuf {
        let jars = self.jars().unwrap_or_default();
        let is_it = |path: &PathBuf| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.strip_prefix(name).is_some_and(|rest| {
                rest.strip_prefix('-')
                    .is_some_and(|version| version.starts_with(|sign: char| sign.is_ascii_digit()))
            })
        };
        jars.into_iter().find(is_it).unwrap_or_else(|| self.folder.join(name))
    }

    /// `java` with the toolchain's jars and `class_path`.
    pub(super) fn java(&self, class_path: &[PathBuf]) -> Result<Command, TaskError> {
        java([&self.folder.join("*")].into_iter().chain(class_path))
    }

    /// All of its jars.
    pub(super) fn jars(&self) -> Result<Vec<PathBuf>, TaskError> {
        workspace::files_in(&self.folder, "jar")
    }
}

/// `java` with a class path.
pub(super) fn java<P: AsRef<OsStr>>(class_path: impl IntoIterator<Item = P>) -> Result<Command, TaskError> {
    let mut java = Command::new("java");
    // The 100 MB text of a test stands in the heap several times.
    java.args(["-Xmx3g", "--class-path"]).arg(std::env::join_paths(class_path)?);
    Ok(java)
}

fn joined(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(",")
}

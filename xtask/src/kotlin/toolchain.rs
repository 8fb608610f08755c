//! The Kotlin compiler, JUnit and what Kotlin code of ours needs: fetched once, by name, version and hash, into
//! `target/kotlin/toolchain`.
//!
//! 1. Maven brings what `uniffi/kotlin/toolchain/pom.xml` names.
//! 2. Each file has to be in `SHA256SUMS` beside it with its hash, and none may lack.
//! 3. The folder gets its name last, so a folder with the same `SHA256SUMS` in it is complete.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fetch::wheel::sha256;
use crate::task_error::TaskError;
use crate::workspace::{self, Workspace};
use crate::{command, report};

/// Programs that the machine has to have.
const PROGRAMS: [&str; 3] = ["java", "javac", "mvn"];

/// The language that our classes are written in: two releases below the compiler's, so that apps with an older Kotlin can
/// use them.
const KOTLIN: &str = "2.2";

/// The oldest Java that runs our classes.
const JVM: &str = "11";

/// In the release that the hashes are of; Maven checks its own downloads.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

const SUMS: &str = "SHA256SUMS";

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
    /// The first program that this machine lacks.
    pub(super) fn lacks() -> Option<&'static str> {
        PROGRAMS.into_iter().find(|program| command::capture(Command::new(program).arg("-version")).is_err())
    }

    /// Fetched if need be.
    pub(super) fn fetch(workspace: &Workspace) -> Result<Self, TaskError> {
        let pinned = workspace.root.join("uniffi").join("kotlin").join("toolchain");
        let sums = fs_err::read_to_string(pinned.join(SUMS))?;
        let work = workspace.target.join("kotlin");
        let folder = work.join("toolchain");
        if fs_err::read_to_string(folder.join(SUMS)).is_ok_and(|present| present == sums) {
            return Ok(Self { folder });
        }
        report::step("fetching the Kotlin compiler, coroutines, JNA and JUnit (75 MB, once)");
        fs_err::create_dir_all(&work)?;
        let staging = tempfile::tempdir_in(&work)?;
        let jars = staging.path().join("jars");
        let mut maven = Command::new("mvn");
        maven
            .args(["--batch-mode", "--quiet", COPY])
            .arg("--file")
            .arg(pinned.join("pom.xml"))
            .arg(format!("-Dmaven.repo.local={}", staging.path().join("repository").display()))
            .arg(format!("-DoutputDirectory={}", jars.display()));
        command::run(&mut maven)
            .map_err(|error| error.remedy("check Maven's mirror and network settings (`settings.xml`)"))?;
        check(&hashes(&jars)?, &parse(&sums))?;
        fs_err::write(jars.join(SUMS), &sums)?;
        workspace::replace(&jars, &folder)?;
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
            .arg(std::env::join_paths(
                workspace::files_in(&self.folder, "jar")?.iter().chain(seen.iter().copied()),
            )?)
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
            fs_err::read_to_string(self.folder.join(SUMS))?
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
    fn jar(&self, name: &str) -> PathBuf {
        let jars = workspace::files_in(&self.folder, "jar").unwrap_or_default();
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
        let class_path = std::env::join_paths([&self.folder.join("*")].into_iter().chain(class_path))?;
        let mut java = Command::new("java");
        // The 100 MB text of a test stands in the heap several times.
        java.args(["-Xmx3g", "--class-path"]).arg(class_path);
        Ok(java)
    }
}

fn joined(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(",")
}

/// Hash by file name.
type Hashes = BTreeMap<String, String>;

fn hashes(folder: &Path) -> Result<Hashes, TaskError> {
    let mut found = Hashes::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.insert(name, sha256(&path)?);
    }
    Ok(found)
}

/// Lines of `sha256sum`: hash, two spaces, name.
fn parse(sums: &str) -> Hashes {
    let rows = sums.lines().filter_map(|line| line.split_once("  "));
    rows.map(|(hash, name)| (name.to_owned(), hash.to_owned())).collect()
}

fn check(found: &Hashes, expected: &Hashes) -> Result<(), TaskError> {
    let names = found.keys().chain(expected.keys());
    for name in names {
        let (found, expected) = (found.get(name), expected.get(name));
        if found != expected {
            let show = |hash: Option<&String>| hash.map_or("no such file", |hash| hash).to_owned();
            return Err(TaskError::new(format!(
                "{name}: the SHA-256 is {}, expected {}",
                show(found),
                show(expected)
            ))
            .remedy("do not use that file; find out what Maven's mirror serves"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_to_have_its_hash() {
        let sums = "aa  a.jar\nbb  b.jar\n";
        let expected = parse(sums);
        assert_eq!(expected.len(), 2);
        assert!(check(&parse(sums), &expected).is_ok());
        for (wrong, why) in [
            ("aa  a.jar\nbc  b.jar", "another hash"),
            ("aa  a.jar", "a file lacks"),
            ("aa  a.jar\nbb  b.jar\ncc  c.jar", "a file more"),
        ] {
            assert!(check(&parse(wrong), &expected).is_err(), "{why}");
        }
    }
}

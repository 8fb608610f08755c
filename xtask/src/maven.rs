//! Jars of Maven's repositories: fetched once, by name, version and hash.
//!
//! 1. Maven brings what a folder's `pom.xml` names.
//! 2. Each file has to be in `SHA256SUMS` beside it with its hash, and none may lack.
//! 3. The folder gets its name last, so a folder with the same `SHA256SUMS` in it is complete.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::fetch::wheel::sha256;
use crate::task_error::TaskError;
use crate::{command, report, workspace};

/// Programs that the machine has to have.
const PROGRAMS: [&str; 3] = ["java", "javac", "mvn"];

/// In the release that the hashes are of; Maven checks its own downloads.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The file of hashes, where the jars are named and where they lie.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// The first program that this machine lacks.
pub(crate) fn lacks() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| command::capture(Command::new(program).arg("-version")).is_err())
}

/// Brings `what` (words for a person) that the folder `pinned` names into `folder`, unless it is there.
pub(crate) fn fetch(pinned: &Path, folder: &Path, what: &str) -> Result<(), TaskError> {
    let sums = fs_err::read_to_string(pinned.join(SUMS))?;
    if fs_err::read_to_string(folder.join(SUMS)).is_ok_and(|present| present == sums) {
        return Ok(());
    }
    report::step(&format!("fetching {what}, once"));
    let beside = folder.parent().unwrap_or(folder);
    fs_err::create_dir_all(beside)?;
    let staging = tempfile::tempdir_in(beside)?;
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
    workspace::replace(&jars, folder)
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

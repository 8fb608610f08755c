//! What `android/toolchain/LOCK` names, in `target/android/artefacts`: fetched by Maven, held against its hashes, unpacked.
//!
//! Maven resolves nothing: each artefact is asked for alone, because ranges of versions, and artefacts whose classes stand
//! in two others, would bring what was never looked at. The folder gets its name last, so a folder with the same lock in it
//! is complete.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fetch::wheel::sha256;
use crate::python::Python;
use crate::task_error::TaskError;
use crate::workspace::{self, Workspace, files_in};
use crate::{command, report};

/// What an artefact is for: the sections of the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The library and the app compile against it and run with it.
    App,
    /// Their tests run with it.
    Test,
    /// Android, to compile against.
    Framework,
    /// Android, for Robolectric.
    Sdk,
    /// The manifest merger.
    Merger,
    /// Holds `aapt2`.
    Aapt,
    /// The compiler's plugin for Compose.
    Compose,
    /// R8.
    Shrinker,
    /// Finds calls of what the oldest Android lacks.
    Sniffer,
    /// Signs and verifies an APK.
    Signer,
    /// JNA as phones have it.
    Phone,
}

const ROLES: [(&str, Role); 11] = [
    ("app", Role::App),
    ("test", Role::Test),
    ("framework", Role::Framework),
    ("sdk", Role::Sdk),
    ("merger", Role::Merger),
    ("aapt", Role::Aapt),
    ("compose", Role::Compose),
    ("shrinker", Role::Shrinker),
    ("sniffer", Role::Sniffer),
    ("signer", Role::Signer),
    ("phone", Role::Phone),
];

/// In the release that the hashes are of; Maven checks its own downloads.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

const LOCK: &str = "LOCK";

/// A row of the lock.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    role: Role,
    sha256: String,
    group: String,
    artefact: String,
    version: String,
    /// `jar`, `aar` for a library of Android, or `signature` for the names that an Android has.
    kind: String,
}

/// A folder with everything.
pub(super) struct Artefacts {
    folder: PathBuf,
    rows: Vec<Row>,
}

impl Artefacts {
    /// Fetched if need be.
    pub(super) fn fetch(workspace: &Workspace) -> Result<Self, TaskError> {
        let text = fs_err::read_to_string(workspace.root.join("android").join("toolchain").join(LOCK))?;
        let rows = parse(&text)?;
        let work = workspace.target.join("android");
        let folder = work.join("artefacts");
        if fs_err::read_to_string(folder.join(LOCK)).is_ok_and(|present| present == text) {
            return Ok(Self { folder, rows });
        }
        report::step("fetching AndroidX, Robolectric and Android for it (760 MB, once)");
        fs_err::create_dir_all(&work)?;
        let staging = tempfile::tempdir_in(&work)?;
        let files = staging.path().join("files");
        for round in rounds(&rows) {
            fetch_together(&round, staging.path(), &files)?;
        }
        let python = Python::find()?;
        for row in &rows {
            let file = files.join(row.file());
            let found = sha256(&file)?;
            if found != row.sha256 {
                let (name, expected) = (row.file(), &row.sha256);
                return Err(TaskError::new(format!("{name}: the SHA-256 is {found}, expected {expected}"))
                    .remedy("do not use that file; find out what Maven's mirror serves"));
            }
            if row.kind == "aar" || row.role == Role::Aapt {
                let mut unzip = python.module("zipfile");
                command::capture(unzip.arg("-e").arg(&file).arg(files.join(row.unpacked())))?;
            }
            if row.role == Role::Sdk {
                // Robolectric looks for it by this name.
                fs_err::create_dir_all(files.join("sdk"))?;
                let name = format!("{}-{}.jar", row.artefact, row.version);
                fs_err::rename(&file, files.join("sdk").join(name))?;
            }
        }
        fs_err::write(files.join(LOCK), text)?;
        workspace::replace(&files, &folder)?;
        Ok(Self { folder, rows })
    }

    /// The jars of a role: of a library of Android what is in it.
    pub(super) fn class_path(&self, role: Role) -> Vec<PathBuf> {
        let rows = self.rows.iter().filter(|row| row.role == role && row.kind != "signature");
        rows.flat_map(|row| {
            if row.kind != "aar" {
                return vec![self.folder.join(row.file())];
            }
            let folder = self.folder.join(row.unpacked());
            let libraries = files_in(&folder.join("libs"), "jar").unwrap_or_default();
            let classes = Some(folder.join("classes.jar")).filter(|jar| jar.is_file());
            classes.into_iter().chain(libraries).collect()
        })
        .collect()
    }

    /// The one jar of that artefact.
    pub(super) fn jar(&self, artefact: &str) -> Result<PathBuf, TaskError> {
        let row = self.rows.iter().find(|row| row.artefact == artefact && row.kind == "jar");
        row.map(|row| self.folder.join(row.file()))
            .ok_or_else(|| TaskError::new(format!("find `{artefact}` in android/toolchain/{LOCK}")))
    }

    /// The names that the oldest Android has.
    pub(super) fn signature(&self) -> Result<PathBuf, TaskError> {
        let row = self.rows.iter().find(|row| row.kind == "signature");
        row.map(|row| self.folder.join(row.file()))
            .ok_or_else(|| TaskError::new(format!("find a signature in android/toolchain/{LOCK}")))
    }

    /// The version of `group:artefact`; none where it is not there.
    pub(super) fn version(&self, module: &str) -> Option<&str> {
        let (group, artefact) = module.split_once(':')?;
        let row = self.rows.iter().find(|row| row.group == group && row.artefact == artefact)?;
        Some(&row.version)
    }

    /// The unpacked libraries of Android of some roles.
    pub(super) fn libraries(&self, roles: &[Role]) -> Vec<PathBuf> {
        let rows = self.rows.iter().filter(|row| row.kind == "aar" && roles.contains(&row.role));
        rows.map(|row| self.folder.join(row.unpacked())).collect()
    }

    /// The folder of Android's jars for Robolectric.
    pub(super) fn sdks(&self) -> PathBuf {
        self.folder.join("sdk")
    }

    /// Google's `aapt2`, ready to run.
    pub(super) fn aapt(&self) -> Result<PathBuf, TaskError> {
        let row = self.rows.iter().find(|row| row.role == Role::Aapt);
        let row = row.ok_or_else(|| TaskError::new(format!("find `[aapt]` in android/toolchain/{LOCK}")))?;
        let program = self.folder.join(row.unpacked()).join("prebuilt").join("linux").join("aapt2");
        make_executable(&program)?;
        Ok(program)
    }
}

impl Row {
    /// As Maven names it with the group before it.
    fn file(&self) -> String {
        format!("{}.{}-{}.{}", self.group, self.artefact, self.version, self.kind)
    }

    fn unpacked(&self) -> String {
        format!("{}.{}", self.group, self.artefact)
    }

    fn dependency(&self) -> String {
        let Self { group, artefact, version, kind, .. } = self;
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artefact}</artifactId><version>{version}</version>\
             <type>{kind}</type><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>\
             </exclusions></dependency>\n"
        )
    }
}

/// Rows that may stand in one project: Maven takes one version of each artefact.
fn rounds(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut rounds: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let same = |other: &&Row| (&other.group, &other.artefact) == (&row.group, &row.artefact);
        match rounds.iter_mut().find(|round| !round.iter().any(same)) {
            Some(round) => round.push(row),
            None => rounds.push(vec![row]),
        }
    }
    rounds
}

fn fetch_together(rows: &[&Row], staging: &Path, files: &Path) -> Result<(), TaskError> {
    let mut pom = String::from(
        "<project><modelVersion>4.0.0</modelVersion><groupId>dev.wheelwork</groupId>\
         <artifactId>android-artefacts</artifactId><version>1</version><packaging>pom</packaging><dependencies>\n",
    );
    for row in rows {
        pom.push_str(&row.dependency());
    }
    writeln!(pom, "</dependencies></project>")?;
    let file = staging.join("pom.xml");
    fs_err::write(&file, pom)?;
    let mut maven = Command::new("mvn");
    maven
        .args(["--batch-mode", "--quiet", COPY, "-Dmdep.prependGroupId=true"])
        .arg("--file")
        .arg(file)
        .arg(format!("-Dmaven.repo.local={}", staging.join("repository").display()))
        .arg(format!("-DoutputDirectory={}", files.display()));
    command::run(&mut maven)
        .map_err(|error| error.remedy("check Maven's mirror and network settings (`settings.xml`)"))
}

/// Sections `[role]`, and rows `SHA-256  group:artefact:version:type` in them; what follows a `#` is for people.
fn parse(lock: &str) -> Result<Vec<Row>, TaskError> {
    let mut role = None;
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for line in lock.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let broken = || TaskError::new(format!("read `{line}` in android/toolchain/{LOCK}"));
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            role = Some(ROLES.iter().find(|(own, _)| *own == name).ok_or_else(broken)?.1);
            continue;
        }
        let (sha256, name) = line.split_once("  ").ok_or_else(broken)?;
        let [group, artefact, version, kind] = name.split(':').collect::<Vec<_>>()[..] else {
            return Err(broken());
        };
        if sha256.len() != 64 || !seen.insert(name) {
            return Err(broken());
        }
        let [group, artefact, version, kind] = [group, artefact, version, kind].map(str::to_owned);
        let role = role.ok_or_else(broken)?;
        rows.push(Row { role, sha256: sha256.to_owned(), group, artefact, version, kind });
    }
    Ok(rows)
}

#[cfg(unix)]
fn make_executable(program: &Path) -> Result<(), TaskError> {
    use std::os::unix::fs::PermissionsExt as _;

    Ok(fs_err::set_permissions(program, std::fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<(), TaskError> {
    Err(TaskError::new("run aapt2: only Linux's is fetched"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_names_each_artefact_once_with_its_hash_and_role() {
        let hash = "a".repeat(64);
        let rows = parse(&format!(
            "# x\n[app]  # y\n{hash}  g:a:1:aar\n[sdk]\n{hash}  g:b:1:jar\n{hash}  g:b:2:jar\n"
        ))
        .unwrap();
        assert_eq!(rows.iter().map(|row| row.role).collect::<Vec<_>>(), [Role::App, Role::Sdk, Role::Sdk]);
        assert_eq!(rows[0].file(), "g.a-1.aar");
        assert_eq!(rounds(&rows).iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        for (broken, why) in [
            (format!("{hash}  g:a:1:jar"), "no role"),
            (format!("[other]\n{hash}  g:a:1:jar"), "a role that is none"),
            ("[app]\nab  g:a:1:jar".to_owned(), "no hash"),
            (format!("[app]\n{hash}  g:a:1"), "no type"),
            (format!("[app]\n{hash}  g:a:1:jar\n{hash}  g:a:1:jar"), "twice"),
        ] {
            assert!(parse(&broken).is_err(), "{why}");
        }
    }
}

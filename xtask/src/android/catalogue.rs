//! Gradle's files, which cannot run here, as far as they can be held against something.
//!
//! 1. The version catalogue against the lock: what an app gets by Gradle is what was compiled and tested here.
//! 2. Each module that is included has a build file, and what build files take from the catalogue stands there.
//! 3. The workflow that would run it on a device is a workflow, and the modules that its commands name are included.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::artefacts::Artefacts;
use crate::command;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Not to be had where this runs, or part of no class path.
const ELSEWHERE: [&str; 2] = [
    "com.microsoft.onnxruntime:onnxruntime-android",
    // Tested with the layer: android/wheelwork/toolchain.
    "org.jetbrains.kotlinx:kotlinx-serialization-json-jvm",
];

#[derive(Deserialize)]
struct Catalogue {
    versions: BTreeMap<String, String>,
    libraries: BTreeMap<String, Library>,
    plugins: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct Library {
    module: String,
    version: VersionRef,
}

#[derive(Deserialize)]
struct VersionRef {
    #[serde(rename = "ref")]
    name: String,
}

pub(super) fn check(workspace: &Workspace, artefacts: &Artefacts) -> Result<(), TaskError> {
    let file = workspace.root.join("android").join("gradle").join("libs.versions.toml");
    let catalogue: Catalogue = toml::from_str(&fs_err::read_to_string(file)?)
        .map_err(|error| TaskError::new(format!("read android/gradle/libs.versions.toml: {error}")))?;
    for library in catalogue.libraries.values() {
        if ELSEWHERE.contains(&library.module.as_str()) {
            continue;
        }
        let version = catalogue.versions.get(&library.version.name);
        let locked = artefacts.version(&library.module);
        if locked.is_none() || locked != version.map(String::as_str) {
            return Err(TaskError::new(format!(
                "android/gradle/libs.versions.toml has {} in {version:?}, android/toolchain/LOCK in {locked:?}",
                library.module
            ))
            .remedy("write the version that is locked"));
        }
    }
    let names = names(&catalogue);
    let modules = modules(workspace)?;
    check_workflow(workspace, artefacts, &modules)?;
    for module in modules.values() {
        let file = module.join("build.gradle.kts");
        let text = fs_err::read_to_string(&file)?;
        if let Some(unknown) = aliases(&text).find(|alias| !names.contains(*alias)) {
            return Err(TaskError::new(format!(
                "{} takes `libs.{unknown}`, which android/gradle/libs.versions.toml lacks",
                workspace.relative(&file)
            )));
        }
    }
    Ok(())
}

/// The modules that `settings.gradle.kts` includes, and their folders: below `android`, or where it says.
fn modules(workspace: &Workspace) -> Result<BTreeMap<String, PathBuf>, TaskError> {
    let android = workspace.root.join("android");
    let settings = fs_err::read_to_string(android.join("settings.gradle.kts"))?;
    let included = settings.lines().filter_map(|line| line.strip_prefix("include("));
    let names = included.flat_map(quoted).map(|name| name.trim_start_matches(':').to_owned());
    let with_folder = |name: String| {
        let place =
            settings.lines().find(|line| line.starts_with(&format!("project(\":{name}\").projectDir")));
        let folder = android.join(place.and_then(|line| quoted(line).nth(1)).unwrap_or(&name));
        (name, folder)
    };
    Ok(names.map(with_folder).collect())
}

fn check_workflow(
    workspace: &Workspace,
    artefacts: &Artefacts,
    modules: &BTreeMap<String, PathBuf>,
) -> Result<(), TaskError> {
    let file = Path::new(".github").join("workflows").join("android-device.yml");
    let mut java = Command::new("java");
    java.arg("--class-path")
        .arg(artefacts.jar("snakeyaml")?)
        .arg(workspace.root.join("android").join("toolchain").join("Workflow.java"))
        .arg(workspace.root.join(&file));
    let commands = command::capture(&mut java)?;
    match tasks(&commands).find(|(module, _)| !modules.contains_key(*module)) {
        None => Ok(()),
        Some((module, task)) => Err(TaskError::new(format!(
            "{} runs `:{module}:{task}`, and android/settings.gradle.kts includes no `{module}`",
            file.display()
        ))),
    }
}

/// What commands ask of modules: words such as `:module:task`.
fn tasks(commands: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = commands.split_whitespace().filter_map(|word| word.strip_prefix(':'));
    words.filter_map(|word| word.split_once(':'))
}

/// What stands between quotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

/// As build files name them: `activity-compose` is `activity.compose`.
fn names(catalogue: &Catalogue) -> BTreeSet<String> {
    let dotted = |name: &String| name.replace('-', ".");
    let versions = catalogue.versions.keys().map(|name| format!("versions.{}", dotted(name)));
    let plugins = catalogue.plugins.keys().map(|name| format!("plugins.{}", dotted(name)));
    catalogue.libraries.keys().map(dotted).chain(versions).chain(plugins).collect()
}

/// What follows `libs.` in code.
fn aliases(build: &str) -> impl Iterator<Item = &str> {
    let code = build.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| line.split("libs.").skip(1)).map(|rest| {
        let end = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '.').unwrap_or(rest.len());
        rest[..end].trim_end_matches(".get")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_file_takes_is_found() {
        let build =
            "alias(libs.plugins.kotlin.jvm)\n// libs.not\napi(\"g:a:${libs.versions.jna.get()}@aar\")\n";
        assert_eq!(aliases(build).collect::<Vec<_>>(), ["plugins.kotlin.jvm", "versions.jna"]);
        assert_eq!(tasks("gradle -p android :a:b c:d :e:f").collect::<Vec<_>>(), [("a", "b"), ("e", "f")]);
        assert_eq!(quoted("include(\":a\", \":b\")").collect::<Vec<_>>(), [":a", ":b"]);
    }
}

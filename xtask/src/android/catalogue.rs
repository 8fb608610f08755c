//! Gradle's version catalogue, held against the lock: what an app gets by Gradle is what was compiled and tested here.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::artefacts::Artefacts;
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
    Ok(())
}

//! What is in the program: the crates that it links, from cargo's resolution for the system, and a bill of materials.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::command;
use crate::fetch::{self, wheel::sha256};
use crate::system::System;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

const PROGRAM: &str = "wheelwork-desktop";

/// The crates of the program; tests' and build scripts' are not in it.
pub(super) struct Graph {
    /// In the order of name and version.
    pub(super) crates: Vec<Crate>,
    version: String,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression.
    pub(super) licence: Option<String>,
    /// Whether it is one of ours.
    pub(super) is_ours: bool,
    pub(super) folder: PathBuf,
    /// Of the file that the registry serves, as `Cargo.lock` has it.
    sha256: Option<String>,
    needs: Vec<String>,
}

impl Crate {
    /// A package URL, which is its reference too.
    fn url(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Graph {
    pub(super) fn of(workspace: &Workspace, system: System) -> Result<Self, TaskError> {
        let metadata = command::capture(
            command::cargo()
                .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", system.triple()])
                .current_dir(&workspace.root),
        )?;
        let lock = fs_err::read_to_string(workspace.root.join("Cargo.lock"))?;
        Self::from(&serde_json::from_str(&metadata)?, &toml::from_str(&lock)?)
    }

    fn from(metadata: &Metadata, lock: &Lock) -> Result<Self, TaskError> {
        let packages: BTreeMap<_, _> =
            metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let nodes: BTreeMap<_, _> =
            metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let root = metadata.packages.iter().find(|package| package.name == PROGRAM);
        let root = root.ok_or_else(|| TaskError::new(format!("cargo's metadata has no {PROGRAM}")))?;
        let mut linked = BTreeSet::from([root.id.as_str()]);
        let mut open = vec![root.id.as_str()];
        while let Some(id) = open.pop() {
            open.extend(
                nodes.get(id).into_iter().flat_map(|node| node.linked()).filter(|id| linked.insert(id)),
            );
        }
        let checksums: BTreeMap<_, _> =
            lock.package.iter().map(|locked| ((&locked.name, &locked.version), &locked.checksum)).collect();
        let entry = |id: &&str| {
            let package = packages.get(id)?;
            Some(Crate {
                name: package.name.clone(),
                version: package.version.clone(),
                licence: package.license.clone(),
                is_ours: package.source.is_none(),
                folder: package.manifest_path.parent()?.to_path_buf(),
                sha256: checksums
                    .get(&(&package.name, &package.version))
                    .and_then(|checksum| (*checksum).clone()),
                needs: nodes
                    .get(id)
                    .into_iter()
                    .flat_map(|node| node.linked())
                    .filter_map(|id| packages.get(id))
                    .map(|package| format!("pkg:cargo/{}@{}", package.name, package.version))
                    .collect(),
            })
        };
        let mut crates: Vec<_> = linked.iter().filter_map(entry).collect();
        crates.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
        Ok(Self { crates, version: root.version.clone() })
    }

    /// CycloneDX 1.5, with the library beside the program.
    pub(super) fn bill(&self, library: &Path) -> Result<String, TaskError> {
        let runtime = format!("pkg:pypi/onnxruntime@{}", fetch::VERSION);
        let licence = |expression: &str| json!([{ "expression": expression.replace('/', " OR ") }]);
        let mut components: Vec<Value> = Vec::new();
        for one in &self.crates {
            let mut component = json!({
                "type": "library", "bom-ref": one.url(), "name": one.name, "version": one.version, "purl": one.url(),
            });
            if let Some(expression) = &one.licence {
                component["licenses"] = licence(expression);
            }
            if let Some(sha256) = &one.sha256 {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": sha256 }]);
            }
            components.push(component);
        }
        components.push(json!({
            "type": "library", "bom-ref": runtime, "name": "onnxruntime", "version": fetch::VERSION, "purl": runtime,
            "licenses": licence("MIT"), "hashes": [{ "alg": "SHA-256", "content": sha256(library)? }],
        }));
        let mut dependencies: Vec<Value> =
            self.crates.iter().map(|one| json!({ "ref": one.url(), "dependsOn": one.needs })).collect();
        let program = format!("pkg:cargo/{PROGRAM}@{}", self.version);
        dependencies.push(json!({ "ref": "wheelwork", "dependsOn": [program, runtime] }));
        let bill = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": { "component": {
                "type": "application", "bom-ref": "wheelwork", "name": "wheelwork", "version": self.version,
                "licenses": licence("MIT OR Apache-2.0"),
            } },
            "components": components,
            "dependencies": dependencies,
        });
        Ok(serde_json::to_string_pretty(&bill)? + "\n")
    }
}

impl Node {
    /// What it links: no tests, no build scripts.
    fn linked(&self) -> impl Iterator<Item = &str> {
        let is_linked =
            |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        self.deps.iter().filter(is_linked).map(|dependency| dependency.pkg.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_program_links_is_in_the_bill() {
        let package = |name: &str| {
            json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0",
            "source": (name != PROGRAM).then_some("registry"), "manifest_path": format!("/{name}/Cargo.toml") })
        };
        let dependency =
            |name: &str, kind: Option<&str>| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let packages: Vec<_> = [PROGRAM, "linked", "deep", "tests", "script"].map(package).into();
        let metadata = json!({
            "packages": packages,
            "resolve": { "nodes": [
                { "id": PROGRAM, "deps": [dependency("linked", None), dependency("tests", Some("dev"))] },
                { "id": "linked", "deps": [dependency("deep", None), dependency("script", Some("build"))] },
                { "id": "deep", "deps": [] }, { "id": "tests", "deps": [] }, { "id": "script", "deps": [] },
            ] },
        });
        let lock: Lock = toml::from_str(
            "[[package]]\nname = 'deep'\nversion = '1.0.0'\nchecksum = 'ab'\n[[package]]\nname = 'linked'\nversion = '2.0.0'",
        )
        .unwrap();
        let graph = Graph::from(&serde_json::from_value(metadata).unwrap(), &lock).unwrap();
        let names: Vec<_> = graph.crates.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["deep", "linked", PROGRAM]);
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("library"), "abc").unwrap();
        let bill: Value = serde_json::from_str(&graph.bill(&folder.path().join("library")).unwrap()).unwrap();
        assert_eq!(bill["components"][0]["hashes"][0]["content"], "ab");
        assert_eq!(bill["components"][1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["components"][3]["name"], "onnxruntime");
        assert_eq!(bill["dependencies"][1]["dependsOn"][0], "pkg:cargo/deep@1.0.0");
    }
}

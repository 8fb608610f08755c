//! Which crate may depend on which: the `wrappers` of `deny.toml`, held against the manifests.
//!
//! cargo-deny checks the same table over the whole graph. This check needs no tool, and adds that a crate
//! can't be left out of the table. Both leave out what only tests use.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::finding::Finding;
use crate::task_error::TaskError;
use crate::workspace::{Package, Workspace};

pub(super) fn check(workspace: &Workspace) -> Result<Vec<Finding>, TaskError> {
    let table = fs_err::read_to_string(workspace.root.join("deny.toml"))?;
    let table: DenyFile =
        toml::from_str(&table).map_err(|error| TaskError::from(error).during("read deny.toml"))?;
    let allowed = table.bans.deny.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
    let mut findings = forbidden(&workspace.packages, &allowed);
    findings.extend(unlisted(&workspace.packages, &allowed));
    Ok(findings)
}

/// The part of `deny.toml` that says who may depend on a crate.
#[derive(Deserialize)]
struct DenyFile {
    bans: Bans,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "crate")]
    name: String,
    /// The only crates that may depend on it directly.
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

fn forbidden(packages: &[Package], allowed: &BTreeMap<String, Entry>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.is_dev()) {
            if let Some(entry) = allowed.get(&dependency.name)
                && !entry.wrappers.contains(&package.name)
            {
                findings.push(Finding::new(
                    &package.name,
                    format!("must not depend on `{}`: {}", entry.name, entry.reason),
                ));
            }
        }
    }
    findings
}

/// Crates of the workspace that others depend on, without a line in the table.
fn unlisted(packages: &[Package], allowed: &BTreeMap<String, Entry>) -> Vec<Finding> {
    let is_used = |name: &str| {
        packages.iter().flat_map(|package| &package.dependencies).any(|dependency| dependency.name == name)
    };
    packages
        .iter()
        .filter(|package| is_used(&package.name) && !allowed.contains_key(&package.name))
        .map(|package| {
            Finding::new("deny.toml", format!("says nothing of who may depend on `{}`", package.name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.into(),
            manifest_path: "Cargo.toml".into(),
            dependencies: dependencies.iter().map(|name| dependency(name, None)).collect(),
            targets: Vec::new(),
        }
    }

    fn dependency(name: &str, kind: Option<&str>) -> Dependency {
        Dependency { name: name.into(), kind: kind.map(str::to_owned) }
    }

    fn allow(name: &str, wrappers: &[&str]) -> (String, Entry) {
        let wrappers = wrappers.iter().map(|name| (*name).into()).collect();
        (name.into(), Entry { name: name.into(), wrappers, reason: "because".into() })
    }

    #[test]
    fn only_listed_crates_may_depend_on_a_listed_one() {
        let mut packages =
            [package("core", &["ort", "serde"]), package("quantize", &["ort"]), package("tests", &[])];
        packages[2].dependencies.push(dependency("ort", Some("dev")));
        let allowed = BTreeMap::from([allow("ort", &["core"])]);
        assert_eq!(
            forbidden(&packages, &allowed),
            [Finding::new("quantize", "must not depend on `ort`: because")]
        );
    }

    #[test]
    fn a_crate_that_others_use_must_be_listed() {
        let packages =
            [package("core", &["package"]), package("package", &[]), package("desktop", &["core"])];
        let allowed = BTreeMap::from([allow("core", &["desktop"])]);
        assert_eq!(
            unlisted(&packages, &allowed),
            [Finding::new("deny.toml", "says nothing of who may depend on `package`")]
        );
    }
}

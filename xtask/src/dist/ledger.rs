//! What each program is and needs, checked in: a new library, a newer glibc or a jump in size is looked at by a person.
//!
//! `WHEELWORK_BLESS=1 cargo xtask dist` writes `ledger.json` anew.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::object::Facts;
use crate::system::{self, System};
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Set to have the ledger written instead of compared.
const BLESS: &str = "WHEELWORK_BLESS";

/// By how much a program may grow or shrink, in percent.
const MOST_CHANGE: u64 = 3;

pub(super) fn check(workspace: &Workspace, system: System, facts: &Facts) -> Result<(), TaskError> {
    if let Some(version) = &facts.glibc
        && newer(version, system::GLIBC)
    {
        return Err(TaskError::new(format!(
            "the program for {} needs glibc {version}, newer than {}",
            system.name(),
            system::GLIBC
        )));
    }
    let path = path(workspace);
    let mut ledger: Map<String, Value> = serde_json::from_str(&fs_err::read_to_string(&path)?)?;
    if std::env::var_os(BLESS).is_some() {
        ledger.insert(system.name(), entry(facts));
        ledger.sort_keys();
        return Ok(fs_err::write(path, serde_json::to_string_pretty(&ledger)? + "\n")?);
    }
    let expected = ledger.get(&system.name()).unwrap_or(&Value::Null);
    difference(expected, facts).map_or(Ok(()), |difference| {
        Err(TaskError::new(format!("the program for {}: {difference}", system.name())).remedy(format!(
            "if that is meant, `{BLESS}=1 cargo xtask dist {}` and look at what changes in xtask/src/dist/ledger.json",
            system.name()
        )))
    })
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join("xtask").join("src").join("dist").join("ledger.json")
}

fn entry(facts: &Facts) -> Value {
    let Facts { machine, bytes, glibc, libraries } = facts;
    json!({ "machine": machine, "bytes": bytes, "glibc": glibc, "libraries": libraries })
}

fn difference(expected: &Value, facts: &Facts) -> Option<String> {
    let found = entry(facts);
    if let Some(field) =
        ["machine", "glibc", "libraries"].into_iter().find(|field| found[field] != expected[field])
    {
        return Some(format!("its {field} is {}, expected {}", found[field], expected[field]));
    }
    let before = expected["bytes"].as_u64().unwrap_or(0);
    (facts.bytes.abs_diff(before) * 100 > before * MOST_CHANGE)
        .then(|| format!("it has {} bytes, expected {before} and {MOST_CHANGE} % more or less", facts.bytes))
}

fn newer(version: &str, than: &str) -> bool {
    let numbers =
        |text: &str| text.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect::<Vec<_>>();
    numbers(version) > numbers(than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_library_and_a_jump_in_size_are_told() {
        let facts = |bytes, library: &str| Facts {
            machine: "x86-64".into(),
            bytes,
            glibc: Some("2.28".into()),
            libraries: vec![library.into()],
        };
        let expected = entry(&facts(1000, "libc.so.6"));
        assert_eq!(difference(&expected, &facts(1030, "libc.so.6")), None);
        assert!(
            difference(&expected, &facts(1031, "libc.so.6")).is_some_and(|text| text.contains("1031 bytes"))
        );
        assert!(difference(&expected, &facts(1000, "libx.so")).is_some_and(|text| text.contains("libx.so")));
        assert!(difference(&Value::Null, &facts(1000, "libc.so.6")).is_some());
        assert!(newer("2.34", "2.28") && !newer("2.4", "2.28") && !newer("2.28", "2.28"));
    }
}

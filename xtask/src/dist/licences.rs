//! The licences of the crates in the program, as their sources have them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::sbom::Graph;
use crate::task_error::TaskError;

/// How the names of licences' files begin, in capitals.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"];

/// One text for all: which crates there are, then each licence once with the crates that have it.
pub(super) fn text(graph: &Graph) -> Result<String, TaskError> {
    let mut list = String::from("What `wheelwork` links, with its licence:\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in graph.crates.iter().filter(|one| !one.is_ours) {
        let label = format!("{} {}", one.name, one.version);
        let files = files(&one.folder)?;
        let none = if files.is_empty() { " (its source has no text of it)" } else { "" };
        list.push_str(&format!("{label}: {}{none}\n", one.licence.as_deref().unwrap_or("see its text")));
        for file in files {
            let text = String::from_utf8_lossy(&fs_err::read(file)?).trim().replace("\r\n", "\n");
            let of = texts.entry(text).or_default();
            if of.last() != Some(&label) {
                of.push(label.clone());
            }
        }
    }
    list.push_str("the Rust standard library: MIT OR Apache-2.0\n");
    let line = "=".repeat(100);
    for (text, crates) in texts {
        list.push_str(&format!("\n{line}\n{}\n{line}\n\n{text}\n", crates.join(", ")));
    }
    Ok(list)
}

/// In the crate's folder, and in the folders in it: sources of C have their own.
fn files(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let mut found = named(folder)?;
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(named(&path)?);
        }
    }
    found.sort();
    Ok(found)
}

fn named(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        let is_code = [".RS", ".TOML", ".PY", ".H"].iter().any(|ending| name.ends_with(ending));
        if path.is_file() && !is_code && NAMES.iter().any(|begin| name.starts_with(begin)) {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_of_a_crate_and_of_the_c_in_it_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs_err::create_dir_all(at("zstd")).unwrap();
        for name in ["LICENSE-MIT", "zstd/COPYING", "license.rs", "README.md"] {
            fs_err::write(at(name), name).unwrap();
        }
        assert_eq!(files(folder.path()).unwrap(), [at("LICENSE-MIT"), at("zstd/COPYING")]);
    }
}

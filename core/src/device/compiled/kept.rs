//! A compiled form on the disk: its record, and whether it is what was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wheelwork_package::files::FileRecord;
use wheelwork_package::graph::{self, limits};
use wheelwork_package::{PackageError, json};

use super::Subject;

pub(super) const RECORD: &str = "record.json";

/// `record.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The key, which is also the folder's name.
    pub(super) key: String,
    /// Every other file.
    pub(super) files: Vec<FileRecord>,
}

/// A compiled form whose files are what was written.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) folder: PathBuf,
    /// Bytes of the binary of each graph file.
    pub(crate) bytes: BTreeMap<String, u64>,
}

/// Why there is no compiled form to use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotKept {
    /// None was made for this machine.
    Missing,
    /// It is not what was written; what is wrong with it.
    Damaged(String),
}

impl Kept {
    /// The compiled form of `graphs`, after a look at every byte of it.
    pub(crate) fn find(subject: &Subject, graphs: &[&str]) -> Result<Self, NotKept> {
        let folder = subject.folder();
        if !folder.is_dir() {
            return Err(NotKept::Missing);
        }
        Self::checked(subject, &folder, graphs).map_err(NotKept::Damaged)
    }

    fn checked(subject: &Subject, folder: &Path, graphs: &[&str]) -> Result<Self, String> {
        let told = |error: PackageError| error.to_string();
        let record: Record = json::read(&folder.join(RECORD)).map_err(told)?;
        if record.key != subject.key {
            return Err(format!("it is of the key {}, expected {}", record.key, subject.key));
        }
        record.files.iter().try_for_each(|file| file.check_content(folder)).map_err(told)?;
        let recorded = |name: &str| {
            let file = record.files.iter().find(|file| file.name == name);
            file.map(|file| file.bytes).ok_or_else(|| format!("its record does not list `{name}`"))
        };
        let mut bytes = BTreeMap::new();
        for graph in graphs {
            recorded(graph)?;
            bytes.insert((*graph).to_owned(), recorded(&binary(&folder.join(graph))?)?);
        }
        Ok(Self { folder: folder.to_owned(), bytes })
    }
}

/// The file with the binary of a compiled graph.
pub(super) fn binary(graph: &Path) -> Result<String, String> {
    let bytes = json::read_bytes(graph, limits::GRAPH_BYTES).map_err(|error| error.to_string())?;
    let verified = graph::verify(&bytes).map_err(|error| error.to_string())?;
    let binary = verified.files.into_keys().next().filter(|_| verified.is_compiled);
    binary.ok_or_else(|| format!("`{}` is no compiled graph", graph.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_what_was_written_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let subject = Subject::new(folder.path().to_owned(), &["a"]);
        let find = || Kept::find(&subject, &[]).map(drop);
        assert_eq!(find(), Err(NotKept::Missing));
        let kept = subject.folder();
        std::fs::create_dir(&kept).unwrap();
        assert!(matches!(find(), Err(NotKept::Damaged(_))), "no record");
        std::fs::write(kept.join("b"), "of the compiler").unwrap();
        let record = |key: &str| {
            let files = vec![FileRecord::of(&kept, "b").unwrap()];
            json::write(&kept.join(RECORD), &Record { key: key.to_owned(), files }).unwrap();
        };
        record("another");
        assert!(matches!(find(), Err(NotKept::Damaged(why)) if why.contains("another")));
        record(&subject.key);
        assert_eq!(find(), Ok(()));
        std::fs::write(kept.join("b"), "of the compileR").unwrap();
        assert!(matches!(find(), Err(NotKept::Damaged(_))), "a flipped bit");
        assert_ne!(Subject::new(folder.path().to_owned(), &["b"]).folder(), kept);
    }
}

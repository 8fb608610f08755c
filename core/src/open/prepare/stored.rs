//! A prepared form on the disk: its record, and whether it can be used.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wheelwork_package::container::Digest;
use wheelwork_package::files::FileRecord;
use wheelwork_package::json;

use super::{PrepareError, Subject};
use crate::decoder::{Decoder, DecoderError};
use crate::device::Prepared;

pub(super) const GRAPH: &str = "model.onnx";
pub(super) const PACKED: &str = "packed.bin";
pub(super) const RECORD: &str = "record.json";
/// The token whose logits are compared: any will do, one token passes through every matrix.
pub(crate) const PROBE_TOKEN: u32 = 0;

/// `record.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The key, which is also the folder's name.
    pub(super) key: String,
    pub(super) graph: FileRecord,
    pub(super) packed: FileRecord,
    /// SHA-256 over the plain form's logits after [`PROBE_TOKEN`], little-endian float32.
    pub(super) probe: String,
}

/// A prepared form that looks usable: everything but the content of the packed ranges was compared.
pub(crate) struct Stored {
    folder: PathBuf,
    record: Record,
}

impl Stored {
    /// The prepared form of a graph, or why there is none.
    pub(crate) fn find(subject: &Subject) -> Result<Self, Prepared> {
        let folder = subject.folder();
        if !folder.is_dir() {
            let is_other = |entry: std::io::Result<fs_err::DirEntry>| {
                entry.is_ok_and(|entry| entry.path().join(RECORD).is_file())
            };
            let others = fs_err::read_dir(&subject.base).is_ok_and(|mut entries| entries.any(is_other));
            return Err(if others { Prepared::Stale } else { Prepared::Missing });
        }
        Self::check(subject, &folder).ok_or(Prepared::Damaged)
    }

    fn check(subject: &Subject, folder: &Path) -> Option<Self> {
        let record: Record = json::read(&folder.join(RECORD)).ok()?;
        let is_ours = record.key == subject.key && record.graph.name == GRAPH && record.packed.name == PACKED;
        is_ours.then_some(())?;
        record.graph.check_content(folder).ok()?;
        record.packed.check_size(folder).ok()?;
        let links = subject.verified.files.keys();
        let mut links = links.map(|name| (subject.package_folder().join(name), folder.join(name)));
        links.all(|(original, link)| is_same_file(&original, &link)).then_some(())?;
        Some(Self { folder: folder.to_owned(), record })
    }

    /// The graph to load.
    pub(crate) fn graph(&self) -> PathBuf {
        self.folder.join(GRAPH)
    }

    /// Whether a decoder on the prepared form computes what the plain form did.
    pub(crate) fn is_confirmed_by(&self, decoder: &mut dyn Decoder) -> bool {
        probe(decoder).is_ok_and(|found| found == self.record.probe)
    }

    /// Bytes that the prepared form takes beside the package.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.record.graph.bytes + self.record.packed.bytes
    }
}

/// The digest of the logits after [`PROBE_TOKEN`].
pub(super) fn probe(decoder: &mut dyn Decoder) -> Result<String, DecoderError> {
    decoder.prefill(&[PROBE_TOKEN])?;
    let bytes: Vec<u8> = decoder.logits().iter().flat_map(|logit| logit.to_le_bytes()).collect();
    Ok(Digest::of(&bytes).to_string())
}

/// Gives the package's file a second name in the prepared folder.
pub(super) fn link(original: &Path, link: &Path) -> Result<(), PrepareError> {
    fs_err::hard_link(original, link).map_err(PrepareError::io("link", link))
}

#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let id = |path| fs_err::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn is_same_file(one: &Path, other: &Path) -> bool {
    let facts = |path| fs_err::metadata(path).and_then(|file| Ok((file.len(), file.modified()?)));
    matches!((facts(one), facts(other)), (Ok(one), Ok(other)) if one == other)
}

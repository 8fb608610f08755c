//! A variant's identity in one short text.

use sha2::{Digest as _, Sha256};

use crate::files::{FileRecord, hex};
use crate::{OpenPackage, PackageError};

impl OpenPackage {
    /// SHA-256 over the records of a variant's files, in lowercase hexadecimal; over their names and sizes where no
    /// card has digests. Reads no content.
    ///
    /// # Errors
    /// [`PackageError::Io`], and as [`OpenPackage::variant`].
    pub fn fingerprint(&self, variant: &str) -> Result<String, PackageError> {
        let recorded = self.card.as_ref().and_then(|card| card.variants.get(variant)).cloned();
        let mut records = match recorded {
            Some(records) => records,
            None => sizes(&self.variant(variant)?.folder)?,
        };
        records.sort_by(|a, b| a.name.cmp(&b.name));
        let mut hasher = Sha256::new();
        for FileRecord { name, bytes, sha256 } in &records {
            hasher.update(format!("{name}\0{bytes}\0{sha256}\n"));
        }
        Ok(hex(&hasher.finalize()))
    }
}

/// Names and sizes of a folder's files, without digests.
fn sizes(folder: &std::path::Path) -> Result<Vec<FileRecord>, PackageError> {
    let io = |source| PackageError::Io { path: folder.into(), source };
    let mut records = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let bytes = entry.metadata().map_err(io)?.len();
        let name = entry.file_name().to_string_lossy().into_owned();
        records.push(FileRecord { name, bytes, sha256: String::new() });
    }
    Ok(records)
}

//! Holding installed files against the index that they were installed from.

use std::collections::BTreeSet;

use super::inspect::Current;
use super::meter::Meter;
use super::{Store, StoreError};
use crate::container::index::FileEntry;
use crate::container::{Digest, Head, Name, Step, Watch};
use crate::vfs::{self, Kind};

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// The model.
    pub name: Name,
    /// Files that it has.
    pub files: usize,
    /// Bytes of these files.
    pub bytes: u64,
    /// Everything that is wrong; empty for an intact model.
    pub damage: Vec<Damage>,
}

/// Something that is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The record of what was installed is missing or damaged, so nothing can be compared.
    Head,
    /// A file is missing.
    Missing {
        /// Its path in the package.
        file: String,
    },
    /// A file has another size.
    Size {
        /// Its path in the package.
        file: String,
        /// Bytes on the disk.
        found: u64,
        /// Bytes that were installed.
        expected: u64,
    },
    /// A part of a file has another content.
    Chunk {
        /// Its path in the package.
        file: String,
        /// The number of the chunk in the package.
        chunk: usize,
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// Its length in bytes.
        bytes: u32,
    },
    /// A file that was not installed.
    Unexpected {
        /// Its path in the package.
        file: String,
    },
}

impl Store {
    /// Reads every byte of an installed model and compares it with what was installed.
    ///
    /// # Errors
    /// [`StoreError::NotInstalled`], [`StoreError::Cancelled`], or [`StoreError::Io`] for a file that is there and
    /// cannot be read: that may pass, and is no damage.
    pub fn verify(&self, name: &Name, watch: &mut Watch<'_>) -> Result<VerifyReport, StoreError> {
        let current = self.current(name)?.ok_or_else(|| StoreError::NotInstalled { name: name.clone() })?;
        let damage = self.damage(&current, watch)?;
        let index = current.head.as_ref().map(|head| &head.index);
        Ok(VerifyReport {
            name: name.clone(),
            files: index.map_or(0, |index| index.files.len()),
            bytes: index.map_or(0, crate::container::Index::file_bytes),
            damage,
        })
    }

    /// Everything that is wrong with a version.
    pub(super) fn damage(&self, current: &Current, watch: &mut Watch<'_>) -> Result<Vec<Damage>, StoreError> {
        let Some(head) = &current.head else { return Ok(vec![Damage::Head]) };
        let mut damage = self.unexpected(current, head)?;
        let mut meter = Meter::new(watch, Step::Verify, head.index.file_bytes())?;
        for file in &head.index.files {
            let path = file.path.under(&current.slot.package());
            let name = || file.path.to_string();
            let kind = current.slot.kind_of(self.vfs.as_ref(), &file.path);
            match kind.map_err(StoreError::io("look at", &path))? {
                Some(Kind::File { bytes }) if bytes == file.bytes => {
                    self.compare(current, head, file, &mut damage, &mut meter)?;
                }
                Some(Kind::File { bytes }) => {
                    damage.push(Damage::Size { file: name(), found: bytes, expected: file.bytes });
                }
                _ => damage.push(Damage::Missing { file: name() }),
            }
        }
        Ok(damage)
    }

    fn compare(
        &self,
        current: &Current,
        head: &Head,
        file: &FileEntry,
        damage: &mut Vec<Damage>,
        meter: &mut Meter<'_, '_>,
    ) -> Result<(), StoreError> {
        let path = file.path.under(&current.slot.package());
        let open = current.slot.open(self.vfs.as_ref(), &file.path).map_err(StoreError::io("read", &path))?;
        for (chunk, entry, offset) in head.index.chunks_of(file) {
            let bytes = entry.content_bytes;
            let content =
                vfs::read_at(open.as_ref(), bytes as usize, offset).map_err(StoreError::io("read", &path))?;
            if Digest::of(&content) != entry.content_sha256 {
                damage.push(Damage::Chunk { file: file.path.to_string(), chunk, offset, bytes });
            }
            meter.add(bytes.into())?;
        }
        Ok(())
    }

    fn unexpected(&self, current: &Current, head: &Head) -> Result<Vec<Damage>, StoreError> {
        let known: BTreeSet<String> = head.index.files.iter().map(|file| file.path.to_string()).collect();
        let folders: BTreeSet<String> = head
            .index
            .files
            .iter()
            .filter_map(|file| file.path.folder.as_ref())
            .map(ToString::to_string)
            .collect();
        let package = current.slot.package();
        let mut damage = Vec::new();
        let mut look = |folder: Option<&str>| -> Result<(), StoreError> {
            let path = folder.map_or_else(|| package.clone(), |folder| package.join(folder));
            for (name, _) in self.vfs.list(&path).map_err(StoreError::io("list", &path))? {
                let file = folder.map_or_else(|| name.clone(), |folder| format!("{folder}/{name}"));
                if !known.contains(&file) && !folders.contains(&file) {
                    damage.push(Damage::Unexpected { file });
                }
            }
            Ok(())
        };
        look(None)?;
        folders.iter().try_for_each(|folder| look(Some(folder)))?;
        Ok(damage)
    }
}

//! What versions of the same model have in common with a new one. Nothing is taken unread: every file and chunk is
//! compared with its digest first, so a damaged donor costs a transfer and nothing else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::hash::Hashed;
use super::layout::Slot;
use super::meter::Meter;
use super::record::read_head;
use crate::container::index::{ChunkEntry, FileEntry};
use crate::container::{Digest, EntryPath};
use crate::vfs::{self, Vfs};

/// Content that is on the disk already, by its digest.
pub(super) struct Donors<'a> {
    vfs: &'a dyn Vfs,
    files: HashMap<Digest, PathBuf>,
    /// With the version, its file and the offset there.
    chunks: HashMap<Digest, (Slot, EntryPath, u64)>,
}

impl<'a> Donors<'a> {
    /// What the versions in `slots` have.
    pub(super) fn of(vfs: &'a dyn Vfs, slots: &[Slot]) -> Self {
        let mut donors = Self { vfs, files: HashMap::new(), chunks: HashMap::new() };
        for slot in slots {
            let Some(head) = read_head(vfs, slot) else { continue };
            for file in &head.index.files {
                for (_, chunk, offset) in head.index.chunks_of(file) {
                    let place = || (slot.clone(), file.path.clone(), offset);
                    donors.chunks.entry(chunk.content_sha256).or_insert_with(place);
                }
                // What is in a compact form has no file to link.
                let path = file.path.under(&slot.package());
                if matches!(vfs.kind(&path), Ok(Some(_))) {
                    donors.files.entry(file.sha256).or_insert(path);
                }
            }
        }
        donors
    }

    /// Whether a file of that content is said to be there.
    pub(super) fn has_file(&self, sha256: &Digest) -> bool {
        self.files.contains_key(sha256)
    }

    /// Links a file into a new version, if a donor has it whole.
    ///
    /// # Errors
    /// Only [`StoreError::Cancelled`].
    pub(super) fn link(
        &self,
        file: &FileEntry,
        to: &Path,
        meter: &mut Meter<'_, '_>,
    ) -> Result<bool, StoreError> {
        let Some(path) = self.files.get(&file.sha256) else { return Ok(false) };
        let Ok(open) = self.vfs.open(path) else { return Ok(false) };
        let mut hashed = Hashed::default();
        match hashed.read_on(open.as_ref(), path, meter) {
            Err(StoreError::Cancelled) => return Err(StoreError::Cancelled),
            Err(_) => return Ok(false),
            Ok(()) => {}
        }
        Ok(hashed.finish() == file.sha256 && self.vfs.hard_link(path, to).is_ok())
    }

    /// The content of a chunk, if a donor has it.
    pub(super) fn chunk(&self, entry: &ChunkEntry) -> Option<Vec<u8>> {
        let (slot, path, offset) = self.chunks.get(&entry.content_sha256)?;
        let file = slot.open(self.vfs, path).ok()?;
        let content = vfs::read_at(file.as_ref(), entry.content_bytes as usize, *offset).ok()?;
        (Digest::of(&content) == entry.content_sha256).then_some(content)
    }
}

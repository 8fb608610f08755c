//! From bytes to an index: every count is held against the bytes that are left before anything is allocated.

use super::{ChunkEntry, FileEntry, Index, IndexError};
use crate::container::limits::{CHUNKS, FILES, FOLDERS, INDEX_BYTES};
use crate::container::{Digest, EntryPath, Name};

/// Bytes of the shortest file entry: folder, name of one byte, size, digest, count.
const FILE_ENTRY_BYTES: usize = 2 + 2 + 8 + 32 + 4;
/// Bytes of a chunk entry: two digests, two sizes.
const CHUNK_ENTRY_BYTES: usize = 32 + 32 + 4 + 4;

impl Index {
    /// Reads and checks an index.
    ///
    /// # Errors
    /// [`IndexError`] with the first rule that is broken.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let mut cursor = Cursor { rest: bytes, at: 0 };
        let version = cursor.u64("package version")?;
        let name = cursor.name("package name")?;
        let folders = cursor.u16("folders")?.into();
        let folders = cursor.list("folders", folders, 0, FOLDERS, 2, |cursor| cursor.name("folder name"))?;
        let files = cursor.u32("files")?.into();
        let files =
            cursor.list("files", files, 1, FILES, FILE_ENTRY_BYTES, |cursor| cursor.file(&folders))?;
        let chunks = cursor.u32("chunks")?.into();
        let chunks = cursor.list("chunks", chunks, 0, CHUNKS, CHUNK_ENTRY_BYTES, Cursor::chunk)?;
        if !cursor.rest.is_empty() {
            return Err(IndexError::Trailing { bytes: cursor.rest.len() });
        }
        let index = Self { version, name, files, chunks };
        index.check(&folders)?;
        Ok(index)
    }
}

/// The bytes that are left, and where they begin.
struct Cursor<'a> {
    rest: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], IndexError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.short(field, N as u64))?;
        let taken = *taken;
        self.rest = rest;
        self.at += N;
        Ok(taken)
    }

    fn u16(&mut self, field: &'static str) -> Result<u16, IndexError> {
        Ok(u16::from_le_bytes(self.take(field)?))
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, IndexError> {
        Ok(u32::from_le_bytes(self.take(field)?))
    }

    fn u64(&mut self, field: &'static str) -> Result<u64, IndexError> {
        Ok(u64::from_le_bytes(self.take(field)?))
    }

    fn digest(&mut self, field: &'static str) -> Result<Digest, IndexError> {
        Ok(Digest::from_bytes(self.take(field)?))
    }

    fn name(&mut self, field: &'static str) -> Result<Name, IndexError> {
        let [length] = self.take(field)?;
        let at = self.at;
        let (text, rest) =
            self.rest.split_at_checked(length.into()).ok_or_else(|| self.short(field, length.into()))?;
        let text = std::str::from_utf8(text).map_err(|_| IndexError::NotText { at })?;
        let name = Name::new(text)?;
        self.rest = rest;
        self.at += usize::from(length);
        Ok(name)
    }

    /// `count` items of at least `item_bytes` each.
    fn list<T>(
        &mut self,
        what: &'static str,
        count: u64,
        least: usize,
        most: usize,
        item_bytes: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, IndexError>,
    ) -> Result<Vec<T>, IndexError> {
        let length = usize::try_from(count)
            .ok()
            .filter(|length| (least..=most).contains(length))
            .ok_or(IndexError::Count { what, found: count, least, most })?;
        let need = length as u64 * item_bytes as u64;
        if need > self.rest.len() as u64 {
            return Err(self.short(what, need));
        }
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn file(&mut self, folders: &[Name]) -> Result<FileEntry, IndexError> {
        let folder = self.u16("folder")?;
        let name = self.name("file name")?;
        let folder = match usize::from(folder).checked_sub(1) {
            None => None,
            Some(index) => Some(folders.get(index).cloned().ok_or_else(|| IndexError::NoSuchFolder {
                file: name.to_string(),
                folder,
                folders: folders.len(),
            })?),
        };
        let bytes = self.u64("file size")?;
        let sha256 = self.digest("file digest")?;
        let count = self.u32("chunks of a file")?.into();
        // Bounded by the bytes that are left, which the index's own limit bounds.
        let most = INDEX_BYTES as usize / 4;
        let chunks = self.list("chunks of a file", count, 0, most, 4, |cursor| cursor.u32("chunk number"))?;
        Ok(FileEntry { path: EntryPath { folder, name }, bytes, sha256, chunks })
    }

    fn chunk(&mut self) -> Result<ChunkEntry, IndexError> {
        Ok(ChunkEntry {
            content_sha256: self.digest("digest of a chunk's content")?,
            stored_sha256: self.digest("digest of a chunk as stored")?,
            content_bytes: self.u32("size of a chunk's content")?,
            stored_bytes: self.u32("size of a chunk as stored")?,
        })
    }

    fn short(&self, field: &'static str, need: u64) -> IndexError {
        IndexError::Short { field, at: self.at, need, have: self.rest.len() }
    }
}

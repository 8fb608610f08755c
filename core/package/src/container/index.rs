//! The index: which files a package has, and which chunks they are made of.
//!
//! [`Index::decode`] takes bytes apart (`decode`) and then holds the parts against each other (`rules`); what it
//! returns can be relied upon. [`Index::encode`] gives those very bytes back: there is one form.

mod decode;
mod encode;
mod error;
mod rules;

pub use error::IndexError;

use super::{Digest, EntryPath, Name};

/// The checked index of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The publisher's counter, raised with every release.
    pub version: u64,
    /// The package's name: it is installed as `NAME.ortpackage`.
    pub name: Name,
    /// The files, by path.
    pub files: Vec<FileEntry>,
    /// The chunks, in the order in which they follow the head.
    pub chunks: Vec<ChunkEntry>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it stands.
    pub path: EntryPath,
    /// Its size in bytes.
    pub bytes: u64,
    /// Of its content.
    pub sha256: Digest,
    /// The numbers of the chunks that, joined, are its content.
    pub chunks: Vec<u32>,
}

/// A chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkEntry {
    /// Of its content.
    pub content_sha256: Digest,
    /// Of the bytes that stand in the container.
    pub stored_sha256: Digest,
    /// Size of its content in bytes.
    pub content_bytes: u32,
    /// Size in the container in bytes.
    pub stored_bytes: u32,
}

/// One of the places at which a chunk's content stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index into [`Index::files`].
    pub file: usize,
    /// Bytes from the start of the file.
    pub offset: u64,
}

impl Index {
    /// Bytes of all chunks as stored: the length of the container after its head.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.stored_bytes)).sum()
    }

    /// Bytes of the content of all chunks, each counted once.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.content_bytes)).sum()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// Every place of a file, in order: the chunk's number, its entry and its offset.
    pub fn chunks_of<'a>(
        &'a self,
        file: &'a FileEntry,
    ) -> impl Iterator<Item = (usize, &'a ChunkEntry, u64)> {
        let mut offset = 0;
        file.chunks.iter().filter_map(move |number| {
            let number = *number as usize;
            let chunk = self.chunks.get(number)?;
            let start = offset;
            offset += u64::from(chunk.content_bytes);
            Some((number, chunk, start))
        })
    }

    /// For each chunk, where its content stands.
    #[must_use]
    pub fn places(&self) -> Vec<Vec<Place>> {
        let mut places = vec![Vec::new(); self.chunks.len()];
        for (file, entry) in self.files.iter().enumerate() {
            for (number, _, offset) in self.chunks_of(entry) {
                if let Some(places) = places.get_mut(number) {
                    places.push(Place { file, offset });
                }
            }
        }
        places
    }
}

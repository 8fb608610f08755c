//! What the parts of an index must have to do with each other.

use std::collections::{BTreeSet, HashMap};

use super::{FileEntry, Index, IndexError};
use crate::container::limits::{CHUNK_BYTES, stored_bytes};
use crate::container::{Digest, Name};
use crate::files::names;

impl Index {
    /// Holds a new index, read or made, against every rule.
    pub(crate) fn check(&self, folders: &[Name]) -> Result<(), IndexError> {
        ascending(folders.iter().map(Name::to_string))?;
        ascending(self.files.iter().map(|file| file.path.to_string()))?;
        self.check_folders(folders)?;
        self.check_chunks()?;
        let mut seen = 0;
        let mut by_digest = HashMap::with_capacity(self.files.len());
        for file in &self.files {
            self.check_file(file, &mut seen)?;
            let first = *by_digest.entry(file.sha256).or_insert(file);
            if first.chunks != file.chunks {
                let (first, second) = (first.path.to_string(), file.path.to_string());
                return Err(IndexError::Twins { first, second });
            }
        }
        if seen < self.chunks.len() {
            return Err(IndexError::UnusedChunk { chunk: seen });
        }
        Ok(())
    }

    fn check_folders(&self, folders: &[Name]) -> Result<(), IndexError> {
        let used: BTreeSet<&Name> = self.files.iter().filter_map(|file| file.path.folder.as_ref()).collect();
        if let Some(folder) = folders.iter().find(|folder| !used.contains(folder)) {
            return Err(IndexError::UnusedFolder { folder: folder.to_string() });
        }
        let mut root =
            self.files.iter().filter(|file| file.path.folder.is_none()).map(|file| &file.path.name);
        if let Some(name) = root.clone().find(|name| used.contains(name)) {
            return Err(IndexError::FileIsFolder { name: name.to_string() });
        }
        if !root.any(|name| matches!(name.as_str(), names::MANIFEST | names::GENAI_CONFIG)) {
            return Err(IndexError::NotAPackage);
        }
        Ok(())
    }

    fn check_chunks(&self) -> Result<(), IndexError> {
        let mut by_content = HashMap::with_capacity(self.chunks.len());
        for (number, chunk) in self.chunks.iter().enumerate() {
            if !(1..=CHUNK_BYTES).contains(&chunk.content_bytes) {
                return Err(IndexError::ContentSize { chunk: number, bytes: chunk.content_bytes });
            }
            let limit = stored_bytes(chunk.content_bytes);
            if !(1..=limit).contains(&chunk.stored_bytes) {
                return Err(IndexError::StoredSize { chunk: number, bytes: chunk.stored_bytes, limit });
            }
            if let Some(first) = by_content.insert(chunk.content_sha256, number) {
                return Err(IndexError::DuplicateChunk { first, second: number });
            }
        }
        Ok(())
    }

    /// `seen` is how many chunks the files before this one use.
    fn check_file(&self, file: &FileEntry, seen: &mut usize) -> Result<(), IndexError> {
        let path = || file.path.to_string();
        let mut sum = 0;
        for number in &file.chunks {
            let chunk = self.chunks.get(*number as usize).ok_or_else(|| IndexError::NoSuchChunk {
                path: path(),
                chunk: *number,
                chunks: self.chunks.len(),
            })?;
            match (*number as usize).cmp(seen) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => *seen += 1,
                std::cmp::Ordering::Greater => {
                    return Err(IndexError::ChunkOrder { path: path(), chunk: *number, expected: *seen });
                }
            }
            sum += u64::from(chunk.content_bytes);
        }
        if sum != file.bytes {
            return Err(IndexError::FileSize { path: path(), bytes: file.bytes, sum });
        }
        let expected = match *file.chunks {
            [] => Digest::of(b""),
            [only] => self.chunks.get(only as usize).map_or(file.sha256, |chunk| chunk.content_sha256),
            _ => return Ok(()),
        };
        if file.sha256 == expected {
            Ok(())
        } else {
            Err(IndexError::FileDigest { path: path(), found: file.sha256, expected })
        }
    }
}

fn ascending(mut names: impl Iterator<Item = String>) -> Result<(), IndexError> {
    let Some(mut first) = names.next() else { return Ok(()) };
    for second in names {
        if second == first {
            return Err(IndexError::Duplicate { path: second });
        }
        if second < first {
            return Err(IndexError::Order { first, second });
        }
        first = second;
    }
    Ok(())
}

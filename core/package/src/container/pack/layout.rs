//! From files to an index without stored sizes: every file is read once, cut and hashed.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::chunker::{MOST_BYTES, first_chunk};
use super::error::PackError;
use super::folder::File;
use super::options::{PackOptions, Steps};
use crate::container::filter::{self, Segment};
use crate::container::index::{ChunkEntry, FileEntry};
use crate::container::{ContainerError, Digest, Head, Index};
use crate::vfs::{Links, open_file};

/// What stands in the index until a chunk is compressed. Passes every check, for the length of the head.
const UNKNOWN: (Digest, u32) = (Digest::from_bytes([0; 32]), 1);

/// An index, and where to read each of its chunks.
pub(super) struct Layout {
    pub(super) index: Index,
    /// Per chunk, a file that has it, and where.
    pub(super) sources: Vec<(PathBuf, u64)>,
    /// Per chunk, the filter's segments.
    pub(super) filters: Vec<Vec<Segment>>,
}

impl Layout {
    pub(super) fn of(
        options: &PackOptions,
        files: Vec<File>,
        steps: &mut Steps<'_, '_>,
    ) -> Result<Self, PackError> {
        let index = Index {
            version: options.version,
            name: options.name.clone(),
            files: Vec::new(),
            chunks: Vec::new(),
        };
        let mut layout = Self { index, sources: Vec::new(), filters: Vec::new() };
        let mut numbers = HashMap::new();
        for file in files {
            let entry = layout.read(file, &mut numbers, steps)?;
            layout.index.files.push(entry);
        }
        Ok(layout)
    }

    /// The head, with a filter where any chunk has one.
    pub(super) fn head(&self) -> Result<Head, ContainerError> {
        if self.is_filtered() { Head::filtered(&self.index) } else { Head::new(&self.index) }
    }

    /// Whether any chunk has a filter: then all say which segments they have.
    pub(super) fn is_filtered(&self) -> bool {
        self.filters.iter().any(|segments| !segments.is_empty())
    }

    fn read(
        &mut self,
        file: File,
        numbers: &mut HashMap<Digest, u32>,
        steps: &mut Steps<'_, '_>,
    ) -> Result<FileEntry, PackError> {
        let mut open = open_file(&file.source, Links::Refused)
            .map_err(|error| PackError::io("read", &file.source)(error.into()))?;
        let mut hasher = Sha256::new();
        let mut chunks = Vec::new();
        let mut offset = 0;
        let mut bytes = Vec::new();
        loop {
            let missing = MOST_BYTES - bytes.len();
            open.by_ref()
                .take(missing as u64)
                .read_to_end(&mut bytes)
                .map_err(PackError::io("read", &file.source))?;
            if bytes.is_empty() {
                break;
            }
            let content: Vec<u8> = bytes.drain(..first_chunk(&bytes)).collect();
            hasher.update(&content);
            chunks.push(self.number(&content, numbers, &file, offset));
            offset += content.len() as u64;
            steps.add(content.len())?;
        }
        Ok(FileEntry { path: file.path, bytes: offset, sha256: Digest::finish(hasher), chunks })
    }

    /// The number of a chunk: that of an equal one, or the next.
    fn number(
        &mut self,
        content: &[u8],
        numbers: &mut HashMap<Digest, u32>,
        file: &File,
        offset: u64,
    ) -> u32 {
        let content_sha256 = Digest::of(content);
        // More chunks than a u32 counts are refused long before, by the limit of the index.
        let next = u32::try_from(self.index.chunks.len()).unwrap_or(u32::MAX);
        *numbers.entry(content_sha256).or_insert_with(|| {
            let content_bytes = u32::try_from(content.len()).unwrap_or(u32::MAX);
            let (stored_sha256, stored_bytes) = UNKNOWN;
            self.index.chunks.push(ChunkEntry { content_sha256, stored_sha256, content_bytes, stored_bytes });
            self.sources.push((file.source.clone(), offset));
            self.filters.push(filter::choose(content, offset));
            next
        })
    }
}

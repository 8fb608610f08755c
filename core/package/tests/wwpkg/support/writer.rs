//! A second writer of containers, from the specification and without compression: it cuts where it is told, and can
//! be made to lie.

use std::collections::HashMap;

use wheelwork_package::container::index::{ChunkEntry, FileEntry};
use wheelwork_package::container::{Digest, EntryPath, Head, Index, Name};
use wheelwork_package::signature::SecretKey;

/// A container in its parts.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) index: Index,
    /// The chunks as stored.
    pub(crate) stored: Vec<Vec<u8>>,
}

impl Container {
    pub(crate) fn new(name: &str, version: u64, files: &[(String, Vec<u8>)], chunk_bytes: usize) -> Self {
        let name = Name::new(name).unwrap();
        let mut container = Self {
            index: Index { version, name, files: Vec::new(), chunks: Vec::new() },
            stored: Vec::new(),
        };
        let mut numbers = HashMap::new();
        for (path, content) in files {
            let chunks = content.chunks(chunk_bytes).map(|chunk| {
                *numbers.entry(Digest::of(chunk)).or_insert_with(|| container.push_chunk(chunk))
            });
            let chunks = chunks.collect();
            let file = FileEntry {
                path: entry_path(path),
                bytes: content.len() as u64,
                sha256: Digest::of(content),
                chunks,
            };
            container.index.files.push(file);
        }
        container
    }

    fn push_chunk(&mut self, content: &[u8]) -> u32 {
        let stored = raw_frame(content);
        self.index.chunks.push(ChunkEntry {
            content_sha256: Digest::of(content),
            stored_sha256: Digest::of(&stored),
            content_bytes: content.len().try_into().unwrap(),
            stored_bytes: stored.len().try_into().unwrap(),
        });
        self.stored.push(stored);
        u32::try_from(self.stored.len() - 1).unwrap()
    }

    /// The unsigned container.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [head(&self.index.encode(), &[]), self.stored.concat()].concat()
    }

    /// The container with this in the place of its signature.
    pub(crate) fn with_signature(&self, signature: &[u8]) -> Vec<u8> {
        [head(&self.index.encode(), signature), self.stored.concat()].concat()
    }

    pub(crate) fn signed(&self, key: &SecretKey) -> Vec<u8> {
        self.with_signature(&self.signature(key))
    }

    pub(crate) fn signature(&self, key: &SecretKey) -> Vec<u8> {
        key.sign(&self.head())
    }

    pub(crate) fn head(&self) -> Head {
        Head::read(&mut self.bytes().as_slice()).unwrap()
    }
}

/// A head around any bytes in the place of the index.
pub(crate) fn head(index: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x89WWPKG\r\n".to_vec();
    bytes.extend([1, 0, 0, 0]);
    bytes.extend([0; 8]);
    bytes.extend(u32::try_from(index.len()).unwrap().to_le_bytes());
    bytes.extend([0, 0, 1, 0, 0, 0, 0, 0]);
    bytes.extend(index);
    bytes.extend(Digest::of(&bytes).as_bytes());
    let mut block = u32::try_from(signature.len()).unwrap().to_le_bytes().to_vec();
    block.extend(signature);
    bytes.extend(&block);
    bytes.extend(Digest::of(&block).as_bytes());
    bytes
}

/// Puts the right digest behind a prelude and an index that were changed.
pub(crate) fn reseal(bytes: &mut [u8]) {
    let index_bytes = u32::from_le_bytes(bytes[20..24].try_into().unwrap()) as usize;
    let digest = Digest::of(&bytes[..32 + index_bytes]);
    bytes[32 + index_bytes..][..32].copy_from_slice(digest.as_bytes());
}

pub(crate) fn entry_path(path: &str) -> EntryPath {
    let (folder, name) = path.split_once('/').map_or((None, path), |(folder, name)| (Some(folder), name));
    EntryPath { folder: folder.map(|folder| Name::new(folder).unwrap()), name: Name::new(name).unwrap() }
}

/// A zstd frame of raw blocks (RFC 8878): a single segment, the content size in four bytes.
pub(crate) fn raw_frame(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x28, 0xB5, 0x2F, 0xFD, 0b1010_0000];
    bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    let blocks = content.chunks(128 << 10);
    let last = blocks.len() - 1;
    for (number, block) in blocks.enumerate() {
        let header = u32::try_from(block.len()).unwrap() << 3 | u32::from(number == last);
        bytes.extend(&header.to_le_bytes()[..3]);
        bytes.extend(block);
    }
    bytes
}

//! Rules of the index that can be broken.

use super::super::{Digest, NameError};
use crate::container::limits::CHUNK_BYTES;

/// Why bytes are no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A field ends after the index does.
    #[error("the field `{field}` at byte {at} needs {need} bytes, {have} are left")]
    Short {
        /// What was being read.
        field: &'static str,
        /// Where it begins.
        at: usize,
        /// Bytes that it needs.
        need: u64,
        /// Bytes that are left.
        have: usize,
    },
    /// A count outside its limits.
    #[error("there are {found} {what}, expected {least} to {most}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// The count.
        found: u64,
        /// The least allowed.
        least: usize,
        /// The most allowed.
        most: usize,
    },
    /// Bytes after the last chunk entry.
    #[error("{bytes} bytes follow the last chunk entry")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A name that is not allowed.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A name that is not UTF-8.
    #[error("the name at byte {at} is not ASCII")]
    NotText {
        /// Where it begins.
        at: usize,
    },
    /// A file in a folder that does not exist.
    #[error("the file `{file}` is in folder {folder}, there are {folders}")]
    NoSuchFolder {
        /// The file's name.
        file: String,
        /// The number of the folder, counted from 1.
        folder: u16,
        /// How many there are.
        folders: usize,
    },
    /// Folders or files that are not in strictly ascending order.
    #[error("`{second}` stands after `{first}`, expected strictly ascending order")]
    Order {
        /// The earlier one.
        first: String,
        /// The later one.
        second: String,
    },
    /// A name that occurs twice.
    #[error("`{path}` is there twice")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// A folder without files.
    #[error("the folder `{folder}` is empty")]
    UnusedFolder {
        /// The folder.
        folder: String,
    },
    /// A file and a folder of the same name.
    #[error("`{name}` is a file and a folder")]
    FileIsFolder {
        /// The name.
        name: String,
    },
    /// Neither manifest.json nor genai_config.json stands in the root.
    #[error("there is no manifest.json and no genai_config.json")]
    NotAPackage,
    /// A chunk number past the last chunk.
    #[error("`{path}` is made of chunk {chunk}, there are {chunks}")]
    NoSuchChunk {
        /// The file.
        path: String,
        /// The number.
        chunk: u32,
        /// How many there are.
        chunks: usize,
    },
    /// Chunks that are not numbered by their first use.
    #[error("`{path}` is the first to use chunk {chunk}, expected chunk {expected} to come first")]
    ChunkOrder {
        /// The file.
        path: String,
        /// The number.
        chunk: u32,
        /// The number that the next new chunk must have.
        expected: usize,
    },
    /// A chunk that no file uses.
    #[error("chunk {chunk} is not used")]
    UnusedChunk {
        /// Its number.
        chunk: usize,
    },
    /// Two chunks with the same content.
    #[error("chunks {first} and {second} have the same content")]
    DuplicateChunk {
        /// The earlier one.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// A chunk's content that is empty or too large.
    #[error("chunk {chunk} has {bytes} bytes of content, expected 1 to {CHUNK_BYTES}")]
    ContentSize {
        /// Its number.
        chunk: usize,
        /// Its size.
        bytes: u32,
    },
    /// A chunk that takes no space, or more than its content could need.
    #[error("chunk {chunk} is stored in {bytes} bytes, expected 1 to {limit}")]
    StoredSize {
        /// Its number.
        chunk: usize,
        /// Its size as stored.
        bytes: u32,
        /// The most allowed for its content.
        limit: u32,
    },
    /// A file's size is not the sum of its chunks' sizes.
    #[error("`{path}` has {bytes} bytes, its chunks have {sum}")]
    FileSize {
        /// The file.
        path: String,
        /// Its size.
        bytes: u64,
        /// The sum.
        sum: u64,
    },
    /// A file of one chunk, or of none, with another digest than that.
    #[error("`{path}` has the digest {found}, its content has {expected}")]
    FileDigest {
        /// The file.
        path: String,
        /// Its digest.
        found: Digest,
        /// The digest of its only chunk, or of no bytes.
        expected: Digest,
    },
    /// Two files of the same content that are made of different chunks.
    #[error("`{first}` and `{second}` have the same digest and different chunks")]
    Twins {
        /// The earlier one.
        first: String,
        /// The later one.
        second: String,
    },
}

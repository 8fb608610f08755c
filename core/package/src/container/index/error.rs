//! Rules of the index that can be broken.

use super::super::{Digest, NameError};
use crate::container::limits::CHUNK_BYTES;

/// Why bytes are no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum IndexError {
    /// A field ends after the index does.
    #[error("the field `{field}` at byte {at} needs {need} bytes, {have} are left")]
    Short { field: &'static str, at: usize, need: u64, have: usize },
    /// A count outside its limits.
    #[error("there are {found} {what}, expected {least} to {most}")]
    Count { what: &'static str, found: u64, least: usize, most: usize },
    /// Bytes after the last chunk entry.
    #[error("{bytes} bytes follow the last chunk entry")]
    Trailing { bytes: usize },
    /// A name that is not allowed.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A name that is not UTF-8.
    #[error("the name at byte {at} is not ASCII")]
    NotText { at: usize },
    /// A file in a folder that does not exist.
    #[error("the file `{file}` is in folder {folder}, there are {folders}")]
    NoSuchFolder { file: String, folder: u16, folders: usize },
    /// Folders or files that are not in strictly ascending order.
    #[error("`{second}` stands after `{first}`, expected strictly ascending order")]
    Order { first: String, second: String },
    /// A name that occurs twice.
    #[error("`{path}` is there twice")]
    Duplicate { path: String },
    /// A folder without files.
    #[error("the folder `{folder}` is empty")]
    UnusedFolder { folder: String },
    /// A file and a folder of the same name.
    #[error("`{name}` is a file and a folder")]
    FileIsFolder { name: String },
    /// Neither manifest.json nor genai_config.json stands in the root.
    #[error("there is no manifest.json and no genai_config.json")]
    NotAPackage,
    /// A chunk number past the last chunk.
    #[error("`{path}` is made of chunk {chunk}, there are {chunks}")]
    NoSuchChunk { path: String, chunk: u32, chunks: usize },
    /// Chunks that are not numbered by their first use.
    #[error("`{path}` is the first to use chunk {chunk}, expected chunk {expected} to come first")]
    ChunkOrder { path: String, chunk: u32, expected: usize },
    /// A chunk that no file uses.
    #[error("chunk {chunk} is not used")]
    UnusedChunk { chunk: usize },
    /// Two chunks with the same content.
    #[error("chunks {first} and {second} have the same content")]
    DuplicateChunk { first: usize, second: usize },
    /// A chunk's content that is empty or too large.
    #[error("chunk {chunk} has {bytes} bytes of content, expected 1 to {CHUNK_BYTES}")]
    ContentSize { chunk: usize, bytes: u32 },
    /// A chunk that takes no space, or more than its content could need.
    #[error("chunk {chunk} is stored in {bytes} bytes, expected 1 to {limit}")]
    StoredSize { chunk: usize, bytes: u32, limit: u32 },
    /// A file's size is not the sum of its chunks' sizes.
    #[error("`{path}` has {bytes} bytes, its chunks have {sum}")]
    FileSize { path: String, bytes: u64, sum: u64 },
    /// A file of one chunk, or of none, with another digest than that.
    #[error("`{path}` has the digest {found}, its content has {expected}")]
    FileDigest { path: String, found: Digest, expected: Digest },
    /// Two files of the same content that are made of different chunks.
    #[error("`{first}` and `{second}` have the same digest and different chunks")]
    Twins { first: String, second: String },
}

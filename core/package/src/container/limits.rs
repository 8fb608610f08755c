//! Every limit of the container, checked before anything is allocated.

/// The longest index, in bytes.
pub const INDEX_BYTES: u32 = 16 << 20;
/// The longest signature, in bytes.
pub const SIGNATURE_BYTES: u32 = 4 << 20;
/// The most folders.
pub const FOLDERS: usize = 64;
/// The most files.
pub const FILES: usize = 4096;
/// The most chunks.
pub const CHUNKS: usize = 1 << 17;
/// The longest name of a package, folder or file, in bytes.
pub const NAME_BYTES: usize = 64;
/// The longest content of a chunk, in bytes.
pub const CHUNK_BYTES: u32 = 4 << 20;
/// The largest window of a chunk's zstd frame, in bytes: `windowLog` 23.
pub const WINDOW_BYTES: u64 = 1 << 23;

/// The longest a chunk of that content size may be as stored, in bytes: zstd's own bound.
#[must_use]
pub fn stored_bytes(content_bytes: u32) -> u32 {
    content_bytes + content_bytes / 256 + 64
}

//! Compressing the chunks, on several threads, in order.

use std::path::Path;

use super::error::PackError;
use super::layout::Layout;
use super::options::{PackOptions, Steps};
use crate::container::index::ChunkEntry;
use crate::container::pipeline::in_order;
use crate::container::{Digest, frame};
use crate::vfs::{RealVfs, Vfs, VfsFile, read_at, write_all_at};

/// Writes all chunks at `start` and completes their entries in the index.
pub(super) fn write(
    layout: &mut Layout,
    options: &PackOptions,
    output: &dyn VfsFile,
    path: &Path,
    start: u64,
    steps: &mut Steps<'_, '_>,
) -> Result<(), PackError> {
    let threads = options
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let contents = layout.index.chunks.iter().zip(&layout.sources).map(|(entry, (file, offset))| {
        let content =
            RealVfs.open(file).and_then(|open| read_at(open.as_ref(), entry.content_bytes as usize, *offset));
        let content = content.map_err(PackError::io("read", file))?;
        if Digest::of(&content) != entry.content_sha256 {
            return Err(PackError::Changed { path: file.clone() });
        }
        Ok(content)
    });
    let mut stored_entries = Vec::with_capacity(layout.index.chunks.len());
    let mut offset = start;
    in_order(
        contents,
        threads,
        |content| compress(&content, options.level),
        |compressed| {
            let compressed = compressed?;
            write_all_at(output, &compressed.stored, offset).map_err(PackError::io("write", path))?;
            offset += compressed.stored.len() as u64;
            stored_entries.push((Digest::of(&compressed.stored), compressed.stored.len()));
            steps.add(compressed.content_bytes)
        },
    )?;
    for (entry, (stored_sha256, stored_bytes)) in layout.index.chunks.iter_mut().zip(stored_entries) {
        let stored_bytes = u32::try_from(stored_bytes).unwrap_or(u32::MAX);
        *entry = ChunkEntry { stored_sha256, stored_bytes, ..*entry };
    }
    Ok(())
}

struct Compressed {
    stored: Vec<u8>,
    content_bytes: usize,
}

/// Compresses a chunk, and makes sure that it comes back.
fn compress(content: &[u8], level: i32) -> Result<Compressed, PackError> {
    let stored = zstd::bulk::compress(content, level)
        .map_err(|error| PackError::Compress { detail: error.to_string() })?;
    let content_bytes = u32::try_from(content.len()).unwrap_or(u32::MAX);
    match frame::decompress(&stored, content_bytes) {
        Ok(again) if again == content => Ok(Compressed { stored, content_bytes: content.len() }),
        Ok(_) => Err(PackError::Compress { detail: "the result decompresses to something else".to_owned() }),
        Err(error) => Err(PackError::Compress { detail: error.to_string() }),
    }
}

//! Compressing the chunks, on several threads, in order.

use std::path::Path;

use super::error::PackError;
use super::layout::Layout;
use super::options::{PackOptions, Steps};
use crate::container::filter::Segment;
use crate::container::index::ChunkEntry;
use crate::container::pipeline::in_order;
use crate::container::{Digest, filter, frame};
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
    let contents = layout.index.chunks.iter().zip(&layout.sources).zip(&layout.filters);
    let is_filtered = layout.is_filtered();
    let contents = contents.map(|((entry, (file, offset)), segments)| {
        let content =
            RealVfs.open(file).and_then(|open| read_at(open.as_ref(), entry.content_bytes as usize, *offset));
        let content = content.map_err(PackError::io("read", file))?;
        if Digest::of(&content) != entry.content_sha256 {
            return Err(PackError::Changed { path: file.clone() });
        }
        Ok((content, segments.as_slice()))
    });
    let mut stored_entries = Vec::with_capacity(layout.index.chunks.len());
    let mut offset = start;
    in_order(
        contents,
        threads,
        |(content, segments)| compress(&content, is_filtered.then_some(segments), options.level),
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

/// Compresses a chunk, and makes sure that it comes back. Segments stand before the frame where the container has filters.
fn compress(content: &[u8], segments: Option<&[Segment]>, level: i32) -> Result<Compressed, PackError> {
    let filtered = filter::apply(content, segments.unwrap_or_default());
    let frame = zstd::bulk::compress(&filtered, level)
        .map_err(|error| PackError::Compress { detail: error.to_string() })?;
    let content_bytes = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let stored = [segments.map(filter::header).unwrap_or_default(), frame].concat();
    let again = match segments {
        Some(_) => filter::read_header(&stored, content_bytes).and_then(|(segments, frame)| {
            Ok(filter::undo(frame::decompress(frame, content_bytes)?, &segments))
        }),
        None => frame::decompress(&stored, content_bytes),
    };
    match again {
        Ok(again) if again == content => Ok(Compressed { stored, content_bytes: content.len() }),
        Ok(_) => Err(PackError::Compress { detail: "the result decompresses to something else".to_owned() }),
        Err(error) => Err(PackError::Compress { detail: error.to_string() }),
    }
}

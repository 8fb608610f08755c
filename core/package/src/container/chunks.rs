//! The body of a container: chunk after chunk, checked and decompressed on several threads.

use super::head::read_exactly;
use super::index::ChunkEntry;
use super::pipeline::in_order;
use super::{ChunkError, ContainerError, Digest, Head, Source, filter, frame};

/// A chunk that was read.
pub(crate) struct Chunk {
    /// Its number.
    pub(crate) number: usize,
    /// Its content, or what is wrong with it.
    pub(crate) content: Result<Vec<u8>, ContainerError>,
}

/// Reads the wanted chunks from a source that stands at the first chunk, skips the others, and hands them on in order.
///
/// The source is not touched beyond the last wanted chunk.
///
/// # Errors
/// [`ContainerError::Source`] or [`ContainerError::Truncated`], and what `sink` says. A damaged chunk is handed on as
/// such, with [`ContainerError::Chunk`].
pub(crate) fn read_chunks<E: From<ContainerError>>(
    head: &Head,
    source: &mut dyn Source,
    wanted: impl Fn(usize) -> bool,
    threads: usize,
    mut sink: impl FnMut(Chunk) -> Result<(), E>,
) -> Result<(), E> {
    let mut position = head.byte_len();
    let mut to_skip = 0;
    let stored = head.index.chunks.iter().enumerate().filter_map(|(number, entry)| {
        let at = position;
        position += u64::from(entry.stored_bytes);
        if !wanted(number) {
            to_skip += u64::from(entry.stored_bytes);
            return None;
        }
        let stored = read_stored(source, std::mem::take(&mut to_skip), at, number, entry);
        Some(stored.map(|bytes| Stored { number, at, entry, bytes }).map_err(E::from))
    });
    let is_filtered = head.is_filtered();
    let open = |stored: Stored<'_>| Chunk {
        number: stored.number,
        content: open(&stored.bytes, stored.entry, is_filtered).map_err(|error| ContainerError::Chunk {
            chunk: stored.number,
            at: stored.at,
            file: first_file(head, stored.number),
            error,
        }),
    };
    in_order(stored, threads, open, &mut sink)
}

/// Copies every chunk as it is stored to `sink`, comparing its digest on the way.
///
/// # Errors
/// [`ContainerError::Source`], [`ContainerError::Truncated`] or [`ContainerError::Chunk`], and what `sink` says.
pub(super) fn copy_chunks<E: From<ContainerError>>(
    head: &Head,
    source: &mut dyn Source,
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut at = head.byte_len();
    for (number, entry) in head.index.chunks.iter().enumerate() {
        let bytes = read_stored(source, 0, at, number, entry)?;
        let found = Digest::of(&bytes);
        if found != entry.stored_sha256 {
            let error = ChunkError::Stored { found, expected: entry.stored_sha256 };
            return Err(
                ContainerError::Chunk { chunk: number, at, file: first_file(head, number), error }.into()
            );
        }
        sink(&bytes)?;
        at += u64::from(entry.stored_bytes);
    }
    Ok(())
}

/// A chunk's bytes as stored.
struct Stored<'a> {
    number: usize,
    at: u64,
    entry: &'a ChunkEntry,
    bytes: Vec<u8>,
}

fn read_stored(
    source: &mut dyn Source,
    skip: u64,
    at: u64,
    number: usize,
    entry: &ChunkEntry,
) -> Result<Vec<u8>, ContainerError> {
    let failed = |source| ContainerError::Source { source };
    if skip > 0 {
        source.skip(skip).map_err(failed)?;
    }
    let length = entry.stored_bytes as usize;
    read_exactly(source, length).map_err(failed)?.map_err(|have| ContainerError::Truncated {
        part: format!("chunk {number}"),
        need: at + length as u64,
        have: at + have,
    })
}

/// The bytes as stored are compared before they are decompressed, the content after.
fn open(stored: &[u8], entry: &ChunkEntry, is_filtered: bool) -> Result<Vec<u8>, ChunkError> {
    let found = Digest::of(stored);
    if found != entry.stored_sha256 {
        return Err(ChunkError::Stored { found, expected: entry.stored_sha256 });
    }
    let content = if is_filtered {
        let (segments, frame) = filter::read_header(stored, entry.content_bytes)?;
        filter::undo(frame::decompress(frame, entry.content_bytes)?, &segments)
    } else {
        frame::decompress(stored, entry.content_bytes)?
    };
    let found = Digest::of(&content);
    if found != entry.content_sha256 {
        return Err(ChunkError::Content { found, expected: entry.content_sha256 });
    }
    Ok(content)
}

fn first_file(head: &Head, number: usize) -> String {
    let uses = |chunk: &u32| *chunk as usize == number;
    let file = head.index.files.iter().find(|file| file.chunks.iter().any(uses));
    file.map(|file| file.path.to_string()).unwrap_or_default()
}

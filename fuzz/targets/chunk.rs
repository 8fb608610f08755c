//! A chunk as stored: any bytes are refused or give exactly the content that the index names, in bounded memory.
//!
//! The first four bytes are the content size, their uppermost bit says whether the container has filters; the rest is the chunk
//! as stored. All digests of stored bytes are right, so that what
//! is fuzzed is the decoder and its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelwork_package::container::index::{ChunkEntry, FileEntry, Index};
use wheelwork_package::container::{Digest, EntryPath, Head, Name, Stream, unwatched, verify};

/// The largest content; what it takes to hash it is what limits the rate.
const CONTENT_BYTES: u32 = 64 << 10;

fuzz_target!(|bytes: &[u8]| {
    let Some((size, frame)) = bytes.split_first_chunk::<4>() else { return };
    let size = u32::from_le_bytes(*size);
    let content_bytes = size % CONTENT_BYTES + 1;
    let Ok(stored_bytes) = u32::try_from(frame.len()) else { return };
    let sha256 = Digest::of(&vec![b'a'; content_bytes as usize]);
    let name = |text| Name::new(text).expect("the name is one");
    let index = Index {
        version: 1,
        name: name("fuzz"),
        files: vec![FileEntry {
            path: EntryPath { folder: None, name: name("manifest.json") },
            bytes: content_bytes.into(),
            sha256,
            chunks: vec![0],
        }],
        chunks: vec![ChunkEntry {
            content_sha256: sha256,
            stored_sha256: Digest::of(frame),
            content_bytes,
            stored_bytes,
        }],
    };
    // An index with a stored size that is not allowed.
    let head = if size >> 31 == 1 { Head::filtered(&index) } else { Head::new(&index) };
    let Ok(head) = head else { return };
    let container = [head.to_bytes().as_slice(), frame].concat();
    let found = verify(&mut Stream(container.as_slice()), &mut unwatched).expect("the head is intact");
    assert!(found.is_complete);
});

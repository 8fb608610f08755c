//! The bound on memory, measured in a process of its own.

use std::io::{self, Read};
use std::process::Command;

use sha2::{Digest as _, Sha256};
use wheelwork_package::container::index::{ChunkEntry, FileEntry};
use wheelwork_package::container::{Digest, Index, Stream, unwatched};
use wheelwork_package::store::{InstallOptions, Store};

use crate::support::writer::{entry_path, head};
use crate::support::{name, noise};

const CHUNKS: u64 = 40;
const CHUNK_BYTES: usize = 4 << 20;
/// The longest that zstd allows.
const BLOCK_BYTES: usize = 128 << 10;
const BLOCKS: u64 = (CHUNK_BYTES / BLOCK_BYTES) as u64;

/// A part of a container that is made when it is read.
#[derive(Clone, Copy)]
enum Part {
    /// Of a chunk: what a frame of raw blocks begins with.
    FrameHeader,
    /// Of a block, by its number in the whole file.
    BlockHeader(u64),
    Content(u64),
}

impl Part {
    fn all() -> impl Iterator<Item = Self> {
        (0..CHUNKS).flat_map(Self::of_chunk)
    }

    fn of_chunk(chunk: u64) -> impl Iterator<Item = Self> {
        let blocks = chunk * BLOCKS..(chunk + 1) * BLOCKS;
        std::iter::once(Self::FrameHeader)
            .chain(blocks.flat_map(|block| [Self::BlockHeader(block), Self::Content(block)]))
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::FrameHeader => {
                let size = u32::try_from(CHUNK_BYTES).unwrap().to_le_bytes();
                [[0x28, 0xB5, 0x2F, 0xFD, 0b1010_0000].as_slice(), &size].concat()
            }
            Self::BlockHeader(block) => {
                let is_last = block % BLOCKS == BLOCKS - 1;
                let header = u32::try_from(BLOCK_BYTES).unwrap() << 3 | u32::from(is_last);
                header.to_le_bytes()[..3].to_vec()
            }
            Self::Content(block) => noise(block, BLOCK_BYTES),
        }
    }
}

/// A stream of a package of 160 MiB that is never in memory as a whole.
struct Generated<I> {
    parts: I,
    ready: io::Cursor<Vec<u8>>,
}

impl<I: Iterator<Item = Part>> Read for Generated<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.ready.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            match self.parts.next() {
                Some(part) => self.ready = io::Cursor::new(part.bytes()),
                None => return Ok(0),
            }
        }
    }
}

fn index() -> Index {
    let mut file = Sha256::new();
    let mut chunks = Vec::new();
    for chunk in 0..CHUNKS {
        let (mut content, mut stored, mut stored_bytes) = (Sha256::new(), Sha256::new(), 0);
        for part in Part::of_chunk(chunk) {
            let bytes = part.bytes();
            if matches!(part, Part::Content(_)) {
                file.update(&bytes);
                content.update(&bytes);
            }
            stored.update(&bytes);
            stored_bytes += bytes.len();
        }
        chunks.push(ChunkEntry {
            content_sha256: digest(content),
            stored_sha256: digest(stored),
            content_bytes: CHUNK_BYTES.try_into().unwrap(),
            stored_bytes: stored_bytes.try_into().unwrap(),
        });
    }
    let weights = FileEntry {
        path: entry_path("genai_config.json"),
        bytes: CHUNKS * CHUNK_BYTES as u64,
        sha256: digest(file),
        chunks: (0..u32::try_from(CHUNKS).unwrap()).collect(),
    };
    Index { version: 1, name: name("large"), files: vec![weights], chunks }
}

fn digest(hasher: Sha256) -> Digest {
    Digest::from_bytes(hasher.finalize().into())
}

/// Not a test: what the child does.
#[test]
#[ignore = "the child process of the memory test"]
fn child() {
    let Some(folder) = std::env::var_os("WHEELWORK_TEST_FOLDER") else { return };
    let head = io::Cursor::new(head(&index().encode(), &[]));
    let mut source = Stream(Generated { parts: Part::all(), ready: head });
    let options = InstallOptions { must_open: false, threads: Some(3), ..InstallOptions::default() };
    Store::new(folder).install(&mut source, &options, &mut unwatched).unwrap();
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    eprintln!("peak {}", peak.trim().trim_end_matches(" kB"));
}

#[cfg(target_os = "linux")]
#[test]
fn in_07_a_stream_of_160_mib_is_installed_in_less_than_64_mb() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::child", "--ignored", "--nocapture", "--test-threads", "1"])
        .env("WHEELWORK_TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let peak: u64 = said.lines().find_map(|line| line.strip_prefix("peak ")).expect(&said).parse().unwrap();
    assert!(peak * 1024 < 64_000_000, "{peak} KiB");
}

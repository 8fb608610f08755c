//! The bound on memory, measured in a process of its own.

use std::io::{self, Read};
use std::process::Command;

use sha2::Digest as _;
use wheelwork_package::container::index::{ChunkEntry, FileEntry};
use wheelwork_package::container::{Digest, Index, Stream, unwatched};
use wheelwork_package::store::{InstallOptions, Store};

use crate::support::writer::{entry_path, head, raw_frame};
use crate::support::{name, noise};

const CHUNKS: u32 = 40;
const CHUNK_BYTES: usize = 4 << 20;

/// The content of chunk `number`: noise that is made when it is needed.
fn content(number: u32) -> Vec<u8> {
    noise(u64::from(number) + 1, CHUNK_BYTES)
}

/// A stream of a package of 160 MiB that is never in memory as a whole.
struct Generated {
    next: u32,
    ready: io::Cursor<Vec<u8>>,
}

impl Generated {
    fn new() -> Self {
        let mut hasher = sha2::Sha256::new();
        let chunks: Vec<_> = (0..CHUNKS)
            .map(|number| {
                let content = content(number);
                hasher.update(&content);
                let stored = raw_frame(&content);
                ChunkEntry {
                    content_sha256: Digest::of(&content),
                    stored_sha256: Digest::of(&stored),
                    content_bytes: content.len().try_into().unwrap(),
                    stored_bytes: stored.len().try_into().unwrap(),
                }
            })
            .collect();
        let weights = FileEntry {
            path: entry_path("genai_config.json"),
            bytes: u64::from(CHUNKS) * CHUNK_BYTES as u64,
            sha256: Digest::from_bytes(hasher.finalize().into()),
            chunks: (0..CHUNKS).collect(),
        };
        let index = Index { version: 1, name: name("large"), files: vec![weights], chunks };
        Self { next: 0, ready: io::Cursor::new(head(&index.encode(), &[])) }
    }
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.ready.read(buffer)?;
        if read > 0 || self.next == CHUNKS {
            return Ok(read);
        }
        self.ready = io::Cursor::new(raw_frame(&content(self.next)));
        self.next += 1;
        self.ready.read(buffer)
    }
}

/// Not a test: what the child does.
#[test]
#[ignore = "the child process of the memory test"]
fn child() {
    let Some(folder) = std::env::var_os("WHEELWORK_TEST_FOLDER") else { return };
    let mut source = Stream(Generated::new());
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
    // The generator's own two chunks of 4 MiB are in this figure as well.
    assert!(peak * 1024 < 64_000_000, "{peak} KiB");
}

//! Writing a session file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err::{File, OpenOptions};
use serde::Serialize;
use wheelwork_package::disk;

use super::SnapshotError;
use super::frame::{self, Chain, MAGIC};
use super::record::{Binding, CachePart, Progress, TurnStart, kind};
use crate::chat::Message;
use crate::decoder::Decoder;

/// Keys and values in one record, in bytes: small enough for a torn one to cost little.
const CACHE_PART_BYTES: usize = 8 << 20;
/// A conversation is its owner's: nobody else may read it.
const PRIVATE: u32 = 0o600;

/// How often a running turn is saved. A record is written when either is reached, and has reached the disk before the
/// turn goes on: what is shown after it was never lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autosave {
    /// New tokens.
    pub tokens: usize,
    /// Since the last record.
    pub time: Duration,
}

impl Default for Autosave {
    /// 32 tokens or 5 seconds: at 15 tokens/s, at most two seconds are computed again.
    fn default() -> Self {
        Self { tokens: 32, time: Duration::from_secs(5) }
    }
}

/// An open session file.
pub(crate) struct Journal {
    file: File,
    chain: Chain,
    autosave: Autosave,
    /// Tokens of the cache that are in the file and still in the cache.
    saved_tokens: usize,
    last: Instant,
    /// Reused.
    payload: Vec<u8>,
}

impl Journal {
    /// Writes a new file that replaces the one at `path` once it is complete; `fill` writes the session's state.
    pub(crate) fn create(
        path: &Path,
        binding: &Binding,
        autosave: Autosave,
        fill: impl FnOnce(&mut Self) -> Result<(), SnapshotError>,
    ) -> Result<Self, SnapshotError> {
        let partial = partial_path(path);
        let result = Self::create_at(&partial, binding, autosave).and_then(|mut journal| {
            fill(&mut journal)?;
            journal.sync()?;
            fs_err::rename(&partial, path)?;
            disk::sync_folder(disk::folder_of(path))?;
            Ok(journal)
        });
        if result.is_err() {
            // The first error is on its way already.
            let _ = fs_err::remove_file(&partial);
        }
        result
    }

    fn create_at(path: &Path, binding: &Binding, autosave: Autosave) -> Result<Self, SnapshotError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        disk::set_mode(&mut options, PRIVATE);
        let mut file = options.open(path)?;
        file.write_all(&MAGIC)?;
        let chain = Chain::start();
        let mut journal =
            Self { file, chain, autosave, saved_tokens: 0, last: Instant::now(), payload: Vec::new() };
        journal.json(kind::BINDING, binding)?;
        Ok(journal)
    }

    /// Whether a turn with so many unsaved tokens is due.
    pub(crate) fn is_due(&self, unsaved_tokens: usize) -> bool {
        unsaved_tokens > 0
            && (unsaved_tokens >= self.autosave.tokens || self.last.elapsed() >= self.autosave.time)
    }

    /// The cache was rewound.
    pub(crate) fn rewound(&mut self, len: usize) {
        self.saved_tokens = self.saved_tokens.min(len);
    }

    pub(crate) fn messages(&mut self, messages: &[Message]) -> Result<(), SnapshotError> {
        self.json(kind::MESSAGES, &messages)
    }

    pub(crate) fn turn(&mut self, turn: &TurnStart) -> Result<(), SnapshotError> {
        self.json(kind::TURN, turn)
    }

    pub(crate) fn progress(&mut self, progress: &Progress) -> Result<(), SnapshotError> {
        self.json(kind::PROGRESS, progress)
    }

    pub(crate) fn turn_end(&mut self) -> Result<(), SnapshotError> {
        Ok(frame::write(&mut self.file, &mut self.chain, kind::TURN_END, &[])?)
    }

    /// Writes what the cache holds beyond what is saved of it.
    pub(crate) fn cache(&mut self, tokens: &[u32], decoder: &dyn Decoder) -> Result<(), SnapshotError> {
        let part_tokens = (CACHE_PART_BYTES / decoder.kv_bytes_per_token().max(1)).max(1);
        let new = tokens.get(self.saved_tokens..).unwrap_or_default();
        for part in new.chunks(part_tokens) {
            let start = self.saved_tokens;
            CachePart::encode(start, part, &mut self.payload);
            decoder.read_kv(start..start + part.len(), &mut self.payload)?;
            frame::write(&mut self.file, &mut self.chain, kind::CACHE, &self.payload)?;
            self.saved_tokens += part.len();
        }
        Ok(())
    }

    /// Returns when everything has reached the disk.
    pub(crate) fn sync(&mut self) -> Result<(), SnapshotError> {
        self.file.sync_data()?;
        self.last = Instant::now();
        Ok(())
    }

    fn json<T: Serialize>(&mut self, kind: u8, value: &T) -> Result<(), SnapshotError> {
        self.payload.clear();
        serde_json::to_writer(&mut self.payload, value).map_err(io::Error::from)?;
        Ok(frame::write(&mut self.file, &mut self.chain, kind, &self.payload)?)
    }
}

#[cfg(test)]
impl Journal {
    /// From now on every write fails: the file is one that was opened for reading.
    pub(crate) fn refuse_writes(&mut self) {
        self.file = File::open(std::env::current_exe().unwrap()).unwrap();
    }
}

/// A name beside the file.
fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

//! Writing a session file.

use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_err::File;
use serde::Serialize;
use wheelwork_package::disk::{self, NameLock};
use wheelwork_package::vfs::{Partial, RealVfs, open_existing_to_write};

use super::cache_part::CachePart;
use super::frame::{self, Chain};
use super::head;
use super::record::{Binding, kind};
use super::{SessionFile, SnapshotError};
use crate::sequence::Sequence;
use crate::text::chat::Message;
use crate::turn::{Progress, TurnStart};

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
    kept_in: SessionFile,
    lock: Arc<NameLock>,
    file: File,
    chain: Chain,
    /// Bytes of whole records.
    end: u64,
    state: State,
    autosave: Autosave,
    binding: Binding,
    /// Tokens of the cache that are in the file and still in the cache.
    saved_tokens: usize,
    last: Instant,
    /// Reused.
    payload: Vec<u8>,
    /// Reused, for keys and values.
    kv: Vec<u8>,
}

/// Whether the file may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// A write failed: what stands behind the last whole record goes before the next one.
    Torn,
    /// A sync failed: nobody knows what of the file has reached the disk, and nobody can find out.
    Lost,
}

impl Journal {
    /// Writes a new file beside its name; `fill` writes the session's state.
    pub(crate) fn create(
        kept_in: SessionFile,
        lock: Arc<NameLock>,
        binding: Binding,
        autosave: Autosave,
        fill: impl FnOnce(&mut Self) -> Result<(), SnapshotError>,
    ) -> Result<Written, SnapshotError> {
        let partial = Partial::file(&RealVfs, kept_in.path()).map_err(io::Error::from)?;
        let mut file = disk::create_new(partial.path(), PRIVATE)?;
        let (end, chain) = head::write(&mut file, kept_in.key.as_ref())?;
        let mut journal = Self {
            kept_in,
            lock,
            file,
            chain,
            end,
            state: State::Whole,
            autosave,
            binding,
            saved_tokens: 0,
            last: Instant::now(),
            payload: Vec::new(),
            kv: Vec::new(),
        };
        journal.write_binding()?;
        fill(&mut journal)?;
        journal.sync()?;
        Ok(Written { journal, partial })
    }

    /// How often it is saved, if it is this file.
    pub(crate) fn is_kept_in(&self, file: &SessionFile) -> Option<Autosave> {
        (self.kept_in.path() == file.path()).then_some(self.autosave)
    }

    /// The right to write the file.
    pub(crate) fn lock(&self) -> &Arc<NameLock> {
        &self.lock
    }

    /// Whether a turn with so many unsaved tokens is due.
    pub(crate) fn is_due(&self, unsaved_tokens: usize) -> bool {
        unsaved_tokens > 0
            && (unsaved_tokens >= self.autosave.tokens || self.last.elapsed() >= self.autosave.time)
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
        self.payload.clear();
        self.append(kind::TURN_END)
    }

    /// Writes what the sequence's cache holds beyond what is saved of it.
    pub(crate) fn follow(&mut self, sequence: &Sequence) -> Result<(), SnapshotError> {
        let binding = Binding::of(sequence);
        if self.binding != binding {
            // The cache is another one, of which nothing is in the file yet.
            self.binding = binding;
            self.saved_tokens = 0;
            self.write_binding()?;
        }
        self.saved_tokens = self.saved_tokens.min(sequence.unchanged_tokens());
        let decoder = sequence.decoder();
        let part_tokens = (CACHE_PART_BYTES / decoder.kv_bytes_per_token().max(1)).max(1);
        for part in sequence.cached()[self.saved_tokens..].chunks(part_tokens) {
            let start = self.saved_tokens;
            self.kv.clear();
            decoder.read_kv(start..start + part.len(), &mut self.kv)?;
            CachePart::encode(start, part, &self.kv, self.binding.kv_cache, &mut self.payload);
            self.append(kind::CACHE)?;
            self.saved_tokens += part.len();
        }
        Ok(())
    }

    /// Returns when everything has reached the disk.
    pub(crate) fn sync(&mut self) -> Result<(), SnapshotError> {
        if let Err(error) = self.file.sync_data() {
            self.state = State::Lost;
            return Err(error.into());
        }
        self.last = Instant::now();
        Ok(())
    }

    fn write_binding(&mut self) -> Result<(), SnapshotError> {
        let binding = self.binding.clone();
        self.json(kind::BINDING, &binding)
    }

    fn json<T: Serialize>(&mut self, kind: u8, value: &T) -> Result<(), SnapshotError> {
        self.payload.clear();
        serde_json::to_writer(&mut self.payload, value).map_err(io::Error::from)?;
        self.append(kind)
    }

    /// Writes a record with what stands in `payload`.
    fn append(&mut self, kind: u8) -> Result<(), SnapshotError> {
        match self.state {
            State::Whole => {}
            State::Torn => {
                self.file.set_len(self.end)?;
                self.file.seek(SeekFrom::Start(self.end))?;
            }
            State::Lost => {
                return Err(SnapshotError::Lost { file: self.kept_in.path().display().to_string() });
            }
        }
        self.state = State::Torn;
        self.end += frame::write(&mut self.file, &mut self.chain, kind, &mut self.payload)?;
        self.state = State::Whole;
        Ok(())
    }

    /// Goes on with the file that stands under its name, which is the one it has written so far.
    fn reopen(&mut self) {
        let opened = open_existing_to_write(self.kept_in.path()).map_err(io::Error::from);
        match opened.and_then(|mut file| file.seek(SeekFrom::Start(self.end)).map(|_| file)) {
            Ok(file) => self.file = file,
            Err(_) => self.state = State::Lost,
        }
    }
}

/// A new file that is complete and does not have its name yet.
pub(crate) struct Written {
    journal: Journal,
    partial: Partial<'static>,
}

impl Written {
    /// Puts it in the place of a file of that name. `before` is the journal that is kept there, if one is: it lets go of its file,
    /// because Windows puts nothing in the place of what is open, and goes on with it where this fails.
    pub(crate) fn keep(self, before: Option<&mut Journal>) -> Result<Journal, SnapshotError> {
        let Self { journal, partial } = self;
        match before {
            None => partial.keep().map_err(io::Error::from)?,
            Some(before) => {
                before.file = journal.file.try_clone()?;
                partial.keep().map_err(|error| {
                    before.reopen();
                    io::Error::from(error)
                })?;
            }
        }
        Ok(journal)
    }
}

#[cfg(test)]
impl Journal {
    /// From now on every write fails: the file is one that was opened for reading.
    pub(crate) fn refuse_writes(&mut self) {
        self.file = File::open(std::env::current_exe().unwrap()).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::session::snapshot::record::testing::binding;
    use crate::session::snapshot::{SessionKey, restore};
    use crate::testing::ScriptedDecoder;

    #[test]
    fn what_follows_a_failed_write_is_not_lost_behind_half_a_record() {
        for key in [None, Some(SessionKey::new([1; 32]))] {
            let folder = tempfile::tempdir().unwrap();
            let file = SessionFile { path: folder.path().join("session"), key, is_salvaged: false };
            let mut journal =
                Journal::create(file.clone(), file.lock().unwrap(), binding(), Autosave::default(), |_| {
                    Ok(())
                })
                .unwrap()
                .keep(None)
                .unwrap();
            // The disk was full after a few bytes of a record.
            let room = std::mem::replace(&mut journal.file, File::open(file.path()).unwrap());
            assert!(journal.messages(&[Message::user("lost")]).is_err());
            journal.file = room;
            journal.file.write_all(b"\x05\0\0\0\x02half a record").unwrap();

            journal.messages(&[Message::user("kept")]).unwrap();
            let mut decoder = ScriptedDecoder::new(4, 4, Vec::new());
            let state = restore(&file, &binding(), &mut decoder).unwrap();
            assert_eq!(state.messages, [Message::user("kept")]);
            assert_eq!(state.restored.dropped_bytes, 0);
        }
    }

    #[test]
    fn a_file_that_cannot_be_replaced_goes_on_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = SessionFile::from(&folder.path().join("session"));
        let lock = file.lock().unwrap();
        let create =
            || Journal::create(file.clone(), Arc::clone(&lock), binding(), Autosave::default(), |_| Ok(()));
        let mut before = create().unwrap().keep(None).unwrap();
        before.messages(&[Message::user("first")]).unwrap();
        let next = create().unwrap();
        fs_err::remove_file(Partial::left_of(file.path())).unwrap();
        assert!(next.keep(Some(&mut before)).is_err());
        before.messages(&[Message::user("second")]).unwrap();
        let mut decoder = ScriptedDecoder::new(4, 4, Vec::new());
        assert_eq!(restore(&file, &binding(), &mut decoder).unwrap().messages, [Message::user("second")]);
    }
}

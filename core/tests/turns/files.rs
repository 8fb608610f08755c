//! Session files of scripted models: where they lie, and a process that is killed while it writes one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wheelwork::{Autosave, Error, Event, ModelFacts, Options, Restored, Session, SessionFile, SessionKey};
use wheelwork_testing::{ScriptedDecoder, placement};

use crate::support::{VOCAB, decoder, script, session};

pub(crate) const OFTEN: Autosave = Autosave { tokens: 1, time: Duration::MAX };
/// Longer than a chunk of anything, and no loop.
pub(crate) const REASONING: &str = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n</think>\n\n16<｜end▁of▁sentence｜>";

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path("session.wheel")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// The same file, plain or encrypted.
pub(crate) fn form(folder: &Folder, is_encrypted: bool) -> SessionFile {
    match is_encrypted {
        true => SessionFile::encrypted(folder.file(), key(1)),
        false => SessionFile::from(&folder.file()),
    }
}

pub(crate) fn key(byte: u8) -> SessionKey {
    SessionKey::new([byte; SessionKey::BYTES])
}

/// A model that writes `text` from its `done`-th token on.
pub(crate) fn writes_from(facts: &ModelFacts, text: &str, done: usize) -> ScriptedDecoder {
    ScriptedDecoder::new(VOCAB, 1024, script(facts, text).split_off(done))
}

/// A model that has nothing to say.
pub(crate) fn silent() -> ScriptedDecoder {
    ScriptedDecoder::new(VOCAB, 1024, Vec::new())
}

pub(crate) fn restore(
    facts: &Arc<ModelFacts>,
    decoder: ScriptedDecoder,
    file: impl Into<SessionFile>,
) -> Result<(Session, Restored), Error> {
    Session::restore_with_decoder(Arc::clone(facts), placement(), Box::new(decoder), file)
}

pub(crate) fn restored(
    facts: &Arc<ModelFacts>,
    decoder: ScriptedDecoder,
    file: impl Into<SessionFile>,
) -> (Session, Restored) {
    restore(facts, decoder, file).unwrap()
}

/// Asks, reads events until `tokens` tokens are saved, and leaves the file as a kill leaves it at that moment.
pub(crate) fn killed_after(
    facts: &Arc<ModelFacts>,
    text: &str,
    tokens: usize,
    file: impl Into<SessionFile>,
    options: &Options,
) {
    let mut session = session(facts, decoder(facts, text));
    let file = file.into();
    session.keep_in(file.clone(), OFTEN).unwrap();
    let mut turn = session.ask("count", options).unwrap();
    let mut deltas = 0;
    while deltas < tokens {
        deltas += usize::from(matches!(turn.next(), Some(Ok(Event::ReasoningDelta { .. }))));
    }
    let left = fs_err::read(file.path()).unwrap();
    drop(turn);
    drop(session);
    fs_err::write(file.path(), left).unwrap();
}

//! A conversation: turns, messages, files.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use wheelwork::engine::{Chat, Turn};
use wheelwork::snapshot::{SessionFile, SessionKey};
use wheelwork::{CancelToken, Error, Session};

use crate::convert::{count, limit};
use crate::edge::{guarded, lock, safely};
use crate::job::Jobs;
use crate::roster::Roster;
use crate::{FfiError, Message, Options, Priority, SharePrefixHandle, TurnHandle};

/// A conversation; one turn at a time, otherwise `busy`. May be used from any thread. What can fail may wait for a step of the
/// engine or for files: call it away from a UI thread. What cannot fail takes microseconds, but for
/// [`ChatHandle::save_now`].
#[derive(uniffi::Object)]
pub struct ChatHandle {
    /// None once it was shut down.
    chat: Mutex<Option<Chat>>,
    /// The last turn, as long as somebody reads it.
    turn: Mutex<Weak<TurnHandle>>,
    /// Prefixes that are being shared.
    jobs: Jobs,
    roster: Arc<Roster>,
}

/// When a kept file is brought up to date within a turn; the first of the two counts. It is at the turn's end.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Autosave {
    /// After this many tokens.
    #[uniffi(default = 32)]
    pub tokens: u32,
    /// After this many milliseconds.
    #[uniffi(default = 5000)]
    pub time_ms: u64,
}

#[uniffi::export]
impl ChatHandle {
    /// Adds a user's message and answers it. Takes some milliseconds, in which the messages become tokens; the rest is the
    /// turn's.
    ///
    /// # Errors
    /// `busy` during a turn, `prompt_too_long`, options out of range, and the errors of the model; the message is then
    /// not added.
    pub fn ask(
        &self,
        text: String,
        options: Options,
        priority: Priority,
    ) -> Result<Arc<TurnHandle>, FfiError> {
        self.begin(|| options.try_into(), |chat, options| chat.ask(&text, options, priority.into()))
    }

    /// Answers the messages as they stand. Takes as long as [`ChatHandle::ask`].
    ///
    /// # Errors
    /// As [`ChatHandle::ask`].
    pub fn respond(&self, options: Options, priority: Priority) -> Result<Arc<TurnHandle>, FfiError> {
        self.begin(|| options.try_into(), |chat, options| chat.respond(options, priority.into()))
    }

    /// Goes on with a turn that was suspended, or that an earlier process left unfinished, with the options that it began
    /// with; its events come again from the start. Takes as long as [`ChatHandle::ask`].
    ///
    /// # Errors
    /// As [`ChatHandle::ask`], and where there is no such turn.
    pub fn resume(&self, priority: Priority) -> Result<Arc<TurnHandle>, FfiError> {
        self.begin(
            || Ok(wheelwork::Options::default()),
            |chat, options| chat.resume(options, priority.into()),
        )
    }

    /// Adds a message without answering it. Microseconds.
    ///
    /// # Errors
    /// `busy` during a turn.
    pub fn push(&self, message: Message) -> Result<(), FfiError> {
        self.with(|session| session.push(message.into()))
    }

    /// The conversation so far. Some milliseconds for a long one.
    ///
    /// # Errors
    /// `busy` during a turn.
    pub fn messages(&self) -> Result<Vec<Message>, FfiError> {
        self.with(|session| {
            let reasons = session.facts().reasons();
            session.messages().iter().map(|message| Message::of(message, reasons)).collect()
        })
    }

    /// Forgets the conversation; the cache is kept as far as the next prompt can use it. Microseconds.
    ///
    /// # Errors
    /// `busy` during a turn.
    pub fn clear(&self) -> Result<(), FfiError> {
        self.with(Session::clear)
    }

    /// Tokens in the cache. Microseconds.
    ///
    /// # Errors
    /// `busy` during a turn.
    pub fn cached_tokens(&self) -> Result<u32, FfiError> {
        self.with(|session| count(session.cached_tokens()))
    }

    /// Computes the messages so far and keeps their keys and values for all conversations of the engine, so that the
    /// next one that begins with them need not compute them. For system messages and examples, never for what a person
    /// wrote. Returns at once; it takes as long as a turn's prefill, and the conversation is `busy` meanwhile.
    ///
    /// # Errors
    /// `no_thread`; all others come from [`SharePrefixHandle::next`].
    pub fn share_prefix(&self) -> Result<Arc<SharePrefixHandle>, FfiError> {
        guarded(|| {
            let shared = SharePrefixHandle::begin(self.chat()?)?;
            self.jobs.add(shared.job());
            Ok(shared)
        })
    }

    /// Tokens of the prompt that a turn with these options would have: of the messages so far and, where there is one, a
    /// user's message. Nothing is dropped from the history for it. Takes the milliseconds that a turn takes to
    /// begin.
    ///
    /// # Errors
    /// `busy` during a turn; `prompt_too_long`, which tells their number, where a turn would be refused for it; options out
    /// of range.
    pub fn prompt_tokens(&self, text: Option<String>, options: Options) -> Result<u32, FfiError> {
        let count_tokens = |session: &mut Session| -> Result<usize, Error> {
            session.prompt_tokens(text.as_deref(), &options.try_into()?)
        };
        Ok(count(self.with(count_tokens)??))
    }

    /// Saves the conversation with its cache to a file, which is complete or the one before; encrypted where there is
    /// a key of 32 bytes. Writes the cache, which may have some hundred megabytes, and waits for the disk.
    ///
    /// # Errors
    /// `busy` during a turn, and errors of the file, which is then as it was.
    pub fn save(&self, path: String, key: Option<Vec<u8>>) -> Result<(), FfiError> {
        let file = session_file(path, key)?;
        Ok(self.with(|session| session.save(file))??)
    }

    /// As [`ChatHandle::save`], and keeps the file up to date from now on: a process that is killed at any moment
    /// loses no more than `autosave` allows.
    ///
    /// # Errors
    /// As [`ChatHandle::save`].
    pub fn keep_in(&self, path: String, key: Option<Vec<u8>>, autosave: Autosave) -> Result<(), FfiError> {
        let file = session_file(path, key)?;
        let time = Duration::from_millis(autosave.time_ms);
        let autosave = wheelwork::Autosave { tokens: limit(autosave.tokens), time };
        Ok(self.with(|session| session.keep_in(file, autosave))??)
    }

    /// Another conversation that goes on from here, with a copy of the cache. Takes as long as copying that.
    ///
    /// # Errors
    /// `busy` during a turn, and where memory for the cache is short.
    pub fn fork(&self) -> Result<Arc<Self>, FfiError> {
        guarded(|| Self::new(self.chat()?.fork()?, &self.roster))
    }

    /// Cancels the turn under way, if there is one; it ends within a token.
    pub fn cancel(&self) {
        safely("ChatHandle.cancel", || (), || self.with_turn(TurnHandle::cancel));
    }

    /// Suspends the turn under way, if there is one; see [`TurnHandle::suspend`].
    pub fn suspend(&self) {
        safely("ChatHandle.suspend", || (), || self.with_turn(TurnHandle::suspend));
    }

    /// Has the turn under way saved at its next token and waits for that, at most `wait_ms` milliseconds. False where
    /// it was not: no turn, nobody reads its events, a token takes longer, or the conversation is kept in no file.
    #[must_use]
    pub fn save_now(&self, wait_ms: u64) -> bool {
        let wait = Duration::from_millis(wait_ms);
        let save = || self.turn().is_some_and(|turn| turn.save_now(wait));
        safely("ChatHandle.save_now", || false, save)
    }

    /// Ends the reasoning of the turn under way, if there is one.
    pub fn answer_now(&self) {
        safely("ChatHandle.answer_now", || (), || self.with_turn(TurnHandle::answer_now));
    }

    /// Cancels the turn under way and lets go of the session, which may wait for a step; every later call is `closed`.
    /// More than once is fine.
    pub fn shut_down(&self) {
        safely("ChatHandle.shut_down", || (), || self.end());
    }
}

impl ChatHandle {
    /// A conversation that is shut down with its engine.
    pub(crate) fn new(chat: Chat, roster: &Arc<Roster>) -> Result<Arc<Self>, FfiError> {
        let chat = Self {
            chat: Mutex::new(Some(chat)),
            turn: Mutex::default(),
            jobs: Jobs::default(),
            roster: Arc::clone(roster),
        };
        let chat = Arc::new(chat);
        roster.add(Arc::downgrade(&chat))?;
        Ok(chat)
    }

    /// Calls `call` with the session, between turns.
    pub(crate) fn with<R>(&self, call: impl FnOnce(&mut Session) -> R) -> Result<R, FfiError> {
        guarded(|| Ok(self.chat()?.with(call)?))
    }

    fn begin(
        &self,
        options: impl FnOnce() -> Result<wheelwork::Options, Error>,
        begin: impl FnOnce(&Chat, &wheelwork::Options) -> Result<Turn, Error>,
    ) -> Result<Arc<TurnHandle>, FfiError> {
        guarded(|| {
            let options = options()?;
            let turn = TurnHandle::new(begin(&self.chat()?, &options)?, options.save_now);
            *lock(&self.turn) = Arc::downgrade(&turn);
            Ok(turn)
        })
    }

    /// Cancels what is under way and lets go of the session.
    fn end(&self) {
        self.with_turn(TurnHandle::cancel);
        self.jobs.cancel();
        // Dropped after the lock: that may wait for a step.
        let chat = lock(&self.chat).take();
        drop(chat);
    }

    fn chat(&self) -> Result<Chat, FfiError> {
        let chat = lock(&self.chat).clone().ok_or_else(FfiError::closed)?;
        // Who ends the sharing of a prefix need not wait for it.
        self.jobs.wait_for_leaving(&CancelToken::new());
        Ok(chat)
    }

    fn with_turn(&self, call: impl FnOnce(&TurnHandle)) {
        if let Some(turn) = self.turn() {
            call(&turn);
        }
    }

    fn turn(&self) -> Option<Arc<TurnHandle>> {
        lock(&self.turn).upgrade()
    }
}

impl Drop for ChatHandle {
    fn drop(&mut self) {
        // A turn that somebody reads goes on.
        safely("ChatHandle.free", || (), || drop(lock(&self.chat).take()));
    }
}

/// A file, encrypted where there is a key.
pub(crate) fn session_file(path: String, key: Option<Vec<u8>>) -> Result<SessionFile, FfiError> {
    let Some(key) = key else { return Ok(SessionFile::from(&path)) };
    let length = key.len();
    let key = key.try_into().map_err(|_| FfiError::key_length(length, SessionKey::BYTES))?;
    Ok(SessionFile::encrypted(path, SessionKey::new(key)))
}

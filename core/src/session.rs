//! One conversation: its messages, and the tokens that stand in the cache.
//!
//! Multi-turn is exact by construction: each turn renders the whole conversation as the template says, and the
//! cache is rewound to the first token that differs from what it holds. Where the template drops earlier
//! reasoning, that is the end of the user's turn, so only the answer and the new message are computed.
//!
//! `begin` starts a turn, `fitting` says which messages it takes, `prefix` what of its prompt need not be computed.

mod begin;
mod fitting;
mod prefix;

use std::sync::Arc;

use crate::chat::{Message, Prompt};
use crate::decoder::Decoder;
use crate::generate::Generation;
use crate::model::ModelFacts;
use crate::prefix_cache::PrefixCache;
use crate::provider::Placement;
use crate::snapshot::{
    self, Autosave, Binding, Journal, Progress, Restored, SessionFile, SnapshotError, State, TurnStart,
};
use crate::{CancelToken, Error, Options};
pub(crate) use begin::Request;
pub(crate) use fitting::Dropped;
pub use fitting::OnContextFull;
pub(crate) use prefix::Reused;
pub use prefix::SharedPrefix;

/// One conversation with its key-value cache.
pub struct Session {
    pub(crate) facts: Arc<ModelFacts>,
    pub(crate) placement: Placement,
    pub(crate) decoder: Box<dyn Decoder>,
    /// The tokens in the decoder's cache.
    cached: Vec<u32>,
    messages: Vec<Message>,
    /// Beginnings shared by the model's sessions.
    prefix_cache: Option<Arc<PrefixCache>>,
    /// The file that this session is kept in.
    journal: Option<Journal>,
    /// A turn that an earlier process left unfinished.
    unfinished: Option<(TurnStart, Vec<Progress>)>,
}

impl Session {
    /// A session on a decoder of one's own, for tests: see [`crate::decoder::scripted`].
    #[must_use]
    pub fn with_decoder(facts: Arc<ModelFacts>, placement: Placement, decoder: Box<dyn Decoder>) -> Self {
        Self {
            facts,
            placement,
            decoder,
            cached: Vec::new(),
            messages: Vec::new(),
            prefix_cache: None,
            journal: None,
            unfinished: None,
        }
    }

    /// A session that stands where a file says, on an empty decoder of one's own.
    ///
    /// # Errors
    /// [`Error::Snapshot`].
    pub fn restore_with_decoder(
        facts: Arc<ModelFacts>,
        placement: Placement,
        decoder: Box<dyn Decoder>,
        file: impl Into<SessionFile>,
    ) -> Result<(Self, Restored), Error> {
        let mut session = Self::with_decoder(facts, placement, decoder);
        let State { messages, cached, unfinished, restored } =
            snapshot::restore(&file.into(), &session.binding(), &mut *session.decoder)?;
        session = Self { messages, cached, unfinished, ..session };
        Ok((session, restored))
    }

    /// Adds a user's message and answers it.
    ///
    /// # Errors
    /// [`Error`]; the message is then not added.
    pub fn ask(&mut self, text: &str, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Ask(text), options)?;
        Ok(Generation::new(self, turn))
    }

    /// Answers the messages as they stand.
    ///
    /// # Errors
    /// [`Error`].
    pub fn respond(&mut self, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Respond, options)?;
        Ok(Generation::new(self, turn))
    }

    /// Continues a prompt that is given as it is; messages play no part in it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn generate(&mut self, prompt: Prompt, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Continue(prompt), options)?;
        Ok(Generation::new(self, turn))
    }

    /// The model's tokenizer, template, ids and defaults.
    #[must_use]
    pub fn facts(&self) -> &Arc<ModelFacts> {
        &self.facts
    }

    /// The conversation so far.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Adds a message without answering it, for instance a system message or earlier turns.
    pub fn push(&mut self, message: Message) {
        self.messages.push(message);
    }

    /// Forgets the conversation; the cache is kept as far as the next prompt can use it.
    pub fn clear(&mut self) {
        self.messages.clear();
    }

    /// Tokens in the cache.
    #[must_use]
    pub fn cached_tokens(&self) -> usize {
        self.cached.len()
    }

    /// Another session that goes on from here: the same conversation and the same cache, and from then on neither
    /// knows of the other. It is kept in no file.
    ///
    /// # Errors
    /// [`Error::Decoder`] where memory for the cache is short.
    pub fn fork(&self) -> Result<Self, Error> {
        let mut fork =
            Self::with_decoder(Arc::clone(&self.facts), self.placement.clone(), self.decoder.fork()?);
        fork.cached.clone_from(&self.cached);
        fork.messages.clone_from(&self.messages);
        fork.prefix_cache.clone_from(&self.prefix_cache);
        Ok(fork)
    }

    /// Saves the session to a file, which is complete or the one before, and goes on without it. The file that the
    /// session is kept in goes on being kept.
    ///
    /// # Errors
    /// [`Error::Snapshot`]; the file is then as it was.
    pub fn save(&mut self, file: impl Into<SessionFile>) -> Result<(), Error> {
        let file = file.into();
        match self.journal.as_ref().and_then(|journal| journal.is_kept_in(&file)) {
            Some(autosave) => self.keep_in(file, autosave),
            None => self.write_journal(file, Autosave::default()).map(drop),
        }
    }

    /// Saves the session to a file and keeps the file up to date from now on: after each turn, and during one as
    /// `autosave` says. A process that is killed at any moment loses no more than that.
    ///
    /// # Errors
    /// As [`Session::save`].
    pub fn keep_in(&mut self, file: impl Into<SessionFile>, autosave: Autosave) -> Result<(), Error> {
        self.journal = Some(self.write_journal(file.into(), autosave)?);
        Ok(())
    }

    /// The options of the turn that an earlier process left unfinished, if it did.
    #[must_use]
    pub fn unfinished(&self) -> Option<&Options> {
        self.unfinished.as_ref().map(|(turn, _)| &turn.options)
    }

    /// Goes on with the turn that an earlier process left unfinished, as if it had not been interrupted: its events
    /// come again from the beginning, the saved ones at once. Of `options`, only `cancel` and `answer_now` count; the
    /// others are those that the turn began with. A limit of time starts anew.
    ///
    /// # Errors
    /// [`SnapshotError::NothingToResume`], and as [`Session::ask`].
    pub fn resume(&mut self, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Resume, options)?;
        Ok(Generation::new(self, turn))
    }

    /// What this session's cache belongs to.
    pub(crate) fn binding(&self) -> Binding {
        Binding {
            model: self.facts.fingerprint.clone(),
            variant: self.placement.variant.clone(),
            kv_cache: self.placement.kv_cache,
            runtime: self.facts.runtime.clone(),
        }
    }

    fn write_journal(&self, file: SessionFile, autosave: Autosave) -> Result<Journal, Error> {
        let fill = |journal: &mut Journal| {
            journal.messages(&self.messages)?;
            journal.cache(&self.cached, &*self.decoder)?;
            if let Some((turn, progress)) = &self.unfinished {
                journal.turn(turn)?;
                progress.iter().try_for_each(|progress| journal.progress(progress))?;
            }
            Ok(())
        };
        Ok(Journal::create(file, &self.binding(), autosave, fill)?)
    }

    /// Tells the session's file that a turn begins.
    pub(crate) fn save_turn(&mut self, turn: impl FnOnce() -> TurnStart) -> Result<(), SnapshotError> {
        // A turn begun is the end of one that was left unfinished.
        self.unfinished = None;
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.messages(&self.messages)?;
        journal.turn(&turn())?;
        journal.sync()
    }

    /// Saves what a turn has brought, if that is due.
    pub(crate) fn save_progress(
        &mut self,
        unsaved_tokens: usize,
        progress: impl FnOnce() -> Progress,
    ) -> Result<bool, SnapshotError> {
        let Some(journal) = &mut self.journal else { return Ok(false) };
        if !journal.is_due(unsaved_tokens) {
            return Ok(false);
        }
        journal.cache(&self.cached, &*self.decoder)?;
        journal.progress(&progress())?;
        journal.sync()?;
        Ok(true)
    }

    /// Tells the session's file that a turn is over.
    pub(crate) fn save_turn_end(&mut self) -> Result<(), SnapshotError> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.cache(&self.cached, &*self.decoder)?;
        journal.messages(&self.messages)?;
        journal.turn_end()?;
        journal.sync()
    }

    /// Forgets all but the first `len` tokens.
    fn rewind(&mut self, len: usize) {
        self.cached.truncate(len);
        self.decoder.rewind(len);
        self.rewind_journal(len);
    }

    fn rewind_journal(&mut self, len: usize) {
        if let Some(journal) = &mut self.journal {
            journal.rewound(len);
        }
    }

    /// Computes `ids` behind what is cached, in chunks. A failed or interrupted call keeps the finished chunks.
    pub(crate) fn prefill(&mut self, ids: &[u32], cancel: &CancelToken) -> Result<(), Error> {
        for chunk in ids.chunks(self.decoder.chunk_tokens()) {
            let _attached = cancel.attach(self.decoder.interrupt());
            self.decoder.prefill(chunk)?;
            self.cached.extend_from_slice(chunk);
        }
        Ok(())
    }

    /// Computes one token behind what is cached.
    pub(crate) fn decode(&mut self, token: u32, cancel: &CancelToken) -> Result<(), Error> {
        let _attached = cancel.attach(self.decoder.interrupt());
        self.decoder.decode(token)?;
        self.cached.push(token);
        Ok(())
    }

    pub(crate) fn record_answer(&mut self, content: String) {
        self.messages.push(Message::assistant(content));
    }
}

//! One conversation: its messages, the sequence that holds its tokens, and the file that it is kept in.
//!
//! Multi-turn is exact by construction: each turn renders the whole conversation as the template says, and the
//! cache is rewound to the first token that differs from what it holds. Where the template drops earlier
//! reasoning, that is the end of the user's turn, so only the answer and the new message are computed.
//!
//! ```text
//! Session::ask       a Request; `fitting` says which messages the turn takes
//! Session::begin     the turn starts on the sequence, and the file is told
//! Session::advance   one step of the turn, then what came of it goes into the conversation and the file
//! ```

mod fitting;
pub mod snapshot;

use std::path::PathBuf;
use std::sync::Arc;

use crate::control::CancelToken;
use crate::decoder::Decoder;
use crate::device::Placement;
use crate::error::Error;
use crate::event::Event;
use crate::facts::ModelFacts;
use crate::options::{OnContextFull, Options};
use crate::sampling::SamplingOptions;
use crate::sequence::prefix_cache::{PrefixCache, PrefixError};
use crate::sequence::{Fallback, Sequence, SharedPrefix, common_tokens};
use crate::text::chat::{Message, Prompt, Role};
use crate::turn::{End, PreparedTurn, Progress, TurnLoop, TurnStart};
use snapshot::{Autosave, Binding, Journal, Restored, SessionFile, SnapshotError, State};

/// One conversation with its key-value cache.
pub struct Session {
    sequence: Sequence,
    messages: Vec<Message>,
    /// The file that this session is kept in.
    journal: Option<Journal>,
    /// A turn that was suspended, or that an earlier process left unfinished.
    unfinished: Option<(TurnStart, Vec<Progress>)>,
    /// The damaged file that this session was read from: the only copy of what could not be.
    damaged: Option<PathBuf>,
    /// Tokens of the turn under way that are in the file; `None` once the turn was recorded or left.
    saved_tokens: Option<usize>,
}

/// What a turn goes on from.
pub(crate) enum Request<'a> {
    /// A user's message, which is added. A turn that was left unfinished ends with it and counts as what was computed
    /// of it, like one that was cancelled.
    Ask(&'a str),
    /// The messages as they stand.
    Respond,
    /// A prompt as it is given; messages play no part in it.
    Continue(Prompt),
    /// The turn that was suspended, or that an earlier process left unfinished.
    Resume,
}

impl Session {
    /// A session on a decoder of one's own.
    #[must_use]
    pub fn with_decoder(facts: Arc<ModelFacts>, placement: Placement, decoder: Box<dyn Decoder>) -> Self {
        Self::on(Sequence::new(facts, placement, decoder, Vec::new()))
    }

    /// A session that stands where a file says, on an empty decoder of one's own.
    ///
    /// # Errors
    /// [`Error::Snapshot`].
    pub fn restore_with_decoder(
        facts: Arc<ModelFacts>,
        placement: Placement,
        mut decoder: Box<dyn Decoder>,
        file: impl Into<SessionFile>,
    ) -> Result<(Self, Restored), Error> {
        let file = file.into();
        let binding = Binding { identity: facts.identity(&placement.variant), kv_cache: placement.kv_cache };
        let State { messages, cached, unfinished, restored } =
            snapshot::restore(&file, &binding, &mut *decoder)?;
        let sequence = Sequence::new(facts, placement, decoder, cached);
        let damaged = restored.damaged_at.map(|_| file.path().to_owned());
        Ok((Self { messages, unfinished, damaged, ..Self::on(sequence) }, restored))
    }

    fn on(sequence: Sequence) -> Self {
        let (messages, journal) = (Vec::new(), None);
        Self { sequence, messages, journal, unfinished: None, damaged: None, saved_tokens: None }
    }

    /// The same session with shared prefixes to take from and to add to. [`crate::Model::session`] does this; here for
    /// decoders of one's own: the cache must hold nothing of another model.
    #[must_use]
    pub fn with_prefix_cache(mut self, cache: Arc<PrefixCache>) -> Self {
        self.sequence.set_prefix_cache(cache);
        self
    }

    /// The same session with a fallback, as a [`crate::Model`] equips its sessions; here for decoders of one's own. `make`
    /// is called at most once, with where the session ran and what was said there, and gives where it runs now and an
    /// empty decoder.
    #[must_use]
    pub fn with_fallback(
        mut self,
        make: impl Fn(&Placement, String) -> Result<(Placement, Box<dyn Decoder>), Error> + Send + Sync + 'static,
    ) -> Self {
        self.sequence.set_fallback(Fallback::new(make));
        self
    }

    /// Adds a user's message and answers it.
    ///
    /// # Errors
    /// [`Error`]; the message is then not added.
    pub fn ask(&mut self, text: &str, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Ask(text), options)?;
        Ok(Generation { session: self, turn })
    }

    /// Answers the messages as they stand.
    ///
    /// # Errors
    /// [`Error`].
    pub fn respond(&mut self, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Respond, options)?;
        Ok(Generation { session: self, turn })
    }

    /// Continues a prompt that is given as it is; messages play no part in it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn generate(&mut self, prompt: Prompt, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Continue(prompt), options)?;
        Ok(Generation { session: self, turn })
    }

    /// Goes on with the turn that was suspended or that an earlier process left unfinished, as if it had not been
    /// interrupted: its events come again from the start, the saved ones at once. Of `options`, only `cancel`,
    /// `answer_now` and `save_now` count; the others are those that the turn began with. A limit of time starts anew.
    ///
    /// # Errors
    /// [`SnapshotError::NothingToResume`], and as [`Session::ask`].
    pub fn resume(&mut self, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Resume, options)?;
        Ok(Generation { session: self, turn })
    }

    /// The model's tokenizer, template, ids and defaults.
    #[must_use]
    pub fn facts(&self) -> &Arc<ModelFacts> {
        self.sequence.facts()
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
        self.sequence.cached().len()
    }

    /// Tokens of the prompt that a turn with these options would have: of the messages so far and, where there is one,
    /// a user's message. Nothing is dropped from the history for it. Takes the milliseconds that a turn takes to
    /// begin.
    ///
    /// # Errors
    /// As [`Session::ask`]; [`Error::PromptTooLong`], which tells their number, where a turn would be refused for it.
    pub fn prompt_tokens(&self, text: Option<&str>, options: &Options) -> Result<usize, Error> {
        let message = text.map(Message::user);
        let messages = self.messages.iter().cloned().chain(message).collect();
        let options = Options { on_context_full: OnContextFull::Stop, ..options.clone() };
        fitting::fit(self.facts(), messages, &options).map(|(_, turn)| turn.prompt_tokens())
    }

    /// Another session that goes on from here: the same conversation, the same cache and the same unfinished
    /// turn, and from then on neither knows of the other. It is kept in no file.
    ///
    /// # Errors
    /// [`Error::Decoder`] where memory for the cache is short.
    pub fn fork(&self) -> Result<Self, Error> {
        let (messages, unfinished) = (self.messages.clone(), self.unfinished.clone());
        Ok(Self { messages, unfinished, ..Self::on(self.sequence.fork()?) })
    }

    /// Computes the messages so far and keeps their keys and values for all sessions of the model, so that the next one
    /// that begins with them need not compute them. For system messages and examples, never for what a person wrote:
    /// how long another session takes for its first token tells whether its prefix is known.
    ///
    /// What is kept ends where a user's message would begin. It is found by its token ids, whichever way a later prompt
    /// came by them, and also where a prompt shares only a part of it. Takes as long as a turn's prefill where it is not
    /// known yet; an app may call it ahead, in the background.
    ///
    /// # Errors
    /// [`Error::Prefix`]; [`Error::PromptTooLong`]; [`Error::Decoder`], which is
    /// [`crate::decoder::DecoderError::Interrupted`] for a cancelled call. The session goes on as before.
    pub fn share_prefix(&mut self, cancel: &CancelToken) -> Result<SharedPrefix, Error> {
        if !self.sequence.has_prefix_cache() {
            return Err(PrefixError::Off.into());
        }
        if self.messages.last().is_some_and(|message| message.role == Role::User) {
            return Err(PrefixError::EndsWithUser.into());
        }
        let ids = self.prefix()?;
        let (tokens, limit) = (ids.len(), self.facts().context_length);
        if tokens >= limit {
            return Err(Error::PromptTooLong { tokens, limit });
        }
        self.sequence.share_prefix(&ids, cancel)
    }

    /// Saves the session to a file, which is complete or the one before, and goes on without it. The file that the
    /// session is kept in goes on being kept.
    ///
    /// # Errors
    /// [`Error::Snapshot`], such as [`SnapshotError::InUse`] where another session is kept in the file; it is then as it
    /// was.
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
        self.sequence.mark_saved();
        Ok(())
    }

    /// The options of the turn that was suspended or that an earlier process left unfinished, if there is one.
    #[must_use]
    pub fn unfinished(&self) -> Option<&Options> {
        self.unfinished.as_ref().map(|(turn, _)| &turn.options)
    }

    /// What computes for this session.
    pub(crate) fn sequence_mut(&mut self) -> &mut Sequence {
        &mut self.sequence
    }

    /// Begins a turn, whoever drives it then; nothing is computed yet.
    ///
    /// # Errors
    /// [`Error`]; the messages are then as they were, except that an unfinished turn may have ended.
    pub(crate) fn begin(&mut self, request: Request<'_>, options: &Options) -> Result<TurnLoop, Error> {
        if !matches!(request, Request::Resume) {
            self.sequence.take_compiled();
        }
        match request {
            Request::Ask(text) => {
                if let Some(mut turn) = self.begin_again(&Options::default())? {
                    self.record(&mut turn)?;
                }
                self.begin_answer([&self.messages[..], &[Message::user(text)]].concat(), options)
            }
            Request::Respond => self.begin_answer(self.messages.clone(), options),
            Request::Continue(prompt) => {
                let turn = PreparedTurn::new(self.facts(), prompt, options, false)?;
                self.start(turn)
            }
            Request::Resume => {
                self.begin_again(options)?.ok_or_else(|| SnapshotError::NothingToResume.into())
            }
        }
    }

    /// Computes what comes next of a turn that was begun on this session, and keeps what comes of it; false where the turn
    /// is over.
    pub(crate) fn advance(&mut self, turn: &mut TurnLoop, chunk_tokens: usize) -> bool {
        if turn.end().is_some() {
            return false;
        }
        let stepped = turn.advance(&mut self.sequence, chunk_tokens);
        let kept = stepped.and_then(|()| match turn.end() {
            None => self.save_progress(turn, turn.options().save_now.pending().is_some()),
            Some(End::Finished) => self.record(turn),
            Some(End::Suspended | End::Failed) => self.leave_unfinished(turn),
        });
        if let Err(error) = kept {
            // The first error is the one to tell, and the last of the turn.
            let _ = self.leave_unfinished(turn);
            turn.fail(error);
        }
        true
    }

    /// Adds the turn to the conversation and ends it in the session's file, once. A turn that is left before its end
    /// counts as what was computed of it.
    pub(crate) fn record(&mut self, turn: &mut TurnLoop) -> Result<(), Error> {
        if self.saved_tokens.take().is_none() {
            return Ok(());
        }
        self.messages.extend(turn.take_message());
        let wanted = turn.options().save_now.pending();
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.follow(&self.sequence)?;
        journal.messages(&self.messages)?;
        journal.turn_end()?;
        journal.sync()?;
        self.sequence.mark_saved();
        if let Some(request) = wanted {
            turn.options().save_now.served(request);
        }
        Ok(())
    }

    /// The turn that was left unfinished, if there is one, under way again.
    fn begin_again(&mut self, options: &Options) -> Result<Option<TurnLoop>, Error> {
        let Some((start, progress)) = self.unfinished.clone() else { return Ok(None) };
        let options = Options {
            cancel: options.cancel.clone(),
            answer_now: options.answer_now.clone(),
            save_now: options.save_now.clone(),
            ..start.options
        };
        let turn = TurnLoop::resume(&mut self.sequence, TurnStart { options, ..start }, progress)?;
        self.unfinished = None;
        self.saved_tokens = Some(turn.tokens());
        Ok(Some(turn))
    }

    /// Answers `messages`, or those of them that fit.
    fn begin_answer(&mut self, messages: Vec<Message>, options: &Options) -> Result<TurnLoop, Error> {
        let (messages, turn) = fitting::fit(self.facts(), messages, options)?;
        let before = std::mem::replace(&mut self.messages, messages);
        let result = self.start(turn);
        if result.is_err() {
            self.messages = before;
        }
        result
    }

    fn start(&mut self, turn: PreparedTurn) -> Result<TurnLoop, Error> {
        let turn = TurnLoop::start(&mut self.sequence, turn)?;
        // A turn begun is the end of one that was left unfinished.
        self.unfinished = None;
        if let Some(journal) = &mut self.journal {
            journal.messages(&self.messages)?;
            journal.turn(&turn.start_record())?;
            journal.sync()?;
        }
        self.saved_tokens = Some(0);
        Ok(turn)
    }

    /// Leaves the turn as far as it has come, in the session and in its file: a turn that fails too, so that nothing is
    /// lost where it was the runtime that failed, or the end of the process that took the runtime away.
    fn leave_unfinished(&mut self, turn: &TurnLoop) -> Result<(), Error> {
        // It is not the conversation's yet, unless it had come to its end.
        if self.saved_tokens.is_none() {
            return Ok(());
        }
        self.unfinished = Some((turn.start_record(), vec![turn.progress_since(0)]));
        let saved = self.save_progress(turn, true);
        self.saved_tokens = None;
        saved
    }

    /// Saves what the turn has brought, if the session is kept in a file and that is wanted or due.
    fn save_progress(&mut self, turn: &TurnLoop, is_wanted: bool) -> Result<(), Error> {
        let (Some(journal), Some(saved)) = (&mut self.journal, &mut self.saved_tokens) else { return Ok(()) };
        if !is_wanted && !journal.is_due(turn.tokens() - *saved) {
            return Ok(());
        }
        let wanted = turn.options().save_now.pending();
        journal.follow(&self.sequence)?;
        journal.progress(&turn.progress_since(*saved))?;
        journal.sync()?;
        self.sequence.mark_saved();
        *saved = turn.tokens();
        if let Some(request) = wanted {
            turn.options().save_now.served(request);
        }
        Ok(())
    }

    fn write_journal(&mut self, file: SessionFile, autosave: Autosave) -> Result<Journal, Error> {
        if self.damaged.as_deref() == Some(file.path()) {
            return Err(SnapshotError::OnlyCopy { file: file.path().display().to_string() }.into());
        }
        let before = self.journal.as_ref().filter(|journal| journal.is_kept_in(&file).is_some());
        let lock = before.map_or_else(|| file.lock(), |journal| Ok(Arc::clone(journal.lock())))?;
        let is_kept_there = before.is_some();
        let fill = |journal: &mut Journal| {
            journal.messages(&self.messages)?;
            journal.follow(&self.sequence)?;
            if let Some((turn, progress)) = &self.unfinished {
                journal.turn(turn)?;
                progress.iter().try_for_each(|progress| journal.progress(progress))?;
            }
            Ok(())
        };
        let written = Journal::create(file, lock, Binding::of(&self.sequence), autosave, fill)?;
        Ok(written.keep(self.journal.as_mut().filter(|_| is_kept_there))?)
    }

    /// The tokens that every prompt begins with that goes on from the messages so far with a user's message.
    fn prefix(&self) -> Result<Vec<u32>, Error> {
        let facts = self.facts();
        let prompt_with = |text| {
            let messages = [&self.messages[..], &[Message::user(text)]].concat();
            facts.template.prompt(&facts.tokenizer, &messages)
        };
        // Two messages that begin with different tokens, whatever the tokenizer.
        let mut ids = prompt_with("a")?.ids;
        ids.truncate(common_tokens(&ids, &prompt_with("7")?.ids));
        Ok(ids)
    }
}

/// One turn, as an iterator of events: nothing is computed until the next event is asked for, and dropping it ends the
/// turn. The last one is [`Event::Finished`], or an error.
pub struct Generation<'s> {
    session: &'s mut Session,
    turn: TurnLoop,
}

impl Generation<'_> {
    /// What was sampled with, seed included.
    #[must_use]
    pub fn sampling(&self) -> &SamplingOptions {
        self.turn.sampling()
    }
}

impl Iterator for Generation<'_> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.turn.next_event() {
                return Some(event);
            }
            if !self.session.advance(&mut self.turn, usize::MAX) {
                return None;
            }
        }
    }
}

impl Drop for Generation<'_> {
    /// A turn that nobody reads to its end counts as what was read of it.
    fn drop(&mut self) {
        // Nobody is left to tell; what was saved of the turn stays.
        let _ = self.session.record(&mut self.turn);
    }
}

#[cfg(test)]
mod tests;

//! One conversation: its messages, and the tokens that stand in the cache.
//!
//! Multi-turn is exact by construction: each turn renders the whole conversation as the template says, and the
//! cache is rewound to the first token that differs from what it holds. Where the template drops earlier
//! reasoning, that is the end of the user's turn, so only the answer and the new message are computed.
//!
//! `begin` starts a turn, `compiled` moves it to a device that became usable, `fitting` says which messages it takes,
//! `prefix` what of its prompt need not be computed; `kept` is about the session's file.

mod ahead;
mod begin;
mod compiled;
mod compute;
mod fitting;
mod kept;
mod prefix;
pub mod snapshot;

use std::sync::Arc;

use crate::decoder::{Decoder, Effort};
use crate::device::Placement;
use crate::error::Error;
use crate::facts::ModelFacts;
use crate::open::Compilation;
use crate::options::Options;
use crate::sequence::prefix_cache::PrefixCache;
use crate::session::snapshot::{Binding, Journal, Progress, Restored, SessionFile, State, TurnStart};
use crate::text::chat::{Message, Prompt};
use crate::turn::Generation;
use ahead::Ahead;
pub(crate) use begin::Request;
pub(crate) use compute::Fallback;
pub(crate) use fitting::Dropped;
pub use fitting::OnContextFull;
pub(crate) use prefix::Reused;
pub use prefix::SharedPrefix;

/// One conversation with its key-value cache.
pub struct Session {
    pub(crate) facts: Arc<ModelFacts>,
    pub(crate) placement: Placement,
    pub(crate) decoder: Box<dyn Decoder>,
    /// The tokens in the decoder's cache, without those of `ahead`.
    cached: Vec<u32>,
    ahead: Ahead,
    messages: Vec<Message>,
    /// Beginnings shared by the model's sessions.
    prefix_cache: Option<Arc<PrefixCache>>,
    /// The file that this session is kept in.
    journal: Option<Journal>,
    /// A turn that was suspended, or that an earlier process left unfinished.
    unfinished: Option<(TurnStart, Vec<Progress>)>,
    /// What goes on where the device fails in the middle.
    fallback: Option<Fallback>,
    /// A better device, once its graphs are compiled.
    compilation: Option<Arc<Compilation>>,
    /// How hard the decoder was told to work.
    effort: Effort,
    /// It runs on another device than before, and nobody was told yet.
    has_moved: bool,
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
            ahead: Ahead::default(),
            messages: Vec::new(),
            prefix_cache: None,
            journal: None,
            unfinished: None,
            fallback: None,
            compilation: None,
            effort: Effort::Full,
            has_moved: false,
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

    /// The most tokens of one call.
    pub(crate) fn chunk_tokens(&self) -> usize {
        self.decoder.chunk_tokens()
    }

    /// Another session that goes on from here: the same conversation, the same cache and the same unfinished
    /// turn, and from then on neither knows of the other. It is kept in no file.
    ///
    /// # Errors
    /// [`Error::Decoder`] where memory for the cache is short.
    pub fn fork(&self) -> Result<Self, Error> {
        let mut fork =
            Self::with_decoder(Arc::clone(&self.facts), self.placement.clone(), self.decoder.fork()?);
        fork.cached.clone_from(&self.cached);
        fork.drop_ahead();
        fork.set_effort(self.effort);
        fork.messages.clone_from(&self.messages);
        fork.unfinished.clone_from(&self.unfinished);
        fork.prefix_cache.clone_from(&self.prefix_cache);
        fork.compilation.clone_from(&self.compilation);
        Ok(fork)
    }

    /// Goes on with the turn that was suspended or that an earlier process left unfinished, as if it had not been
    /// interrupted: its events come again from the beginning, the saved ones at once. Of `options`, only `cancel`,
    /// `answer_now` and `save_now` count; the others are those that the turn began with. A limit of time starts anew.
    ///
    /// # Errors
    /// [`crate::snapshot::SnapshotError::NothingToResume`], and as [`Session::ask`].
    pub fn resume(&mut self, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.begin(Request::Resume, options)?;
        Ok(Generation::new(self, turn))
    }

    /// Has the device work harder or thriftier from here on, where it can.
    pub(crate) fn set_effort(&mut self, effort: Effort) {
        if std::mem::replace(&mut self.effort, effort) != effort {
            self.tell_effort();
        }
    }

    /// Tells the decoder, which may be another one than before, how hard to work.
    fn tell_effort(&mut self) {
        self.decoder.set_effort(self.effort);
        if let Some(threads) = self.decoder.threads() {
            self.has_moved |= std::mem::replace(&mut self.placement.threads, threads) != threads;
        }
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

    /// Forgets all but the first `len` tokens.
    fn rewind(&mut self, len: usize) {
        self.cached.truncate(len);
        self.drop_ahead();
        self.rewind_journal(len);
    }

    fn rewind_journal(&mut self, len: usize) {
        if let Some(journal) = &mut self.journal {
            journal.rewound(len);
        }
    }

    pub(crate) fn record_answer(&mut self, answer: Message) {
        self.messages.push(answer);
    }
}

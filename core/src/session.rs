//! One conversation: its messages, and the tokens that stand in the cache.
//!
//! Multi-turn is exact by construction: each turn renders the whole conversation as the template says, and the
//! cache is rewound to the first token that differs from what it holds. Where the template drops earlier
//! reasoning, that is the end of the user's turn, so only the answer and the new message are computed.

use std::sync::Arc;

use crate::chat::{Message, Prompt};
use crate::decoder::Decoder;
use crate::generate::{Generation, Turn};
use crate::model::ModelFacts;
use crate::provider::Placement;
use crate::{CancelToken, Error, Options};

/// One conversation with its key-value cache.
pub struct Session {
    pub(crate) facts: Arc<ModelFacts>,
    pub(crate) placement: Placement,
    pub(crate) decoder: Box<dyn Decoder>,
    /// The tokens in the decoder's cache.
    cached: Vec<u32>,
    messages: Vec<Message>,
}

impl Session {
    /// A session on a decoder of one's own, for tests: see [`crate::decoder::scripted`].
    #[must_use]
    pub fn with_decoder(facts: Arc<ModelFacts>, placement: Placement, decoder: Box<dyn Decoder>) -> Self {
        Self { facts, placement, decoder, cached: Vec::new(), messages: Vec::new() }
    }

    /// Adds a user's message and answers it.
    ///
    /// # Errors
    /// [`Error`]; the message is then not added.
    pub fn ask(&mut self, text: &str, options: &Options) -> Result<Generation<'_>, Error> {
        self.messages.push(Message::user(text));
        match self.turn(options) {
            Ok(turn) => Ok(Generation::start(self, turn, true)),
            Err(error) => {
                self.messages.pop();
                Err(error)
            }
        }
    }

    /// Answers the messages as they stand.
    ///
    /// # Errors
    /// [`Error`].
    pub fn respond(&mut self, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = self.turn(options)?;
        Ok(Generation::start(self, turn, true))
    }

    /// Continues a prompt that is given as it is; messages play no part in it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn generate(&mut self, prompt: Prompt, options: &Options) -> Result<Generation<'_>, Error> {
        let turn = Turn::new(&self.facts, prompt, options)?;
        Ok(Generation::start(self, turn, false))
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

    fn turn(&self, options: &Options) -> Result<Turn, Error> {
        let prompt = self.facts.template.prompt(&self.facts.tokenizer, &self.messages)?;
        Turn::new(&self.facts, prompt, options)
    }

    /// Rewinds the cache to what it shares with `ids` and returns how many tokens that are. At least one token
    /// is left to compute, because only a run gives logits.
    pub(crate) fn reuse(&mut self, ids: &[u32]) -> usize {
        let shared = self.cached.iter().zip(ids).take_while(|(cached, id)| cached == id).count();
        let reused = shared.min(ids.len().saturating_sub(1));
        self.cached.truncate(reused);
        self.decoder.rewind(reused);
        reused
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

//! A sequence: tokens in a decoder's cache, and where they are computed.
//!
//! Tokens come in by [`Sequence::reuse`] (what the cache holds already, and what the prefix cache knows),
//! [`Sequence::prefill`], [`Sequence::decode`] and [`Sequence::decode_ahead`]; [`Sequence::logits`] are those after the last
//! one.
//!
//! A sequence may move. Where its device fails in the middle, it makes a decoder on the CPU, computes there what was cached,
//! and repeats the one call that failed: no token is sampled twice, so no text comes twice. Logits that are no numbers count
//! as a failure there. When a turn begins, [`Sequence::take_compiled`] moves it to a device whose graphs were compiled in
//! the background: its cache is of another form, so it starts empty there and the prompt is computed anew.

mod ahead;
mod compilation;
mod fallback;
pub mod prefix_cache;

use std::sync::Arc;

use wheelwork_package::card::KvForm;

use crate::control::CancelToken;
use crate::decoder::effort::Effort;
use crate::decoder::error::DecoderError;
use crate::decoder::logits;
use crate::decoder::traits::Decoder;
use crate::device::{NotUsedReason, Placement, Refusal};
use crate::error::Error;
use crate::facts::{ModelFacts, ModelIdentity};
use ahead::Ahead;
pub(crate) use compilation::Ready;
pub use compilation::{Compilation, CompilationState};
pub(crate) use fallback::Fallback;
use prefix_cache::{BLOCK_TOKENS, PrefixCache, PrefixError};

/// A decoder with the tokens in its cache.
pub(crate) struct Sequence {
    facts: Arc<ModelFacts>,
    placement: Placement,
    decoder: Box<dyn Decoder>,
    /// The tokens in the decoder's cache, without those of `ahead`.
    cached: Vec<u32>,
    /// Of these, the first ones that have not changed since [`Sequence::mark_saved`].
    unchanged_tokens: usize,
    ahead: Ahead,
    /// Prefixes shared by the model's sequences.
    prefix_cache: Option<Arc<PrefixCache>>,
    /// What goes on where the device fails in the middle. Without it the failure ends the turn.
    fallback: Option<Fallback>,
    /// A better device, once its graphs are compiled.
    compilation: Option<Arc<Compilation>>,
    /// How hard the decoder was told to work.
    effort: Effort,
    /// It runs elsewhere or otherwise than before, and nobody was told yet.
    has_moved: bool,
}

/// Tokens of a prompt that stand in the cache before it is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reused {
    /// All of them.
    pub(crate) tokens: usize,
    /// Of these, tokens that came from the prefix cache.
    pub(crate) prefix_tokens: usize,
}

/// What [`crate::Session::share_prefix`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedPrefix {
    /// Tokens of the shared prefix.
    pub tokens: usize,
    /// Of these, tokens that had to be computed.
    pub computed_tokens: usize,
}

impl Sequence {
    /// A sequence whose decoder holds `cached`.
    pub(crate) fn new(
        facts: Arc<ModelFacts>,
        placement: Placement,
        decoder: Box<dyn Decoder>,
        cached: Vec<u32>,
    ) -> Self {
        Self {
            facts,
            placement,
            decoder,
            cached,
            unchanged_tokens: 0,
            ahead: Ahead::default(),
            prefix_cache: None,
            fallback: None,
            compilation: None,
            effort: Effort::Full,
            has_moved: false,
        }
    }

    /// Equips the sequence as its model does all of them.
    pub(crate) fn equip(
        &mut self,
        fallback: Option<Fallback>,
        compilation: Option<Arc<Compilation>>,
        prefix_cache: Option<Arc<PrefixCache>>,
    ) {
        (self.fallback, self.compilation, self.prefix_cache) = (fallback, compilation, prefix_cache);
    }

    pub(crate) fn set_fallback(&mut self, fallback: Fallback) {
        self.fallback = Some(fallback);
    }

    pub(crate) fn set_prefix_cache(&mut self, cache: Arc<PrefixCache>) {
        self.prefix_cache = Some(cache);
    }

    /// Another sequence of the same tokens; the two know nothing of each other.
    pub(crate) fn fork(&self) -> Result<Self, DecoderError> {
        let mut fork = Self::new(
            Arc::clone(&self.facts),
            self.placement.clone(),
            self.decoder.fork()?,
            self.cached.clone(),
        );
        fork.drop_ahead();
        fork.set_effort(self.effort);
        fork.equip(None, self.compilation.clone(), self.prefix_cache.clone());
        Ok(fork)
    }

    pub(crate) fn facts(&self) -> &Arc<ModelFacts> {
        &self.facts
    }

    pub(crate) fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The tokens in the cache.
    pub(crate) fn cached(&self) -> &[u32] {
        &self.cached
    }

    /// The decoder, whose cache holds [`Sequence::cached`] first.
    pub(crate) fn decoder(&self) -> &dyn Decoder {
        &*self.decoder
    }

    /// The most tokens of one call.
    pub(crate) fn chunk_tokens(&self) -> usize {
        self.decoder.chunk_tokens()
    }

    /// Logits after the last token, `[vocab_size]`.
    pub(crate) fn logits(&mut self) -> &mut [f32] {
        self.decoder.logits()
    }

    /// What the cache belongs to, and its form.
    pub(crate) fn identity(&self) -> (ModelIdentity, KvForm) {
        (self.facts.identity(&self.placement.variant), self.placement.kv_cache)
    }

    /// The first cached tokens that are as they were at the last [`Sequence::mark_saved`].
    pub(crate) fn unchanged_tokens(&self) -> usize {
        self.unchanged_tokens
    }

    /// Counts what changes from here on.
    pub(crate) fn mark_saved(&mut self) {
        self.unchanged_tokens = self.cached.len();
    }

    /// Whether it runs elsewhere or otherwise since this was last asked.
    pub(crate) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// See [`Decoder::make_room`].
    pub(crate) fn make_room(&mut self, tokens: usize) {
        self.drop_ahead();
        self.decoder.make_room(tokens);
    }

    /// Computes `ids` behind what is cached, in chunks. A failed or interrupted call keeps the finished chunks.
    pub(crate) fn prefill(&mut self, ids: &[u32], cancel: &CancelToken) -> Result<(), Error> {
        self.drop_ahead();
        let mut rest = ids;
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(rest.len().min(self.decoder.chunk_tokens()));
            if self.compute(chunk, cancel, |decoder| decoder.prefill(chunk))? {
                rest = behind;
            }
        }
        Ok(())
    }

    /// Computes one token behind what is cached.
    pub(crate) fn decode(&mut self, token: u32, cancel: &CancelToken) -> Result<(), Error> {
        self.drop_ahead();
        while !self.compute(&[token], cancel, |decoder| decoder.decode(token))? {}
        Ok(())
    }

    /// Computes one token and a draft of those behind it in one call; false, and nothing is done, where the decoder cannot.
    pub(crate) fn decode_ahead(
        &mut self,
        token: u32,
        draft: &[u32],
        cancel: &CancelToken,
    ) -> Result<bool, Error> {
        self.drop_ahead();
        let is_computed = {
            let _attached = cancel.attach(self.decoder.interrupt());
            self.ahead.compute(&mut *self.decoder, token, draft)?
        };
        if is_computed {
            self.cached.push(token);
        } else {
            self.drop_ahead();
        }
        Ok(is_computed)
    }

    /// Whether a token was computed ahead; it is then cached and its logits are the decoder's.
    pub(crate) fn take_ahead(&mut self, token: u32) -> bool {
        let is_taken = self.ahead.take(&mut *self.decoder, token);
        if is_taken {
            self.cached.push(token);
        } else {
            self.drop_ahead();
        }
        is_taken
    }

    /// Rewinds the cache to what it shares with `ids`, and appends what the prefix cache knows beyond that, with at least
    /// one token left to compute, because only a run gives logits.
    pub(crate) fn reuse(&mut self, ids: &[u32]) -> Result<Reused, Error> {
        self.take_over(ids.split_last().map_or(&[], |(_, before)| before))
    }

    /// Computes `ids` as far as they are not known, and keeps their keys and values for the model's other sequences.
    pub(crate) fn share_prefix(&mut self, ids: &[u32], cancel: &CancelToken) -> Result<SharedPrefix, Error> {
        let cache = Arc::clone(self.prefix_cache.as_ref().ok_or(PrefixError::Off)?);
        cache.check_size(ids.len(), self.decoder.kv_bytes_per_token())?;
        let reused = self.take_over(ids)?;
        self.prefill(&ids[reused.tokens..], cancel)?;
        cache.store(ids, &*self.decoder)?;
        Ok(SharedPrefix { tokens: ids.len(), computed_tokens: ids.len() - reused.tokens })
    }

    /// Whether prefixes can be shared.
    pub(crate) fn has_prefix_cache(&self) -> bool {
        self.prefix_cache.is_some()
    }

    /// Has the device work harder or thriftier from here on, where it can.
    pub(crate) fn set_effort(&mut self, effort: Effort) {
        if std::mem::replace(&mut self.effort, effort) != effort {
            self.tell_effort();
        }
    }

    /// Moves to the device whose graphs are compiled by now, if there is one. Where that fails the sequence stays, and its
    /// placement says why.
    pub(crate) fn take_compiled(&mut self) {
        let Some(outcome) = self.compilation.as_ref().and_then(|compilation| compilation.ready()) else {
            return;
        };
        let moved = match outcome {
            // The device holds shorter sequences: who has used up half of one would soon be at the end.
            Ok(ready) if self.cached.len() > ready.facts.context_length / 2 => return,
            Ok(ready) => self.begin_on(&ready),
            Err(refusal) => Err(refusal),
        };
        self.compilation = None;
        if let Err((reason, detail)) = moved {
            let mut rows = self.placement.not_used.iter_mut();
            if let Some(row) = rows.find(|row| row.reason == NotUsedReason::Compiling) {
                (row.reason, row.detail) = (reason, detail);
            }
        }
    }

    /// One call of the decoder that appends `tokens`. False where it failed and the sequence goes on elsewhere: the call is
    /// to be made again.
    fn compute(
        &mut self,
        tokens: &[u32],
        cancel: &CancelToken,
        call: impl FnOnce(&mut dyn Decoder) -> Result<(), DecoderError>,
    ) -> Result<bool, Error> {
        let result = {
            let _attached = cancel.attach(self.decoder.interrupt());
            call(&mut *self.decoder)
        };
        match result.and_then(|()| self.check_logits(tokens.len())) {
            Ok(()) => {
                self.cached.extend_from_slice(tokens);
                Ok(true)
            }
            Err(error) => self.go_on_elsewhere(error, cancel).map(|()| false),
        }
    }

    /// Nothing is sampled from a device's logits that are no numbers while another can compute them.
    fn check_logits(&mut self, tokens: usize) -> Result<(), DecoderError> {
        if self.fallback.is_none() || logits::are_valid(self.decoder.logits()) {
            return Ok(());
        }
        let cached = self.cached.len();
        self.decoder.rewind(cached);
        Err(DecoderError::Run { tokens, cached, message: "its logits are no numbers".to_owned() })
    }

    /// Makes another decoder and computes there what was cached, once. Any error but that of a run stays what it is.
    fn go_on_elsewhere(&mut self, error: DecoderError, cancel: &CancelToken) -> Result<(), Error> {
        let (DecoderError::Run { message, .. } | DecoderError::OutOfMemory { message, .. }) = &error else {
            return Err(error.into());
        };
        let Some(fallback) = self.fallback.take() else { return Err(error.into()) };
        let (placement, mut decoder) = fallback.decoder(&self.placement, message.clone())?;
        let result = {
            let _attached = cancel.attach(decoder.interrupt());
            let mut chunks = self.cached.chunks(decoder.chunk_tokens());
            chunks.try_for_each(|chunk| decoder.prefill(chunk))
        };
        if let Err(error) = result {
            // Interrupted: the next turn may try again.
            self.fallback = Some(fallback);
            return Err(error.into());
        }
        self.move_to(placement, decoder);
        Ok(())
    }

    fn begin_on(&mut self, ready: &Ready) -> Result<(), Refusal> {
        let decoder =
            (ready.decoder)().map_err(|error| (NotUsedReason::SessionFailed, Some(error.to_string())))?;
        self.facts = Arc::clone(&ready.facts);
        self.fallback.clone_from(&ready.fallback);
        self.cached.clear();
        self.move_to(ready.placement.clone(), decoder);
        Ok(())
    }

    /// Computes on another decoder from here on, which holds what is cached.
    fn move_to(&mut self, placement: Placement, decoder: Box<dyn Decoder>) {
        (self.placement, self.decoder) = (placement, decoder);
        self.tell_effort();
        // What is shared was computed by the other decoder and may have another form.
        self.prefix_cache = None;
        self.unchanged_tokens = 0;
        self.has_moved = true;
    }

    /// Tells the decoder, which may be another one than before, how hard to work.
    fn tell_effort(&mut self) {
        self.decoder.set_effort(self.effort);
        if let Some(threads) = self.decoder.threads() {
            self.has_moved |= std::mem::replace(&mut self.placement.threads, threads) != threads;
        }
    }

    fn take_over(&mut self, ids: &[u32]) -> Result<Reused, Error> {
        let own = common_tokens(&self.cached, ids);
        self.cached.truncate(own);
        self.unchanged_tokens = self.unchanged_tokens.min(own);
        self.drop_ahead();
        let filled = match &self.prefix_cache {
            Some(cache) => cache.fill(ids, &mut *self.decoder),
            None => Ok(own),
        };
        // After an error, too, the cache holds some first tokens of `ids`.
        let tokens = self.decoder.len();
        if tokens != own {
            // Blocks are written whole, also over tokens of the sequence's own.
            self.unchanged_tokens = self.unchanged_tokens.min(tokens).min(own - own % BLOCK_TOKENS);
            self.cached.clear();
            self.cached.extend_from_slice(&ids[..tokens]);
        }
        filled?;
        Ok(Reused { tokens, prefix_tokens: tokens - own })
    }

    /// Has the decoder hold what is cached and no more.
    fn drop_ahead(&mut self) {
        self.ahead.clear();
        let cached = self.cached.len();
        if self.decoder.len() > cached {
            self.decoder.rewind(cached);
        }
    }
}

/// Tokens at the start of both.
pub(crate) fn common_tokens(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

//! One sequence on a graph that takes any length ([`OrtModel`]).
//!
//! Every buffer is bound once and written in place: a step of one token changes eight bytes of `input_ids`, one mask
//! entry, and runs. The attention mask of a step spans the whole cache with ones for the tokens so far, so that its
//! shape and address stay the same from step to step (the graph only takes its sum and its length).

use std::ops::Range;
use std::sync::Arc;

use ::ort::session::{NoSelectedOutputs, RunOptions};

use super::bound::Bound;
use super::cache::{self, Cache};
use super::errors;
use super::model::OrtModel;
use super::run_modes::Terminate;
use crate::control::Interrupt;
use crate::decoder::effort::Effort;
use crate::decoder::error::DecoderError;
use crate::decoder::kv::{FIRST_CAPACITY_TOKENS, KvRange, capacity_for, grown_capacity};
use crate::decoder::traits::Decoder;

/// One sequence on a loaded graph.
pub(crate) struct OrtDecoder {
    /// With all threads.
    home: Arc<OrtModel>,
    /// What computes now.
    model: Arc<OrtModel>,
    len: usize,
    cache: Box<dyn Cache>,
    /// For steps of one token: everything stays bound. Its logits are those of the last run.
    step: Bound,
    run_options: Arc<RunOptions<NoSelectedOutputs>>,
}

impl OrtDecoder {
    /// Starts an empty sequence.
    pub(crate) fn start(model: &Arc<OrtModel>) -> Result<Self, DecoderError> {
        let context = model.limits.context_length;
        let capacity = grown_capacity(0, FIRST_CAPACITY_TOKENS.min(context), context);
        let start = || {
            let mut cache = cache::zeros(model.shape, model.kv_form, capacity, &model.cache_place()?)?;
            let step = Bound::new(model, &mut *cache, (1, 1), capacity)?;
            let run_options = Arc::new(RunOptions::new()?);
            let [home, model] = [Arc::clone(model), Arc::clone(model)];
            Ok(Self { home, model, len: 0, cache, step, run_options })
        };
        start().map_err(|error: ::ort::Error| errors::no_cache(&error, model.shape, capacity, capacity, 0))
    }

    /// See [`crate::Model::kv_ranges`].
    pub(crate) fn kv_ranges(&self) -> Result<Option<Vec<KvRange>>, DecoderError> {
        self.cache.ranges(self.len).map_err(|error| errors::run(&error, 0, self.len))
    }

    /// Makes room for `more` tokens. What is cached stays where it is until the larger cache is complete.
    fn reserve(&mut self, more: usize) -> Result<(), DecoderError> {
        let (needed, capacity) = (self.len + more, self.cache.capacity_tokens());
        if needed > capacity {
            let capacity = grown_capacity(capacity, needed, self.model.limits.context_length);
            self.grow(capacity)
                .map_err(|error| errors::no_cache(&error, self.model.shape, capacity, more, self.len))?;
        }
        Ok(())
    }

    fn grow(&mut self, capacity: usize) -> ::ort::Result<()> {
        (self.cache, self.step) = self.copied(capacity)?;
        Ok(())
    }

    /// What is cached, in a cache of its own.
    fn copied(&self, capacity: usize) -> ::ort::Result<(Box<dyn Cache>, Bound)> {
        let mut cache = self.cache.grown(capacity, self.len, &self.model.cache_place()?)?;
        let step = Bound::new(&self.model, &mut *cache, (1, 1), capacity)?;
        Ok((cache, step))
    }

    /// Goes on with another session of the same graph.
    fn compute_on(&mut self, model: &Arc<OrtModel>) -> ::ort::Result<()> {
        let capacity = self.cache.capacity_tokens();
        let mut step = Bound::new(model, &mut *self.cache, (1, 1), capacity)?;
        step.logits_mut().copy_from_slice(self.step.logits_mut());
        (self.step, self.model) = (step, Arc::clone(model));
        Ok(())
    }

    /// Computes several tokens, and the logits of the last `rows` of them, or of all where the graph gives no fewer.
    fn compute_chunk(&mut self, tokens: &[u32], rows: usize) -> ::ort::Result<Bound> {
        let total = self.len + tokens.len();
        let mut bound = Bound::new(&self.model, &mut *self.cache, (tokens.len(), rows), total)?;
        bound.write(tokens, self.len);
        bound.run(&self.model, &self.run_options)?;
        self.step.logits_mut().copy_from_slice(bound.last_logits(self.model.vocab_size()));
        Ok(bound)
    }

    fn step(&mut self, token: u32) -> ::ort::Result<()> {
        self.step.write(&[token], self.len);
        self.step.run(&self.model, &self.run_options)
    }

    /// Counts the tokens of a good run.
    fn finish(&mut self, tokens: usize, result: ::ort::Result<()>) -> Result<(), DecoderError> {
        result.map_err(|error| errors::run(&error, tokens, self.len))?;
        self.len += tokens;
        Ok(())
    }
}

impl Decoder for OrtDecoder {
    fn len(&self) -> usize {
        self.len
    }

    fn chunk_tokens(&self) -> usize {
        self.model.limits.chunk_tokens
    }

    fn make_room(&mut self, tokens: usize) {
        let capacity = self.cache.capacity_tokens();
        let needed = self.len.saturating_add(tokens);
        let wanted = capacity_for(capacity, needed, self.model.limits.context_length);
        if wanted > capacity {
            // A hint, which may fail: a call that needs the room says so.
            let _ = self.grow(wanted);
        }
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.model.limits.check_chunk(tokens, self.len)?;
        self.reserve(tokens.len())?;
        let result = self.compute_chunk(tokens, 1).map(drop);
        self.finish(tokens.len(), result)
    }

    fn verify(&mut self, tokens: &[u32], rows: &mut Vec<f32>) -> Result<bool, DecoderError> {
        if !self.model.gives_rows() {
            return Ok(false);
        }
        self.model.limits.check_chunk(tokens, self.len)?;
        self.reserve(tokens.len())?;
        let result = self.compute_chunk(tokens, tokens.len());
        let result = result.map(|mut bound| rows.extend_from_slice(bound.logits_mut()));
        self.finish(tokens.len(), result)?;
        Ok(true)
    }

    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        self.model.limits.check_chunk(&[token], self.len)?;
        self.reserve(1)?;
        let result = self.step(token);
        self.finish(1, result)
    }

    fn rewind(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn logits(&mut self) -> &mut [f32] {
        self.step.logits_mut()
    }

    fn kv_bytes_per_token(&self) -> usize {
        self.model.limits.kv_bytes_per_token
    }

    fn read_kv(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), DecoderError> {
        let tokens = tokens.start..tokens.end.min(self.len);
        self.cache.read(tokens, bytes).map_err(|error| errors::run(&error, 0, self.len))
    }

    fn write_kv(&mut self, tokens: &[u32], bytes: &[u8]) -> Result<(), DecoderError> {
        self.model.limits.check_kv(tokens, self.len, bytes)?;
        self.reserve(tokens.len())?;
        let result = self.cache.write(self.len..self.len + tokens.len(), bytes);
        self.finish(tokens.len(), result)
    }

    fn fork(&self) -> Result<Box<dyn Decoder>, DecoderError> {
        let mut fork = Self::start(&self.home)?;
        let capacity = self.cache.capacity_tokens();
        (fork.cache, fork.step) = self
            .copied(capacity)
            .map_err(|error| errors::no_cache(&error, self.model.shape, capacity, self.len, 0))?;
        fork.model = Arc::clone(&self.model);
        fork.len = self.len;
        Ok(Box::new(fork))
    }

    fn set_effort(&mut self, effort: Effort) {
        let home = Arc::clone(&self.home);
        let wanted = match effort {
            Effort::PowerSaving => home.power_saving().unwrap_or(&home),
            Effort::Full => &home,
        };
        if !Arc::ptr_eq(wanted, &self.model) {
            // Without memory for another binding it goes on as it is, which the number of threads tells.
            let _ = self.compute_on(wanted);
        }
    }

    fn threads(&self) -> Option<usize> {
        Some(self.model.threads)
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        Arc::new(Terminate(vec![Arc::clone(&self.run_options)]))
    }
}

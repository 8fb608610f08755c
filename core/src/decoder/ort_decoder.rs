//! The decoder on ONNX Runtime: one sequence on a loaded graph ([`OrtModel`]).
//!
//! Every buffer is bound once and written in place: a step of one token changes eight bytes of `input_ids`, one mask
//! entry, and runs. The attention mask of a step spans the whole cache with ones for the tokens so far, so that its
//! shape and address stay the same from step to step (the graph only takes its sum and its length).

use std::ops::Range;
use std::sync::Arc;

use ::ort::session::{NoSelectedOutputs, RunOptions};

use super::ort_bound::Bound;
use super::ort_cache::OrtCache;
use super::ort_model::OrtModel;
use super::{Decoder, DecoderError, Effort};
use crate::control::Interrupt;
use crate::decoder::kv::{KvRange, grown_capacity};

/// Tokens of a prefill call for graphs that give the last token's logits only: large enough for full matrix
/// rates, small enough that activations stay below 100 MB at the 1.5B shape.
pub(crate) const CHUNK_TOKENS: usize = 512;
/// Tokens of a prefill call for graphs that give every token's logits: 64 rows of a 152k vocabulary are 39 MB.
pub(crate) const CHUNK_TOKENS_ALL_LOGITS: usize = 64;

/// One sequence on a loaded graph.
pub(crate) struct OrtDecoder {
    /// With all threads.
    home: Arc<OrtModel>,
    /// What computes now.
    model: Arc<OrtModel>,
    len: usize,
    cache: OrtCache,
    /// For steps of one token: everything stays bound. Its logits are those of the last run.
    step: Bound,
    run_options: Arc<RunOptions<NoSelectedOutputs>>,
}

impl OrtDecoder {
    pub(super) fn new(model: Arc<OrtModel>, capacity: usize) -> ::ort::Result<Self> {
        let mut cache = OrtCache::new(model.shape, model.kv_form, capacity, &model.cache_place()?)?;
        let step = Bound::new(&model, &mut cache, 1, capacity)?;
        Ok(Self {
            len: 0,
            step,
            cache,
            run_options: Arc::new(RunOptions::new()?),
            home: Arc::clone(&model),
            model,
        })
    }

    /// See [`crate::Model::kv_ranges`].
    pub(crate) fn kv_ranges(&self) -> Result<Option<Vec<KvRange>>, DecoderError> {
        self.cache.ranges(self.len).map_err(|error| self.cache_error(&error))
    }

    fn cache_error(&self, error: &::ort::Error) -> DecoderError {
        DecoderError::Run { tokens: 0, cached: self.len, message: error.to_string() }
    }

    fn check(&self, tokens: &[u32]) -> Result<(), DecoderError> {
        let limit = self.chunk_tokens();
        if tokens.is_empty() || tokens.len() > limit {
            return Err(DecoderError::ChunkSize { tokens: tokens.len(), limit });
        }
        self.check_tokens(tokens)
    }

    fn check_tokens(&self, tokens: &[u32]) -> Result<(), DecoderError> {
        let vocab_size = self.model.vocab_size;
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocab_size) {
            return Err(DecoderError::UnknownToken { token, vocab_size });
        }
        let limit = self.model.context_length;
        if self.len + tokens.len() > limit {
            return Err(DecoderError::ContextFull { cached: self.len, tokens: tokens.len(), limit });
        }
        Ok(())
    }

    /// Makes room for `more` tokens. What is cached stays where it is until the larger cache is complete.
    fn reserve(&mut self, more: usize) -> Result<(), DecoderError> {
        let (needed, capacity) = (self.len + more, self.cache.capacity_tokens());
        if needed > capacity {
            let capacity = grown_capacity(capacity, needed, self.model.context_length);
            let copy = self.copied(capacity);
            (self.cache, self.step) =
                copy.map_err(|error| self.model.no_cache(capacity, more, self.len, &error))?;
        }
        Ok(())
    }

    /// What is cached, in a cache of its own.
    fn copied(&self, capacity: usize) -> ::ort::Result<(OrtCache, Bound)> {
        let mut cache = self.cache.grown(capacity, self.len, &self.model.cache_place()?)?;
        let step = Bound::new(&self.model, &mut cache, 1, capacity)?;
        Ok((cache, step))
    }

    /// Goes on with another session of the same graph.
    fn compute_on(&mut self, model: &Arc<OrtModel>) -> ::ort::Result<()> {
        let capacity = self.cache.capacity_tokens();
        let mut step = Bound::new(model, &mut self.cache, 1, capacity)?;
        step.logits_mut().copy_from_slice(self.step.logits_mut());
        (self.step, self.model) = (step, Arc::clone(model));
        Ok(())
    }

    fn prefill_chunk(&mut self, tokens: &[u32]) -> ::ort::Result<()> {
        let total = self.len + tokens.len();
        let mut bound = Bound::new(&self.model, &mut self.cache, tokens.len(), total)?;
        bound.write(tokens, self.len);
        bound.run(&self.model, &self.run_options)?;
        self.step.logits_mut().copy_from_slice(bound.last_logits(self.model.vocab_size));
        Ok(())
    }

    fn step(&mut self, token: u32) -> ::ort::Result<()> {
        self.step.write(&[token], self.len);
        self.step.run(&self.model, &self.run_options)
    }

    /// Turns ONNX Runtime's status into ours and counts the tokens of a good run.
    fn finish(&mut self, tokens: usize, result: ::ort::Result<()>) -> Result<(), DecoderError> {
        match result {
            Ok(()) => {
                self.len += tokens;
                Ok(())
            }
            Err(error) if error.to_string().contains("terminate flag") => Err(DecoderError::Interrupted),
            Err(error) => {
                let (cached, message) = (self.len, error.to_string());
                Err(if is_allocation(&message) {
                    DecoderError::OutOfMemory { tokens, cached, message }
                } else {
                    DecoderError::Run { tokens, cached, message }
                })
            }
        }
    }
}

impl Decoder for OrtDecoder {
    fn len(&self) -> usize {
        self.len
    }

    fn context_length(&self) -> usize {
        self.model.context_length
    }

    fn chunk_tokens(&self) -> usize {
        if self.model.all_logits { CHUNK_TOKENS_ALL_LOGITS } else { CHUNK_TOKENS }
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.check(tokens)?;
        self.reserve(tokens.len())?;
        let result = self.prefill_chunk(tokens);
        self.finish(tokens.len(), result)
    }

    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        self.check(&[token])?;
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
        usize::try_from(self.model.shape.bytes(1)).unwrap_or(usize::MAX)
    }

    fn read_kv(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), DecoderError> {
        let tokens = tokens.start..tokens.end.min(self.len);
        self.cache.read(tokens, bytes).map_err(|error| self.cache_error(&error))
    }

    fn write_kv(&mut self, tokens: &[u32], bytes: &[u8]) -> Result<(), DecoderError> {
        self.check_tokens(tokens)?;
        let expected = self.kv_bytes_per_token().saturating_mul(tokens.len());
        if bytes.len() != expected {
            return Err(DecoderError::KvBytes { bytes: bytes.len(), tokens: tokens.len(), expected });
        }
        self.reserve(tokens.len())?;
        let result = self.cache.write(self.len..self.len + tokens.len(), bytes);
        self.finish(tokens.len(), result)
    }

    fn fork(&self) -> Result<Box<dyn Decoder>, DecoderError> {
        let mut fork = self.home.decoder()?;
        let capacity = self.cache.capacity_tokens();
        let copy = self.copied(capacity);
        (fork.cache, fork.step) = copy.map_err(|error| self.model.no_cache(capacity, self.len, 0, &error))?;
        fork.model = Arc::clone(&self.model);
        fork.len = self.len;
        Ok(Box::new(fork))
    }

    fn set_effort(&mut self, effort: Effort) {
        let home = Arc::clone(&self.home);
        let wanted = match (effort, home.sparing()) {
            (Effort::Sparing, Some(sparing)) => sparing.model().unwrap_or(&home),
            (Effort::Sparing, None) | (Effort::Full, _) => &home,
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
        Arc::new(Terminate(Arc::clone(&self.run_options)))
    }
}

/// Whether ONNX Runtime failed for want of memory, which it tells in words alone.
fn is_allocation(message: &str) -> bool {
    ["Failed to allocate memory", "bad_alloc", "bad allocation"].iter().any(|words| message.contains(words))
}

/// Ends runs through ONNX Runtime's terminate flag, which is read between two nodes of the graph.
pub(super) struct Terminate(pub(super) Arc<RunOptions<NoSelectedOutputs>>);

impl Interrupt for Terminate {
    fn interrupt(&self) {
        // Setting a flag cannot fail in a way that anyone could act on.
        let _ = self.0.terminate();
    }

    fn clear(&self) {
        let _ = self.0.unterminate();
    }
}

//! A decoder that fails after some runs, as a device does whose driver is reset.
//!
//! For tests of everything above the decoder, here and in apps: [`crate::Model::session_through`].

use std::ops::Range;
use std::sync::Arc;

use super::effort::Effort;
use super::error::DecoderError;
use super::traits::Decoder;
use crate::control::Interrupt;

/// Does what another decoder does, until its runs are used up.
pub struct FailingDecoder {
    inner: Box<dyn Decoder>,
    runs_left: usize,
}

impl FailingDecoder {
    /// A decoder that computes `runs` calls and fails from then on.
    #[must_use]
    pub fn new(inner: Box<dyn Decoder>, runs: usize) -> Self {
        Self { inner, runs_left: runs }
    }

    fn take_run(&mut self, tokens: usize) -> Result<(), DecoderError> {
        self.runs_left = self.runs_left.checked_sub(1).ok_or_else(|| DecoderError::Run {
            tokens,
            cached: self.inner.len(),
            message: "the device was made to fail".to_owned(),
        })?;
        Ok(())
    }
}

impl Decoder for FailingDecoder {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn context_length(&self) -> usize {
        self.inner.context_length()
    }

    fn chunk_tokens(&self) -> usize {
        self.inner.chunk_tokens()
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.take_run(tokens.len())?;
        self.inner.prefill(tokens)
    }

    fn verify(&mut self, tokens: &[u32], rows: &mut Vec<f32>) -> Result<bool, DecoderError> {
        self.take_run(tokens.len())?;
        self.inner.verify(tokens, rows)
    }

    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        self.take_run(1)?;
        self.inner.decode(token)
    }

    fn rewind(&mut self, len: usize) {
        self.inner.rewind(len);
    }

    fn logits(&mut self) -> &mut [f32] {
        self.inner.logits()
    }

    fn kv_bytes_per_token(&self) -> usize {
        self.inner.kv_bytes_per_token()
    }

    fn read_kv(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), DecoderError> {
        self.inner.read_kv(tokens, bytes)
    }

    fn write_kv(&mut self, tokens: &[u32], bytes: &[u8]) -> Result<(), DecoderError> {
        self.inner.write_kv(tokens, bytes)
    }

    fn fork(&self) -> Result<Box<dyn Decoder>, DecoderError> {
        Ok(Box::new(Self { inner: self.inner.fork()?, runs_left: self.runs_left }))
    }

    fn set_effort(&mut self, effort: Effort) {
        self.inner.set_effort(effort);
    }

    fn threads(&self) -> Option<usize> {
        self.inner.threads()
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        self.inner.interrupt()
    }
}

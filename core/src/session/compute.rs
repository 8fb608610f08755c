//! Computing tokens behind what is cached, on the device or, once that has failed, on what stands in for it.
//!
//! A device may fail in the middle of a turn. The session then makes a decoder on the processor, computes there what
//! was cached, and repeats the one call that failed: no token is sampled twice, so no text comes twice. Logits that are
//! no numbers count as a failure there.

use std::sync::Arc;

use super::Session;
use crate::control::CancelToken;
use crate::decoder::{Decoder, DecoderError};
use crate::device::Placement;
use crate::error::Error;

/// Makes what stands in for a device that failed.
#[derive(Clone)]
pub(crate) struct Fallback(Arc<Make>);

/// From where the session ran and what was said there, to where it runs now and an empty decoder.
type Make = dyn Fn(&Placement, String) -> Result<(Placement, Box<dyn Decoder>), Error> + Send + Sync;

impl Fallback {
    pub(crate) fn new(
        make: impl Fn(&Placement, String) -> Result<(Placement, Box<dyn Decoder>), Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }
}

impl Session {
    /// Lets the session go on elsewhere where its device fails. Without it the failure ends the turn.
    pub(crate) fn with_fallback(self, fallback: Option<Fallback>) -> Self {
        Self { fallback, ..self }
    }

    /// As a [`crate::Model`] that may fall back equips its sessions, for tests: see [`crate::decoder::scripted`]. `make`
    /// is called at most once, with where the session ran and what was said there, and gives where it runs now and an
    /// empty decoder.
    #[must_use]
    pub fn with_stand_in(
        self,
        make: impl Fn(&Placement, String) -> Result<(Placement, Box<dyn Decoder>), Error> + Send + Sync + 'static,
    ) -> Self {
        self.with_fallback(Some(Fallback::new(make)))
    }

    /// Whether the session goes on elsewhere since it was last asked.
    pub(crate) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Computes `ids` behind what is cached, in chunks. A failed or interrupted call keeps the finished chunks.
    pub(crate) fn prefill(&mut self, ids: &[u32], cancel: &CancelToken) -> Result<(), Error> {
        self.drop_ahead();
        let mut rest = ids;
        while !rest.is_empty() {
            let chunk = rest.get(..self.decoder.chunk_tokens()).unwrap_or(rest);
            let result = {
                let _attached = cancel.attach(self.decoder.interrupt());
                self.decoder.prefill(chunk)
            };
            match result.and_then(|()| self.check_logits(chunk.len())) {
                Ok(()) => {
                    self.cached.extend_from_slice(chunk);
                    rest = rest.get(chunk.len()..).unwrap_or_default();
                }
                Err(error) => self.go_on_elsewhere(error, cancel)?,
            }
        }
        Ok(())
    }

    /// Computes one token behind what is cached.
    pub(crate) fn decode(&mut self, token: u32, cancel: &CancelToken) -> Result<(), Error> {
        self.drop_ahead();
        loop {
            let result = {
                let _attached = cancel.attach(self.decoder.interrupt());
                self.decoder.decode(token)
            };
            match result.and_then(|()| self.check_logits(1)) {
                Ok(()) => {
                    self.cached.push(token);
                    return Ok(());
                }
                Err(error) => self.go_on_elsewhere(error, cancel)?,
            }
        }
    }

    /// Nothing is sampled from a device's logits that are no numbers while another can compute them.
    fn check_logits(&mut self, tokens: usize) -> Result<(), DecoderError> {
        let is_number = |logit: &f32| !logit.is_nan() && *logit < f32::INFINITY;
        if self.fallback.is_none() || self.decoder.logits().iter().all(is_number) {
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
        let (placement, mut decoder) = (fallback.0)(&self.placement, message.clone())?;
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
        self.move_to(placement, decoder)
    }

    /// Computes on another decoder from here on, which holds what is cached.
    pub(super) fn move_to(&mut self, placement: Placement, decoder: Box<dyn Decoder>) -> Result<(), Error> {
        (self.placement, self.decoder) = (placement, decoder);
        self.tell_effort();
        // What is shared was computed by the other decoder and may have another form.
        self.prefix_cache = None;
        self.has_moved = true;
        let binding = self.binding();
        if let Some(journal) = &mut self.journal {
            journal.rebind(&binding)?;
        }
        Ok(())
    }
}

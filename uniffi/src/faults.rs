//! Faults on demand, and a look at what was computed, for the tests of the language border. Behind the feature
//! `faults`, which no library that ships has.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wheelwork::decoder::{Decoder, DecoderError, Interrupt};

use crate::{ChatHandle, EngineHandle, FfiError};

/// Counts the tokens that the conversations it makes compute, and breaks them.
#[derive(uniffi::Object, Default)]
pub struct Probe {
    decoded: Arc<AtomicU32>,
}

#[uniffi::export]
impl Probe {
    /// Nothing computed yet.
    #[uniffi::constructor]
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A conversation whose decoder is counted and, where `panic_at` is given, panics instead of computing that token.
    ///
    /// # Errors
    /// As [`EngineHandle::chat`].
    pub fn chat(&self, engine: &EngineHandle, panic_at: Option<u32>) -> Result<Arc<ChatHandle>, FfiError> {
        let model = engine.engine()?.model().clone();
        let decoded = Arc::clone(&self.decoded);
        engine.adopt(model.session_through(|inner| Box::new(Probed { inner, decoded, panic_at }))?)
    }

    /// Tokens computed one by one, in all conversations.
    #[must_use]
    pub fn decoded_tokens(&self) -> u32 {
        self.decoded.load(Ordering::SeqCst)
    }

    /// Panics in a call on a conversation.
    ///
    /// # Errors
    /// `panicked`.
    #[allow(clippy::panic, reason = "it is the fault that is wanted")]
    pub fn panic_in(&self, chat: &ChatHandle) -> Result<(), FfiError> {
        chat.with(|_| panic!("a fault on demand"))
    }
}

/// A decoder that is looked at.
struct Probed {
    inner: Box<dyn Decoder>,
    decoded: Arc<AtomicU32>,
    panic_at: Option<u32>,
}

impl Decoder for Probed {
    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        let count = self.decoded.fetch_add(1, Ordering::SeqCst) + 1;
        assert_ne!(Some(count), self.panic_at, "a fault on demand");
        self.inner.decode(token)
    }

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
        self.inner.prefill(tokens)
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
        let (decoded, panic_at) = (Arc::clone(&self.decoded), self.panic_at);
        Ok(Box::new(Self { inner: self.inner.fork()?, decoded, panic_at }))
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        self.inner.interrupt()
    }
}

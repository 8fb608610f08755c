//! A decoder with a hook before each of its runs: it counts them, fails as a device does whose driver is reset, or panics.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wheelwork::decoder::{Decoder, DecoderError, Effort, Interrupt};

/// A call that is about to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// [`Decoder::prefill`] of so many tokens.
    Prefill(usize),
    /// [`Decoder::verify`] of so many tokens.
    Verify(usize),
    /// [`Decoder::decode`].
    Decode,
}

impl Run {
    /// How many tokens it computes.
    #[must_use]
    pub fn tokens(self) -> usize {
        match self {
            Self::Prefill(tokens) | Self::Verify(tokens) => tokens,
            Self::Decode => 1,
        }
    }
}

type Hook = dyn Fn(Run) -> Result<(), String> + Send + Sync;

/// Does what another decoder does, after its hook let it. Forks share the hook.
pub struct HookedDecoder {
    inner: Box<dyn Decoder>,
    hook: Arc<Hook>,
}

impl HookedDecoder {
    /// Calls `hook` before each run; what it says instead of `Ok` is what the run fails with.
    #[must_use]
    pub fn new(
        inner: Box<dyn Decoder>,
        hook: impl Fn(Run) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { inner, hook: Arc::new(hook) }
    }

    /// Computes `runs` calls and fails from then on.
    #[must_use]
    pub fn failing_after(inner: Box<dyn Decoder>, runs: usize) -> Self {
        let done = AtomicUsize::new(0);
        Self::new(inner, move |_| match done.fetch_add(1, Ordering::SeqCst) {
            before if before < runs => Ok(()),
            _ => Err("the device was made to fail".to_owned()),
        })
    }

    fn before(&self, run: Run) -> Result<(), DecoderError> {
        (self.hook)(run).map_err(|message| DecoderError::Run {
            tokens: run.tokens(),
            cached: self.inner.len(),
            message,
        })
    }
}

impl Decoder for HookedDecoder {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn chunk_tokens(&self) -> usize {
        self.inner.chunk_tokens()
    }

    fn make_room(&mut self, tokens: usize) {
        self.inner.make_room(tokens);
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.before(Run::Prefill(tokens.len()))?;
        self.inner.prefill(tokens)
    }

    fn verify(&mut self, tokens: &[u32], rows: &mut Vec<f32>) -> Result<bool, DecoderError> {
        self.before(Run::Verify(tokens.len()))?;
        self.inner.verify(tokens, rows)
    }

    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        self.before(Run::Decode)?;
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
        Ok(Box::new(Self { inner: self.inner.fork()?, hook: Arc::clone(&self.hook) }))
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

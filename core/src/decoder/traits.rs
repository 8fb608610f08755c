//! What every decoder does.

use std::ops::Range;
use std::sync::Arc;

use super::effort::Effort;
use super::error::DecoderError;
use crate::control::Interrupt;

/// One sequence (batch 1) with its cache.
pub trait Decoder: Send {
    /// Tokens in the cache.
    fn len(&self) -> usize;

    /// True for a cache without tokens.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most tokens that one [`Decoder::prefill`] takes; a caller cuts longer prompts.
    fn chunk_tokens(&self) -> usize;

    /// Makes room for so many more tokens at once, so that what is cached need not be copied while they come. A hint: where memory is
    /// short nothing is done, and whoever comes so far is told then.
    fn make_room(&mut self, tokens: usize) {
        let _ = tokens;
    }

    /// Appends `tokens` (1 to [`Decoder::chunk_tokens`]) and computes the logits after the last one.
    ///
    /// # Errors
    /// [`DecoderError`]; the cache then still has its old length and stays usable.
    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError>;

    /// Appends `tokens` as [`Decoder::prefill`] does and appends the logits after each to `rows`, `[tokens, vocab_size]`;
    /// false where the graphs give the last token's only, and nothing is done.
    fn verify(&mut self, tokens: &[u32], rows: &mut Vec<f32>) -> Result<bool, DecoderError> {
        let _ = (tokens, rows);
        Ok(false)
    }

    /// Appends one token and computes the logits after it. Allocates no tensor, except when the cache grows.
    fn decode(&mut self, token: u32) -> Result<(), DecoderError>;

    /// Forgets all but the first `len` tokens, at no cost; the logits are undefined until the next call.
    /// A `len` that is not below [`Decoder::len`] changes nothing.
    fn rewind(&mut self, len: usize);

    /// Logits after the last token, `[vocab_size]`, unnormalised. Filters may change them in place.
    fn logits(&mut self) -> &mut [f32];

    /// Bytes of one token's keys and values.
    fn kv_bytes_per_token(&self) -> usize;

    /// Appends to `bytes` the keys and values of some cached tokens, in a form that [`Decoder::write_kv`] of the same
    /// model and cache form reads.
    ///
    /// # Errors
    /// [`DecoderError::Run`] where the cache stands on a device that does not give it; `bytes` is then as it was.
    fn read_kv(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), DecoderError>;

    /// Appends `tokens`, whose keys and values are known; the logits are undefined until the next call.
    ///
    /// # Errors
    /// [`DecoderError::KvBytes`] for another number of bytes than that of `tokens`, and as [`Decoder::prefill`]; the
    /// cache then still has its old length.
    fn write_kv(&mut self, tokens: &[u32], bytes: &[u8]) -> Result<(), DecoderError>;

    /// Another sequence of the same tokens; the two know nothing of each other.
    ///
    /// # Errors
    /// [`DecoderError`] where memory for the cache is short.
    fn fork(&self) -> Result<Box<dyn Decoder>, DecoderError>;

    /// Runs faster or thriftier from here on, where the device can; it computes the same.
    fn set_effort(&mut self, effort: Effort) {
        let _ = effort;
    }

    /// Threads that compute at the present effort; none where that is not for the host to say.
    fn threads(&self) -> Option<usize> {
        None
    }

    /// Ends a call that runs in another thread.
    fn interrupt(&self) -> Arc<dyn Interrupt>;
}

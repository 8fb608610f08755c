//! Keys and values of prefixes that several conversations share: system messages, few-shot examples.
//!
//! Off unless [`crate::OpenOptions::prefix_cache_bytes`] gives it room, and it holds only what an app marked with
//! [`crate::Session::share_prefix`]: nothing of one conversation reaches another unasked.
//!
//! ```text
//! entry  = token ids in blocks of 64, each with its keys and values as Decoder::read_kv gives them
//! store  : ids, decoder -> an entry; blocks that begin two entries alike are stored once
//! fill   : ids -> the longest prefix that any entry shares with them, written into a decoder
//! ```
//!
//! Ids are compared one by one, no digest stands for them, so no prompt can ever get the keys of another. An entry that
//! another one begins with is not kept beside it. Room is made by whole entries, the longest unused first.

mod entries;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::decoder::{Decoder, DecoderError};
pub use crate::error::PrefixError;
pub use entries::BLOCK_TOKENS;
use entries::{Block, Entries};

/// The shared prefixes of one model's conversations; of one graph and one form of the cache.
#[derive(Debug)]
pub struct PrefixCache {
    limit_bytes: u64,
    entries: Mutex<Entries>,
}

/// What a [`PrefixCache`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PrefixUsage {
    /// Prefixes.
    pub entries: usize,
    /// Tokens, those that two entries share counted once.
    pub tokens: usize,
    /// Bytes of ids, keys and values.
    pub bytes: u64,
    /// The most bytes.
    pub limit_bytes: u64,
}

impl PrefixCache {
    /// An empty cache of at most so many bytes.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, entries: Mutex::default() }
    }

    /// What it holds.
    #[must_use]
    pub fn usage(&self) -> PrefixUsage {
        let entries = self.entries();
        PrefixUsage {
            entries: entries.len(),
            tokens: entries.tokens(),
            bytes: entries.bytes(),
            limit_bytes: self.limit_bytes,
        }
    }

    /// Forgets everything, for instance when the system runs short of memory.
    pub fn clear(&self) {
        *self.entries() = Entries::default();
    }

    /// Keeps the keys and values of `ids`, which are the first tokens of the decoder's cache.
    ///
    /// # Errors
    /// [`PrefixError::TooLarge`] where it would not fit even alone, [`PrefixError::OutOfMemory`] and
    /// [`PrefixError::Decoder`]; the cache is then as it was.
    pub fn store(&self, ids: &[u32], decoder: &dyn Decoder) -> Result<(), PrefixError> {
        self.check_size(ids.len(), decoder.kv_bytes_per_token())?;
        // The lock is not held while bytes are copied.
        let mut blocks = self.entries().shared_blocks(ids);
        let mut start = blocks.iter().map(|block| block.tokens.len()).sum();
        for tokens in ids[start..].chunks(BLOCK_TOKENS) {
            let end = start + tokens.len();
            blocks.push(Block::read(tokens, start..end, decoder)?);
            start = end;
        }
        self.entries().insert(blocks, self.limit_bytes);
        Ok(())
    }

    /// Appends to the decoder's cache, which holds the first [`Decoder::len`] of `ids`, what is known of the rest;
    /// returns how many of `ids` it holds then.
    ///
    /// # Errors
    /// As [`Decoder::write_kv`]; the cache then holds some first tokens of `ids`, as [`Decoder::len`] says.
    pub fn fill(&self, ids: &[u32], decoder: &mut dyn Decoder) -> Result<usize, DecoderError> {
        let held = decoder.len();
        let found = self.entries().longest(ids, held);
        let Some(found) = found else { return Ok(held) };
        let mut start = 0;
        for block in &found.blocks {
            let end = start + block.tokens.len();
            if end > held {
                // Blocks are written whole; what is held of this one is written again.
                decoder.rewind(start);
                decoder.write_kv(&block.tokens, &block.kv)?;
            }
            start = end;
        }
        decoder.rewind(found.tokens);
        Ok(found.tokens)
    }

    /// Whether so many tokens would fit alone.
    pub(crate) fn check_size(&self, tokens: usize, kv_bytes_per_token: usize) -> Result<(), PrefixError> {
        let bytes = entries::bytes(tokens, kv_bytes_per_token);
        let limit_bytes = self.limit_bytes;
        if bytes > limit_bytes { Err(PrefixError::TooLarge { tokens, bytes, limit_bytes }) } else { Ok(()) }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Every change is made whole or not at all, so a panic elsewhere leaves nothing half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

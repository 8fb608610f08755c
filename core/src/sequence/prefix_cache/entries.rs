//! The entries of a prefix cache in the order of their last use: found, put in, and dropped to make room.

use std::ops::Range;
use std::sync::Arc;

use crate::decoder::traits::Decoder;
use crate::error::PrefixError;

/// Tokens of a block: what is shared between entries is a multiple of it; what is found is not, it is exact.
pub const BLOCK_TOKENS: usize = 64;

/// Some tokens in a row with their keys and values. All blocks of an entry but the last have [`BLOCK_TOKENS`].
#[derive(Debug)]
pub(super) struct Block {
    pub(super) tokens: Vec<u32>,
    /// As [`Decoder::read_kv`] gives them.
    pub(super) kv: Vec<u8>,
}

/// The least recently used entry stands first.
#[derive(Debug, Default)]
pub(super) struct Entries(Vec<Vec<Arc<Block>>>);

/// The longest prefix that is known of some ids.
pub(super) struct Found {
    pub(super) tokens: usize,
    /// As many as hold these tokens; the last one may hold more.
    pub(super) blocks: Vec<Arc<Block>>,
}

/// Bytes of so many tokens with their ids.
pub(super) fn bytes(tokens: usize, kv_bytes_per_token: usize) -> u64 {
    (tokens as u64).saturating_mul((kv_bytes_per_token as u64).saturating_add(size_of::<u32>() as u64))
}

impl Block {
    /// Copies keys and values out of a decoder.
    pub(super) fn read(
        tokens: &[u32],
        place: Range<usize>,
        decoder: &dyn Decoder,
    ) -> Result<Arc<Self>, PrefixError> {
        let kv_bytes = decoder.kv_bytes_per_token().saturating_mul(tokens.len());
        let mut kv = Vec::new();
        kv.try_reserve_exact(kv_bytes).map_err(|_| PrefixError::OutOfMemory { bytes: kv_bytes as u64 })?;
        decoder.read_kv(place, &mut kv)?;
        Ok(Arc::new(Self { tokens: tokens.to_vec(), kv }))
    }

    fn bytes(&self) -> u64 {
        (size_of_val(&self.tokens[..]) + self.kv.len()) as u64
    }
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn tokens(&self) -> usize {
        self.distinct().map(|block| block.tokens.len()).sum()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.distinct().map(|block| block.bytes()).sum()
    }

    /// The entry that shares the most tokens with `ids`, if these are more than `held`; it counts as used now.
    pub(super) fn longest(&mut self, ids: &[u32], held: usize) -> Option<Found> {
        let shared = self.0.iter().enumerate().map(|(index, entry)| (common_tokens(entry, ids), index));
        let (tokens, index) = shared.max().filter(|(tokens, _)| *tokens > held)?;
        let entry = self.0.remove(index);
        let blocks = entry.iter().take(tokens.div_ceil(BLOCK_TOKENS)).cloned().collect();
        self.0.push(entry);
        Some(Found { tokens, blocks })
    }

    /// The whole blocks that are known of `ids` already.
    pub(super) fn shared_blocks(&self, ids: &[u32]) -> Vec<Arc<Block>> {
        let shared = |entry: &Vec<Arc<Block>>| common_tokens(entry, ids) / BLOCK_TOKENS;
        let longest = self.0.iter().max_by_key(|entry| shared(entry));
        longest.map(|entry| entry.iter().take(shared(entry)).cloned().collect()).unwrap_or_default()
    }

    /// Puts an entry in as the one used last, drops those that it begins with, and others until all fit.
    pub(super) fn insert(&mut self, blocks: Vec<Arc<Block>>, limit_bytes: u64) {
        let ids: Vec<u32> = blocks.iter().flat_map(|block| &block.tokens).copied().collect();
        self.0.retain(|entry| common_tokens(entry, &ids) < tokens_of(entry));
        let same = self.0.iter().position(|entry| common_tokens(entry, &ids) == ids.len());
        let entry = same.map_or(blocks, |index| self.0.remove(index));
        self.0.push(entry);
        while self.bytes() > limit_bytes && self.len() > 1 {
            self.0.remove(0);
        }
    }

    /// Each block once. Blocks that entries share stand at the same place in both.
    fn distinct(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.0.iter().enumerate().flat_map(move |(number, entry)| {
            entry.iter().enumerate().filter_map(move |(place, block)| {
                let mut earlier = self.0.iter().take(number);
                let is_shared =
                    earlier.any(|other| other.get(place).is_some_and(|it| Arc::ptr_eq(it, block)));
                (!is_shared).then_some(block)
            })
        })
    }
}

fn tokens_of(entry: &[Arc<Block>]) -> usize {
    entry.iter().map(|block| block.tokens.len()).sum()
}

/// Tokens of an entry that are those of `ids`.
fn common_tokens(entry: &[Arc<Block>], ids: &[u32]) -> usize {
    let tokens = entry.iter().flat_map(|block| &block.tokens);
    tokens.zip(ids).take_while(|(token, id)| token == id).count()
}

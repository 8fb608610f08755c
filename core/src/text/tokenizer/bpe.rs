//! Byte-pair encoding of one word.
//!
//! The word's characters are symbols; of all neighbours that can be joined the most important pair is, the leftmost of
//! equal ones, until none is left. A queue gives the next pair, so the work is n log n.
//!
//! Source: Sennrich, Haddow, Birch 2016; the order of equal pairs is that of the `tokenizers` crate.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wheelwork_package::budget::{Budget, Exhausted, WORD_BYTES};
use wheelwork_package::tokenizer_file::{Map, Seeded, TokenizerFacts, byte_level};

/// The id of a byte that the vocabulary has no token for.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// The merges of a vocabulary.
pub(super) struct Bpe {
    /// The token of each byte.
    bytes: [u32; 256],
    /// Two neighbours to the rank of their merge and what it makes.
    merges: Map<(u32, u32), (u32, u32)>,
    /// Words that are a token as a whole, where those are taken before any merge.
    whole: Map<String, u32>,
}

/// A part of a word; the last one points behind the list.
#[derive(Clone, Copy)]
struct Symbol {
    /// [`GONE`] once the part before it has taken it in.
    id: u32,
    before: u32,
    after: u32,
}

const GONE: u32 = u32::MAX - 1;
const NONE: u32 = u32::MAX;

impl Bpe {
    /// Without the tokens that `is_added` names: some files list added tokens in the vocabulary too, even with merges, so
    /// BPE could make one of text. The reference never comes to these merges, because it cuts at the tokens first.
    pub(super) fn new(facts: TokenizerFacts, is_added: impl Fn(u32) -> bool) -> Self {
        let mut vocabulary = facts.vocabulary;
        vocabulary.retain(|_, id| !is_added(*id));
        let id_of = |token: &str| vocabulary.get(token).copied();
        let mut char = [0; 4];
        let bytes = std::array::from_fn(|byte| {
            // There are 256 places.
            let byte = u8::try_from(byte).unwrap_or_default();
            id_of(byte_level::char_of(byte).encode_utf8(&mut char)).unwrap_or(UNKNOWN)
        });
        let mut merges = Map::with_capacity_and_hasher(facts.merges.len(), Seeded::default());
        for (rank, merge) in (0..).zip(&facts.merges) {
            if ![merge.left, merge.right, merge.whole].into_iter().any(&is_added) {
                merges.insert((merge.left, merge.right), (rank, merge.whole));
            }
        }
        let whole = if facts.ignore_merges { vocabulary } else { Map::default() };
        Self { bytes, merges, whole }
    }

    /// Appends the ids of a word in the byte-level alphabet.
    pub(super) fn encode(&self, word: &str, budget: &Budget, ids: &mut Vec<u32>) -> Result<(), Exhausted> {
        if word.len() as u64 > WORD_BYTES.number {
            return Err(Exhausted::Limit(WORD_BYTES));
        }
        if let Some(id) = self.whole.get(word) {
            ids.push(*id);
            return Ok(());
        }
        let mut symbols: Vec<Symbol> = Vec::with_capacity(word.len());
        for (place, char) in (0_u32..).zip(word.chars()) {
            // Every character of a word is of the alphabet.
            let id = byte_level::byte_of(char).map_or(UNKNOWN, |byte| self.bytes[usize::from(byte)]);
            symbols.push(Symbol { id, before: place.wrapping_sub(1), after: place + 1 });
        }
        if let Some(last) = symbols.last_mut() {
            last.after = NONE;
        }
        budget.take_steps(symbols.len() as u64)?;
        self.join(&mut symbols, budget)?;
        ids.extend(symbols.iter().map(|symbol| symbol.id).filter(|id| *id != GONE));
        Ok(())
    }

    fn join(&self, symbols: &mut [Symbol], budget: &Budget) -> Result<(), Exhausted> {
        // The rank of a pair, its place and what it makes; least first.
        let mut queue = BinaryHeap::new();
        let pair = |symbols: &[Symbol], place: u32| {
            let left = symbols.get(place as usize)?;
            let right = symbols.get(left.after as usize)?;
            self.merges.get(&(left.id, right.id)).map(|(rank, whole)| Reverse((*rank, place, *whole)))
        };
        queue.extend((0..).zip(symbols.iter()).filter_map(|(place, _)| pair(symbols, place)));
        while let Some(Reverse((_, place, whole))) = queue.pop() {
            budget.take_steps(1)?;
            // What was queued may have changed since.
            if pair(symbols, place).is_none_or(|Reverse((_, _, now))| now != whole) {
                continue;
            }
            let Symbol { before, after, .. } = symbols[place as usize];
            let behind = symbols[after as usize].after;
            symbols[place as usize] = Symbol { id: whole, before, after: behind };
            symbols[after as usize].id = GONE;
            if let Some(behind) = symbols.get_mut(behind as usize) {
                behind.before = place;
            }
            queue.extend(pair(symbols, before));
            queue.extend(pair(symbols, place));
        }
        Ok(())
    }
}

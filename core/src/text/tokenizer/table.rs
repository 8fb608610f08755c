//! From an id to the bytes of its token, in one allocation.

use wheelwork_package::tokenizer_file::{TokenizerFacts, byte_level};

pub(super) struct TokenBytes {
    bytes: Vec<u8>,
    /// Where each id's bytes end, `[id_limit]`; they start where those of the id before end.
    ends: Vec<usize>,
}

impl TokenBytes {
    pub(super) fn of(facts: &TokenizerFacts) -> Self {
        let mut by_id: Vec<Option<Token<'_>>> = Vec::new();
        by_id.resize_with(facts.id_limit as usize, || None);
        let ordinary = facts.vocabulary.iter().map(|(token, id)| (*id, Token::Ordinary(token)));
        // Added tokens come second: one that stands in the vocabulary too is its text, not alphabet characters.
        let added = facts.added_tokens.iter().map(|token| (token.id, Token::Added(&token.content)));
        for (id, token) in ordinary.chain(added) {
            if let Some(place) = by_id.get_mut(id as usize) {
                *place = Some(token);
            }
        }
        let mut table = Self { bytes: Vec::new(), ends: Vec::with_capacity(by_id.len()) };
        for token in by_id {
            match token {
                Some(Token::Ordinary(token)) => {
                    table.bytes.extend(token.chars().filter_map(byte_level::byte_of));
                }
                Some(Token::Added(text)) => table.bytes.extend_from_slice(text.as_bytes()),
                None => {}
            }
            table.ends.push(table.bytes.len());
        }
        table
    }

    /// One more than the largest id that a token has.
    pub(super) fn id_limit(&self) -> u32 {
        u32::try_from(self.ends.len()).expect("the ids of a file are checked to be far below 2^32")
    }

    /// `None` for an id that no token has.
    pub(super) fn get(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let end = *self.ends.get(id)?;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end]).filter(|bytes| !bytes.is_empty())
    }
}

enum Token<'f> {
    Ordinary(&'f str),
    Added(&'f str),
}

//! Text to ids without added tokens: normalizer, words, BPE.

use std::borrow::Cow;

use wheelwork_package::budget::{Budget, Exhausted};
use wheelwork_package::tokenizer_file::TokenizerFacts;

use super::bpe::Bpe;
use super::normalizer::Normalizer;
use super::patterns::{Patterns, StepFault};
use super::pre_tokenizer::{PreTokenizer, Words};

/// The byte-level BPE of a checkpoint.
pub(super) struct PlainBpe {
    normalizer: Normalizer,
    pre_tokenizer: PreTokenizer,
    bpe: Bpe,
    /// The most bytes that one id stands for.
    longest_token: usize,
}

/// Why a text was not encoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeFault {
    /// It would have cost too much.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// It has more tokens than are wanted.
    #[error("more tokens than wanted")]
    TooManyTokens,
}

impl PlainBpe {
    /// `is_added` tells the ids that text must not become.
    pub(super) fn new(mut facts: TokenizerFacts, is_added: impl Fn(u32) -> bool) -> Result<Self, StepFault> {
        let mut patterns = Patterns::default();
        let normalizer = Normalizer::new(facts.normalizer.take(), &mut patterns)?;
        let pre_tokenizer = PreTokenizer::new(facts.pre_tokenizer.take(), &mut patterns)?;
        // A byte is a character of the byte-level alphabet.
        let longest_token = facts.vocabulary.keys().map(|token| token.chars().count()).max().unwrap_or(1);
        Ok(Self { normalizer, pre_tokenizer, bpe: Bpe::new(facts, is_added), longest_token })
    }

    /// The text as its words are cut.
    pub(super) fn normalize<'t>(&self, text: &'t str, budget: &Budget) -> Result<Cow<'t, str>, Exhausted> {
        self.normalizer.normalize(text, budget)
    }

    /// Appends the ids of a normalized text, until `ids` would be more than `limit`.
    pub(super) fn encode(
        &self,
        text: &str,
        limit: usize,
        budget: &Budget,
        ids: &mut Vec<u32>,
    ) -> Result<(), EncodeFault> {
        let least = if self.pre_tokenizer.keeps_all() { text.len() / self.longest_token } else { 0 };
        if ids.len().saturating_add(least) > limit {
            return Err(EncodeFault::TooManyTokens);
        }
        self.pre_tokenizer.cut(text, budget, &mut Ids { bpe: &self.bpe, limit, budget, ids })
    }
}

/// Takes words and gives ids.
struct Ids<'e> {
    bpe: &'e Bpe,
    limit: usize,
    budget: &'e Budget,
    ids: &'e mut Vec<u32>,
}

impl Words<EncodeFault> for Ids<'_> {
    fn word(&mut self, word: &str) -> Result<(), EncodeFault> {
        self.bpe.encode(word, self.budget, self.ids)?;
        if self.ids.len() > self.limit { Err(EncodeFault::TooManyTokens) } else { Ok(()) }
    }
}

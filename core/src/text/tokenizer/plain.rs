//! The byte-level BPE without added tokens, run by the `tokenizers` crate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper};
use wheelwork_package::tokenizer_file::TokenizerFacts;

/// The id of a byte that the vocabulary has no token for. Left to itself, BPE would drop the byte silently.
pub(super) const UNKNOWN: u32 = u32::MAX;
/// The name that the library knows [`UNKNOWN`] by. No text becomes it: a space is not in the byte-level alphabet.
const UNKNOWN_NAME: &str = "unknown byte";

pub(super) struct PlainBpe(tokenizers::Tokenizer);

impl PlainBpe {
    /// `is_added` tells the ids that text must not become.
    pub(super) fn new(facts: TokenizerFacts, is_added: impl Fn(u32) -> bool) -> Result<Self, String> {
        guarded(|| build(facts, is_added)).map(Self)
    }

    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        // The fast form leaves out offsets, which nothing here needs.
        guarded(|| self.0.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec()))
    }
}

fn build(
    mut facts: TokenizerFacts,
    is_added: impl Fn(u32) -> bool,
) -> tokenizers::Result<tokenizers::Tokenizer> {
    // Some files list added tokens in the vocabulary too, even with merges; BPE could then make one of text. The
    // reference never comes to these merges, because it cuts at the tokens first.
    let tokens = facts.vocabulary.len();
    facts.vocabulary.retain(|_, id| !is_added(*id));
    let known = &facts.vocabulary;
    if known.len() < tokens {
        facts.merges.retain(|(left, right)| {
            known.contains_key(left)
                && known.contains_key(right)
                && known.contains_key(&format!("{left}{right}"))
        });
    }
    let vocabulary: Vocab =
        facts.vocabulary.into_iter().chain([(UNKNOWN_NAME.to_owned(), UNKNOWN)]).collect();
    let model = BPE::builder()
        .vocab_and_merges(vocabulary, facts.merges)
        .unk_token(UNKNOWN_NAME.to_owned())
        .ignore_merges(facts.ignore_merges)
        // The cache would keep words of prompts for as long as the thread lives.
        .cache_capacity(0)
        .build()?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    if let Some(normalizer) = facts.normalizer {
        tokenizer.with_normalizer(Some(serde_json::from_value::<NormalizerWrapper>(normalizer)?))?;
    }
    tokenizer.with_pre_tokenizer(Some(serde_json::from_value::<PreTokenizerWrapper>(facts.pre_tokenizer)?));
    Ok(tokenizer)
}

/// Runs code of the `tokenizers` crate. A panic becomes an error whose words hold no text of the caller's.
fn guarded<T>(run: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the tokenizers library panicked".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rt_19_a_panic_of_the_library_is_an_error() {
        let result = guarded::<()>(|| panic!("secret"));
        assert_eq!(result, Err("the tokenizers library panicked".to_owned()));
    }
}

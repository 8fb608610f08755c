//! The vocabulary as llguidance wants it: a trie of the bytes of every ordinary token.
//!
//! Made once per tokenizer, when the first form is used. Control tokens are left out, so that no form can name one and
//! none is ever allowed; so are tokens that hold the byte 0xff, which is in no UTF-8 and which llguidance marks control
//! tokens with, and absurdly long ones. The end of an answer is a token of the trie's own, behind all others: the ids
//! that end a turn are the caller's knowledge.

use std::sync::Arc;

use llguidance::ParserFactory;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};

use super::error::OutputError;
use super::limits;

/// The longest token that an answer in a form may hold, in bytes. R1's longest has 128.
const TOKEN_BYTES_LIMIT: usize = 255;
/// The most bytes of all tokens together: the trie has room for that many nodes.
const VOCABULARY_BYTES_LIMIT: usize = 4_000_000;

/// Makes matchers; immutable, shared.
pub(crate) struct Vocabulary {
    pub(super) factory: ParserFactory,
    /// What stands for the end of the answer in a mask.
    pub(super) end: u32,
}

impl Vocabulary {
    /// Takes about a quarter of a second for 150k tokens (`docs/benchmarks.md`).
    ///
    /// `tokens` are the bytes of each id in turn, none for control tokens.
    pub(crate) fn of<'t>(tokens: impl Iterator<Item = &'t [u8]>) -> Result<Self, OutputError> {
        let mut words: Vec<Vec<u8>> = tokens.map(|bytes| matchable(bytes).to_vec()).collect();
        let end = u32::try_from(words.len()).expect("token ids are u32");
        words.push(b"\xff<end>".to_vec());
        let (bytes, limit) = (words.iter().map(Vec::len).sum(), VOCABULARY_BYTES_LIMIT);
        if bytes > limit {
            return Err(OutputError::Vocabulary { bytes, limit });
        }
        let trie = TokTrie::from(&TokRxInfo::new(end + 1, end), &words);
        // Not canonical: which tokens spell a text is left to the model, so nothing is forced and no mask is narrowed
        // to the spelling that our tokenizer would choose.
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let slices = SlicedBiasComputer::general_slices();
        let mut factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &slices)
            .map_err(|_| OutputError::Library)?;
        *factory.quiet().limits_mut() = limits::parser_limits();
        Ok(Self { factory, end })
    }
}

/// The bytes of a token, or none if it is no part of a constrained answer.
fn matchable(bytes: &[u8]) -> &[u8] {
    if bytes.contains(&0xff) || bytes.len() > TOKEN_BYTES_LIMIT { &[] } else { bytes }
}

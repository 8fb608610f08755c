//! What a calibration reads: chains that the model itself wrote, and texts of the user.
//!
//! A quantised model should be right where it will be used: in its own chains of reasoning. The model writes them from
//! a list of prompts. It runs as an int4 package for that: in float32 the whole model would have to be in memory, and a
//! chain only has to be typical of the model, not equal to what float32 would have written.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use wheelwork::tokenizer::Tokenizer;
use wheelwork::{CancelToken, Model};
use wheelwork_package::files::hex;
use wheelwork_package::vfs::read_text;

use crate::reference::Watch;
use crate::{CalibrateError, texts};

/// Questions from mathematics, programming, logic and science: what the R1 family was made for.
const REASONING: &str = include_str!("prompts/reasoning.txt");
/// Problems as the small model that ships with the project was trained on; none of them is held out.
const ARITHMETIC: &str = include_str!("prompts/arithmetic.txt");
/// Models with fewer ids than this know no general text.
const GENERAL_VOCABULARY: usize = 16_384;
/// How often the list of prompts is gone through at most, each time with other seeds.
const ROUNDS: usize = 4;
/// Bytes of a text of the user's: far more than any calibration reads.
const FILE_BYTES_LIMIT: u64 = 64 << 20;
const NO_TEXT: &str = "it holds no text";

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextBudget {
    /// Tokens in all.
    pub tokens: usize,
    /// Tokens of one sequence at most.
    pub sequence_tokens: usize,
}

impl Default for TextBudget {
    /// 64 sequences of 512 tokens.
    fn default() -> Self {
        Self { tokens: 64 * 512, sequence_tokens: 512 }
    }
}

/// Sequences of token ids, and where they are from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Each from position 0 on.
    pub sequences: Vec<Vec<u32>>,
    /// One entry a source, for people.
    pub sources: Vec<String>,
}

impl Text {
    /// Tokens of all sequences.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(Vec::len).sum()
    }

    /// SHA-256 over the ids as little-endian 32-bit numbers, each sequence preceded by its length.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for sequence in &self.sequences {
            hash.update((sequence.len() as u64).to_le_bytes());
            for id in sequence {
                hash.update(id.to_le_bytes());
            }
        }
        hex(&hash.finalize())
    }

    /// Chains that the model writes by its own defaults, prompts included, until the budget is spent or every prompt
    /// was asked four times. The same package on the same machine writes the same chains.
    ///
    /// # Errors
    /// [`CalibrateError::Model`] or [`CalibrateError::Cancelled`].
    pub fn written_by(
        model: &Model,
        budget: TextBudget,
        cancel: &CancelToken,
        watch: &dyn Watch,
    ) -> Result<Self, CalibrateError> {
        let knows_general_text =
            model.card().is_none_or(|card| card.architecture.vocab_size >= GENERAL_VOCABULARY);
        let (name, prompts) =
            if knows_general_text { ("reasoning", REASONING) } else { ("arithmetic", ARITHMETIC) };
        let each = &mut |done| watch.text(done, budget.tokens);
        let limit = budget.sequence_tokens;
        let chains = texts::write_chains(model, prompts, ROUNDS, budget.tokens, limit, cancel, each)?;
        if cancel.is_cancelled() {
            return Err(CalibrateError::Cancelled);
        }
        let mut left = budget.tokens;
        let mut sequences = Vec::new();
        for chain in chains {
            let mut sequence = [chain.prompt, chain.tokens].concat();
            sequence.truncate(limit.min(model.facts().context_length).min(left));
            left -= sequence.len();
            if !sequence.is_empty() {
                sequences.push(sequence);
            }
        }
        let source = format!("{} chains written by the model itself, prompts `{name}`", sequences.len());
        Ok(Self { sequences, sources: vec![source] })
    }

    /// Says early what [`Text::from_file`] would say of a file, before minutes of other work.
    pub(crate) fn check_file(path: &Path) -> Result<(), CalibrateError> {
        read(path).map(drop)
    }

    /// A text file, cut into sequences, none of its characters read as a control token; what is over the budget is not
    /// read.
    ///
    /// # Errors
    /// [`CalibrateError::TextFile`] for a file that cannot be read or holds nothing.
    pub fn from_file(
        path: &Path,
        tokenizer: &Tokenizer,
        bos: Option<u32>,
        budget: TextBudget,
    ) -> Result<Self, CalibrateError> {
        let refused = |detail: String| CalibrateError::TextFile { path: path.into(), detail };
        let text = read(path)?;
        let ids = tokenizer.encode_plain(&text).map_err(|error| refused(error.to_string()))?;
        let own = usize::from(bos.is_some());
        let piece = budget.sequence_tokens.saturating_sub(own).max(1);
        let mut left = budget.tokens;
        let mut sequences = Vec::new();
        for ids in ids.chunks(piece) {
            let sequence: Vec<u32> = bos.into_iter().chain(ids.iter().copied()).take(left).collect();
            left -= sequence.len();
            if sequence.len() > own {
                sequences.push(sequence);
            }
        }
        if sequences.is_empty() {
            return Err(refused(NO_TEXT.to_owned()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self { sequences, sources: vec![format!("the file `{name}`")] })
    }

    /// Both texts, one after the other.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.sequences.extend(other.sequences);
        self.sources.extend(other.sources);
        self
    }
}

fn read(path: &Path) -> Result<String, CalibrateError> {
    let refused = |detail: String| CalibrateError::TextFile { path: path.into(), detail };
    let text = read_text(path, FILE_BYTES_LIMIT).map_err(|error| refused(error.fault.to_string()))?;
    if text.trim().is_empty() { Err(refused(NO_TEXT.to_owned())) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_tells_where_sequences_end() {
        let text = |sequences: &[&[u32]]| Text {
            sequences: sequences.iter().map(|sequence| sequence.to_vec()).collect(),
            sources: Vec::new(),
        };
        assert_ne!(text(&[&[1, 2], &[3]]).sha256(), text(&[&[1], &[2, 3]]).sha256());
        assert_eq!(text(&[&[1, 2]]).sha256(), text(&[&[1, 2]]).sha256());
        assert_eq!(text(&[&[1, 2], &[3]]).tokens(), 3);
    }

    #[test]
    fn prompts_are_many_and_different() {
        for list in [REASONING, ARITHMETIC] {
            let mut prompts: Vec<_> = list.lines().collect();
            assert!(prompts.len() >= 64 && prompts.iter().all(|prompt| !prompt.trim().is_empty()));
            prompts.sort_unstable();
            prompts.dedup();
            assert_eq!(prompts.len(), list.lines().count());
        }
    }
}

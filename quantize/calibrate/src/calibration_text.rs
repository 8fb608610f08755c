//! What a calibration reads: chains that the model itself wrote, and texts of the user.
//!
//! A quantised model should be right where it will be used: in its own chains of reasoning. The model writes them from
//! a list of prompts. It runs as an int4 package for that: in float32 the whole model would have to be in memory, and a
//! chain only has to be typical of the model, not equal to what float32 would have written.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use wheelwork::chat::ChatTemplate;
use wheelwork::tokenizer::Tokenizer;
use wheelwork::{CancelToken, Model};
use wheelwork_package::files::{hex, names};
use wheelwork_package::json::JSON_BYTES_LIMIT;
use wheelwork_package::tokenizer_file;
use wheelwork_package::vfs::read_text;
use wheelwork_quantize::checkpoint::Checkpoint;

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
/// The files that make prompts, with the largest size accepted in bytes.
pub const PROMPT_FILES: [(&str, u64); 5] = [
    (names::TOKENIZER, tokenizer_file::FILE_BYTES_LIMIT),
    (names::TOKENIZER_CONFIG, JSON_BYTES_LIMIT),
    (names::SPECIAL_TOKENS_MAP, JSON_BYTES_LIMIT),
    (names::ADDED_TOKENS, JSON_BYTES_LIMIT),
    (names::CHAT_TEMPLATE, JSON_BYTES_LIMIT),
];
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

impl TextBudget {
    /// The smaller of both.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.min(other.tokens),
            sequence_tokens: self.sequence_tokens.min(other.sequence_tokens),
        }
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
        let (name, prompts) = prompts(model.card().map_or(usize::MAX, |card| card.architecture.vocab_size));
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

    /// What a short pass reads without a package: questions of the built-in list, as the model is asked them, and a text, half
    /// of the budget each. The text is the user's where one is given, else a built-in one. Nothing is written by the model.
    ///
    /// # Errors
    /// [`CalibrateError::TextFile`] or [`CalibrateError::Model`].
    pub fn built_in(
        checkpoint: &Checkpoint,
        file: Option<&Path>,
        budget: TextBudget,
    ) -> Result<Self, CalibrateError> {
        let limit = checkpoint.config.max_position_embeddings;
        // The model's first token alone says nothing.
        let budget = TextBudget {
            tokens: budget.tokens.max(4),
            sequence_tokens: budget.sequence_tokens.max(2).min(limit),
        };
        let half = TextBudget { tokens: budget.tokens.div_ceil(2), ..budget };
        let folder = prompt_files(checkpoint)?;
        let tokenizer = Tokenizer::from_folder(folder.path()).map_err(wheelwork::Error::from)?;
        let bos = checkpoint.tokens.bos;
        let text = match file {
            Some(path) => Self::from_file(path, &tokenizer, bos, half)?,
            None => {
                let ids = tokenizer.encode_plain(texts::TEXT).map_err(wheelwork::Error::from)?;
                Self::cut(&ids, bos, half, "a built-in text")
            }
        };
        let (name, prompts) = prompts(checkpoint.config.vocab_size);
        let template = ChatTemplate::from_folder(folder.path()).map_err(wheelwork::Error::from)?;
        let mut ids = Vec::new();
        for prompt in prompts.lines() {
            let question = template.own_question(&tokenizer, prompt, bos).map_err(wheelwork::Error::from)?;
            ids.extend(question.ids);
        }
        let rest = TextBudget { tokens: budget.tokens - text.tokens().min(budget.tokens), ..budget };
        Ok(Self::cut(&ids, None, rest, &format!("the prompts `{name}`")).and(text))
    }

    /// Ids as sequences of the budget's length, each with the model's first token before it.
    fn cut(ids: &[u32], bos: Option<u32>, budget: TextBudget, source: &str) -> Self {
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
        Self { sequences, sources: vec![source.to_owned()] }
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
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let cut = Self::cut(&ids, bos, budget, &format!("the file `{name}`"));
        if cut.sequences.is_empty() { Err(refused(NO_TEXT.to_owned())) } else { Ok(cut) }
    }

    /// Both texts, one after the other.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.sequences.extend(other.sequences);
        self.sources.extend(other.sources);
        self
    }
}

/// The list of prompts for a model of that vocabulary, with its name.
fn prompts(vocab_size: usize) -> (&'static str, &'static str) {
    if vocab_size >= GENERAL_VOCABULARY { ("reasoning", REASONING) } else { ("arithmetic", ARITHMETIC) }
}

/// Copies of the files that make prompts, in a folder of their own: those of the checkpoint may be links of a cache.
fn prompt_files(checkpoint: &Checkpoint) -> Result<tempfile::TempDir, CalibrateError> {
    let temporary = std::env::temp_dir();
    let copy = tempfile::tempdir().map_err(CalibrateError::spill(&temporary))?;
    for (name, limit) in PROMPT_FILES {
        if checkpoint.folder.has(name) {
            let content = checkpoint.folder.read(name, limit)?;
            fs_err::write(copy.path().join(name), content).map_err(CalibrateError::spill(&temporary))?;
        }
    }
    Ok(copy)
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

//! Cutting a text into words, each of which BPE sees alone; and writing their bytes in the byte-level alphabet.
//!
//! The steps work on one piece at a time: each hands its pieces on to the next one, so that no list of all words is made.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;
use unicode_categories::UnicodeCategories;
use wheelwork_package::budget::{Budget, Exhausted};
use wheelwork_package::tokenizer_file::byte_level;

use super::pattern::{Program, Search};
use super::patterns::{PatternText, Patterns, StepFault};

/// How GPT-2 cuts words, where a `ByteLevel` step is to do so.
const GPT_2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The steps, as they stand in the file.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Described {
    Sequence {
        pretokenizers: Vec<Described>,
    },
    Split {
        pattern: PatternText,
        behavior: Behavior,
        invert: bool,
    },
    ByteLevel {
        add_prefix_space: bool,
        #[serde(default = "yes")]
        use_regex: bool,
    },
    Digits {
        individual_digits: bool,
    },
    Punctuation {
        #[serde(default)]
        behavior: Behavior,
    },
    WhitespaceSplit,
}

/// What becomes of the pieces that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
enum Behavior {
    Removed,
    #[default]
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

enum Step {
    Split { pattern: Program, behavior: Behavior, invert: bool },
    Chars { is_match: fn(char) -> bool, behavior: Behavior },
    PrefixSpace,
    Bytes,
}

/// The steps in their order.
pub(super) struct PreTokenizer(Vec<Step>);

/// Where words go, in the byte-level alphabet.
pub(super) trait Words<E> {
    fn word(&mut self, word: &str) -> Result<(), E>;
}

impl PreTokenizer {
    pub(super) fn new(described: Value, patterns: &mut Patterns) -> Result<Self, StepFault> {
        let mut steps = Vec::new();
        flatten(serde_json::from_value(described)?, patterns, &mut steps)?;
        Ok(Self(steps))
    }

    /// Whether every byte of a text is in a word.
    pub(super) fn keeps_all(&self) -> bool {
        self.0.iter().all(|step| match step {
            Step::Split { behavior, .. } | Step::Chars { behavior, .. } => *behavior != Behavior::Removed,
            Step::PrefixSpace | Step::Bytes => true,
        })
    }

    /// Cuts a text into words.
    pub(super) fn cut<E: From<Exhausted>>(
        &self,
        text: &str,
        budget: &Budget,
        words: &mut impl Words<E>,
    ) -> Result<(), E> {
        hand_on(&self.0, text, budget, words)
    }
}

fn flatten(described: Described, patterns: &mut Patterns, steps: &mut Vec<Step>) -> Result<(), StepFault> {
    const FIELD: &str = "pre_tokenizer";
    match described {
        Described::Sequence { pretokenizers } => {
            return pretokenizers.into_iter().try_for_each(|step| flatten(step, patterns, steps));
        }
        Described::Split { pattern, behavior, invert } => {
            steps.push(Step::Split { pattern: patterns.compile(FIELD, &pattern)?, behavior, invert });
        }
        Described::ByteLevel { add_prefix_space, use_regex } => {
            steps.extend(add_prefix_space.then_some(Step::PrefixSpace));
            if use_regex {
                let pattern = patterns.compile(FIELD, &PatternText::Regex(GPT_2.to_owned()))?;
                steps.push(Step::Split { pattern, behavior: Behavior::Isolated, invert: false });
            }
            steps.push(Step::Bytes);
        }
        Described::Digits { individual_digits } => {
            let behavior = if individual_digits { Behavior::Isolated } else { Behavior::Contiguous };
            steps.push(Step::Chars { is_match: char::is_numeric, behavior });
        }
        Described::Punctuation { behavior } => {
            let is_match = |char: char| char.is_ascii_punctuation() || char.is_punctuation();
            steps.push(Step::Chars { is_match, behavior });
        }
        Described::WhitespaceSplit => {
            steps.push(Step::Chars { is_match: char::is_whitespace, behavior: Behavior::Removed });
        }
    }
    Ok(())
}

/// Gives a piece to the steps that are left. They are bounded in number, so this may call itself.
fn hand_on<E: From<Exhausted>>(
    steps: &[Step],
    piece: &str,
    budget: &Budget,
    words: &mut impl Words<E>,
) -> Result<(), E> {
    if piece.is_empty() {
        return Ok(());
    }
    let Some((step, rest)) = steps.split_first() else { return words.word(piece) };
    match step {
        Step::Split { pattern, behavior, invert } => {
            let mut search = Search::new(pattern, piece, budget);
            let mut pieces =
                Pieces::new(*behavior, |range: Range<usize>| hand_on(rest, &piece[range], budget, words));
            let mut end = 0;
            while let Some(found) = search.next()? {
                if found.start > end {
                    pieces.push(end..found.start, *invert)?;
                }
                end = found.end;
                pieces.push(found, !*invert)?;
            }
            if end < piece.len() {
                pieces.push(end..piece.len(), *invert)?;
            }
            pieces.finish()
        }
        Step::Chars { is_match, behavior } => {
            budget.take_steps(piece.len() as u64)?;
            let mut pieces =
                Pieces::new(*behavior, |range: Range<usize>| hand_on(rest, &piece[range], budget, words));
            let mut end = 0;
            for (start, char) in piece.char_indices().filter(|(_, char)| is_match(*char)) {
                if start > end {
                    pieces.push(end..start, false)?;
                }
                end = start + char.len_utf8();
                pieces.push(start..end, true)?;
            }
            if end < piece.len() {
                pieces.push(end..piece.len(), false)?;
            }
            pieces.finish()
        }
        Step::PrefixSpace => {
            let spaced =
                if piece.starts_with(' ') { Cow::Borrowed(piece) } else { format!(" {piece}").into() };
            hand_on(rest, &spaced, budget, words)
        }
        Step::Bytes => {
            budget.take_steps(piece.len() as u64)?;
            let written: String = piece.bytes().map(byte_level::char_of).collect();
            hand_on(rest, &written, budget, words)
        }
    }
}

/// Joins or drops pieces as a [`Behavior`] says, and hands them on as soon as nothing more can join them.
struct Pieces<F> {
    behavior: Behavior,
    hand_on: F,
    /// What may still grow, and whether its last part is a match.
    held: Option<(Range<usize>, bool)>,
}

impl<E, F: FnMut(Range<usize>) -> Result<(), E>> Pieces<F> {
    fn new(behavior: Behavior, hand_on: F) -> Self {
        Self { behavior, hand_on, held: None }
    }

    /// Takes the next piece of the text.
    fn push(&mut self, piece: Range<usize>, is_match: bool) -> Result<(), E> {
        let joins = |was_match: bool| match self.behavior {
            Behavior::Removed | Behavior::Isolated => false,
            Behavior::Contiguous => is_match == was_match,
            Behavior::MergedWithPrevious => is_match && !was_match,
            Behavior::MergedWithNext => !is_match && was_match,
        };
        match &mut self.held {
            Some((held, was_match)) if joins(*was_match) => {
                held.end = piece.end;
                *was_match = is_match;
            }
            _ => {
                self.finish_held()?;
                if !(is_match && self.behavior == Behavior::Removed) {
                    self.held = Some((piece, is_match));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), E> {
        self.finish_held()
    }

    fn finish_held(&mut self) -> Result<(), E> {
        self.held.take().map_or(Ok(()), |(held, _)| (self.hand_on)(held))
    }
}

fn yes() -> bool {
    true
}

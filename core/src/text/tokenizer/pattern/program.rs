//! A pattern as instructions.

use fancy_regex::Assertion;
use wheelwork_package::budget::{Exhausted, PATTERN_INSTRUCTIONS};

use super::class::Class;

/// A compiled pattern; immutable, shared between threads.
#[derive(Debug)]
pub(in crate::text::tokenizer) struct Program {
    pub(super) instructions: Vec<Instruction>,
    pub(super) classes: Vec<Class>,
    /// How many of the instructions have a slot in the memo.
    pub(super) slots: usize,
}

/// What to do at a place of the text. A `slot` is a column of the memo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instruction {
    /// Takes one character of the class.
    Take { class: usize },
    /// Takes all characters of the class that follow, then one fewer each time that going on fails, but not fewer than
    /// `least`, which is 0 or 1. Nearly all that patterns repeat is of this kind.
    TakeRun { class: usize, least: usize, slot: usize },
    /// Goes on at one instruction, at the other if that fails.
    Either { first: usize, second: usize, slot: usize },
    /// Goes on at another instruction.
    Jump { to: usize },
    /// Goes on where the assertion holds.
    Assert(Assertion),
    /// Looks whether what follows this instruction matches here, or `back` characters before; goes on at `then`.
    Look { negative: bool, back: usize, then: usize, slot: usize },
    /// Takes what follows this instruction as it matches first; goes on at `then`.
    Atomic { then: usize, slot: usize },
    /// The end of the pattern, or of what is looked at.
    Match,
}

impl Instruction {
    /// The column of the memo, for instructions from which there is more than one way on.
    pub(super) fn slot(self) -> Option<usize> {
        match self {
            Self::TakeRun { slot, .. }
            | Self::Either { slot, .. }
            | Self::Look { slot, .. }
            | Self::Atomic { slot, .. } => Some(slot),
            Self::Take { .. } | Self::Jump { .. } | Self::Assert(_) | Self::Match => None,
        }
    }
}

/// Why a pattern can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::text::tokenizer) enum PatternFault {
    /// It is no pattern.
    #[error("{0}")]
    Syntax(String),
    /// It needs more than a place in the text to go on.
    #[error("it has {0}")]
    Unsupported(&'static str),
    /// It is too large.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

impl Program {
    /// How many instructions it has: what it may cost a byte of text.
    pub(in crate::text::tokenizer) fn len(&self) -> usize {
        self.instructions.len()
    }

    pub(super) fn add(&mut self, instruction: Instruction) -> Result<usize, PatternFault> {
        let place = self.instructions.len();
        if place as u64 >= PATTERN_INSTRUCTIONS.number {
            return Err(Exhausted::Limit(PATTERN_INSTRUCTIONS).into());
        }
        self.instructions.push(instruction);
        Ok(place)
    }

    pub(super) fn add_slot(&mut self) -> usize {
        self.slots += 1;
        self.slots - 1
    }
}

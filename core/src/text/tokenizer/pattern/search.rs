//! Finding a pattern's matches in a text.

use std::ops::Range;

use fancy_regex::Assertion;
use wheelwork_package::budget::{Budget, Exhausted, Limit, PATTERN_ALTERNATIVES};

use super::class::Class;
use super::memo::{Known, Memo};
use super::program::{Instruction, Program};

/// So many steps are taken from the budget at once.
const STEPS_AT_ONCE: u64 = 256;
/// So many bytes of the memo are cleared in the time of a step. Qwen's pattern clears five a byte of text.
const MEMO_BYTES_A_STEP: u64 = 64;

/// The matches of a pattern in a text, one after the other; none overlap.
pub(in crate::text::tokenizer) struct Search<'s> {
    program: &'s Program,
    text: &'s str,
    budget: &'s Budget,
    memo: Memo,
    pending: Vec<Pending>,
    steps: u64,
    /// Where the next search begins.
    from: usize,
    /// Where the last match ended.
    last_end: Option<usize>,
}

/// What is left to do when going on has failed.
#[derive(Debug, Clone, Copy)]
enum Pending {
    /// Going on elsewhere.
    Go { to: usize, at: usize },
    /// Nothing: it was the last way on from the slot's instruction.
    Fail { slot: usize, at: usize },
    /// A run of characters from `from` to `end`, at present taken up to `at`; it must reach `least_end`.
    Run { place: usize, from: usize, least_end: usize, at: usize, end: usize },
}

impl<'s> Search<'s> {
    pub(in crate::text::tokenizer) fn new(program: &'s Program, text: &'s str, budget: &'s Budget) -> Self {
        let memo = Memo::new(program.slots);
        Self { program, text, budget, memo, pending: Vec::new(), steps: 0, from: 0, last_end: None }
    }

    /// The next match. An empty one right behind the match before it does not count.
    pub(in crate::text::tokenizer) fn next(&mut self) -> Result<Option<Range<usize>>, Exhausted> {
        while self.from <= self.text.len() {
            let Some(found) = self.find()? else { break };
            if found.is_empty() {
                self.from = found.end + self.char_at(found.end).map_or(1, char::len_utf8);
                if self.last_end == Some(found.end) {
                    continue;
                }
            } else {
                self.from = found.end;
            }
            self.last_end = Some(found.end);
            return Ok(Some(found));
        }
        self.from = self.text.len() + 1;
        self.budget.take_steps(std::mem::take(&mut self.steps))?;
        Ok(None)
    }

    fn find(&mut self) -> Result<Option<Range<usize>>, Exhausted> {
        let mut start = self.from;
        loop {
            self.memo.forget_before(start);
            if let Some(end) = self.matches(0, start, false)? {
                return Ok(Some(start..end));
            }
            match self.char_at(start) {
                Some(char) => start += char.len_utf8(),
                None => return Ok(None),
            }
        }
    }

    /// Where a match from an instruction at a place ends. `is_looked_at`: only whether there is one matters.
    fn matches(&mut self, first: usize, at: usize, is_looked_at: bool) -> Result<Option<usize>, Exhausted> {
        let floor = self.pending.len();
        let mut next = Some((first, at));
        loop {
            if let Some((place, at)) = next
                && let Some(end) = self.go_on(place, at)?
            {
                self.settle(floor, is_looked_at)?;
                return Ok(Some(end));
            }
            if self.pending.len() == floor {
                return Ok(None);
            }
            next = match self.pending.pop() {
                Some(Pending::Go { to, at }) => Some((to, at)),
                Some(Pending::Fail { slot, at }) => {
                    self.note(slot, at, Known::Failed)?;
                    None
                }
                Some(Pending::Run { place, from, least_end, at, end }) if at > least_end => {
                    let before = at - self.char_before(at).map_or(1, char::len_utf8);
                    self.pending.push(Pending::Run { place, from, least_end, at: before, end });
                    Some((place + 1, before))
                }
                Some(Pending::Run { place, from, end, .. }) => {
                    self.note_run(place, from..end, Known::Failed)?;
                    None
                }
                None => None,
            };
        }
    }

    /// Follows the instructions from one to the next until one fails, or to a match; gives its end.
    fn go_on(&mut self, mut place: usize, mut at: usize) -> Result<Option<usize>, Exhausted> {
        loop {
            self.take_steps(1)?;
            let instruction = self.program.instructions[place];
            match instruction.slot().map(|slot| self.memo.get(slot, at)) {
                Some(Known::Failed) => return Ok(None),
                Some(Known::Matched) => return Ok(Some(at)),
                Some(Known::Nothing) | None => {}
            }
            match instruction {
                Instruction::Match => return Ok(Some(at)),
                Instruction::Take { class } => match self.char_at(at) {
                    Some(char) if self.class(class).has(char) => at += char.len_utf8(),
                    _ => return Ok(None),
                },
                Instruction::Assert(assertion) => {
                    if !self.holds(assertion, at) {
                        return Ok(None);
                    }
                }
                Instruction::Jump { to } => {
                    place = to;
                    continue;
                }
                Instruction::TakeRun { class, least, .. } => {
                    let Some((least_end, end)) = self.run(class, least, at)? else { return Ok(None) };
                    self.push(Pending::Run { place, from: at, least_end, at: end, end })?;
                    at = end;
                }
                Instruction::Either { first, second, slot } => {
                    self.push(Pending::Fail { slot, at })?;
                    self.push(Pending::Go { to: second, at })?;
                    place = first;
                    continue;
                }
                Instruction::Look { negative, back, then, slot } => {
                    self.push(Pending::Fail { slot, at })?;
                    // Going back is a walk from character to character.
                    self.take_steps(back.min(at) as u64)?;
                    let found = match self.back(at, back) {
                        Some(from) => self.matches(place + 1, from, true)?.is_some(),
                        None => false,
                    };
                    if found == negative {
                        return Ok(None);
                    }
                    place = then;
                    continue;
                }
                Instruction::Atomic { then, slot } => {
                    self.push(Pending::Fail { slot, at })?;
                    let Some(end) = self.matches(place + 1, at, false)? else { return Ok(None) };
                    (place, at) = (then, end);
                    continue;
                }
            }
            place += 1;
        }
    }

    /// The ends of the shortest and of the longest run of a class from a place.
    fn run(&mut self, class: usize, least: usize, at: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        let class = self.class(class);
        let taken = self.text[at..].chars().take_while(|char| class.has(*char));
        let (chars, end) = taken.fold((0, at), |(chars, end), char| (chars + 1, end + char.len_utf8()));
        self.take_steps(chars)?;
        let first = if least == 0 { 0 } else { self.char_at(at).map_or(0, char::len_utf8) };
        Ok((chars >= least as u64).then_some((at + first, end)))
    }

    /// Drops what is pending above `floor`, because there is a match without it. All ways to the match lead through
    /// what is dropped, so that is known to match.
    fn settle(&mut self, floor: usize, is_looked_at: bool) -> Result<(), Exhausted> {
        while self.pending.len() > floor {
            match self.pending.pop().filter(|_| is_looked_at) {
                Some(Pending::Fail { slot, at }) => self.note(slot, at, Known::Matched)?,
                Some(Pending::Run { place, from, at, .. }) => {
                    self.note_run(place, from..at, Known::Matched)?;
                }
                Some(Pending::Go { .. }) | None => {}
            }
            self.take_steps(1)?;
        }
        Ok(())
    }

    /// Notes for every character of a run what is known of its first: a run from there reaches the same places.
    fn note_run(&mut self, place: usize, run: Range<usize>, known: Known) -> Result<(), Exhausted> {
        let Instruction::TakeRun { least, slot, .. } = self.program.instructions[place] else {
            return Ok(());
        };
        let text = self.text;
        for (offset, _) in text[run.clone()].char_indices() {
            self.note(slot, run.start + offset, known)?;
            self.take_steps(1)?;
        }
        if least == 0 {
            self.note(slot, run.end, known)?;
        }
        Ok(())
    }

    /// Notes what is known; a table that grows is paid for.
    fn note(&mut self, slot: usize, at: usize, known: Known) -> Result<(), Exhausted> {
        let grown = self.memo.set(slot, at, known);
        self.take_steps(grown as u64 / MEMO_BYTES_A_STEP)
    }

    fn holds(&self, assertion: Assertion, at: usize) -> bool {
        let (before, after) = (self.char_before(at), self.char_at(at));
        let is_word = |char: Option<char>| {
            char.is_some_and(|char| regex_syntax::try_is_word_character(char).unwrap_or_default())
        };
        match assertion {
            Assertion::StartText => before.is_none(),
            Assertion::EndText => after.is_none(),
            Assertion::StartLine { .. } => before.is_none_or(|char| char == '\n'),
            Assertion::EndLine { .. } => after.is_none_or(|char| char == '\n'),
            Assertion::LeftWordBoundary => !is_word(before) && is_word(after),
            Assertion::LeftWordHalfBoundary => !is_word(before),
            Assertion::RightWordBoundary => is_word(before) && !is_word(after),
            Assertion::RightWordHalfBoundary => !is_word(after),
            Assertion::WordBoundary => is_word(before) != is_word(after),
            Assertion::NotWordBoundary => is_word(before) == is_word(after),
        }
    }

    /// The place so many characters before; `None` if the text has not as many.
    fn back(&self, at: usize, chars: usize) -> Option<usize> {
        let Some(last) = chars.checked_sub(1) else { return Some(at) };
        self.text[..at].char_indices().rev().nth(last).map(|(place, _)| place)
    }

    fn char_at(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    fn char_before(&self, at: usize) -> Option<char> {
        self.text[..at].chars().next_back()
    }

    fn class(&self, place: usize) -> &'s Class {
        &self.program.classes[place]
    }

    fn push(&mut self, pending: Pending) -> Result<(), Exhausted> {
        const LIMIT: Limit = PATTERN_ALTERNATIVES;
        if self.pending.len() >= LIMIT.as_usize() {
            return Err(Exhausted::Limit(LIMIT));
        }
        self.pending.push(pending);
        Ok(())
    }

    fn take_steps(&mut self, count: u64) -> Result<(), Exhausted> {
        self.steps += count;
        if self.steps >= STEPS_AT_ONCE {
            self.budget.take_steps(std::mem::take(&mut self.steps))?;
        }
        Ok(())
    }
}

//! Loops: a model that writes the same tokens over and over.
//!
//! Small models and low temperatures invite them, and a loop on a phone costs minutes of battery. For each period
//! `p` up to [`LONGEST_PERIOD`] the guard counts how many tokens in a row equal the one `p` places before. A count
//! of `n` means that the last `n + p` tokens repeat with period `p`; from [`needed_run`] on it is a loop.
//!
//! A token costs one comparison a period, in one pass over 2 KiB each of tokens and counts: constant, without an
//! allocation, and exact, where a hash would only be probable.

/// The longest repeated passage that is seen, in tokens: some paragraphs.
pub const LONGEST_PERIOD: usize = 512;
/// A passage must come this often in a row: lists and tables repeat a line three times.
const REPETITIONS: usize = 4;
/// However short the passage, this many tokens must be repetition: rows of a table have fewer.
const LEAST_TOKENS: usize = 128;
/// Up to this period a passage may be one character, in as many byte tokens, and its repetition a ruler ...
const CHARACTER_TOKENS: usize = 4;
/// ... across a wide page: 120 characters of three bytes.
const LEAST_CHARACTER_TOKENS: usize = 384;

/// Tokens that stand for no token before the first.
const NONE: u32 = u32::MAX;
/// Tokens are appended to this many, then the last [`LONGEST_PERIOD`] move to the front.
const BUFFER_TOKENS: usize = 4 * LONGEST_PERIOD;

/// A loop that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    /// Tokens of the repeated passage.
    pub period: usize,
    /// Tokens that were written more often than once.
    pub repeated_tokens: usize,
}

/// Watches the tokens of one generation.
#[derive(Debug, Clone)]
pub struct LoopGuard {
    /// The last tokens; never fewer than [`LONGEST_PERIOD`].
    tokens: Vec<u32>,
    /// At place `i`, the run for the period `LONGEST_PERIOD - i`: side by side with the tokens it compares with.
    runs: [u32; LONGEST_PERIOD],
}

/// Tokens in a row that must equal those `period` places before.
#[must_use]
pub const fn needed_run(period: usize) -> usize {
    let run = (REPETITIONS - 1) * period;
    let least = if period <= CHARACTER_TOKENS { LEAST_CHARACTER_TOKENS } else { LEAST_TOKENS };
    if run > least { run } else { least }
}

impl LoopGuard {
    /// Before the first token.
    #[must_use]
    pub fn new() -> Self {
        let mut tokens = Vec::with_capacity(BUFFER_TOKENS);
        tokens.resize(LONGEST_PERIOD, NONE);
        Self { tokens, runs: [0; LONGEST_PERIOD] }
    }

    /// Takes the next token; the shortest loop that it completes.
    pub fn push(&mut self, token: u32) -> Option<Loop> {
        let before = self.tokens.last_chunk::<LONGEST_PERIOD>()?;
        let mut looping = false;
        for ((run, &past), &needed) in self.runs.iter_mut().zip(before).zip(&NEEDED) {
            *run = if past == token { run.saturating_add(1) } else { 0 };
            looping |= *run >= needed;
        }
        if self.tokens.len() == BUFFER_TOKENS {
            self.tokens.drain(..BUFFER_TOKENS - LONGEST_PERIOD);
        }
        self.tokens.push(token);
        if looping { self.shortest() } else { None }
    }

    /// Forgets what came before, for instance after the loop was broken.
    pub fn reset(&mut self) {
        self.tokens.clear();
        self.tokens.resize(LONGEST_PERIOD, NONE);
        self.runs.fill(0);
    }

    fn shortest(&self) -> Option<Loop> {
        let run = |period: usize| self.runs.get(LONGEST_PERIOD - period).map_or(0, |&run| run as usize);
        // What repeats with a period repeats with its multiples: a ruler must not pass as its own fifth.
        let ruler = (1..=CHARACTER_TOKENS).any(|period| run(period) >= LEAST_TOKENS);
        let longest = if ruler { CHARACTER_TOKENS } else { LONGEST_PERIOD };
        let period = (1..=longest).find(|&period| run(period) >= needed_run(period))?;
        Some(Loop { period, repeated_tokens: run(period) })
    }
}

impl Default for LoopGuard {
    fn default() -> Self {
        Self::new()
    }
}

/// [`needed_run`], in the order of [`LoopGuard::runs`].
const NEEDED: [u32; LONGEST_PERIOD] = {
    let mut needed = [0; LONGEST_PERIOD];
    let mut place = 0;
    while place < LONGEST_PERIOD {
        // At most three times the longest period.
        #[allow(clippy::cast_possible_truncation)]
        let run = needed_run(LONGEST_PERIOD - place) as u32;
        needed[place] = run;
        place += 1;
    }
    needed
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where the guard speaks first.
    fn first_loop(tokens: impl IntoIterator<Item = u32>) -> Option<(usize, Loop)> {
        let mut guard = LoopGuard::new();
        tokens.into_iter().enumerate().find_map(|(index, token)| Some((index, guard.push(token)?)))
    }

    /// The definition, token by token.
    fn by_definition(tokens: &[u32]) -> Option<(usize, Loop)> {
        (0..tokens.len()).find_map(|last| {
            let run = |period: usize| {
                let repeats = |&index: &usize| index >= period && tokens[index] == tokens[index - period];
                (0..=last).rev().take_while(repeats).count()
            };
            let ruler = (1..=CHARACTER_TOKENS).any(|period| run(period) >= LEAST_TOKENS);
            (1..=LONGEST_PERIOD.min(last)).find_map(|period| {
                let long_enough = run(period) >= needed_run(period) && (period <= CHARACTER_TOKENS || !ruler);
                long_enough.then(|| (last, Loop { period, repeated_tokens: run(period) }))
            })
        })
    }

    #[test]
    fn one_token_over_and_over_is_a_loop() {
        let (index, found) = first_loop(std::iter::repeat_n(7, 1000)).unwrap();
        assert_eq!(found, Loop { period: 1, repeated_tokens: needed_run(1) });
        assert_eq!(index, needed_run(1));
    }

    #[test]
    fn a_ruler_across_the_page_is_none() {
        assert_eq!(first_loop((0..120).flat_map(|_| [1, 2, 3])), None);
        assert_eq!(first_loop((0..130).flat_map(|_| [1, 2, 3])).unwrap().1.period, 3);
    }

    #[test]
    fn a_paragraph_is_a_loop_the_fourth_time() {
        let paragraph = |_| 0..500;
        assert_eq!(first_loop((0..3).flat_map(paragraph)), None);
        let (index, found) = first_loop((0..4).flat_map(paragraph)).unwrap();
        assert_eq!((index, found.period), (4 * 500 - 1, 500));
    }

    #[test]
    fn a_passage_that_changes_a_little_each_time_is_none() {
        assert_eq!(first_loop((0..100).flat_map(|round| (0..50).chain([1000 + round]))), None);
    }

    #[test]
    fn after_a_reset_the_count_starts_again() {
        let mut guard = LoopGuard::new();
        for _ in 0..needed_run(1) {
            assert_eq!(guard.push(7), None);
        }
        guard.reset();
        assert_eq!(guard.push(7), None);
    }

    proptest! {
        #[test]
        fn it_says_what_the_definition_says(
            start in prop::collection::vec(0_u32..3, 0..200),
            passage in prop::collection::vec(0_u32..3, 1..150),
            times in 1_usize..8,
            ruler in 0_usize..500,
            end in prop::collection::vec(0_u32..3, 0..100),
        ) {
            let mut tokens = start;
            for _ in 0..times {
                tokens.extend(&passage);
            }
            tokens.extend(end);
            tokens.extend(std::iter::repeat_n(1, ruler));
            prop_assert_eq!(first_loop(tokens.iter().copied()), by_definition(&tokens));
        }
    }
}

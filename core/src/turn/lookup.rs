//! Prompt lookup: tokens that stood behind the same words before are computed ahead, several in one call.
//!
//! ```text
//! ... 478 + 256 = ? <think> 478 + 25     the last words stood there before: draft "6 = ?"
//! ```
//!
//! A draft is never shown. It is computed behind the last token in one call that gives logits after every token, and
//! each next token is sampled from the row that belongs to it, as it would be otherwise; what is sampled differently from
//! the draft makes the rest of it worthless. So sampler, limits and forms know nothing of it, and the text is the same
//! wherever a call of several tokens gives the logits that steps of one give. Method: Saxena 2023, "Prompt lookup decoding".
//!
//! Whether it pays, and how long a draft should be, depends on the device and on the text. Calls are timed, and of three lengths `n` that
//! is taken which gives most tokens a second, if that is more than steps of one token give:
//!
//! ```text
//! (1 + p + p² + .. + pⁿ) / time of a call with n          p: how often a token of a draft comes true
//! ```
//!
//! A length that was not timed yet is taken to grow as the timed ones do: on a CPU it does, on an NPU calls of one graph cost the same.

use std::time::Duration;

use crate::options::PromptLookup;

/// Tokens of a draft. With the token before it, the middle one is as many rows as our kernels read the weights for once.
const LENGTHS: [usize; 3] = [3, 7, 15];
/// Words of this many tokens are looked for, the longest first.
const WORDS: [usize; 3] = [4, 3, 2];
/// What a new measurement counts in a mean.
const NEWEST: f64 = 0.25;
/// Tokens after which a draft is tried again that did not pay.
const PATIENCE: usize = 48;

/// Finds drafts in the tokens of a turn, and learns what they are worth.
#[derive(Debug)]
pub(crate) struct Lookup {
    history: Vec<u32>,
    mode: PromptLookup,
    step_seconds: Option<f64>,
    /// Of calls with a draft of at most so many tokens as [`LENGTHS`] says.
    draft_seconds: [Option<f64>; LENGTHS.len()],
    /// How often a token of a draft comes true, if those before it did.
    chance: f64,
    /// Tokens of the last draft, and how many of them came true.
    last: Option<(usize, usize)>,
    /// Tokens of the draft that was given out.
    given: usize,
    since_draft: usize,
}

impl Lookup {
    pub(crate) fn new(mode: PromptLookup, prompt: &[u32]) -> Self {
        let history = if mode == PromptLookup::Off { Vec::new() } else { prompt.to_vec() };
        Self {
            history,
            mode,
            step_seconds: None,
            draft_seconds: [None; LENGTHS.len()],
            chance: 0.5,
            last: None,
            given: 0,
            since_draft: 0,
        }
    }

    /// The next token of the turn.
    pub(crate) fn push(&mut self, token: u32) {
        if self.mode != PromptLookup::Off {
            self.history.push(token);
            self.since_draft += 1;
        }
    }

    /// What may come behind the last token, at most `room` tokens; nothing where that is not known or does not pay.
    pub(crate) fn draft(&mut self, room: usize) -> Vec<u32> {
        self.settle();
        let Some(length) = self.length().filter(|_| self.mode == PromptLookup::Auto) else {
            return Vec::new();
        };
        let found = WORDS.iter().find_map(|&words| behind_earlier(&self.history, words));
        let draft = found.unwrap_or_default();
        let draft = draft[..draft.len().min(room).min(length)].to_vec();
        self.given = draft.len();
        draft
    }

    /// A step of one token took so long.
    pub(crate) fn stepped(&mut self, time: Duration) {
        mean(&mut self.step_seconds, time);
    }

    /// The call with the draft that was given out took so long.
    pub(crate) fn drafted(&mut self, time: Duration) {
        let place = LENGTHS.iter().position(|length| self.given <= *length);
        if let Some(seconds) = place.and_then(|place| self.draft_seconds.get_mut(place)) {
            mean(seconds, time);
        }
        (self.last, self.since_draft) = (Some((self.given, 0)), 0);
    }

    /// A token of the draft came true.
    pub(crate) fn came_true(&mut self) {
        if let Some((_, accepted)) = &mut self.last {
            *accepted += 1;
        }
    }

    /// Graphs that give one row of logits cannot.
    pub(crate) fn give_up(&mut self) {
        self.mode = PromptLookup::Off;
    }

    /// Learns what came of the last draft.
    fn settle(&mut self) {
        if let Some((drafted, accepted)) = self.last.take() {
            // Behind the first token that was wrong, nothing was asked.
            let asked = accepted + usize::from(accepted < drafted);
            self.chance += NEWEST * (accepted as f64 / asked.max(1) as f64 - self.chance);
        }
    }

    /// How long a draft may be; none where none pays.
    fn length(&self) -> Option<usize> {
        // A step is timed first, then one draft.
        let step = self.step_seconds?;
        let Some(timed) =
            self.draft_seconds.iter().zip(LENGTHS).find_map(|(seconds, length)| {
                seconds.map(|seconds| (seconds - step).max(0.0) / length as f64)
            })
        else {
            return LENGTHS.first().copied();
        };
        let rate = |(seconds, length): (&Option<f64>, usize)| {
            let seconds = seconds.unwrap_or(step + timed * length as f64);
            (self.expected(length) / seconds, length)
        };
        let rates = self.draft_seconds.iter().zip(LENGTHS).map(rate);
        let (rate, length) = rates.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
        match rate * step > 1.0 {
            true => Some(length),
            false if self.since_draft >= PATIENCE => LENGTHS.first().copied(),
            false => None,
        }
    }

    /// Tokens that a call with a draft of so many is expected to give.
    fn expected(&self, length: usize) -> f64 {
        (0..length).fold(1.0, |behind, _| 1.0 + self.chance * behind)
    }
}

/// What stood behind the last `words` tokens when they stood there last.
fn behind_earlier(history: &[u32], words: usize) -> Option<&[u32]> {
    let last = history.get(history.len().checked_sub(words)?..)?;
    // A match may run into the last words themselves, so that a period is found that is shorter than they are.
    let mut windows = history.get(..history.len().checked_sub(1)?)?.windows(words);
    let place = windows.rposition(|window| window == last)?;
    history.get(place + words..).filter(|behind| !behind.is_empty())
}

fn mean(mean: &mut Option<f64>, time: Duration) {
    let newest = time.as_secs_f64();
    *mean = Some(mean.map_or(newest, |mean| mean + NEWEST * (newest - mean)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(history: &[u32]) -> Lookup {
        let mut lookup = Lookup::new(PromptLookup::Auto, history);
        lookup.stepped(Duration::from_millis(10));
        lookup
    }

    #[test]
    fn a_draft_is_what_stood_behind_the_longest_last_words_the_last_time() {
        assert_eq!(lookup(&[1, 2, 3, 9, 1, 2, 4, 8, 1, 2]).draft(2), [4, 8]);
        assert_eq!(lookup(&[5, 1, 2, 7, 6, 1, 2, 8, 5, 1, 2]).draft(1), [7], "three words before two");
        assert!(lookup(&[1, 2, 3, 4]).draft(9).is_empty());
        assert_eq!(lookup(&[7, 7, 7]).draft(9), [7], "a period shorter than the words");
        for history in [&[][..], &[1], &[1, 1]] {
            assert!(lookup(history).draft(9).is_empty());
        }
        let long: Vec<u32> = (0..100).chain(0..2).collect();
        assert_eq!(lookup(&long).draft(99).len(), LENGTHS[0]);
        assert!(Lookup::new(PromptLookup::Off, &long).draft(99).is_empty());
    }

    /// What a draft costs on a CPU: a quarter of a step a token.
    fn on_a_cpu(draft: usize) -> Duration {
        Duration::from_micros(10_000 + 2_500 * draft as u64)
    }

    #[test]
    fn a_draft_that_does_not_pay_is_left_and_tried_again_later() {
        let mut lookup = lookup(&[1, 2, 3, 4, 5, 6, 7, 1, 2]);
        let draft = lookup.draft(99);
        assert_eq!(draft, [3, 4, 5], "the first is to find out, and a short one is enough for that");
        lookup.drafted(on_a_cpu(draft.len()));
        assert!(lookup.draft(99).is_empty(), "nothing came true");
        for token in 0..PATIENCE {
            lookup.push(100 + u32::try_from(token).unwrap());
        }
        [1, 2].into_iter().for_each(|token| lookup.push(token));
        assert_eq!(lookup.draft(99), [100, 101, 102]);
        lookup.drafted(on_a_cpu(3));
        (0..3).for_each(|_| lookup.came_true());
        assert!(!lookup.draft(99).is_empty());
    }

    #[test]
    fn drafts_grow_while_they_come_true_and_shrink_when_they_do_not() {
        let history: Vec<u32> = (0..40).chain(0..3).collect();
        let mut lookup = lookup(&history);
        let mut rounds = |rounds: usize, comes_true: fn(usize) -> usize| {
            let mut length = 0;
            for _ in 0..rounds {
                length = lookup.draft(99).len();
                if length > 0 {
                    lookup.drafted(on_a_cpu(length));
                    (0..comes_true(length)).for_each(|_| lookup.came_true());
                }
            }
            length
        };
        assert_eq!(rounds(20, |length| length), 15);
        assert_eq!(rounds(6, |length| length.min(2)), 3);
        assert_eq!(rounds(20, |length| length), 15);
        assert_eq!(rounds(20, |_| 0), 0);
    }
}

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
//! Whether it pays depends on the device, so both calls are timed, and a draft is computed only while
//!
//! ```text
//! (1 + tokens of a draft that come true) · time of a step  >  time of the call with the draft
//! ```

use std::time::Duration;

use crate::options::PromptLookup;

/// Tokens of a draft.
const DRAFT_TOKENS: usize = 15;
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
    draft_seconds: Option<f64>,
    /// Tokens of a draft that came true, on average.
    accepted: f64,
    /// Of the last draft.
    last_accepted: usize,
    is_drafted: bool,
    since_draft: usize,
}

impl Lookup {
    pub(crate) fn new(mode: PromptLookup, prompt: &[u32]) -> Self {
        let history = if mode == PromptLookup::Off { Vec::new() } else { prompt.to_vec() };
        Self {
            history,
            mode,
            step_seconds: None,
            draft_seconds: None,
            accepted: 0.0,
            last_accepted: 0,
            is_drafted: false,
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
        if self.mode == PromptLookup::Off || !self.pays() {
            return Vec::new();
        }
        let found = WORDS.iter().find_map(|&words| behind_earlier(&self.history, words));
        let draft = found.unwrap_or_default();
        draft[..draft.len().min(room).min(DRAFT_TOKENS)].to_vec()
    }

    /// A step of one token took so long.
    pub(crate) fn stepped(&mut self, time: Duration) {
        mean(&mut self.step_seconds, time);
    }

    /// A call with a draft took so long.
    pub(crate) fn drafted(&mut self, time: Duration) {
        mean(&mut self.draft_seconds, time);
        (self.is_drafted, self.last_accepted, self.since_draft) = (true, 0, 0);
    }

    /// A token of the draft came true.
    pub(crate) fn came_true(&mut self) {
        self.last_accepted += 1;
    }

    /// Graphs that give one row of logits cannot.
    pub(crate) fn give_up(&mut self) {
        self.mode = PromptLookup::Off;
    }

    /// Learns what came of the last draft.
    fn settle(&mut self) {
        if std::mem::take(&mut self.is_drafted) {
            let accepted = self.last_accepted as f64;
            self.accepted += NEWEST * (accepted - self.accepted);
        }
    }

    fn pays(&self) -> bool {
        match (self.step_seconds, self.draft_seconds) {
            // A step is timed first, then one draft.
            (None, _) => false,
            (Some(_), None) => true,
            (Some(step), Some(draft)) => (1.0 + self.accepted) * step > draft || self.since_draft >= PATIENCE,
        }
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
        assert_eq!(lookup(&long).draft(99).len(), DRAFT_TOKENS);
        assert!(Lookup::new(PromptLookup::Off, &long).draft(99).is_empty());
    }

    #[test]
    fn a_draft_that_does_not_pay_is_left_and_tried_again_later() {
        let mut lookup = lookup(&[1, 2, 3, 1, 2]);
        assert_eq!(lookup.draft(1), [3], "the first is to find out");
        lookup.drafted(Duration::from_millis(25));
        assert!(lookup.draft(1).is_empty(), "nothing came true");
        for token in 0..PATIENCE {
            lookup.push(100 + u32::try_from(token).unwrap());
        }
        [1, 2].into_iter().for_each(|token| lookup.push(token));
        assert!(!lookup.draft(1).is_empty());
        // Eight tokens came true in the time of two and a half steps.
        lookup.drafted(Duration::from_millis(25));
        (0..8).for_each(|_| lookup.came_true());
        assert!(!lookup.draft(1).is_empty());
    }
}

//! What a turn tells, gathered from its events.

use wheelwork::{Error, Event, FinishReason, Placement, ReasoningEnd, Usage};

/// Texts, where they were computed, the end of reasoning and the end of a turn.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Where the turn began, and where it went on.
    pub placements: Vec<Placement>,
    /// Of the prompt's tokens, those that came from the prefix cache.
    pub prefix_tokens: usize,
    /// The reasoning's text.
    pub reasoning: String,
    /// The answer's text.
    pub answer: String,
    /// How long each reasoning was, in tokens, and what ended it.
    pub reasoning_ended: Vec<(usize, ReasoningEnd)>,
    /// Why the turn ended, and its tokens.
    pub finished: Option<(FinishReason, Usage, Vec<u32>)>,
}

impl Outcome {
    /// Reads a turn to its end.
    ///
    /// # Errors
    /// The turn's own.
    ///
    /// # Panics
    /// For a turn that finishes twice.
    pub fn of(events: impl IntoIterator<Item = Result<Event, Error>>) -> Result<Self, Error> {
        let mut outcome = Self::default();
        for event in events {
            match event? {
                Event::Started { placement, prefix_tokens, .. } => {
                    outcome.placements.push(placement);
                    outcome.prefix_tokens = prefix_tokens;
                }
                Event::DeviceChanged { placement } => outcome.placements.push(placement),
                Event::ReasoningDelta { text } => outcome.reasoning.push_str(&text),
                Event::AnswerDelta { text } => outcome.answer.push_str(&text),
                Event::ReasoningEnded { tokens, cause, .. } => outcome.reasoning_ended.push((tokens, cause)),
                Event::Finished { reason, usage, token_ids, .. } => {
                    assert!(outcome.finished.is_none(), "a turn finishes once");
                    outcome.finished = Some((reason, usage, token_ids));
                }
                _ => {}
            }
        }
        Ok(outcome)
    }

    /// Why the turn ended.
    ///
    /// # Panics
    /// Here and below for a turn that has not finished.
    #[must_use]
    pub fn reason(&self) -> FinishReason {
        self.end().0
    }

    /// What it took.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.end().1
    }

    /// The tokens that the model wrote.
    #[must_use]
    pub fn token_ids(&self) -> &[u32] {
        &self.end().2
    }

    /// Reasoning, answer and tokens, to compare two turns.
    #[must_use]
    pub fn said(&self) -> (&str, &str, &[u32]) {
        (&self.reasoning, &self.answer, self.token_ids())
    }

    fn end(&self) -> &(FinishReason, Usage, Vec<u32>) {
        self.finished.as_ref().expect("the turn was read to its end")
    }
}

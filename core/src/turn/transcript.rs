//! What a turn has said: tokens go in, events come out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::answer_text::{AnswerText, NO_TOKEN};
use super::constraint::AnswerConstraint;
use crate::error::Error;
use crate::event::{Event, FinishReason, ReasoningEnd};
use crate::facts::ModelFacts;
use crate::metrics::{Stopwatch, Usage, milliseconds};
use crate::options::Options;
use crate::text::chat::Message;
use crate::text::detokenizer::Detokenizer;
use crate::text::reasoning::{CLOSE_TAG, Segment, Splitter};

/// The tokens of a turn and what follows from them alone.
pub(super) struct Transcript {
    facts: Arc<ModelFacts>,
    events: VecDeque<Event>,
    detokenizer: Detokenizer,
    splitter: Splitter,
    answer: AnswerText,
    /// `None` where any answer will do.
    constraint: Option<AnswerConstraint>,
    pub(super) reasoning_end: ReasoningEnd,
    pub(super) usage: Usage,
    pub(super) stopwatch: Stopwatch,
    token_ids: Vec<u32>,
    /// What the model wrote, tags included: the assistant message of the history.
    raw_text: String,
    /// Text of one token, reused.
    text: String,
}

impl Transcript {
    pub(super) fn new(
        facts: Arc<ModelFacts>,
        options: &Options,
        splitter: Splitter,
        constraint: Option<AnswerConstraint>,
        usage: Usage,
    ) -> Self {
        Self {
            events: VecDeque::new(),
            detokenizer: Detokenizer::new(),
            splitter,
            answer: AnswerText::new(&facts, options),
            constraint,
            reasoning_end: ReasoningEnd::Closed,
            usage,
            stopwatch: Stopwatch::start(),
            token_ids: Vec::new(),
            raw_text: String::new(),
            text: String::new(),
            facts,
        }
    }

    pub(super) fn token_ids(&self) -> &[u32] {
        &self.token_ids
    }

    pub(super) fn is_reasoning(&self) -> bool {
        self.splitter.is_reasoning()
    }

    /// Since the first token.
    pub(super) fn elapsed(&self) -> Duration {
        self.stopwatch.since_first_token()
    }

    /// Whether the answer is complete: by a stop token, a stop text or its constraint.
    pub(super) fn is_complete(&self) -> bool {
        self.token_ids.last().is_some_and(|&token| self.is_stop_token(token))
            || self.answer.is_stopped()
            || self.constraint.as_ref().is_some_and(AnswerConstraint::is_complete)
    }

    pub(super) fn is_stop_token(&self, token: u32) -> bool {
        self.facts.tokens.eos.contains(&token)
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes back the end that was told: something failed after it.
    pub(super) fn retract_finish(&mut self) {
        self.events.retain(|event| !matches!(event, Event::Finished { .. }));
    }

    /// Rules out what the constraint does not allow next.
    pub(super) fn restrict(&mut self, logits: &mut [f32]) -> Result<(), Error> {
        match &mut self.constraint {
            Some(constraint) => Ok(constraint.restrict(logits, &self.facts.tokens.eos)?),
            None => Ok(()),
        }
    }

    /// What takes the place of a sampled token that a constrained answer could not follow: `closing` for one that would end
    /// the turn in its reasoning, the rest of the tag for one that would begin the answer in its middle.
    pub(super) fn instead_of(&self, token: u32, closing: &[u32]) -> Result<Option<Vec<u32>>, Error> {
        match &self.constraint {
            Some(_) if self.is_reasoning() && self.is_stop_token(token) => Ok(Some(closing.to_vec())),
            Some(constraint) if self.is_reasoning() => {
                constraint.cut(&self.facts, token, &self.detokenizer, &self.splitter)
            }
            _ => Ok(None),
        }
    }

    /// Counts a token and turns it into events; gives the tokens that must follow it.
    pub(super) fn show(&mut self, token: u32) -> Result<Vec<u32>, Error> {
        self.token_ids.push(token);
        self.usage.completion_tokens += 1;
        if self.is_stop_token(token) {
            return Ok(Vec::new());
        }
        if let Some(constraint) = &mut self.constraint {
            constraint.meet(token, &mut self.splitter)?;
        }
        let was_reasoning = self.is_reasoning();
        self.text.clear();
        self.detokenizer.push(self.facts.tokenizer.token_bytes(token), &mut self.text);
        self.raw_text.push_str(&self.text);
        let Self { splitter, answer, events, usage, stopwatch, reasoning_end, .. } = self;
        splitter.push(token, &self.text, &mut |segment| match segment {
            Segment::Answer(text) => answer.push(token, text, events),
            Segment::AnswerWasReasoning => {
                answer.restart(events);
                // All but the closing tag.
                usage.reasoning_tokens = usage.completion_tokens - 1;
                events.push_back(Event::AnswerWasReasoning {
                    tokens: usage.reasoning_tokens,
                    elapsed_ms: milliseconds(stopwatch.since_first_token()),
                });
            }
            other => events.extend(reasoning_event(other, usage, stopwatch, *reasoning_end)),
        });
        if was_reasoning && self.is_reasoning() {
            self.usage.reasoning_tokens += 1;
        }
        let follow = self.constraint.as_mut().map(|constraint| constraint.pass(&self.splitter).to_vec());
        Ok(follow.unwrap_or_default())
    }

    /// Shows what was held back, and the end.
    pub(super) fn finish(&mut self, reason: FinishReason) {
        self.text.clear();
        self.detokenizer.finish(&mut self.text);
        self.raw_text.push_str(&self.text);
        let Self { splitter, answer, events, usage, stopwatch, reasoning_end, .. } = self;
        splitter.finish(&self.text, &mut |segment| match segment {
            Segment::Answer(text) => answer.push(NO_TOKEN, text, events),
            other => events.extend(reasoning_event(other, usage, stopwatch, *reasoning_end)),
        });
        self.answer.finish(&mut self.events);
        let token_ids = std::mem::take(&mut self.token_ids);
        self.tell_finished(reason, token_ids);
    }

    /// Tells the end of a turn that goes on later.
    pub(super) fn suspend(&mut self) {
        self.tell_finished(FinishReason::Suspended, self.token_ids.clone());
    }

    /// The turn's message in the history.
    pub(super) fn message(&mut self) -> Message {
        if let Some(calls) = self.answer.only_calls() {
            return self.facts.template.calling(calls.to_vec());
        }
        let mut content = std::mem::take(&mut self.raw_text);
        if self.splitter.is_reasoning() {
            // Unfinished reasoning is closed, so that the template drops it like any other.
            content.push_str(CLOSE_TAG);
        }
        Message::assistant(content)
    }

    fn tell_finished(&mut self, reason: FinishReason, token_ids: Vec<u32>) {
        let (usage, timings) = (self.usage, self.stopwatch.timings(&self.usage));
        self.tell(Event::Finished { reason, usage, timings, token_ids });
    }
}

/// The event of a segment of the reasoning.
fn reasoning_event(
    segment: Segment<'_>,
    usage: &Usage,
    stopwatch: &Stopwatch,
    cause: ReasoningEnd,
) -> Option<Event> {
    match segment {
        Segment::Reasoning(text) => Some(Event::ReasoningDelta { text: text.to_owned() }),
        Segment::ReasoningEnded => Some(Event::ReasoningEnded {
            tokens: usage.reasoning_tokens,
            elapsed_ms: milliseconds(stopwatch.since_first_token()),
            cause,
        }),
        Segment::Answer(_) | Segment::AnswerWasReasoning => None,
    }
}

//! How a thought and a turn end: by what the runtime sees after a token, or as the caller wants it.
//!
//! [`crate::repetition`] and `landing` say when a thought is due; a turn ends in [`TurnLoop::finish`], once.

use super::TurnLoop;
use super::landing::Thought;
use super::{Phase, emit};
use crate::control::Wish;
use crate::error::Error;
use crate::event::{Event, FinishReason, ReasoningEnd};
use crate::options::OnLoop;
use crate::session::Session;
use crate::text::chat::Message;
use crate::text::reasoning::{CLOSE_TAG, Segment};
use crate::text::repetition::Loop;

/// What [`OnLoop::Warm`] samples at, unless that is less than it was.
const WARM_TEMPERATURE: f32 = 1.0;

impl TurnLoop {
    /// Ends the thought or the turn where that is due.
    pub(super) fn watch(&mut self, session: &mut Session, token: u32) -> Result<(), Error> {
        if let Some(found) = self.loop_guard.push(token) {
            self.break_loop(session, found)?;
        } else if self.splitter.is_reasoning() {
            let thought = Thought {
                tokens: self.usage.reasoning_tokens,
                elapsed: self.stopwatch.since_first_token(),
                tokens_left: self.tokens_left(session),
            };
            if let Some(cause) = self.landing.due(thought) {
                self.land(cause);
            }
        }
        Ok(())
    }

    fn break_loop(&mut self, session: &mut Session, found: Loop) -> Result<(), Error> {
        match self.on_loop {
            OnLoop::Ignore => {}
            OnLoop::End if self.splitter.is_reasoning() => self.land(ReasoningEnd::Loop),
            OnLoop::End | OnLoop::Stop => self.finish(session, FinishReason::Repetition)?,
            OnLoop::Warm => {
                let to = self.sampler.options().temperature.max(WARM_TEMPERATURE);
                self.sampler.set_temperature(to)?;
                self.on_loop = OnLoop::End;
                self.pending.push_back(Event::TemperatureRaised { to, period: found.period });
            }
        }
        self.loop_guard.reset();
        Ok(())
    }

    /// Has the thought end with the next tokens.
    fn land(&mut self, cause: ReasoningEnd) {
        self.ending = cause;
        self.forced.extend(self.landing.tokens());
        self.loop_guard.reset();
    }

    /// Tokens that may still come. The last one of a context needs no place in the cache.
    pub(super) fn tokens_left(&self, session: &Session) -> usize {
        let context_length = session.facts.context_length;
        let in_context = (context_length + 1).saturating_sub(self.prompt.len() + self.token_ids.len());
        let in_turn = self.options.max_tokens.map(|limit| limit.saturating_sub(self.token_ids.len()));
        in_turn.map_or(in_context, |in_turn| in_turn.min(in_context))
    }

    /// Ends as the caller wants it.
    pub(super) fn leave(&mut self, session: &mut Session) -> Result<(), Error> {
        match self.options.cancel.wish() {
            Some(Wish::Suspend) => self.suspend(session),
            Some(Wish::Cancel) | None => self.finish(session, FinishReason::Cancelled),
        }
    }

    /// Shows what was held back, records the answer and ends.
    pub(super) fn finish(&mut self, session: &mut Session, reason: FinishReason) -> Result<(), Error> {
        self.text.clear();
        self.detokenizer.finish(&mut self.text);
        self.raw_text.push_str(&self.text);
        self.splitter.finish(&self.text, &mut |segment| match segment {
            Segment::Answer(text) => self.answer.push_text(text, &mut self.pending),
            other => emit(other, &mut self.pending, &self.usage, &self.stopwatch, self.ending),
        });
        self.answer.finish(&mut self.pending);
        self.phase = Phase::Done;
        self.pending.push_back(Event::Finished {
            reason,
            usage: self.usage,
            timings: self.stopwatch.timings(&self.usage),
            token_ids: std::mem::take(&mut self.token_ids),
        });
        self.record(session)
    }

    /// Adds the turn to the conversation and ends it in the session's file, once. A turn that is left before its end
    /// counts as what was computed of it.
    pub(crate) fn record(&mut self, session: &mut Session) -> Result<(), Error> {
        if std::mem::replace(&mut self.recorded, true) {
            return Ok(());
        }
        if self.records_answer {
            let mut content = std::mem::take(&mut self.raw_text);
            if self.splitter.is_reasoning() {
                // An unfinished thought is closed, so that the template drops it like a finished one.
                content.push_str(CLOSE_TAG);
            }
            session.record_answer(match self.answer.only_calls() {
                Some(calls) => session.facts.template.calling(calls.to_vec()),
                None => Message::assistant(content),
            });
        }
        let wanted = self.options.save_now.pending();
        if session.save_turn_end()?
            && let Some(request) = wanted
        {
            self.options.save_now.served(request);
        }
        Ok(())
    }
}

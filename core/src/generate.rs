//! One turn: the loop from prompt to events.
//!
//! [`Generation`] is an iterator: nothing is computed until the next event is asked for, and dropping it ends
//! the turn. A token is shown before the next one is computed.
//!
//! Per token: compute the last token -> logits -> [`crate::sampling`] -> [`crate::detokenizer`] ->
//! [`crate::reasoning`] -> [`crate::stop`] -> events. Then [`crate::repetition`] and `landing` look whether the
//! runtime must end the thought or the turn.

mod durable;
mod landing;
mod turn;

use std::collections::VecDeque;

use crate::decoder::DecoderError;
use crate::detokenizer::Detokenizer;
use crate::metrics::{Stopwatch, Usage, milliseconds};
use crate::reasoning::{CLOSE_TAG, Segment, Splitter};
use crate::repetition::{Loop, LoopGuard};
use crate::sampling::{Sampler, SamplingOptions};
use crate::session::Session;
use crate::snapshot::TurnStart;
use crate::stop::StopStrings;
use crate::{Error, Event, FinishReason, OnLoop, Options, ReasoningEnd};
use landing::{Landing, Thought};
pub(crate) use turn::Turn;

/// What [`OnLoop::Warm`] samples at, unless that is less than it was.
const WARM_TEMPERATURE: f32 = 1.0;

/// One turn, as an iterator of events. The last one is [`Event::Finished`], or an error.
pub struct Generation<'s> {
    session: &'s mut Session,
    phase: Phase,
    pending: VecDeque<Event>,
    prompt: Vec<u32>,
    options: Options,
    sampler: Sampler,
    detokenizer: Detokenizer,
    splitter: Splitter,
    stop: StopStrings,
    landing: Landing,
    loop_guard: LoopGuard,
    on_loop: OnLoop,
    /// Tokens that the runtime puts in before it samples again.
    forced: VecDeque<u32>,
    /// The last token, while it is not in the cache.
    uncomputed: Option<u32>,
    ending: ReasoningEnd,
    usage: Usage,
    stopwatch: Stopwatch,
    token_ids: Vec<u32>,
    /// What the model wrote, tags included: the assistant message of the history.
    raw_text: String,
    /// Text of one token, reused.
    text: String,
    /// Tokens that are in the session's file.
    saved_tokens: usize,
    records_answer: bool,
    recorded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Prefill,
    Decode,
    Done,
}

impl<'s> Generation<'s> {
    /// Rewinds the cache to what it shares with the prompt; nothing is computed yet.
    pub(crate) fn start(session: &'s mut Session, turn: Turn, records_answer: bool) -> Result<Self, Error> {
        let reused_tokens = session.reuse(&turn.prompt);
        session.save_turn(|| TurnStart {
            prompt: turn.prompt.clone(),
            opens_reasoning: turn.opens_reasoning,
            options: turn.options.clone(),
            sampler: turn.sampler.state(),
            records_answer,
        })?;
        Ok(Self::new(session, turn, records_answer, reused_tokens, 0))
    }

    fn new(
        session: &'s mut Session,
        turn: Turn,
        records_answer: bool,
        reused_tokens: usize,
        resumed_tokens: usize,
    ) -> Self {
        let Turn { prompt, sampler, splitter, landing, options, opens_reasoning: _ } = turn;
        let usage = Usage { prompt_tokens: prompt.len(), reused_tokens, ..Usage::default() };
        let mut pending = VecDeque::from([Event::Started {
            placement: session.placement.clone(),
            prompt_tokens: usage.prompt_tokens,
            reused_tokens,
            resumed_tokens,
        }]);
        if options.thinking.is_off() {
            let cause = ReasoningEnd::Skipped;
            pending.push_back(Event::ReasoningEnded { tokens: 0, elapsed_ms: 0.0, cause });
        }
        Self {
            phase: Phase::Prefill,
            pending,
            prompt,
            sampler,
            detokenizer: Detokenizer::new(),
            splitter,
            stop: StopStrings::new(&options.stop),
            landing,
            loop_guard: LoopGuard::new(),
            on_loop: options.on_loop,
            forced: VecDeque::new(),
            uncomputed: None,
            ending: ReasoningEnd::Closed,
            usage,
            stopwatch: Stopwatch::start(),
            token_ids: Vec::new(),
            raw_text: String::new(),
            text: String::new(),
            saved_tokens: resumed_tokens,
            records_answer,
            recorded: false,
            options,
            session,
        }
    }

    /// What was sampled with, seed included.
    #[must_use]
    pub fn sampling(&self) -> &SamplingOptions {
        self.sampler.options()
    }

    fn prefill(&mut self) -> Result<(), Error> {
        let computed = self.token_ids.split_last().map_or(&[][..], |(_, computed)| computed);
        let tokens = [&self.prompt, computed].concat();
        let new = tokens.get(self.usage.reused_tokens..).unwrap_or_default();
        self.session.prefill(new, &self.options.cancel)?;
        self.stopwatch.prefilled();
        Ok(())
    }

    /// Computes, samples and shows one token.
    fn step(&mut self) -> Result<(), Error> {
        if self.options.cancel.is_cancelled() {
            return self.finish(FinishReason::Cancelled);
        }
        if self.options.max_tokens.is_some_and(|limit| self.token_ids.len() >= limit) {
            return self.finish(FinishReason::Length);
        }
        if let Some(token) = self.uncomputed {
            if self.session.decoder.len() >= self.session.facts.context_length {
                return self.finish(FinishReason::ContextFull);
            }
            self.session.decode(token, &self.options.cancel)?;
            self.uncomputed = None;
        }
        let token = match self.forced.pop_front() {
            Some(token) => token,
            None => self.sampler.sample(self.session.decoder.logits(), &self.token_ids)?,
        };
        self.accept(token)
    }

    /// Counts a token, turns it into events and looks what follows from it.
    fn accept(&mut self, token: u32) -> Result<(), Error> {
        self.stopwatch.token();
        self.show(token);
        if self.session.facts.tokens.eos.contains(&token) || self.stop.matched() {
            self.finish(FinishReason::Stop)
        } else if self.forced.is_empty() {
            self.watch(token)
        } else {
            Ok(())
        }
    }

    /// Counts a token and turns it into events.
    fn show(&mut self, token: u32) {
        self.token_ids.push(token);
        self.usage.completion_tokens += 1;
        self.uncomputed = Some(token);
        if self.session.facts.tokens.eos.contains(&token) {
            return;
        }
        let was_reasoning = self.splitter.is_reasoning();
        self.text.clear();
        self.detokenizer.push(self.session.facts.tokenizer.token_bytes(token), &mut self.text);
        self.raw_text.push_str(&self.text);
        self.splitter.push(token, &self.text, &mut |segment| {
            emit(segment, &mut self.pending, &mut self.stop, &self.usage, &self.stopwatch, self.ending);
        });
        if was_reasoning && self.splitter.is_reasoning() {
            self.usage.reasoning_tokens += 1;
        }
    }

    /// Ends the thought or the turn where that is due.
    fn watch(&mut self, token: u32) -> Result<(), Error> {
        if let Some(found) = self.loop_guard.push(token) {
            self.break_loop(found)?;
        } else if self.splitter.is_reasoning() {
            let thought = Thought {
                tokens: self.usage.reasoning_tokens,
                elapsed: self.stopwatch.since_first_token(),
                tokens_left: self.tokens_left(),
            };
            if let Some(cause) = self.landing.due(thought) {
                self.land(cause);
            }
        }
        Ok(())
    }

    fn break_loop(&mut self, found: Loop) -> Result<(), Error> {
        match self.on_loop {
            OnLoop::Ignore => {}
            OnLoop::End if self.splitter.is_reasoning() => self.land(ReasoningEnd::Loop),
            OnLoop::End | OnLoop::Stop => self.finish(FinishReason::Repetition)?,
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
    fn tokens_left(&self) -> usize {
        let context_length = self.session.facts.context_length;
        let in_context = (context_length + 1).saturating_sub(self.prompt.len() + self.token_ids.len());
        let in_turn = self.options.max_tokens.map(|limit| limit.saturating_sub(self.token_ids.len()));
        in_turn.map_or(in_context, |in_turn| in_turn.min(in_context))
    }

    /// Shows what was held back, records the answer and ends.
    fn finish(&mut self, reason: FinishReason) -> Result<(), Error> {
        self.text.clear();
        self.detokenizer.finish(&mut self.text);
        self.raw_text.push_str(&self.text);
        let mut show = |segment: Segment<'_>| {
            emit(segment, &mut self.pending, &mut self.stop, &self.usage, &self.stopwatch, self.ending);
        };
        self.splitter.finish(&self.text, &mut show);
        let mut rest = String::new();
        self.stop.finish(&mut rest);
        push_answer(&mut self.pending, rest);
        self.phase = Phase::Done;
        self.pending.push_back(Event::Finished {
            reason,
            usage: self.usage,
            timings: self.stopwatch.timings(&self.usage),
            token_ids: std::mem::take(&mut self.token_ids),
        });
        self.record()
    }

    /// Adds the turn to the conversation and ends it in the session's file, once.
    fn record(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.recorded, true) {
            return Ok(());
        }
        if self.records_answer {
            let mut content = std::mem::take(&mut self.raw_text);
            if self.splitter.is_reasoning() {
                // An unfinished thought is closed, so that the template drops it like a finished one.
                content.push_str(CLOSE_TAG);
            }
            self.session.record_answer(content);
        }
        Ok(self.session.save_turn_end()?)
    }
}

impl Iterator for Generation<'_> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(Ok(event));
            }
            let result = match self.phase {
                Phase::Prefill => {
                    self.phase = Phase::Decode;
                    self.prefill()
                }
                Phase::Decode => self.step().and_then(|()| self.autosave()),
                Phase::Done => return None,
            };
            match result {
                Ok(()) => {}
                Err(Error::Decoder(DecoderError::Interrupted)) => {
                    if let Err(error) = self.finish(FinishReason::Cancelled) {
                        return Some(Err(error));
                    }
                }
                Err(error) => {
                    self.phase = Phase::Done;
                    // The first error is the one to tell.
                    let _ = self.record();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Drop for Generation<'_> {
    /// A turn that nobody reads to its end counts as what was read of it.
    fn drop(&mut self) {
        // Nobody is left to tell; what was saved of the turn stays.
        let _ = self.record();
    }
}

/// One segment as events.
fn emit(
    segment: Segment<'_>,
    pending: &mut VecDeque<Event>,
    stop: &mut StopStrings,
    usage: &Usage,
    stopwatch: &Stopwatch,
    cause: ReasoningEnd,
) {
    match segment {
        Segment::Reasoning(text) => pending.push_back(Event::ReasoningDelta { text: text.to_owned() }),
        Segment::ReasoningEnded => pending.push_back(Event::ReasoningEnded {
            tokens: usage.reasoning_tokens,
            elapsed_ms: milliseconds(stopwatch.since_first_token()),
            cause,
        }),
        Segment::Answer(text) => {
            let mut shown = String::new();
            stop.push(text, &mut shown);
            push_answer(pending, shown);
        }
    }
}

fn push_answer(pending: &mut VecDeque<Event>, text: String) {
    if !text.is_empty() {
        pending.push_back(Event::AnswerDelta { text });
    }
}

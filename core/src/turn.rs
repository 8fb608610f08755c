//! One turn: the loop from prompt to events.
//!
//! [`TurnLoop`] is the loop, apart from the session that it runs on, so that whoever owns the session may drive it a
//! step at a time. [`Generation`] drives it as an iterator. A token is shown before the next one is computed.
//!
//! Per token: compute the last token -> logits -> `answer`, where it must have a form -> [`crate::sampling`] -> [`crate::detokenizer`] ->
//! [`crate::reasoning`] -> [`crate::stop`] -> events. Then `ending` looks whether the runtime must
//! end the thought or the turn.

mod answer;
mod answer_text;
mod compute;
mod durable;
mod ending;
mod generation;
mod landing;
pub(crate) mod lookup;
mod turn;

use std::collections::VecDeque;

use crate::decoder::DecoderError;
use crate::error::Error;
use crate::event::{Event, FinishReason, ReasoningEnd};
use crate::metrics::{Stopwatch, Usage, milliseconds};
use crate::options::{OnLoop, Options};
use crate::sampling::{Sampler, SamplingOptions};
use crate::session::{Dropped, Reused, Session};
use crate::text::detokenizer::Detokenizer;
use crate::text::reasoning::{Segment, Splitter};
use crate::text::repetition::LoopGuard;
use crate::turn::lookup::Lookup;
use answer::AnswerForm;
use answer_text::AnswerText;
pub use generation::Generation;
use landing::Landing;
pub(crate) use turn::Turn;

/// A turn under way. Every call takes the session that it was started on.
pub(crate) struct TurnLoop {
    phase: Phase,
    pending: VecDeque<Event>,
    /// What ended the turn, until it is told.
    failed: Option<Error>,
    prompt: Vec<u32>,
    opens_reasoning: bool,
    dropped: Option<Dropped>,
    options: Options,
    sampler: Sampler,
    detokenizer: Detokenizer,
    splitter: Splitter,
    answer: AnswerText,
    /// `None` where any answer will do.
    form: Option<AnswerForm>,
    landing: Landing,
    loop_guard: LoopGuard,
    lookup: Lookup,
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

impl TurnLoop {
    /// Has the cache hold what is known of the prompt; nothing is computed yet.
    pub(crate) fn start(session: &mut Session, turn: Turn, records_answer: bool) -> Result<Self, Error> {
        let reused = session.reuse(&turn.prompt)?;
        let turn = Self::new(session, turn, records_answer, reused, 0);
        session.save_turn(|| turn.beginning())?;
        Ok(turn)
    }

    fn new(
        session: &Session,
        turn: Turn,
        records_answer: bool,
        reused: Reused,
        resumed_tokens: usize,
    ) -> Self {
        let Turn { prompt, sampler, splitter, form, landing, options, dropped, opens_reasoning } = turn;
        let usage = Usage { prompt_tokens: prompt.len(), reused_tokens: reused.tokens, ..Usage::default() };
        let mut pending = VecDeque::from([Event::Started {
            placement: session.placement.clone(),
            prompt_tokens: usage.prompt_tokens,
            reused_tokens: reused.tokens,
            prefix_tokens: reused.prefix_tokens,
            resumed_tokens,
        }]);
        pending.extend(dropped.map(|Dropped { messages, tokens }| Event::TurnsDropped { messages, tokens }));
        if options.thinking.is_off() {
            let cause = ReasoningEnd::Skipped;
            pending.push_back(Event::ReasoningEnded { tokens: 0, elapsed_ms: 0.0, cause });
        }
        Self {
            phase: Phase::Prefill,
            pending,
            failed: None,
            lookup: Lookup::new(options.prompt_lookup, &prompt),
            prompt,
            opens_reasoning,
            dropped,
            sampler,
            detokenizer: Detokenizer::new(),
            splitter,
            answer: AnswerText::new(&session.facts, &options),
            form,
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
        }
    }

    /// Computes what comes next, at most `chunk_tokens` of the prompt or one token of the turn; false where the turn
    /// is over. What comes of it waits in [`TurnLoop::next_event`].
    pub(crate) fn advance(&mut self, session: &mut Session, chunk_tokens: usize) -> bool {
        let result = match self.phase {
            Phase::Prefill => self.prefill(session, chunk_tokens),
            Phase::Decode => self.step(session),
            Phase::Done => return false,
        };
        let result = match result {
            Err(Error::Decoder(DecoderError::Interrupted)) => self.leave(session),
            result => result,
        };
        let result = result.and_then(|()| self.autosave(session));
        if let Err(error) = result {
            self.phase = Phase::Done;
            // The first error is the one to tell, and the last of the turn.
            let _ = self.leave_unfinished(session);
            self.pending.retain(|event| !matches!(event, Event::Finished { .. }));
            self.failed = Some(error);
        }
        true
    }

    /// What the turn has to tell without computing more.
    pub(crate) fn next_event(&mut self) -> Option<Result<Event, Error>> {
        self.pending.pop_front().map(Ok).or_else(|| self.failed.take().map(Err))
    }

    /// Whether nothing is left to compute.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Done
    }

    pub(crate) fn sampling(&self) -> &SamplingOptions {
        self.sampler.options()
    }

    /// Computes the next tokens of the prompt.
    fn prefill(&mut self, session: &mut Session, chunk_tokens: usize) -> Result<(), Error> {
        let shown = self.token_ids.split_last().map_or(&[][..], |(_, computed)| computed);
        let tokens = [&self.prompt, shown].concat();
        let new = tokens.get(session.cached_tokens()..).unwrap_or_default();
        let chunk = new.get(..chunk_tokens.min(session.chunk_tokens())).unwrap_or(new);
        session.prefill(chunk, &self.options.cancel)?;
        self.tell_move(session);
        if chunk.len() == new.len() {
            self.phase = Phase::Decode;
            self.stopwatch.prefilled();
        }
        Ok(())
    }

    /// Computes, samples and shows one token.
    fn step(&mut self, session: &mut Session) -> Result<(), Error> {
        if self.options.cancel.wish().is_some() {
            return self.leave(session);
        }
        if self.options.max_tokens.is_some_and(|limit| self.token_ids.len() >= limit) {
            return self.finish(session, FinishReason::Length);
        }
        if let Some(token) = self.uncomputed {
            if session.cached_tokens() >= session.facts.context_length {
                return self.finish(session, FinishReason::ContextFull);
            }
            self.compute(session, token)?;
            self.uncomputed = None;
        }
        let token = match self.forced.pop_front() {
            Some(token) => token,
            None => self.sample(session)?,
        };
        self.accept(session, token)
    }

    /// Picks a token, one that the answer's form allows.
    fn sample(&mut self, session: &mut Session) -> Result<u32, Error> {
        let logits = session.decoder.logits();
        let Some(form) = &mut self.form else { return Ok(self.sampler.sample(logits, &self.token_ids)?) };
        form.restrict(logits, &session.facts.tokens.eos)?;
        let token = self.sampler.sample(logits, &self.token_ids)?;
        if !self.splitter.is_reasoning() {
            return Ok(token);
        }
        if session.facts.tokens.eos.contains(&token) {
            // The model would end the turn without an answer: its thought ends instead.
            self.forced.extend(self.landing.tokens());
        } else if let Some(tokens) = form.cut(&session.facts, token, &self.detokenizer, &self.splitter)? {
            self.forced.extend(tokens);
        }
        Ok(self.forced.pop_front().unwrap_or(token))
    }

    /// Counts a token, turns it into events and looks what follows from it.
    fn accept(&mut self, session: &mut Session, token: u32) -> Result<(), Error> {
        self.stopwatch.token();
        let next = self.show(session, token)?;
        let complete = self.form.as_ref().is_some_and(AnswerForm::is_complete);
        if session.facts.tokens.eos.contains(&token) || self.answer.is_stopped() || complete {
            self.finish(session, FinishReason::Stop)
        } else if self.forced.is_empty() {
            self.forced.extend(next);
            self.watch(session, token)
        } else {
            Ok(())
        }
    }

    /// Counts a token and turns it into events; gives the tokens that must follow it.
    fn show(&mut self, session: &Session, token: u32) -> Result<Vec<u32>, Error> {
        self.token_ids.push(token);
        self.lookup.push(token);
        self.usage.completion_tokens += 1;
        self.uncomputed = Some(token);
        if session.facts.tokens.eos.contains(&token) {
            return Ok(Vec::new());
        }
        if let Some(form) = &mut self.form {
            form.meet(token, &mut self.splitter)?;
        }
        let was_reasoning = self.splitter.is_reasoning();
        self.text.clear();
        self.detokenizer.push(session.facts.tokenizer.token_bytes(token), &mut self.text);
        self.raw_text.push_str(&self.text);
        self.splitter.push(token, &self.text, &mut |segment| match segment {
            Segment::Answer(text) => self.answer.push(token, text, &mut self.pending),
            other => emit(other, &mut self.pending, &self.usage, &self.stopwatch, self.ending),
        });
        if was_reasoning && self.splitter.is_reasoning() {
            self.usage.reasoning_tokens += 1;
        }
        Ok(self.form.as_mut().map_or_else(Vec::new, |form| form.pass(&self.splitter).to_vec()))
    }
}

/// A segment of the reasoning as events.
fn emit(
    segment: Segment<'_>,
    pending: &mut VecDeque<Event>,
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
        Segment::Answer(_) => {}
    }
}

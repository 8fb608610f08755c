//! The loop: a chunk of the prompt or one token a step.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::closer::{ReasoningCloser, Spent};
use super::lookup::Lookup;
use super::prepared::PreparedTurn;
use super::record::{Dropped, Progress, TurnStart};
use super::transcript::Transcript;
use crate::control::StopRequest;
use crate::decoder::DecoderError;
use crate::error::Error;
use crate::event::{Event, FinishReason, ReasoningEnd, ReasoningStart};
use crate::metrics::Usage;
use crate::options::{OnLoop, Options};
use crate::sampling::{Sampler, SamplingOptions};
use crate::sequence::{Reused, Sequence};
use crate::text::chat::Message;
use crate::text::repetition::{Loop, LoopGuard};

/// What [`OnLoop::Warm`] samples at, unless that is less than it was.
const WARM_TEMPERATURE: f32 = 1.0;

/// Tokens of an answer that room is made for beside its prompt, where it may have as many.
const EXPECTED_TOKENS: usize = 512;

/// A turn under way. Every call takes the sequence that it was started on.
pub(crate) struct TurnLoop {
    phase: Phase,
    start: TurnStart,
    /// What ended the turn, until it is told.
    failed: Option<Error>,
    sampler: Sampler,
    transcript: Transcript,
    closer: ReasoningCloser,
    loop_guard: LoopGuard,
    on_loop: OnLoop,
    lookup: Lookup,
    /// Tokens that the runtime puts in before it samples again.
    forced: VecDeque<u32>,
    /// The last token, while it is not in the cache.
    uncomputed: Option<u32>,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is part of the conversation.
    Finished,
    /// It goes on later.
    Suspended,
    /// Its error is the last that it tells.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Prefill,
    Decode,
    Over(End),
}

impl TurnLoop {
    /// Has the cache hold what is known of the prompt; nothing is computed yet.
    pub(crate) fn start(sequence: &mut Sequence, turn: PreparedTurn) -> Result<Self, Error> {
        let reused = sequence.reuse(&turn.start.prompt)?;
        Ok(Self::new(sequence, turn, reused, 0))
    }

    /// Goes on with a turn that was left: its tokens are shown again, none of them is sampled again.
    pub(crate) fn resume(
        sequence: &mut Sequence,
        start: TurnStart,
        progress: Vec<Progress>,
    ) -> Result<Self, Error> {
        let tokens: Vec<u32> = progress.iter().flat_map(|progress| &progress.tokens).copied().collect();
        let last = progress.into_iter().next_back();
        let sampler = last.as_ref().map_or(start.sampler, |last| last.sampler);
        let turn = PreparedTurn::again(sequence.facts(), start, sampler)?;
        // The last token is left to the next step, which needs its logits.
        let reused = sequence.reuse(&[&turn.start.prompt[..], &tokens].concat())?;
        let mut turn = Self::new(sequence, turn, reused, tokens.len());
        if let Some(last) = last {
            turn.replay(&tokens, last)?;
        }
        Ok(turn)
    }

    fn new(sequence: &Sequence, turn: PreparedTurn, reused: Reused, resumed_tokens: usize) -> Self {
        let PreparedTurn { start, sampler, splitter, constraint, closer } = turn;
        let options = &start.options;
        let usage =
            Usage { prompt_tokens: start.prompt.len(), reused_tokens: reused.tokens, ..Usage::default() };
        let facts = Arc::clone(sequence.facts());
        let mut transcript = Transcript::new(facts, options, splitter, constraint, usage);
        transcript.tell(Event::Started {
            placement: sequence.placement().clone(),
            prompt_tokens: usage.prompt_tokens,
            reused_tokens: reused.tokens,
            prefix_tokens: reused.prefix_tokens,
            resumed_tokens,
            reasoning: start.reasoning,
        });
        if let Some(Dropped { messages, tokens }) = start.dropped {
            transcript.tell(Event::TurnsDropped { messages, tokens });
        }
        if start.reasoning == ReasoningStart::Skipped {
            let cause = ReasoningEnd::Skipped;
            transcript.tell(Event::ReasoningEnded { tokens: 0, elapsed_ms: 0.0, cause });
        }
        Self {
            phase: Phase::Prefill,
            failed: None,
            sampler,
            transcript,
            closer,
            loop_guard: LoopGuard::new(),
            on_loop: options.on_loop,
            lookup: Lookup::new(options.prompt_lookup, &start.prompt),
            forced: VecDeque::new(),
            uncomputed: None,
            start,
        }
    }

    /// Computes what comes next, at most `chunk_tokens` of the prompt or one token of the turn. What comes of it waits in
    /// [`TurnLoop::next_event`].
    ///
    /// # Errors
    /// [`Error`]; the turn is to be told of it by [`TurnLoop::fail`].
    pub(crate) fn advance(&mut self, sequence: &mut Sequence, chunk_tokens: usize) -> Result<(), Error> {
        let result = match self.phase {
            Phase::Prefill => self.prefill(sequence, chunk_tokens),
            Phase::Decode => self.step(sequence),
            Phase::Over(_) => Ok(()),
        };
        if let Err(Error::Decoder(DecoderError::Interrupted)) = result {
            self.leave();
            return Ok(());
        }
        result
    }

    /// What the turn has to tell without computing more.
    pub(crate) fn next_event(&mut self) -> Option<Result<Event, Error>> {
        self.transcript.next_event().map(Ok).or_else(|| self.failed.take().map(Err))
    }

    /// How the turn ended; `None` while something is left to compute.
    pub(crate) fn end(&self) -> Option<End> {
        match self.phase {
            Phase::Over(end) => Some(end),
            Phase::Prefill | Phase::Decode => None,
        }
    }

    /// Ends the turn with an error, which is the last that it tells.
    pub(crate) fn fail(&mut self, error: Error) {
        self.phase = Phase::Over(End::Failed);
        self.transcript.retract_finish();
        self.failed = Some(error);
    }

    pub(crate) fn options(&self) -> &Options {
        &self.start.options
    }

    pub(crate) fn sampling(&self) -> &SamplingOptions {
        self.sampler.options()
    }

    /// Tokens so far.
    pub(crate) fn tokens(&self) -> usize {
        self.transcript.token_ids().len()
    }

    /// How the turn began; its sampler stands where it stands now.
    pub(crate) fn start_record(&self) -> TurnStart {
        TurnStart { sampler: self.sampler.state(), ..self.start.clone() }
    }

    /// What the turn has brought behind its first `tokens` tokens.
    pub(crate) fn progress_since(&self, tokens: usize) -> Progress {
        Progress {
            tokens: self.transcript.token_ids()[tokens..].to_vec(),
            sampler: self.sampler.state(),
            temperature: self.sampler.options().temperature,
            ending: self.transcript.reasoning_end,
            forced: self.forced.iter().copied().collect(),
        }
    }

    /// The turn's message in the history, if it is to be one.
    pub(crate) fn take_message(&mut self) -> Option<Message> {
        self.start.records_answer.then(|| self.transcript.message())
    }

    /// Computes the next tokens of the prompt.
    fn prefill(&mut self, sequence: &mut Sequence, chunk_tokens: usize) -> Result<(), Error> {
        let shown = self.transcript.token_ids().split_last().map_or(&[][..], |(_, computed)| computed);
        let tokens = [&self.start.prompt, shown].concat();
        let new = &tokens[sequence.cached().len()..];
        let chunk = &new[..new.len().min(chunk_tokens).min(sequence.chunk_tokens())];
        // Of an answer as much as is known to be short, or its first token.
        let answer = self.start.options.max_tokens.map_or(1, |tokens| tokens.min(EXPECTED_TOKENS));
        sequence.make_room(new.len() + answer);
        sequence.prefill(chunk, &self.start.options.cancel)?;
        self.tell_move(sequence);
        if chunk.len() == new.len() {
            self.phase = Phase::Decode;
            self.transcript.stopwatch.prefilled();
        }
        Ok(())
    }

    /// Computes, samples and shows one token.
    fn step(&mut self, sequence: &mut Sequence) -> Result<(), Error> {
        let options = &self.start.options;
        if options.cancel.request().is_some() {
            self.leave();
            return Ok(());
        }
        if options.max_tokens.is_some_and(|limit| self.tokens() >= limit) {
            self.finish(FinishReason::Length);
            return Ok(());
        }
        if let Some(token) = self.uncomputed {
            if sequence.cached().len() >= sequence.facts().context_length {
                self.finish(FinishReason::ContextFull);
                return Ok(());
            }
            self.compute(sequence, token)?;
            self.uncomputed = None;
        }
        let token = match self.forced.pop_front() {
            Some(token) => token,
            None => self.sample(sequence)?,
        };
        self.accept(sequence, token)
    }

    /// Has the logits after `token` stand in the decoder: computed ahead before, with a draft, or on its own.
    fn compute(&mut self, sequence: &mut Sequence, token: u32) -> Result<(), Error> {
        if sequence.take_ahead(token) {
            self.transcript.usage.accepted_tokens += 1;
            self.lookup.came_true();
            return Ok(());
        }
        let in_context = sequence.facts().context_length - (sequence.cached().len() + 1);
        let room = in_context.min(self.tokens_left(sequence)).min(sequence.chunk_tokens() - 1);
        let draft = self.lookup.draft(room);
        let begun = Instant::now();
        let cancel = &self.start.options.cancel;
        if !draft.is_empty() {
            if sequence.decode_ahead(token, &draft, cancel)? {
                self.transcript.usage.drafted_tokens += draft.len();
                self.lookup.drafted(begun.elapsed());
                return Ok(());
            }
            self.lookup.give_up();
        }
        sequence.decode(token, cancel)?;
        self.lookup.stepped(begun.elapsed());
        self.tell_move(sequence);
        Ok(())
    }

    /// Picks a token, one that the answer's constraint allows.
    fn sample(&mut self, sequence: &mut Sequence) -> Result<u32, Error> {
        let logits = sequence.logits();
        self.transcript.restrict(logits)?;
        let token = self.sampler.sample(logits, self.transcript.token_ids())?;
        let instead = self.transcript.instead_of(token, self.closer.tokens())?;
        self.forced.extend(instead.unwrap_or_default());
        Ok(self.forced.pop_front().unwrap_or(token))
    }

    /// Counts a token, turns it into events and looks what follows from it.
    fn accept(&mut self, sequence: &Sequence, token: u32) -> Result<(), Error> {
        self.transcript.stopwatch.token();
        let next = self.show(token)?;
        if self.transcript.is_complete() {
            self.finish(FinishReason::Stop);
            return Ok(());
        }
        if !self.forced.is_empty() {
            return Ok(());
        }
        self.forced.extend(next);
        if let Some(found) = self.loop_guard.push(token) {
            return self.break_loop(&found);
        }
        if self.transcript.is_reasoning() {
            let spent = Spent {
                tokens: self.transcript.usage.reasoning_tokens,
                elapsed: self.transcript.elapsed(),
                tokens_left: self.tokens_left(sequence),
            };
            if let Some(cause) = self.closer.due(spent) {
                self.close_reasoning(cause);
            }
        }
        Ok(())
    }

    /// Counts a token and turns it into events; gives the tokens that must follow it.
    fn show(&mut self, token: u32) -> Result<Vec<u32>, Error> {
        self.lookup.push(token);
        self.uncomputed = Some(token);
        self.transcript.show(token)
    }

    fn break_loop(&mut self, found: &Loop) -> Result<(), Error> {
        match self.on_loop {
            OnLoop::Ignore => {}
            OnLoop::End if self.transcript.is_reasoning() => self.close_reasoning(ReasoningEnd::Loop),
            OnLoop::End | OnLoop::Stop => self.finish(FinishReason::Repetition),
            OnLoop::Warm => {
                let to = self.sampler.options().temperature.max(WARM_TEMPERATURE);
                self.sampler.set_temperature(to)?;
                self.on_loop = OnLoop::End;
                self.transcript.tell(Event::TemperatureRaised { to, period: found.period });
            }
        }
        self.loop_guard.reset();
        Ok(())
    }

    /// Has the reasoning end with the next tokens.
    fn close_reasoning(&mut self, cause: ReasoningEnd) {
        self.transcript.reasoning_end = cause;
        self.forced.extend(self.closer.tokens());
        self.loop_guard.reset();
    }

    /// Tokens that may still come. The last one of a context needs no place in the cache.
    fn tokens_left(&self, sequence: &Sequence) -> usize {
        let tokens = self.tokens();
        let in_context =
            (sequence.facts().context_length + 1).saturating_sub(self.start.prompt.len() + tokens);
        let in_turn = self.start.options.max_tokens.map(|limit| limit.saturating_sub(tokens));
        in_turn.map_or(in_context, |in_turn| in_turn.min(in_context))
    }

    /// Tells that the sequence runs elsewhere than before.
    fn tell_move(&mut self, sequence: &mut Sequence) {
        if sequence.take_moved() {
            self.transcript.tell(Event::DeviceChanged { placement: sequence.placement().clone() });
        }
    }

    /// Ends as the caller wants it.
    fn leave(&mut self) {
        match self.start.options.cancel.request() {
            Some(StopRequest::Suspend) => {
                self.transcript.suspend();
                self.phase = Phase::Over(End::Suspended);
            }
            Some(StopRequest::Cancel) | None => self.finish(FinishReason::Cancelled),
        }
    }

    fn finish(&mut self, reason: FinishReason) {
        self.transcript.finish(reason);
        self.phase = Phase::Over(End::Finished);
    }

    /// Shows the tokens of an earlier process and puts everything where it stood.
    fn replay(&mut self, tokens: &[u32], last: Progress) -> Result<(), Error> {
        self.transcript.reasoning_end = last.ending;
        for &token in tokens {
            let was_reasoning = self.transcript.is_reasoning();
            // What had to follow it stands among the tokens or is put in below.
            let _ = self.show(token)?;
            // What the guard makes of it was acted upon then.
            let _ = self.loop_guard.push(token);
            let is_closed = was_reasoning && !self.transcript.is_reasoning();
            if is_closed && last.ending != ReasoningEnd::Closed {
                self.loop_guard.reset();
            }
        }
        if self.sampler.options().temperature != last.temperature {
            self.sampler.set_temperature(last.temperature)?;
            self.on_loop = OnLoop::End;
        }
        self.forced.extend(last.forced);
        Ok(())
    }
}

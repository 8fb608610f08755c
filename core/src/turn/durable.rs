//! A turn in its session's file: what is saved of it, and how it goes on from there.
//!
//! Only tokens are saved, with where sampler and landing stand. All other state follows from the tokens and is made
//! again by playing them.

use crate::error::Error;
use crate::event::{Event, FinishReason, ReasoningEnd};
use crate::options::OnLoop;
use crate::session::Session;
use crate::session::snapshot::{Progress, TurnStart};
use crate::turn::{Phase, Turn, TurnLoop};

impl TurnLoop {
    /// Goes on with a turn that an earlier process began: its tokens are shown again, none of them is sampled again.
    pub(crate) fn resume(
        session: &mut Session,
        start: TurnStart,
        progress: Vec<Progress>,
    ) -> Result<Self, Error> {
        let tokens: Vec<u32> = progress.iter().flat_map(|progress| &progress.tokens).copied().collect();
        let records_answer = start.records_answer;
        let last = progress.into_iter().next_back();
        let sampler = last.as_ref().map_or(start.sampler, |last| last.sampler);
        let turn = Turn::again(&session.facts, start, sampler)?;
        // The last token is left to the next step, which needs its logits.
        let reused = session.reuse(&[&turn.prompt[..], &tokens].concat())?;
        let mut turn = Self::new(session, turn, records_answer, reused, tokens.len());
        turn.replay(session, tokens, last)?;
        Ok(turn)
    }

    /// How the turn began; its sampler stands where it stands now.
    pub(super) fn beginning(&self) -> TurnStart {
        TurnStart {
            prompt: self.prompt.clone(),
            opens_reasoning: self.opens_reasoning,
            options: self.options.clone(),
            sampler: self.sampler.state(),
            records_answer: self.records_answer,
            dropped: self.dropped,
        }
    }

    /// Saves the turn so far, if the session is kept in a file and that is wanted or due.
    pub(super) fn autosave(&mut self, session: &mut Session) -> Result<(), Error> {
        if self.recorded {
            return Ok(());
        }
        self.save(session, self.options.save_now.pending().is_some())
    }

    /// Ends here and leaves the turn to [`Session::resume`].
    pub(super) fn suspend(&mut self, session: &mut Session) -> Result<(), Error> {
        let saved = self.leave_unfinished(session);
        self.phase = Phase::Done;
        self.pending.push_back(Event::Finished {
            reason: FinishReason::Suspended,
            usage: self.usage,
            timings: self.stopwatch.timings(&self.usage),
            token_ids: self.token_ids.clone(),
        });
        saved
    }

    /// Leaves the turn as far as it has come, in the session and in its file: a turn that fails too, so that nothing is
    /// lost where it was the runtime that failed, or the end of the process that took the runtime away.
    pub(super) fn leave_unfinished(&mut self, session: &mut Session) -> Result<(), Error> {
        // It is not the conversation's yet, unless it had come to its end.
        if std::mem::replace(&mut self.recorded, true) {
            return Ok(());
        }
        session.leave_turn(self.beginning(), self.progress_since(0));
        self.save(session, true)
    }

    fn save(&mut self, session: &mut Session, is_wanted: bool) -> Result<(), Error> {
        let wanted = self.options.save_now.pending();
        let unsaved_tokens = self.token_ids.len() - self.saved_tokens;
        if session.save_progress(unsaved_tokens, is_wanted, || self.progress_since(self.saved_tokens))? {
            self.saved_tokens = self.token_ids.len();
            if let Some(request) = wanted {
                self.options.save_now.served(request);
            }
        }
        Ok(())
    }

    /// What the turn has brought behind its first `tokens` tokens.
    fn progress_since(&self, tokens: usize) -> Progress {
        Progress {
            tokens: self.token_ids.get(tokens..).unwrap_or_default().to_vec(),
            sampler: self.sampler.state(),
            temperature: self.sampler.options().temperature,
            ending: self.ending,
            forced: self.forced.iter().copied().collect(),
        }
    }

    /// Shows the tokens of an earlier process and puts everything where it stood.
    fn replay(&mut self, session: &Session, tokens: Vec<u32>, last: Option<Progress>) -> Result<(), Error> {
        let Some(last) = last else { return Ok(()) };
        self.ending = last.ending;
        for token in tokens {
            let was_reasoning = self.splitter.is_reasoning();
            // What had to follow it stands among the tokens or is put in below.
            let _ = self.show(session, token)?;
            // What the guard makes of it was acted upon then.
            let _ = self.loop_guard.push(token);
            if was_reasoning && !self.splitter.is_reasoning() && self.ending != ReasoningEnd::Closed {
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

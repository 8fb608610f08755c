//! The reader's end of a turn.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::schedule::TurnId;
use super::thread::Thread;
use super::worker::Item;
use crate::control::{AnswerNow, CancelToken};
use crate::error::EngineError;
use crate::sampling::SamplingOptions;

/// A turn under way on an engine: its events wait here until they are asked for.
///
/// Where more wait than [`super::EngineOptions::waiting_events`], the turn does not go on; other turns do. Dropping it
/// cancels the turn. It is an iterator that blocks, and a stream through [`Turn::poll_next`].
pub struct Turn {
    pub(super) thread: Arc<Thread>,
    pub(super) id: TurnId,
    pub(super) cancel: CancelToken,
    pub(super) answer_now: AnswerNow,
    pub(super) sampling: SamplingOptions,
}

impl Turn {
    /// The next event without blocking; none after the last. Where there is none yet, the task is woken when there may
    /// be one.
    ///
    /// The waker is woken on the engine's thread: as wakers must, it returns at once. If it panics, that has no effect.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Item>> {
        self.thread.run_queue.poll(self.id, context)
    }

    /// Ready once so many events wait, or as many as [`super::EngineOptions::waiting_events`] allows, or the turn is over.
    /// Otherwise the task is woken then, and seldom before: for a reader that would rather take events together.
    pub fn poll_gathered(&mut self, events: usize, context: &mut Context<'_>) -> Poll<()> {
        self.thread.run_queue.poll_gathered(self.id, events, context)
    }

    /// Ends the turn within a token, in prefill too; what was computed so far, and [`crate::Event::Finished`], can
    /// still be read.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends the turn within a token and leaves it unfinished: [`super::Chat::resume`] goes on with it.
    pub fn suspend(&self) {
        self.cancel.suspend();
    }

    /// Ends the reasoning at its next token, so that the answer comes.
    pub fn answer_now(&self) {
        self.answer_now.request();
    }

    /// Cancels or suspends this turn, and this one only, from anywhere.
    #[must_use]
    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    /// What is sampled with, seed included.
    #[must_use]
    pub fn sampling(&self) -> &SamplingOptions {
        &self.sampling
    }
}

impl Iterator for Turn {
    type Item = Item;

    /// Blocks until there is an event; none after the last. On the engine's own thread, where that would wait for
    /// itself, it is [`EngineError::Busy`].
    fn next(&mut self) -> Option<Item> {
        if self.thread.is_this() {
            return Some(Err(EngineError::Busy.into()));
        }
        self.thread.run_queue.next(self.id)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A turn that was suspended stays so.
        if self.cancel.request().is_none() {
            self.cancel.cancel();
        }
        self.thread.run_queue.leave(self.id);
    }
}

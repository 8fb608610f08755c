//! A conversation's handle: takes the session for a turn, or for a call of the caller's.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::run_queue::RunQueue;
use super::schedule::TurnId;
use super::slot::SessionSlot;
use super::thread::Thread;
use super::turn::Turn;
use super::worker::{Item, Job};
use crate::control::Interrupt;
use crate::control::pace::{Pace, Priority};
use crate::error::{EngineError, Error};
use crate::event::Event;
use crate::options::Options;
use crate::session::{Request, Session};
use crate::text::chat::Prompt;

/// A conversation on an engine: cheap to clone, usable from any thread, one turn at a time.
///
/// A turn begins on the caller's thread, which turns messages into tokens and, where the session is kept in a file,
/// writes it: some milliseconds. A turn that was cancelled or dropped is waited for, which is at most a step of whatever
/// computes.
#[derive(Clone)]
pub struct Chat {
    thread: Arc<Thread>,
    slot: Arc<SessionSlot<Session>>,
}

impl Chat {
    pub(super) fn new(thread: Arc<Thread>, session: Session) -> Self {
        Self { thread, slot: SessionSlot::new(session) }
    }

    /// Adds a user's message and answers it.
    ///
    /// # Errors
    /// As [`Session::ask`], and [`EngineError`].
    pub fn ask(&self, text: &str, options: &Options, priority: Priority) -> Result<Turn, Error> {
        self.begin(Request::Ask(text), options, priority)
    }

    /// Answers the messages as they stand.
    ///
    /// # Errors
    /// As [`Session::respond`], and [`EngineError`].
    pub fn respond(&self, options: &Options, priority: Priority) -> Result<Turn, Error> {
        self.begin(Request::Respond, options, priority)
    }

    /// Continues a prompt that is given as it is.
    ///
    /// # Errors
    /// As [`Session::generate`], and [`EngineError`].
    pub fn generate(&self, prompt: Prompt, options: &Options, priority: Priority) -> Result<Turn, Error> {
        self.begin(Request::Continue(prompt), options, priority)
    }

    /// Goes on with the turn that an earlier process left unfinished.
    ///
    /// # Errors
    /// As [`Session::resume`], and [`EngineError`].
    pub fn resume(&self, options: &Options, priority: Priority) -> Result<Turn, Error> {
        self.begin(Request::Resume, options, priority)
    }

    /// Another conversation that goes on from here; see [`Session::fork`].
    ///
    /// # Errors
    /// As [`Session::fork`], and [`EngineError`].
    pub fn fork(&self) -> Result<Self, Error> {
        let fork = self.with(|session| session.fork())??;
        Ok(Self::new(Arc::clone(&self.thread), fork))
    }

    /// Calls `call` with the session, between turns: to read or add messages, to save it, to keep it in a file. No
    /// lock is held meanwhile. A `call` that panics loses the conversation.
    ///
    /// # Errors
    /// [`EngineError::Busy`] during a turn and during another such call, [`EngineError::SessionLost`].
    pub fn with<R>(&self, call: impl FnOnce(&mut Session) -> R) -> Result<R, Error> {
        let mut taken = self.slot.take(!self.thread.is_this())?;
        let result = call(&mut taken.session);
        taken.put_back();
        Ok(result)
    }

    fn begin(&self, request: Request<'_>, options: &Options, priority: Priority) -> Result<Turn, Error> {
        let mut taken = self.slot.take(!self.thread.is_this())?;
        // Of this turn alone: the caller may use the same options for others.
        let (cancel, answer_now) = (options.cancel.child(), options.answer_now.child());
        let options = Options { cancel: cancel.clone(), answer_now: answer_now.clone(), ..options.clone() };
        let mut turn = match catch_unwind(AssertUnwindSafe(|| taken.session.begin(request, &options))) {
            Ok(Ok(turn)) => turn,
            Ok(Err(error)) => {
                taken.put_back();
                return Err(error);
            }
            Err(_) => {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(taken)));
                return Err(EngineError::Panicked.into());
            }
        };
        let sampling = turn.sampling().clone();
        let mut events: VecDeque<_> = std::iter::from_fn(|| turn.next_event()).collect();
        let events = |pace| {
            if pace != Pace::Full {
                events.push_back(Ok(Event::PaceChanged { pace }));
            }
            events
        };
        let (run_queue, slot) = (Arc::clone(&self.thread.run_queue), Arc::clone(&self.slot));
        let job = |id| {
            let on_cancel = cancel.attach(Arc::new(OnCancel { run_queue, slot, id }));
            Job { turn, priority, taken, on_cancel }
        };
        let id = self.thread.run_queue.add(priority, job, events);
        if cancel.request().is_some() {
            self.thread.run_queue.hurry(id);
        }
        Ok(Turn { thread: Arc::clone(&self.thread), id, cancel, answer_now, sampling })
    }
}

/// Has a turn that is cancelled or suspended end at once.
struct OnCancel {
    run_queue: Arc<RunQueue<Job, Item>>,
    slot: Arc<SessionSlot<Session>>,
    id: TurnId,
}

impl Interrupt for OnCancel {
    fn interrupt(&self) {
        self.slot.expect_soon();
        self.run_queue.hurry(self.id);
    }

    fn clear(&self) {}
}

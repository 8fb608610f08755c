//! A conversation's handle: takes the session for a turn, or for a call of the caller's.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::board::Board;
use super::pace::Pace;
use super::schedule::{Priority, TurnId};
use super::seat::Seat;
use super::worker::Job;
use super::{EngineError, Item, Queue, Turn};
use crate::control::Interrupt;
use crate::error::Error;
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
    queue: Queue,
    seat: Arc<Seat<Session>>,
}

impl Chat {
    pub(super) fn new(queue: Queue, session: Session) -> Self {
        Self { queue, seat: Seat::new(session) }
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
        Ok(self.queue.adopt(fork))
    }

    /// Calls `call` with the session, between turns: to read or add messages, to save it, to keep it in a file. No
    /// lock is held meanwhile. A `call` that panics loses the conversation.
    ///
    /// # Errors
    /// [`EngineError::Busy`] during a turn and during another such call, [`EngineError::SessionLost`].
    pub fn with<R>(&self, call: impl FnOnce(&mut Session) -> R) -> Result<R, Error> {
        let mut taken = self.seat.take(!self.queue.is_this_thread())?;
        let result = call(&mut taken.session);
        taken.put_back();
        Ok(result)
    }

    fn begin(&self, request: Request<'_>, options: &Options, priority: Priority) -> Result<Turn, Error> {
        let mut taken = self.seat.take(!self.queue.is_this_thread())?;
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
        let (board, seat) = (Arc::clone(self.queue.board()), Arc::clone(&self.seat));
        let job = |id| {
            let on_cancel = cancel.attach(Arc::new(OnCancel { board, seat, id }));
            Job { turn, priority, taken, on_cancel }
        };
        let id = self.queue.board().add(priority, job, events);
        if cancel.wish().is_some() {
            self.queue.board().hurry(id);
        }
        Ok(Turn { queue: self.queue.clone(), id, cancel, answer_now, sampling })
    }
}

/// Has a turn that is cancelled or suspended end at once.
struct OnCancel {
    board: Arc<Board<Job, Item>>,
    seat: Arc<Seat<Session>>,
    id: TurnId,
}

impl Interrupt for OnCancel {
    fn interrupt(&self) {
        self.seat.expect_soon();
        self.board.hurry(self.id);
    }

    fn clear(&self) {}
}

//! Where a session is while nobody has it: it is taken by one turn at a time and must be put back.
//!
//! [`SessionSlot::take`] -> [`Taken::put_back`]. What is dropped instead, because something panicked, is lost, and the next one
//! who wants it is told so.

use std::sync::{Arc, PoisonError};

use super::sync::{Condvar, Mutex, MutexGuard};
use crate::error::EngineError;

/// The slot of one session.
pub(super) struct SessionSlot<S> {
    state: Mutex<State<S>>,
    changed: Condvar,
}

enum State<S> {
    Free(S),
    Taken {
        /// It will be put back within a step.
        soon: bool,
    },
    Lost,
}

/// A session that was taken from its slot.
pub(super) struct Taken<S> {
    pub(super) session: S,
    ticket: Ticket<S>,
}

/// The duty to put a session back.
struct Ticket<S> {
    slot: Arc<SessionSlot<S>>,
    is_settled: bool,
}

impl<S> SessionSlot<S> {
    pub(super) fn new(session: S) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Free(session)), changed: Condvar::new() })
    }

    /// Takes the session. One that is about to be put back is waited for if `may_wait`.
    pub(super) fn take(self: &Arc<Self>, may_wait: bool) -> Result<Taken<S>, EngineError> {
        let mut state = self.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken { soon: false }) {
                State::Free(session) => {
                    let ticket = Ticket { slot: Arc::clone(self), is_settled: false };
                    return Ok(Taken { session, ticket });
                }
                State::Taken { soon } => {
                    *state = State::Taken { soon };
                    if !(soon && may_wait) {
                        return Err(EngineError::Busy);
                    }
                }
                State::Lost => {
                    *state = State::Lost;
                    return Err(EngineError::SessionLost);
                }
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whoever has the session puts it back within a step.
    pub(super) fn expect_soon(&self) {
        let mut state = self.lock();
        if let State::Taken { soon } = &mut *state {
            *soon = true;
        }
    }

    fn settle(&self, outcome: State<S>) {
        *self.lock() = outcome;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        // Under the lock, things are only moved.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Taken<S> {
    /// Lets the next one have it.
    pub(super) fn put_back(self) {
        let Self { session, mut ticket } = self;
        ticket.is_settled = true;
        ticket.slot.settle(State::Free(session));
    }
}

impl<S> Drop for Ticket<S> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.slot.settle(State::Lost);
        }
    }
}

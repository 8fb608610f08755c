//! Where a session is while nobody has it: it is taken by one turn at a time and must be put back.
//!
//! [`Seat::take`] -> [`Taken::put_back`]. What is dropped instead, because something panicked, is lost, and the next one
//! who wants it is told so.

use std::sync::{Arc, PoisonError};

use super::EngineError;
use super::sync::{Condvar, Mutex, MutexGuard};

/// The place of one session.
pub(super) struct Seat<S> {
    place: Mutex<Place<S>>,
    changed: Condvar,
}

enum Place<S> {
    Free(S),
    Taken {
        /// It will be put back within a step.
        soon: bool,
    },
    Lost,
}

/// A session that was taken from its seat.
pub(super) struct Taken<S> {
    pub(super) session: S,
    ticket: Ticket<S>,
}

/// The duty to put a session back.
struct Ticket<S> {
    seat: Arc<Seat<S>>,
    is_settled: bool,
}

impl<S> Seat<S> {
    pub(super) fn new(session: S) -> Arc<Self> {
        Arc::new(Self { place: Mutex::new(Place::Free(session)), changed: Condvar::new() })
    }

    /// Takes the session. One that is about to be put back is waited for if `may_wait`.
    ///
    /// # Errors
    /// [`EngineError::Busy`], [`EngineError::SessionLost`].
    pub(super) fn take(self: &Arc<Self>, may_wait: bool) -> Result<Taken<S>, EngineError> {
        let mut place = self.lock();
        loop {
            match std::mem::replace(&mut *place, Place::Taken { soon: false }) {
                Place::Free(session) => {
                    let ticket = Ticket { seat: Arc::clone(self), is_settled: false };
                    return Ok(Taken { session, ticket });
                }
                Place::Taken { soon } => {
                    *place = Place::Taken { soon };
                    if !(soon && may_wait) {
                        return Err(EngineError::Busy);
                    }
                }
                Place::Lost => {
                    *place = Place::Lost;
                    return Err(EngineError::SessionLost);
                }
            }
            place = self.changed.wait(place).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whoever has the session puts it back within a step.
    pub(super) fn expect_soon(&self) {
        let mut place = self.lock();
        if let Place::Taken { soon } = &mut *place {
            *soon = true;
        }
    }

    fn settle(&self, outcome: Place<S>) {
        *self.lock() = outcome;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Place<S>> {
        // Under the lock, things are only moved.
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Taken<S> {
    /// Lets the next one have it.
    pub(super) fn put_back(self) {
        let Self { session, mut ticket } = self;
        ticket.is_settled = true;
        ticket.seat.settle(Place::Free(session));
    }
}

impl<S> Drop for Ticket<S> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.seat.settle(Place::Lost);
        }
    }
}

//! A turn on a borrowed session, as an iterator: nothing is computed until the next event is asked for, and dropping it
//! ends the turn.

use super::TurnLoop;
use crate::error::Error;
use crate::event::Event;
use crate::sampling::SamplingOptions;
use crate::session::Session;

/// One turn, as an iterator of events. The last one is [`Event::Finished`], or an error.
pub struct Generation<'s> {
    session: &'s mut Session,
    turn: TurnLoop,
}

impl<'s> Generation<'s> {
    /// Drives a turn that was started on this session.
    pub(crate) fn new(session: &'s mut Session, turn: TurnLoop) -> Self {
        Self { session, turn }
    }

    /// What was sampled with, seed included.
    #[must_use]
    pub fn sampling(&self) -> &SamplingOptions {
        self.turn.sampling()
    }
}

impl Iterator for Generation<'_> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.turn.next_event() {
                return Some(event);
            }
            if !self.turn.advance(self.session, usize::MAX) {
                return None;
            }
        }
    }
}

impl Drop for Generation<'_> {
    /// A turn that nobody reads to its end counts as what was read of it.
    fn drop(&mut self) {
        // Nobody is left to tell; what was saved of the turn stays.
        let _ = self.turn.record(self.session);
    }
}

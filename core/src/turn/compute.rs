//! Computing the last token of a turn: ahead of time with a draft, from what was computed ahead, or on its own.

use std::time::Instant;

use super::TurnLoop;
use crate::error::Error;
use crate::event::Event;
use crate::session::Session;

impl TurnLoop {
    /// Has the logits after `token` stand in the decoder.
    pub(super) fn compute(&mut self, session: &mut Session, token: u32) -> Result<(), Error> {
        if session.take_ahead(token) {
            self.usage.accepted_tokens += 1;
            self.lookup.came_true();
            return Ok(());
        }
        let room = session.facts.context_length.saturating_sub(session.cached_tokens() + 1);
        let draft = self.lookup.draft(room.min(self.tokens_left(session)));
        let draft = draft.get(..session.chunk_tokens().saturating_sub(1)).unwrap_or(&draft);
        let start = Instant::now();
        if !draft.is_empty() {
            if session.decode_ahead(token, draft, &self.options.cancel)? {
                self.usage.drafted_tokens += draft.len();
                self.lookup.drafted(start.elapsed());
                return Ok(());
            }
            self.lookup.give_up();
        }
        session.decode(token, &self.options.cancel)?;
        self.lookup.stepped(start.elapsed());
        self.tell_move(session);
        Ok(())
    }

    /// Tells that the session runs elsewhere than before.
    pub(super) fn tell_move(&mut self, session: &mut Session) {
        if session.take_moved() {
            self.pending.push_back(Event::DeviceChanged { placement: session.placement.clone() });
        }
    }
}

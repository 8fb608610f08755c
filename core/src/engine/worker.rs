//! The thread that computes: a step of one turn, then a step of the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::board::Board;
use super::pace::Pace;
use super::schedule::{Priority, TurnId};
use super::seat::Taken;
use super::{EngineError, Item};
use crate::control::Attached;
use crate::decoder::Effort;
use crate::session::Session;
use crate::turn::TurnLoop;

/// A turn under way and the session that it has.
pub(super) struct Job {
    pub(super) turn: TurnLoop,
    pub(super) priority: Priority,
    pub(super) taken: Taken<Session>,
    /// Tells the board when the turn is cancelled.
    pub(super) on_cancel: Attached,
}

/// Works until the board is closed and every turn is over.
pub(super) fn work(board: &Board<Job, Item>, prefill_tokens: usize) {
    while let Some((id, job)) = board.next_job() {
        let start = Instant::now();
        step(board, id, job, prefill_tokens, board.pace());
        board.rest(start.elapsed());
    }
}

/// The edge at which a panic of a step ends: it costs its own turn and session, nothing else.
fn step(board: &Board<Job, Item>, id: TurnId, mut job: Job, prefill_tokens: usize, pace: Pace) {
    let stepped = catch_unwind(AssertUnwindSafe(|| {
        job.taken.session.set_effort(effort(job.priority, pace));
        job.turn.advance(&mut job.taken.session, prefill_tokens);
        std::iter::from_fn(|| job.turn.next_event()).collect::<Vec<_>>()
    }));
    match stepped {
        Ok(events) if job.turn.is_over() => {
            // Before the last event, so that its reader finds the conversation free.
            job.taken.put_back();
            drop(job.on_cancel);
            board.end(id, events);
        }
        Ok(events) => board.keep(id, job, events),
        Err(_) => {
            // What panicked once may do so again when it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
            board.end(id, [Err(EngineError::Panicked.into())]);
        }
    }
}

/// How hard a device works for a turn.
fn effort(priority: Priority, pace: Pace) -> Effort {
    if pace == Pace::Full && priority > Priority::Background { Effort::Full } else { Effort::Sparing }
}

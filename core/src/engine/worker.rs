//! The thread that computes: a step of one turn, then a step of the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::run_queue::RunQueue;
use super::schedule::TurnId;
use super::slot::Taken;
use crate::control::Attached;
use crate::control::pace::{Pace, Priority};
use crate::decoder::Effort;
use crate::error::{EngineError, Error};
use crate::event::Event;
use crate::session::Session;
use crate::turn::TurnLoop;

/// What a turn tells.
pub(super) type Item = Result<Event, Error>;

/// A turn under way and the session that it has.
pub(super) struct Job {
    pub(super) turn: TurnLoop,
    pub(super) priority: Priority,
    pub(super) taken: Taken<Session>,
    /// Tells the run_queue when the turn is cancelled.
    pub(super) on_cancel: Attached,
}

/// Works until the run_queue is closed and every turn is over.
pub(super) fn work(run_queue: &RunQueue<Job, Item>, prefill_tokens: usize) {
    while let Some((id, job)) = run_queue.next_job() {
        let start = Instant::now();
        step(run_queue, id, job, prefill_tokens, run_queue.pace());
        run_queue.rest(start.elapsed());
    }
}

/// The edge at which a panic of a step ends: it costs its own turn and session, nothing else.
fn step(run_queue: &RunQueue<Job, Item>, id: TurnId, mut job: Job, prefill_tokens: usize, pace: Pace) {
    let stepped = catch_unwind(AssertUnwindSafe(|| {
        job.taken.session.sequence_mut().set_effort(effort(job.priority, pace));
        job.taken.session.advance(&mut job.turn, prefill_tokens);
        std::iter::from_fn(|| job.turn.next_event()).collect::<Vec<_>>()
    }));
    match stepped {
        Ok(events) if job.turn.end().is_some() => {
            // Before the last event, so that its reader finds the conversation free.
            job.taken.put_back();
            drop(job.on_cancel);
            run_queue.end(id, events);
        }
        Ok(events) => run_queue.keep(id, job, events),
        Err(_) => {
            // What panicked once may do so again when it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
            run_queue.end(id, [Err(EngineError::Panicked.into())]);
        }
    }
}

/// How hard a device works for a turn.
fn effort(priority: Priority, pace: Pace) -> Effort {
    if pace == Pace::Full && priority > Priority::Background { Effort::Full } else { Effort::PowerSaving }
}

//! What the worker and its turns share: whose step is next, and the events that wait for their readers.
//!
//! The worker: [`RunQueue::next_job`] -> a step -> [`RunQueue::keep`] or [`RunQueue::end`] -> [`RunQueue::rest`]. A reader:
//! [`RunQueue::add`] -> [`RunQueue::next`] or [`RunQueue::poll`], and [`RunQueue::poll_gathered`] between them, until nothing
//! follows -> [`RunQueue::leave`].
//!
//! One lock guards all of it and is held for a few moves only, never while a step computes, a waker is cloned, woken or
//! dropped, or a job is dropped: all of that may be somebody else's code.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::schedule::{Schedule, TurnId};
use super::sync::{Condvar, Mutex, MutexGuard};
use crate::control::pace::{Pace, Priority};

/// The turns of one queue, their jobs of type `J` and their events of type `E`.
pub(super) struct RunQueue<J, E> {
    state: Mutex<State<J, E>>,
    /// There may be a job, or the run_queue was closed.
    work: Condvar,
    /// Events that may wait for a reader before their turn has to.
    capacity: usize,
}

struct State<J, E> {
    schedule: Schedule,
    turns: BTreeMap<TurnId, Entry<J, E>>,
    last_id: TurnId,
    pace: Pace,
    closed: bool,
}

/// One turn.
struct Entry<J, E> {
    /// None while the worker has it, and when it is over.
    job: Option<J>,
    events: VecDeque<E>,
    over: bool,
    has_reader: bool,
    /// Of a reader that waits without blocking a thread, and how many events it waits for.
    waker: Option<(Waker, usize)>,
    /// Of one that does.
    arrived: Arc<Condvar>,
}

impl<J, E> RunQueue<J, E> {
    pub(super) fn new(capacity: usize) -> Self {
        let (schedule, turns) = (Schedule::default(), BTreeMap::new());
        let state = State { schedule, turns, last_id: 0, pace: Pace::Full, closed: false };
        Self { state: Mutex::new(state), work: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Adds a turn; `job` is told its number, `events` the pace that it begins at.
    pub(super) fn add(
        &self,
        priority: Priority,
        job: impl FnOnce(TurnId) -> J,
        events: impl FnOnce(Pace) -> VecDeque<E>,
    ) -> TurnId {
        let id = {
            let mut state = self.lock();
            state.last_id += 1;
            state.last_id
        };
        let job = Some(job(id));
        let (over, has_reader, waker, arrived) = (false, true, None, Arc::new(Condvar::new()));
        let mut state = self.lock();
        let events = events(state.pace);
        state.schedule.add(id, priority);
        state.schedule.set_ready(id, events.len() < self.capacity);
        state.turns.insert(id, Entry { job, events, over, has_reader, waker, arrived });
        drop(state);
        self.work.notify_one();
        id
    }

    /// Changes the pace, and tells every turn by a `notice`, which takes the place of an `outdated` one that nobody has
    /// read.
    pub(super) fn set_pace(&self, pace: Pace, notice: impl Fn() -> E, outdated: impl Fn(&E) -> bool) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.pace, pace) == pace {
            return;
        }
        state.schedule.set_lowest(pace.lowest_priority());
        let mut wakers = Vec::new();
        for entry in state.turns.values_mut().filter(|entry| !entry.over) {
            entry.events.retain(|event| !outdated(event));
            entry.events.push_back(notice());
            entry.arrived.notify_all();
            wakers.extend(entry.waker.take().map(|(waker, _)| waker));
        }
        drop(state);
        self.work.notify_one();
        wakers.into_iter().for_each(wake);
    }

    /// The pace of the next step.
    pub(super) fn pace(&self) -> Pace {
        self.lock().pace
    }

    /// The job whose step is next, once there is one; none when the run_queue is closed and every turn over.
    pub(super) fn next_job(&self) -> Option<(TurnId, J)> {
        let mut state = self.lock();
        loop {
            if let Some(next) = state.next_job() {
                return Some(next);
            }
            if state.closed && state.turns.is_empty() {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes back a job after a step that brought `events`.
    pub(super) fn keep(&self, id: TurnId, job: J, events: impl IntoIterator<Item = E>) {
        self.bring(id, Some(job), events);
    }

    /// Ends a turn with its last events.
    pub(super) fn end(&self, id: TurnId, events: impl IntoIterator<Item = E>) {
        self.bring(id, None, events);
    }

    /// Waits as the pace asks after a step that took so long; shorter where a turn is to end.
    pub(super) fn rest(&self, step: Duration) {
        let start = Instant::now();
        let mut state = self.lock();
        while !state.closed && !state.schedule.is_one_to_end() {
            let left = state.pace.rest_after(step).saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            (state, _) = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next event, once there is one; none when the turn is over.
    pub(super) fn next(&self, id: TurnId) -> Option<E> {
        let mut state = self.lock();
        loop {
            if let Poll::Ready(event) = self.take_event(&mut state, id) {
                return event;
            }
            let arrived = Arc::clone(&state.turns.get(&id)?.arrived);
            state = arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next event, if there is one; none when the turn is over. Otherwise the task is woken when that may have
    /// changed.
    pub(super) fn poll(&self, id: TurnId, context: &mut Context<'_>) -> Poll<Option<E>> {
        self.poll_for(id, 1, context, |state| self.take_event(state, id))
    }

    /// Ready once so many events wait, or as many as may, or the turn is over. Otherwise the task is woken when that may
    /// have changed, and not for each event before.
    pub(super) fn poll_gathered(&self, id: TurnId, events: usize, context: &mut Context<'_>) -> Poll<()> {
        let events = events.clamp(1, self.capacity);
        self.poll_for(id, events, context, |state| match state.turns.get(&id) {
            Some(entry) if !entry.over && entry.events.len() < events => Poll::Pending,
            _ => Poll::Ready(()),
        })
    }

    /// What `look` finds; where that is nothing yet, the task is woken once so many events wait or the turn is over.
    fn poll_for<T>(
        &self,
        id: TurnId,
        events: usize,
        context: &mut Context<'_>,
        look: impl FnOnce(&mut State<J, E>) -> Poll<T>,
    ) -> Poll<T> {
        let waker = context.waker().clone();
        let mut state = self.lock();
        let polled = look(&mut state);
        // What is not needed is dropped after the lock.
        let unused = match state.turns.get_mut(&id) {
            Some(entry) if polled.is_pending() => entry.waker.replace((waker, events)),
            _ => Some((waker, events)),
        };
        drop(state);
        drop(unused);
        polled
    }

    /// Has a turn end before all others; its job must know that by itself.
    pub(super) fn hurry(&self, id: TurnId) {
        self.lock().schedule.end(id);
        self.work.notify_one();
    }

    /// Nobody reads this turn any more.
    pub(super) fn leave(&self, id: TurnId) {
        let mut state = self.lock();
        let mut left = None;
        if let Some(entry) = state.turns.get_mut(&id) {
            entry.has_reader = false;
            left = entry.waker.take();
            if entry.over {
                state.turns.remove(&id);
            } else {
                state.schedule.end(id);
            }
        }
        drop(state);
        drop(left);
        self.work.notify_one();
    }

    /// Has [`RunQueue::next_job`] end once every turn is over.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    fn bring(&self, id: TurnId, job: Option<J>, events: impl IntoIterator<Item = E>) {
        let mut state = self.lock();
        let State { schedule, turns, .. } = &mut *state;
        let mut unused = (None, job);
        let mut waker = None;
        if let Some(entry) = turns.get_mut(&id) {
            entry.over = unused.1.is_none();
            entry.job = unused.1.take();
            entry.events.extend(events);
            waker = entry.waker.take_if(|(_, events)| entry.over || *events <= entry.events.len());
            entry.arrived.notify_all();
            schedule.stepped(id);
            schedule.set_ready(id, entry.events.len() < self.capacity || !entry.has_reader);
            if entry.over {
                schedule.remove(id);
                if !entry.has_reader {
                    unused.0 = turns.remove(&id);
                }
            }
        }
        drop(state);
        drop(unused);
        if let Some((waker, _)) = waker {
            wake(waker);
        }
    }

    /// The next event of a turn, or none after its last.
    fn take_event(&self, state: &mut State<J, E>, id: TurnId) -> Poll<Option<E>> {
        let Some(entry) = state.turns.get_mut(&id) else { return Poll::Ready(None) };
        match entry.events.pop_front() {
            Some(event) => {
                if entry.events.len() + 1 == self.capacity {
                    state.schedule.set_ready(id, true);
                    self.work.notify_one();
                }
                Poll::Ready(Some(event))
            }
            None if entry.over => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<J, E>> {
        // No code of others runs under the lock, so what it guards is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J, E> State<J, E> {
    fn next_job(&mut self) -> Option<(TurnId, J)> {
        let id = self.schedule.next()?;
        let job = self.turns.get_mut(&id)?.job.take()?;
        Some((id, job))
    }
}

/// Wakes a task. That is somebody else's code: what it does wrong is its own affair.
fn wake(waker: Waker) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| waker.wake()));
}

//! The engine's run_queue and slot under loom, which plays the orders in which threads can take turns, with at most three
//! forced changes of thread: no event is lost or doubled, no one waits for ever, a session always comes back.
//!
//! The same files as in the library are compiled here over loom's locks. A lost wake-up shows as a deadlock: loom wakes
//! nobody for nothing and lets no time pass, so that a rest ends by a call or never. Taking away any one of the calls
//! that wake somebody fails here: the six for the worker (`add`, `set_pace`, `hurry`, `leave`, `close`, `take_event`),
//! the four for readers (`set_pace` and `bring`, a thread's and a task's) and the one of the slot (`settle`). What waits
//! elsewhere, behind `CancelToken` for one, is not compiled here.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub, missing_docs)]

#[path = "../../src/engine/run_queue.rs"]
mod run_queue;
#[path = "../../src/engine/schedule.rs"]
mod schedule;
#[path = "../../src/engine/slot.rs"]
mod slot;
mod sync;
mod wakes;

mod control {
    pub(crate) use wheelwork::engine::pace;
}

mod error {
    pub(crate) use wheelwork::engine::EngineError;
}

use std::sync::Arc;
use std::time::Duration;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use run_queue::RunQueue;
use schedule::TurnId;
use slot::{SessionSlot, Taken};
use wheelwork::engine::EngineError;
use wheelwork::engine::pace::{Pace, Priority};

/// Counts to `last`, or until it is cancelled.
struct Job {
    next: u32,
    last: u32,
    cancelled: Arc<AtomicBool>,
    /// None for a turn without a conversation.
    taken: Option<Taken<u32>>,
    /// Panics instead of this step.
    panics_at: Option<u32>,
}

impl Job {
    fn to(last: u32) -> Self {
        let cancelled = Arc::new(AtomicBool::new(false));
        Self { next: 1, last, cancelled, taken: None, panics_at: None }
    }
}

type Events = RunQueue<Job, u32>;

/// Tells of a pace.
const NOTICE: u32 = 99;

fn add(run_queue: &Events, job: Job) -> TurnId {
    run_queue.add(Priority::Normal, |_| job, |_| [0].into())
}

/// What `worker.rs` does around a step, where each takes so long.
fn work(run_queue: &Events, step: Duration) {
    while let Some((id, mut job)) = run_queue.next_job() {
        if job.panics_at == Some(job.next) {
            drop(job);
            run_queue.end(id, [u32::MAX]);
            run_queue.rest(step);
            continue;
        }
        let event = job.next;
        job.next += 1;
        if event >= job.last || job.cancelled.load(Ordering::SeqCst) {
            if let Some(mut taken) = job.taken.take() {
                taken.session += 1;
                taken.put_back();
            }
            run_queue.end(id, [event]);
        } else {
            run_queue.keep(id, job, [event]);
        }
        run_queue.rest(step);
    }
}

/// Runs with a worker whose steps take so long, and room for so many events; ends when the worker does.
fn model(capacity: usize, step: Duration, run: impl Fn(Arc<Events>) + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let run_queue = Arc::new(Events::new(capacity));
        let its_queue = Arc::clone(&run_queue);
        let worker = thread::spawn(move || work(&its_queue, step));
        run(Arc::clone(&run_queue));
        run_queue.close();
        worker.join().unwrap();
    });
}

fn read_all(run_queue: &Events, id: TurnId) -> Vec<u32> {
    std::iter::from_fn(|| run_queue.next(id)).collect()
}

#[test]
fn a_reader_gets_every_event_once_and_in_order() {
    model(1, Duration::ZERO, |run_queue| {
        let id = add(&run_queue, Job::to(3));
        assert_eq!(read_all(&run_queue, id), [0, 1, 2, 3]);
        run_queue.leave(id);
    });
}

#[test]
fn a_task_is_woken_for_every_event() {
    model(1, Duration::ZERO, |run_queue| {
        let id = add(&run_queue, Job::to(2));
        for expected in [Some(0), Some(1), Some(2), None] {
            let polled = std::future::poll_fn(|context| run_queue.poll(id, context));
            assert_eq!(loom::future::block_on(polled), expected);
        }
        run_queue.leave(id);
    });
}

#[test]
fn a_task_that_waits_for_several_events_is_woken_for_them_and_for_the_end() {
    model(2, Duration::ZERO, |run_queue| {
        let id = add(&run_queue, Job::to(2));
        let mut events = Vec::new();
        // More than there is room for: as many as may wait are enough.
        for wanted in [2, 9, 2] {
            loom::future::block_on(std::future::poll_fn(|context| {
                run_queue.poll_gathered(id, wanted, context)
            }));
            events.push(run_queue.next(id));
        }
        assert_eq!((events, run_queue.next(id)), (vec![Some(0), Some(1), Some(2)], None));
        run_queue.leave(id);
    });
}

#[test]
fn a_turn_without_a_reader_holds_up_no_other() {
    model(1, Duration::ZERO, |run_queue| {
        let endless = Job::to(u32::MAX);
        let cancelled = Arc::clone(&endless.cancelled);
        let (parked, read) = (add(&run_queue, endless), add(&run_queue, Job::to(2)));
        assert_eq!(read_all(&run_queue, read), [0, 1, 2]);
        run_queue.leave(read);
        cancelled.store(true, Ordering::SeqCst);
        run_queue.leave(parked);
    });
}

#[test]
fn a_cancelled_turn_ends_whatever_its_reader_does() {
    model(1, Duration::ZERO, |run_queue| {
        let job = Job::to(2);
        let cancelled = Arc::clone(&job.cancelled);
        let id = add(&run_queue, job);
        let its_queue = Arc::clone(&run_queue);
        let canceller = thread::spawn(move || {
            cancelled.store(true, Ordering::SeqCst);
            its_queue.hurry(id);
        });
        let events = read_all(&run_queue, id);
        assert!(events.iter().copied().eq(0..u32::try_from(events.len()).unwrap()));
        canceller.join().unwrap();
        run_queue.leave(id);
    });
}

#[test]
fn a_turn_that_the_pace_holds_back_goes_on_when_it_changes() {
    let set = |run_queue: &Events, pace| run_queue.set_pace(pace, || NOTICE, |event| *event == NOTICE);
    model(1, Duration::ZERO, move |run_queue| {
        set(&run_queue, Pace::Slow);
        let id = run_queue.add(Priority::Background, |_| Job::to(2), |_| [0].into());
        let its_queue = Arc::clone(&run_queue);
        let governor = thread::spawn(move || set(&its_queue, Pace::Full));
        let events = read_all(&run_queue, id);
        assert!(events.iter().filter(|event| **event != NOTICE).eq(&[0, 1, 2]), "{events:?}");
        governor.join().unwrap();
        run_queue.leave(id);
    });
}

#[test]
fn a_session_comes_back_from_a_turn_that_was_left() {
    model(1, Duration::ZERO, |run_queue| {
        let slot = SessionSlot::new(0);
        let taken = slot.take(true).unwrap();
        assert!(matches!(slot.take(true), Err(EngineError::Busy)));
        let job = Job { taken: Some(taken), ..Job::to(u32::MAX) };
        let cancelled = Arc::clone(&job.cancelled);
        let id = add(&run_queue, job);
        let reader = {
            let (run_queue, slot) = (Arc::clone(&run_queue), Arc::clone(&slot));
            thread::spawn(move || {
                cancelled.store(true, Ordering::SeqCst);
                slot.expect_soon();
                run_queue.hurry(id);
                run_queue.leave(id);
            })
        };
        reader.join().unwrap();
        let taken = slot.take(true).unwrap();
        assert_eq!(taken.session, 1);
        taken.put_back();
    });
}

#[test]
fn a_session_is_free_when_the_last_event_is_there() {
    model(1, Duration::ZERO, |run_queue| {
        let slot = SessionSlot::new(0);
        for turns in 1..3 {
            let id = add(&run_queue, Job { taken: Some(slot.take(false).unwrap()), ..Job::to(1) });
            assert_eq!(read_all(&run_queue, id), [0, 1]);
            run_queue.leave(id);
            let taken = slot.take(false).unwrap();
            assert_eq!(taken.session, turns);
            taken.put_back();
        }
    });
}

#[test]
fn a_panic_is_told_to_the_reader_and_to_who_wants_the_session_next() {
    model(1, Duration::ZERO, |run_queue| {
        let slot = SessionSlot::new(0);
        let taken = Some(slot.take(false).unwrap());
        let id = add(&run_queue, Job { taken, panics_at: Some(1), ..Job::to(3) });
        assert_eq!(read_all(&run_queue, id), [0, u32::MAX]);
        run_queue.leave(id);
        assert!(matches!(slot.take(true), Err(EngineError::SessionLost)));
    });
}

#[test]
fn a_reader_may_go_at_any_moment() {
    model(1, Duration::ZERO, |run_queue| {
        let id = add(&run_queue, Job::to(2));
        let reader = Arc::clone(&run_queue);
        thread::spawn(move || {
            assert_eq!(reader.next(id), Some(0));
            reader.leave(id);
        })
        .join()
        .unwrap();
    });
}

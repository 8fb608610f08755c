//! Each wake-up alone: the worker sleeps, and nothing but the call in question could wake it.
//!
//! That takes care: an event that is read, a turn that is added and the end of a model wake it as well. So readers here
//! have more room than events, sessions are waited for before the end, and a worker rests for as long as a step of a day
//! asks, in a wait that loom never ends by time.

use std::time::Duration;

use super::*;

/// After such a step, the rest of a slower pace has no end.
const DAY: Duration = Duration::from_secs(86_400);
/// More events may wait than there are.
const ROOM: usize = 9;

fn set_pace(run_queue: &Events, pace: Pace) {
    run_queue.set_pace(pace, || NOTICE, |event| *event == NOTICE);
}

/// A job that has a session, and where that comes back.
fn seated(job: Job) -> (Job, Arc<SessionSlot<u32>>) {
    let slot = SessionSlot::new(0);
    let taken = Some(slot.take(false).unwrap());
    (Job { taken, ..job }, slot)
}

/// Waits until a turn has put its session back.
fn wait_for(slot: &Arc<SessionSlot<u32>>) {
    slot.expect_soon();
    let taken = slot.take(true).unwrap();
    assert_eq!(taken.session, 1);
    taken.put_back();
}

#[test]
fn a_new_turn_wakes_a_worker_that_has_none() {
    model(ROOM, Duration::ZERO, |run_queue| {
        let id = add(&run_queue, Job::to(2));
        assert_eq!(read_all(&run_queue, id), [0, 1, 2]);
        run_queue.leave(id);
    });
}

#[test]
fn a_read_event_wakes_a_worker_that_had_no_room() {
    model(1, Duration::ZERO, |run_queue| {
        let id = add(&run_queue, Job::to(2));
        assert_eq!(read_all(&run_queue, id), [0, 1, 2]);
        run_queue.leave(id);
    });
}

/// Cancels a turn that would not end by itself, and waits for its end.
fn end_a_turn(run_queue: &Events) {
    let (job, slot) = seated(Job::to(u32::MAX));
    let cancelled = Arc::clone(&job.cancelled);
    let id = add(run_queue, job);
    cancelled.store(true, Ordering::SeqCst);
    run_queue.hurry(id);
    wait_for(&slot);
    run_queue.leave(id);
}

#[test]
fn a_turn_that_is_to_end_wakes_a_worker_that_has_no_room() {
    model(1, Duration::ZERO, |run_queue| {
        end_a_turn(&run_queue);
    });
}

#[test]
fn a_turn_that_is_left_wakes_a_worker_that_has_no_room() {
    model(1, Duration::ZERO, |run_queue| {
        let (job, slot) = seated(Job::to(2));
        let id = add(&run_queue, job);
        run_queue.leave(id);
        wait_for(&slot);
    });
}

#[test]
fn a_better_pace_wakes_a_worker_whose_turns_have_to_wait() {
    model(ROOM, Duration::ZERO, |run_queue| {
        set_pace(&run_queue, Pace::Slow);
        let id = run_queue.add(Priority::Background, |_| Job::to(1), |_| [0].into());
        set_pace(&run_queue, Pace::Full);
        let events = read_all(&run_queue, id);
        assert!(events.iter().filter(|event| **event != NOTICE).eq(&[0, 1]), "{events:?}");
        run_queue.leave(id);
    });
}

#[test]
fn a_better_pace_ends_a_rest() {
    model(ROOM, DAY, |run_queue| {
        set_pace(&run_queue, Pace::Slow);
        let id = add(&run_queue, Job::to(2));
        set_pace(&run_queue, Pace::Full);
        let events = read_all(&run_queue, id);
        assert!(events.iter().filter(|event| **event != NOTICE).eq(&[0, 1, 2]), "{events:?}");
        run_queue.leave(id);
    });
}

#[test]
fn a_turn_that_is_to_end_ends_a_rest() {
    model(ROOM, DAY, |run_queue| {
        set_pace(&run_queue, Pace::Slow);
        end_a_turn(&run_queue);
    });
}

#[test]
fn a_turn_that_is_left_ends_a_rest() {
    model(ROOM, DAY, |run_queue| {
        set_pace(&run_queue, Pace::Slow);
        let (job, slot) = seated(Job::to(3));
        let id = add(&run_queue, job);
        run_queue.leave(id);
        wait_for(&slot);
    });
}

#[test]
fn the_end_of_the_queue_ends_a_rest() {
    model(ROOM, DAY, |run_queue| {
        set_pace(&run_queue, Pace::Slow);
        let id = add(&run_queue, Job::to(1));
        assert_eq!(read_all(&run_queue, id), [0, 1]);
        run_queue.leave(id);
    });
}

#[test]
fn a_pace_is_told_to_a_reader_that_waits() {
    told_of_a_pace(Events::next);
}

#[test]
fn a_pace_is_told_to_a_task_that_waits() {
    told_of_a_pace(|run_queue, id| {
        loom::future::block_on(std::future::poll_fn(|context| run_queue.poll(id, context)))
    });
}

/// Of a turn that the pace has wait before and after, so that it brings no event of its own.
fn told_of_a_pace(next: impl Fn(&Events, TurnId) -> Option<u32> + Send + Sync + 'static) {
    model(ROOM, Duration::ZERO, move |run_queue| {
        set_pace(&run_queue, Pace::Slow);
        let id = run_queue.add(Priority::Background, |_| Job::to(1), |_| [].into());
        let its_queue = Arc::clone(&run_queue);
        let governor = thread::spawn(move || set_pace(&its_queue, Pace::Minimal));
        assert_eq!(next(&run_queue, id), Some(NOTICE));
        governor.join().unwrap();
        run_queue.leave(id);
    });
}

//! Several conversations on one engine: what each tells is its own affair, whatever the others' readers do.

use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use wheelwork::engine::{Chat, EngineError, EngineOptions, Priority, Queue, Turn};
use wheelwork::{CancelToken, Class, Diagnostic, Error, Event, FinishReason, ModelFacts, Options};
use wheelwork_testing::{Outcome, ScriptedDecoder};

use crate::limit::Limit;
use crate::support::{TURN, decoder, facts, session};

/// No loop, and longer than what may wait for a reader.
pub(crate) const LONG: &str =
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30";

pub(crate) fn queue(waiting_events: usize) -> Queue {
    Queue::new(EngineOptions { waiting_events, ..EngineOptions::default() }).unwrap()
}

/// A limit of time, tiny-r1 without its weights, and a queue.
pub(crate) fn scene(waiting_events: usize) -> (Limit, Arc<ModelFacts>, Queue) {
    (Limit::start(), facts(1024), queue(waiting_events))
}

/// A decoder that stops before its second run until it may go on: until then, a reader that read all there is waits.
fn held(facts: &ModelFacts, text: &str) -> (ScriptedDecoder, mpsc::Sender<()>) {
    let (go_on, held) = mpsc::channel::<()>();
    (decoder(facts, text).before_run(1, move || held.recv().unwrap()), go_on)
}

pub(crate) fn chat(queue: &Queue, facts: &Arc<ModelFacts>, text: &str) -> Chat {
    queue.adopt(session(facts, decoder(facts, text)))
}

pub(crate) fn ask(chat: &Chat) -> Turn {
    ask_with(chat, &Options::default())
}

pub(crate) fn ask_with(chat: &Chat, options: &Options) -> Turn {
    chat.ask("2 + 2 = ?", options, Priority::Normal).unwrap()
}

pub(crate) fn reason(turn: Turn) -> FinishReason {
    Outcome::of(turn).unwrap().reason()
}

pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(error, Error::Engine(EngineError::Busy))
}

#[test]
fn a_turn_tells_what_it_tells_on_its_own() {
    let (_limit, facts, queue) = scene(64);
    let alone = crate::support::ask(&mut session(&facts, decoder(&facts, TURN)), &Options::default());
    let shared = Outcome::of(ask(&chat(&queue, &facts, TURN))).unwrap();
    assert_eq!(shared.said(), alone.said());
    assert_eq!(shared.finished, alone.finished);
}

#[test]
fn turns_of_one_priority_take_steps_in_rotation() {
    let (_limit, facts, queue) = scene(64);
    let (order, ordered) = mpsc::channel();
    // The first run of the first one waits until the others are there.
    let (start, started) = mpsc::channel::<()>();
    let mut started = Some(started);
    let chats: Vec<_> = (0..3)
        .map(|name| {
            let mut decoder = decoder(&facts, LONG);
            for run in 0..10 {
                let (order, mut started) = (order.clone(), started.take());
                decoder = decoder.before_run(run, move || {
                    if let Some(started) = started.take() {
                        started.recv().unwrap();
                    }
                    order.send(name).unwrap();
                });
            }
            queue.adopt(session(&facts, decoder))
        })
        .collect();
    let options = Options { max_tokens: Some(10), ..Options::default() };
    let turns: Vec<_> = chats.iter().map(|chat| ask_with(chat, &options)).collect();
    start.send(()).unwrap();
    for turn in turns {
        assert_eq!(reason(turn), FinishReason::Length);
    }
    drop((chats, queue, order));
    let order: Vec<_> = ordered.iter().collect();
    assert_eq!(order.len(), 30);
    for steps in order.chunks(3) {
        assert_eq!(steps, [0, 1, 2]);
    }
}

#[test]
fn a_conversation_takes_one_turn_at_a_time() {
    let (_limit, facts, queue) = scene(1);
    let chat = chat(&queue, &facts, LONG);
    let turn = ask(&chat);
    let Err(error) = chat.ask("again", &Options::default(), Priority::Normal) else { panic!("two turns") };
    assert!(is_busy(&error), "{error}");
    assert!(is_busy(&chat.with(|_| ()).unwrap_err()));
    drop(turn);
    // A dropped turn is waited for.
    assert_eq!(chat.with(|session| session.messages().len()).unwrap(), 2);
    assert!(ask(&chat).next().is_some());
}

#[test]
fn the_conversation_is_free_once_the_last_event_is_read() {
    let (_limit, facts, queue) = scene(64);
    let chat = chat(&queue, &facts, TURN);
    for turns in 1..50 {
        let mut turn = ask(&chat);
        assert!(turn.any(|event| matches!(event, Ok(Event::Finished { .. }))));
        assert_eq!(chat.with(|session| session.messages().len()).unwrap(), 2 * turns);
    }
}

#[test]
fn rt_11_a_reader_that_stops_reading_holds_up_its_own_turn_only() {
    let (_limit, facts, queue) = scene(4);
    let (slow, quick) = (chat(&queue, &facts, LONG), chat(&queue, &facts, TURN));
    let options = Options { max_tokens: Some(50), ..Options::default() };
    let turn = ask_with(&slow, &options);
    for _ in 0..20 {
        assert_eq!(reason(ask(&quick)), FinishReason::Stop);
    }
    assert!(is_busy(&slow.with(|_| ()).unwrap_err()), "it waits for its reader");
    assert_eq!(reason(turn), FinishReason::Length);
}

#[test]
fn a_turn_that_waits_for_its_reader_can_be_cancelled() {
    let (_limit, facts, queue) = scene(2);
    let chat = chat(&queue, &facts, LONG);
    let options = Options::default();
    let own = ask_with(&chat, &options);
    own.cancel();
    assert_eq!(reason(own), FinishReason::Cancelled);
    // Its end does not come from the reader's reading: the caller's token is known to the engine.
    let turn = ask_with(&chat, &options);
    options.cancel.cancel();
    chat.with(|_| ()).unwrap();
    assert_eq!(reason(turn), FinishReason::Cancelled);
}

#[test]
fn a_turn_that_goes_away_does_not_cancel_others_with_the_same_options() {
    let (_limit, facts, queue) = scene(64);
    let (one, other) = (chat(&queue, &facts, LONG), chat(&queue, &facts, TURN));
    let options = Options::default();
    let dropped = ask_with(&one, &options);
    let turn = ask_with(&other, &options);
    dropped.answer_now();
    drop(dropped);
    assert_eq!(reason(turn), FinishReason::Stop);
    assert!(!options.cancel.is_cancelled() && !options.answer_now.is_wanted());
}

#[test]
fn a_panic_costs_its_own_turn_and_session_and_nothing_else() {
    let (_limit, facts, queue) = scene(64);
    let panics = decoder(&facts, TURN).before_run(3, || panic!("a test's own"));
    let (lost, other) = (queue.adopt(session(&facts, panics)), chat(&queue, &facts, LONG));
    let goes_on = ask_with(&other, &Options { max_tokens: Some(40), ..Options::default() });
    let error = Outcome::of(ask(&lost)).unwrap_err();
    assert!(matches!(error, Error::Engine(EngineError::Panicked)), "{error}");
    assert_eq!(error.class(), Class::Bug);
    let Err(error) = lost.ask("again", &Options::default(), Priority::Normal) else { panic!("not lost") };
    assert!(matches!(error, Error::Engine(EngineError::SessionLost)), "{error}");
    assert_eq!(reason(goes_on), FinishReason::Length);
    assert_eq!(Outcome::of(ask(&chat(&queue, &facts, TURN))).unwrap().answer, "4");
}

#[test]
fn a_call_that_panics_loses_the_conversation() {
    let (_limit, facts, queue) = scene(64);
    let chat = chat(&queue, &facts, TURN);
    let again = chat.clone();
    thread::spawn(move || chat.with(|_| panic!("a test's own"))).join().unwrap_err();
    let error = again.with(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Engine(EngineError::SessionLost)), "{error}");
}

#[test]
fn a_fork_goes_on_by_itself() {
    let (_limit, facts, queue) = scene(64);
    let first = chat(&queue, &facts, TURN);
    assert_eq!(reason(ask(&first)), FinishReason::Stop);
    let fork = first.fork().unwrap();
    drop(first);
    assert_eq!(reason(ask(&fork)), FinishReason::Stop);
    assert_eq!(fork.with(|session| session.messages().len()).unwrap(), 4);
}

#[test]
fn the_thread_lives_as_long_as_a_turn_is_read() {
    let _limit = Limit::start();
    let facts = facts(1024);
    let turn = ask(&chat(&queue(64), &facts, TURN));
    assert_eq!(reason(turn), FinishReason::Stop);
}

/// Calls a function when woken, and tells that it was.
struct Woken<F>(Mutex<F>, mpsc::Sender<()>);

impl<F: FnMut() + Send> Wake for Woken<F> {
    fn wake(self: Arc<Self>) {
        // Even if the call panics.
        let woken = self.1.clone();
        let _tells = Tells(woken);
        (self.0.lock().unwrap())();
    }
}

struct Tells(mpsc::Sender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

fn waker(call: impl FnMut() + Send + 'static) -> (Waker, mpsc::Receiver<()>) {
    let (woken, wakes) = mpsc::channel();
    (Arc::new(Woken(Mutex::new(call), woken)).into(), wakes)
}

/// Leaves the stream waiting, with the context's waker.
fn read_all_there_is(turn: &mut Turn, context: &mut Context<'_>) {
    while let Poll::Ready(event) = turn.poll_next(context) {
        assert!(matches!(event, Some(Ok(_))), "the turn ended");
    }
}

#[test]
fn a_stream_is_woken_for_every_event() {
    let (_limit, facts, queue) = scene(2);
    let chat = chat(&queue, &facts, TURN);
    let mut turn = ask(&chat);
    let (waker, wakes) = waker(|| ());
    let mut context = Context::from_waker(&waker);
    let mut events = Vec::new();
    loop {
        match turn.poll_next(&mut context) {
            Poll::Ready(Some(event)) => events.push(event),
            Poll::Ready(None) => break,
            Poll::Pending => wakes.recv_timeout(Duration::from_secs(60)).unwrap(),
        }
    }
    assert_eq!(Outcome::of(events.into_iter()).unwrap().answer, "4");
}

#[test]
fn rt_11_a_waker_that_calls_back_is_told_that_the_engine_is_busy() {
    let (_limit, facts, queue) = scene(2);
    let (decoder, go_on) = held(&facts, LONG);
    let (chat, other) = (queue.adopt(session(&facts, decoder)), chat(&queue, &facts, LONG));
    let mut turn = ask(&chat);
    let mut others = ask(&other);
    let (found, finds) = mpsc::channel();
    let again = chat.clone();
    let (waker, wakes) = waker(move || {
        let Err(asked) = again.ask("from a waker", &Options::default(), Priority::Normal) else { return };
        let _ = found.send((others.next(), asked));
    });
    let mut context = Context::from_waker(&waker);
    read_all_there_is(&mut turn, &mut context);
    go_on.send(()).unwrap();
    wakes.recv_timeout(Duration::from_secs(60)).unwrap();
    let (next, asked) = finds.recv().unwrap();
    assert!(matches!(next, Some(Err(error)) if is_busy(&error)));
    assert!(is_busy(&asked));
}

#[test]
fn rt_11_a_waker_that_panics_breaks_nothing() {
    let (_limit, facts, queue) = scene(2);
    let (decoder, go_on) = held(&facts, TURN);
    let chat = queue.adopt(session(&facts, decoder));
    let mut turn = ask(&chat);
    let (waker, wakes) = waker(|| panic!("a test's own"));
    let mut context = Context::from_waker(&waker);
    read_all_there_is(&mut turn, &mut context);
    go_on.send(()).unwrap();
    wakes.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(reason(turn), FinishReason::Stop);
}

#[test]
fn a_turn_can_be_cancelled_before_it_begins() {
    let (_limit, facts, queue) = scene(64);
    let cancel = CancelToken::new();
    cancel.cancel();
    let chat = chat(&queue, &facts, TURN);
    assert_eq!(reason(ask_with(&chat, &Options { cancel, ..Options::default() })), FinishReason::Cancelled);
    assert_eq!(reason(ask(&chat)), FinishReason::Stop);
}

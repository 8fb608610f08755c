//! What can befall an engine: cancels at any moment, readers that misbehave, many threads, many engines.

use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use wheelwork::engine::{EngineError, EngineOptions, Priority, Queue};
use wheelwork::{CancelToken, Error, Event, FinishReason, Options};
use wheelwork_testing::{Outcome, ScriptedDecoder};

use crate::engine::{LONG, ask, ask_with, chat, is_busy, queue, reason, scene};
use crate::limit::Limit;
use crate::support::{TURN, decoder, facts, session};

/// A hook that lets another thread act while a run computes.
fn from_another_thread(act: impl Fn() + Send + Sync + Clone + 'static) -> impl FnMut() + Send + 'static {
    move || {
        let act = act.clone();
        thread::spawn(act).join().unwrap();
    }
}

#[test]
fn rt_10_a_turn_that_is_cancelled_while_it_computes_ends_with_that_step() {
    let _limit = Limit::start();
    let facts = facts(1024);
    // Run 0 is the prompt.
    for run in [0, 1, 2, 9, 25] {
        let (queue, cancel) = (queue(64), CancelToken::new());
        let presses = cancel.clone();
        let decoder = decoder(&facts, LONG).before_run(run, from_another_thread(move || presses.cancel()));
        let chat = queue.adopt(session(&facts, decoder));
        let turn = ask_with(&chat, &Options { cancel, ..Options::default() });
        let outcome = Outcome::of(turn).unwrap();
        assert_eq!((outcome.reason(), outcome.token_ids().len()), (FinishReason::Cancelled, run));
        // The conversation has what was said, and goes on.
        assert_eq!(chat.with(|session| session.messages().len()).unwrap(), 2);
        assert_eq!(reason(ask_with(&chat, &three_tokens())), FinishReason::Length);
    }
}

#[test]
fn rt_10_a_turn_that_is_dropped_while_it_computes_leaves_a_conversation_that_goes_on() {
    let _limit = Limit::start();
    let facts = facts(1024);
    for run in [0, 1, 9] {
        let queue = queue(64);
        let (here, there) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (reached, dropped) = (Arc::clone(&here), Arc::clone(&there));
        let decoder = decoder(&facts, LONG).before_run(run, move || {
            reached.wait();
            dropped.wait();
        });
        let chat = queue.adopt(session(&facts, decoder));
        let turn = ask(&chat);
        here.wait();
        thread::spawn(move || drop(turn)).join().unwrap();
        there.wait();
        assert_eq!(chat.with(|session| session.messages().len()).unwrap(), 2);
        assert_eq!(reason(ask_with(&chat, &three_tokens())), FinishReason::Length);
    }
}

fn three_tokens() -> Options {
    Options { max_tokens: Some(3), ..Options::default() }
}

#[test]
fn rt_10_a_turn_that_waits_behind_others_can_be_cancelled_and_dropped() {
    let (_limit, facts, queue) = scene(64);
    let (go, gone) = mpsc::channel::<()>();
    let first = decoder(&facts, TURN).before_run(0, move || gone.recv().unwrap());
    let first = queue.adopt(session(&facts, first));
    let blocks = ask(&first);
    let (cancelled, dropped) = (chat(&queue, &facts, TURN), chat(&queue, &facts, TURN));
    let turn = ask(&cancelled);
    turn.cancel();
    drop(ask(&dropped));
    go.send(()).unwrap();
    let outcome = Outcome::of(turn).unwrap();
    assert_eq!((outcome.reason(), outcome.token_ids().len()), (FinishReason::Cancelled, 0));
    assert_eq!(reason(blocks), FinishReason::Stop);
    for chat in [cancelled, dropped] {
        assert_eq!(reason(ask(&chat)), FinishReason::Stop);
    }
}

#[test]
fn rt_10_a_long_prompt_is_left_between_two_pieces() {
    let _limit = Limit::start();
    let facts = facts(1024);
    let queue = Queue::new(EngineOptions { prefill_tokens: 1, ..EngineOptions::default() }).unwrap();
    let cancel = CancelToken::new();
    let presses = cancel.clone();
    let decoder = decoder(&facts, TURN).before_run(2, move || presses.cancel());
    let chat = queue.adopt(session(&facts, decoder));
    assert_eq!(reason(ask_with(&chat, &Options { cancel, ..Options::default() })), FinishReason::Cancelled);
    assert_eq!(chat.with(|session| session.cached_tokens()).unwrap(), 2);
}

#[test]
fn rt_11_a_reader_that_panics_ends_its_own_turn_only() {
    let (_limit, facts, queue) = scene(4);
    let (one, other) = (chat(&queue, &facts, LONG), chat(&queue, &facts, TURN));
    let turn = ask(&one);
    let reads = thread::spawn(move || {
        for event in turn {
            assert!(!matches!(event, Ok(Event::ReasoningDelta { .. })), "a test's own");
        }
    });
    assert_eq!(reason(ask(&other)), FinishReason::Stop);
    reads.join().unwrap_err();
    assert_eq!(reason(ask_with(&one, &three_tokens())), FinishReason::Length);
}

#[test]
fn rt_11_a_decoder_that_panics_when_it_is_dropped_too_breaks_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(thread::panicking(), "a test's own");
        }
    }
    let (_limit, facts, queue) = scene(64);
    let bomb = Bomb;
    let decoder = decoder(&facts, TURN).before_run(1, move || {
        let _held = &bomb;
        panic!("a test's own")
    });
    let error = Outcome::of(ask(&queue.adopt(session(&facts, decoder)))).unwrap_err();
    assert!(matches!(error, Error::Engine(EngineError::Panicked)), "{error}");
    assert_eq!(reason(ask(&chat(&queue, &facts, TURN))), FinishReason::Stop);
}

#[test]
fn rt_12_sixteen_threads_share_an_engine() {
    let (_limit, facts, queue) = scene(8);
    let shared = chat(&queue, &facts, TURN);
    let threads: Vec<_> = (0..16)
        .map(|number| {
            let (facts, queue, shared) = (Arc::clone(&facts), queue.clone(), shared.clone());
            thread::spawn(move || {
                let own = chat(&queue, &facts, TURN);
                let priority = [Priority::Background, Priority::Normal, Priority::Interactive][number % 3];
                let mut taken = 0;
                for _ in 0..5 {
                    let turn = own.ask("2 + 2 = ?", &Options::default(), priority).unwrap();
                    assert_eq!(reason(turn), FinishReason::Stop);
                    match shared.ask("2 + 2 = ?", &Options::default(), priority) {
                        Ok(turn) => {
                            assert_eq!(reason(turn), FinishReason::Stop);
                            taken += 1;
                        }
                        Err(error) => assert!(is_busy(&error), "{error}"),
                    }
                }
                taken
            })
        })
        .collect();
    let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(taken > 0);
    assert_eq!(shared.with(|session| session.messages().len()).unwrap(), 2 * taken);
}

#[test]
fn rt_12_a_thousand_engines_come_and_go() {
    let _limit = Limit::start();
    let facts = facts(256);
    let script = crate::support::script(&facts, TURN);
    for cycle in 0..1000 {
        let queue = queue(1 + cycle % 5);
        let decoder = ScriptedDecoder::new(crate::support::VOCAB, 256, script.clone());
        let chat = queue.adopt(session(&facts, decoder));
        // Dropped in every order, and read to every point.
        let mut turn = ask(&chat);
        if cycle % 2 == 0 {
            drop(queue);
        }
        let read = turn.by_ref().take(cycle % 7).count();
        assert_eq!(read, cycle % 7);
        if cycle % 3 == 0 {
            drop(turn);
            assert_eq!(chat.with(|session| session.messages().len()).unwrap(), 2);
        }
    }
}

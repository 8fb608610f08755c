//! Turns: their end, their readers, and what becomes of those that nobody reads.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use wheelwork_uniffi::{
    Autosave, Event, FinishReason, OpenHandle, OutputFormat, PackagePipe, Priority, Thinking, TurnHandle,
};

use crate::support::{ENGINE, code, endless, engine, events, model, open_options, options, text, wait};

#[test]
fn bd_01_what_is_used_after_its_close_says_so_and_a_second_close_is_fine() {
    let engine = engine();
    let chat = engine.chat().unwrap();
    let turn = chat.ask("1".into(), endless(), Priority::Normal).unwrap();
    assert!(wait(turn.next()).unwrap().is_some());
    chat.shut_down();
    chat.shut_down();
    // The turn that was under way ends as one that is cancelled.
    let rest = events(&turn).unwrap();
    assert!(matches!(rest.last(), Some(Event::Finished { reason: FinishReason::Cancelled, .. })), "{rest:?}");
    for result in [
        chat.ask("1".into(), options(1), Priority::Normal).map(drop),
        chat.messages().map(drop),
        chat.clear(),
        chat.fork().map(drop),
        chat.share_prefix().map(drop),
        chat.prompt_tokens(None, options(1)).map(drop),
    ] {
        assert_eq!(code(result), "closed");
    }
    chat.cancel();
    chat.suspend();
    chat.answer_now();
    assert!(!chat.save_now(0));

    let other = engine.chat().unwrap();
    let turn = other.ask("1".into(), endless(), Priority::Normal).unwrap();
    engine.shut_down();
    engine.shut_down();
    let rest = events(&turn).unwrap();
    assert!(matches!(rest.last(), Some(Event::Finished { reason: FinishReason::Cancelled, .. })), "{rest:?}");
    assert_eq!(code(other.messages()), "closed");
    for result in [
        engine.chat().map(drop),
        engine.placement().map(drop),
        engine.compilation_state().map(drop),
        engine.compilation().map(drop),
        engine.model_name().map(drop),
        engine.context_length().map(drop),
        engine.reasons().map(drop),
        engine.package_facts(Vec::new()).map(drop),
        engine.onnx_runtime().map(drop),
        engine.memory_plan(1).map(drop),
        engine.count_tokens("1".into()).map(drop),
        engine.prefix_usage().map(drop),
        engine.clear_prefixes(),
        engine.pace().map(drop),
        engine.restore("none".into(), None).map(drop),
    ] {
        assert_eq!(code(result), "closed");
    }
}

/// The events of a turn, and the same turn once more, of which nothing was read.
fn read_and_asked_again() -> (Vec<Event>, Arc<TurnHandle>) {
    let chat = engine().chat().unwrap();
    let ask = || chat.ask("1 + 1 = ?".into(), options(20), Priority::Normal).unwrap();
    let whole = events(&ask()).unwrap();
    chat.clear().unwrap();
    (whole, ask())
}

#[test]
fn bd_06_a_reader_that_goes_away_while_it_waits_loses_no_event() {
    let (whole, turn) = read_and_asked_again();
    let mut read = Vec::new();
    loop {
        // What a cancelled job does: polled, and dropped before its end.
        let event = {
            let mut next = pin!(turn.next());
            next.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
        match event {
            Poll::Ready(Ok(Some(event))) => read.push(event),
            Poll::Ready(Ok(None)) => break,
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => thread::yield_now(),
        }
    }
    assert_eq!(said(&read), said(&whole));
}

#[test]
fn what_waits_is_read_in_the_order_of_the_turn_and_no_more_than_was_asked_for() {
    let (whole, turn) = read_and_asked_again();
    let mut read = Vec::new();
    loop {
        let waiting = turn.waiting(3).unwrap();
        assert!(waiting.len() <= 3);
        if waiting.is_empty() {
            let Some(event) = wait(turn.next()).unwrap() else { break };
            read.push(event);
        }
        read.extend(waiting);
    }
    assert_eq!((said(&read), read.len()), (said(&whole), whole.len()));
    assert_eq!(turn.waiting(3).unwrap(), []);
}

#[test]
fn a_reader_waits_for_several_events_or_the_last_one() {
    let (whole, turn) = read_and_asked_again();
    let mut read = Vec::new();
    loop {
        wait(turn.gathered(5)).unwrap();
        let waiting = turn.waiting(5).unwrap();
        let is_last = waiting.len() < 5;
        read.extend(waiting);
        if is_last {
            break;
        }
    }
    assert_eq!((said(&read), read.len()), (said(&whole), whole.len()));
    // After the last event nothing is to be waited for.
    wait(turn.gathered(5)).unwrap();
    assert_eq!(wait(turn.next()).unwrap(), None);
}

#[test]
fn who_waits_for_several_events_comes_back_when_told_to() {
    let (whole, turn) = read_and_asked_again();
    // Told before it waits, and while it does.
    turn.stop_gathering();
    wait(turn.gathered(1000)).unwrap();
    let mut read = Vec::new();
    while read.len() < whole.len() {
        thread::scope(|scope| {
            scope.spawn(|| turn.stop_gathering());
            wait(turn.gathered(1000)).unwrap();
        });
        read.extend(turn.waiting(1000).unwrap());
    }
    assert_eq!(said(&read), said(&whole));
}

#[test]
fn rt_11_a_second_reader_is_told_and_the_first_one_goes_on() {
    let chat = engine().chat().unwrap();
    // Background turns of a slow engine: the first reader waits.
    let turn = chat.ask("1 + 1 = ?".into(), options(5), Priority::Normal).unwrap();
    let busy = {
        let mut first = pin!(turn.next());
        let waits = first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        (waits, wait(turn.next()), turn.waiting(1))
    };
    if busy.0 {
        assert_eq!(code(busy.1), "busy");
        assert_eq!(code(busy.2), "busy");
    }
    let rest = events(&turn).unwrap();
    assert!(matches!(rest.last(), Some(Event::Finished { .. })), "{rest:?}");
}

#[test]
fn bd_02_what_is_let_go_of_in_the_middle_of_its_work_ends_and_frees_its_conversation() {
    let engine = engine();
    let chat = engine.chat().unwrap();
    for _ in 0..10 {
        let turn = chat.ask("1".into(), endless(), Priority::Normal).unwrap();
        for _ in 0..3 {
            assert!(wait(turn.next()).unwrap().is_some());
        }
        drop(turn);
        // It was cancelled: the next call waits a step and is not told that it is busy.
        chat.clear().unwrap();
    }
    // A turn outlives the handles that it came from.
    let turn = engine.chat().unwrap().ask("1 + 1 = ?".into(), options(10), Priority::Normal).unwrap();
    drop((chat, engine));
    assert!(matches!(
        events(&turn).unwrap().last(),
        Some(Event::Finished { reason: FinishReason::Length, .. })
    ));
}

#[test]
fn bd_02_a_handle_is_let_go_of_while_another_thread_waits_in_its_call() {
    let open = OpenHandle::begin(text(model()), open_options(), ENGINE).unwrap();
    let waits = Arc::clone(&open);
    let waiter = thread::spawn(move || {
        wait(async {
            while waits.next().await?.is_some() {}
            Ok::<_, wheelwork_uniffi::FfiError>(())
        })
    });
    drop(open);
    waiter.join().unwrap().unwrap();

    let pipe = PackagePipe::open().unwrap();
    for number in 0..4 {
        wait(pipe.push(number << 20, vec![0; 1 << 20])).unwrap();
    }
    let pushes = Arc::clone(&pipe);
    let pusher = thread::spawn(move || wait(pushes.push(4 << 20, vec![0])));
    thread::sleep(Duration::from_millis(20));
    pipe.abandon();
    assert_eq!(code(pusher.join().unwrap()), "pipe_no_reader");
}

fn said(events: &[Event]) -> String {
    let text = |event: &Event| match event {
        Event::ReasoningDelta { text } | Event::AnswerDelta { text } => text.clone(),
        _ => String::new(),
    };
    events.iter().map(text).collect()
}

#[test]
fn rt_08_a_turn_that_is_left_unfinished_goes_on_in_another_engine_with_the_same_text() {
    let folder = tempfile::tempdir().unwrap();
    let file = text(&folder.path().join("session"));
    let ask = |chat: &wheelwork_uniffi::ChatHandle| {
        chat.ask("478 + 256 = ?".into(), options(60), Priority::Interactive).unwrap()
    };
    let whole = said(&events(&ask(&engine().chat().unwrap())).unwrap());
    for key in [None, Some(vec![7; 32])] {
        let engine = engine();
        let chat = engine.chat().unwrap();
        chat.keep_in(file.clone(), key.clone(), Autosave { tokens: 1, time_ms: 1000 }).unwrap();
        let turn = ask(&chat);
        for _ in 0..10 {
            assert!(wait(turn.next()).unwrap().is_some());
        }
        // What an app does when it goes to the background (RT-09).
        chat.suspend();
        let rest = events(&turn).unwrap();
        assert!(
            matches!(rest.last(), Some(Event::Finished { reason: FinishReason::Suspended, .. })),
            "{rest:?}"
        );
        engine.shut_down();

        let engine = self::engine();
        assert_eq!(code(engine.restore(file.clone(), Some(vec![7; 31])).map(drop)), "session_key_length");
        let restored = engine.restore(file.clone(), key).unwrap();
        assert!(restored.unfinished_turn && restored.damaged_at.is_none() && restored.dropped_bytes == 0);
        assert!(restored.cached_tokens > 0 && restored.recomputed_because.is_none());
        let resumed = restored.chat.resume(Priority::Interactive).unwrap();
        assert_eq!(said(&events(&resumed).unwrap()), whole);
        assert_eq!(code(restored.chat.resume(Priority::Interactive)), "nothing_to_resume");
        restored.chat.shut_down();
        std::fs::remove_file(&file).unwrap();
    }
    std::fs::write(&file, "no session").unwrap();
    assert_eq!(code(engine().restore(file, None).map(drop)), "not_a_session");
}

#[test]
fn rt_12_engines_that_come_and_go_leave_the_next_one_as_it_is() {
    for round in 0..15 {
        let engine = engine();
        let chat = engine.chat().unwrap();
        let turn = chat.ask("1 + 1 = ?".into(), endless(), Priority::Normal).unwrap();
        if round % 3 == 0 {
            assert!(wait(turn.next()).unwrap().is_some());
        }
        match round % 4 {
            0 => engine.shut_down(),
            1 => drop(turn),
            2 => drop(engine),
            _ => chat.shut_down(),
        }
    }
    let turn = engine().chat().unwrap().ask("1 + 1 = ?".into(), options(3), Priority::Normal).unwrap();
    assert!(matches!(
        events(&turn).unwrap().last(),
        Some(Event::Finished { reason: FinishReason::Length, .. })
    ));
}

#[test]
fn rt_17_characters_of_several_bytes_arrive_whole() {
    let flags = "🇨🇭é🤷🏽‍♀️";
    let output = Some(OutputFormat::Regex { pattern: format!("({flags}){{5}}") });
    let options = wheelwork_uniffi::Options { output, thinking: Some(Thinking::Off), ..options(400) };
    let turn = engine().chat().unwrap().ask("1".into(), options, Priority::Normal).unwrap();
    let events = events(&turn).unwrap();
    assert_eq!(said(&events), flags.repeat(5), "{:?}", events.last());
}

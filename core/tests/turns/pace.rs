//! A pace changes when a turn computes and what it tells of that, and nothing else.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use wheelwork::decoder::Effort;
use wheelwork::engine::pace::{Battery, Thermal};
use wheelwork::engine::{Conditions, Pace, Priority, Turn};
use wheelwork::{Event, FinishReason, Options};
use wheelwork_testing::{ScriptedDecoder, Step, placement};

use crate::engine::{LONG, ask, chat, reason, scene};
use crate::support::{TURN, VOCAB, decoder, session};

const HOT: Conditions = Conditions { thermal: Thermal::Serious, battery: Battery::Enough, foreground: true };

/// All events but those of the pace, without what was measured; and the paces.
fn told(turn: Turn) -> (Vec<Event>, Vec<Pace>) {
    let (mut events, mut paces) = (Vec::new(), Vec::new());
    for event in turn {
        match event.unwrap() {
            Event::PaceChanged { pace } => paces.push(pace),
            Event::ReasoningEnded { tokens, cause, .. } => {
                events.push(Event::ReasoningEnded { tokens, elapsed_ms: 0.0, cause });
            }
            Event::Finished { reason, usage, token_ids, .. } => {
                events.push(Event::Finished { reason, usage, timings: Default::default(), token_ids });
            }
            event => events.push(event),
        }
    }
    (events, paces)
}

#[test]
fn a_paced_turn_says_what_it_says_at_full_pace() {
    // So few may wait that a turn that is not read does not end.
    let (_limit, facts, queue) = scene(4);
    let (full, paces) = told(ask(&chat(&queue, &facts, LONG)));
    assert!(paces.is_empty());

    assert_eq!(queue.pace(), Pace::Full);
    queue.set_conditions(&HOT);
    assert_eq!(queue.pace(), Pace::Slow);
    let turn = ask(&chat(&queue, &facts, LONG));
    assert_eq!(told(turn), (full.clone(), vec![Pace::Slow]));

    // In the middle of a turn.
    queue.set_conditions(&Conditions::default());
    let mut turn = ask(&chat(&queue, &facts, LONG));
    let first = turn.next().unwrap().unwrap();
    queue.set_conditions(&Conditions { thermal: Thermal::Critical, ..HOT });
    queue.set_conditions(&Conditions { thermal: Thermal::Fair, ..HOT });
    let (rest, paces) = told(turn);
    assert_eq!(paces, [Pace::Eased]);
    assert_eq!([vec![first], rest].concat(), full);
}

#[test]
fn a_pace_is_told_to_every_turn_and_lets_those_of_low_priority_wait() {
    let (_limit, facts, queue) = scene(64);
    queue.set_conditions(&HOT);
    let (behind, before) = (chat(&queue, &facts, TURN), chat(&queue, &facts, TURN));
    let mut waits = behind.ask("2 + 2 = ?", &Options::default(), Priority::Background).unwrap();
    let (outcome, paces) = told(ask(&before));
    assert_eq!(paces, [Pace::Slow]);
    assert!(matches!(outcome.last(), Some(Event::Finished { reason: FinishReason::Stop, .. })));

    let first: Vec<_> = waits.by_ref().take(2).map(Result::unwrap).collect();
    assert!(
        matches!(&first[..], [Event::Started { .. }, Event::PaceChanged { pace: Pace::Slow }]),
        "{first:?}"
    );
    assert!(matches!(waits.poll_next(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    // What was not read is not told twice.
    queue.set_conditions(&Conditions { thermal: Thermal::Critical, ..HOT });
    queue.set_conditions(&Conditions { battery: Battery::Low, ..Conditions::default() });
    queue.set_conditions(&Conditions { battery: Battery::Low, ..Conditions::default() });
    let (rest, paces) = told(waits);
    assert_eq!(paces, [Pace::Eased]);
    assert!(matches!(rest.last(), Some(Event::Finished { reason: FinishReason::Stop, .. })));
}

#[test]
fn a_device_saves_power_where_nobody_waits_or_the_pace_is_not_full() {
    let (_limit, facts, queue) = scene(64);
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = Arc::clone(&told);
    let decoder = decoder(&facts, TURN).on_effort(move |effort| tells.lock().unwrap().push(effort));
    let chat = queue.adopt(session(&facts, decoder));
    let turn = |priority| reason(chat.ask("2 + 2 = ?", &Options::default(), priority).unwrap());
    turn(Priority::Normal);
    assert_eq!(told.lock().unwrap()[..], [], "it begins so");
    turn(Priority::Background);
    turn(Priority::Background);
    turn(Priority::Interactive);
    queue.set_conditions(&Conditions { battery: Battery::Low, ..Conditions::default() });
    turn(Priority::Interactive);
    let efforts = std::mem::take(&mut *told.lock().unwrap());
    assert_eq!(efforts, [Effort::PowerSaving, Effort::Full, Effort::PowerSaving]);
}

#[test]
fn what_stands_in_for_a_device_that_failed_saves_as_much_power() {
    let (_limit, facts, queue) = scene(64);
    let told = Arc::new(Mutex::new(Vec::new()));
    let (tells, its_facts) = (Arc::clone(&told), Arc::clone(&facts));
    let failing = ScriptedDecoder::new(VOCAB, 1024, vec![Step::Fail("driver reset".into())]);
    let session = session(&facts, failing).with_fallback(move |_, _| {
        let tells = Arc::clone(&tells);
        let decoder = decoder(&its_facts, TURN).on_effort(move |effort| tells.lock().unwrap().push(effort));
        Ok((placement(), Box::new(decoder)))
    });
    let turn = queue.adopt(session).ask("2 + 2 = ?", &Options::default(), Priority::Background);
    assert_eq!(reason(turn.unwrap()), FinishReason::Stop);
    assert_eq!(told.lock().unwrap()[..], [Effort::PowerSaving]);
}

#[test]
fn a_turn_that_waits_for_a_better_pace_can_be_cancelled() {
    let (_limit, facts, queue) = scene(64);
    queue.set_conditions(&Conditions { foreground: false, ..Conditions::default() });
    let chat = chat(&queue, &facts, TURN);
    let turn = chat.ask("2 + 2 = ?", &Options::default(), Priority::Background).unwrap();
    turn.cancel();
    assert_eq!(reason(turn), FinishReason::Cancelled);
}

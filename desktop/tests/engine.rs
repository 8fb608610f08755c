//! The engine on a real model: conversations that run at once, at any pace, say what they say alone.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "../../core/tests/common/limit.rs"]
mod limit;

use std::thread;

use common::tiny_r1;
use limit::Limit;
use wheelwork::engine::pace::Thermal;
use wheelwork::engine::{Chat, Conditions, Engine, EngineOptions, Pace, Priority};
use wheelwork::{Error, Event, FinishReason, Model, OpenOptions, Options, Thinking};
use wheelwork_testing::Outcome;

const QUESTIONS: [&str; 2] = ["What is 4823 + 3987?", "478 + 256 = ?"];

fn open() -> Model {
    Model::open_with(tiny_r1(), &OpenOptions { threads: Some(1), ..OpenOptions::default() }).unwrap()
}

/// Sampled, so that a draw of one turn that went to another shows.
fn options(seed: u64) -> Options {
    Options { seed: Some(seed), max_tokens: Some(120), ..Options::default() }
}

fn told(events: impl Iterator<Item = Result<Event, Error>>) -> Outcome {
    Outcome::of(events).unwrap()
}

/// What two turns of a conversation tell that has the model for itself.
fn alone(model: &Model, question: &str, seed: u64) -> [Outcome; 2] {
    let mut session = model.session().unwrap();
    [question, "And 3 + 4?"].map(|text| told(session.ask(text, &options(seed)).unwrap()))
}

fn shared(chat: &Chat, question: &str, seed: u64, priority: Priority) -> [Outcome; 2] {
    [question, "And 3 + 4?"].map(|text| told(chat.ask(text, &options(seed), priority).unwrap()))
}

#[test]
fn rt_12_conversations_at_once_say_what_they_say_alone() {
    let _limit = Limit::start();
    let model = open();
    let engine =
        Engine::new(model.clone(), EngineOptions { prefill_tokens: 3, ..EngineOptions::default() }).unwrap();
    let readers: Vec<_> = (0..6_u8)
        .map(|number| {
            let engine = engine.clone();
            thread::spawn(move || {
                let question = QUESTIONS[usize::from(number) % 2];
                let priority =
                    [Priority::Normal, Priority::Interactive, Priority::Background][usize::from(number) % 3];
                shared(&engine.session().unwrap(), question, number.into(), priority)
            })
        })
        .collect();
    for (number, reader) in readers.into_iter().enumerate() {
        let told = reader.join().unwrap();
        let alone = alone(&model, QUESTIONS[number % 2], number as u64);
        assert!(!alone[0].token_ids().is_empty() && !alone[0].reasoning.is_empty());
        assert_eq!(
            told.each_ref().map(Outcome::said),
            alone.each_ref().map(Outcome::said),
            "conversation {number}"
        );
    }
}

#[test]
fn a_pace_that_changes_in_the_middle_of_reasoning_changes_no_token() {
    let _limit = Limit::start();
    let model = open();
    let expected = told(model.session().unwrap().ask(QUESTIONS[0], &options(1)).unwrap());
    let engine = Engine::new(model, EngineOptions { waiting_events: 1, ..EngineOptions::default() }).unwrap();
    let turn = engine.session().unwrap().ask(QUESTIONS[0], &options(1), Priority::Interactive).unwrap();
    let levels = [Thermal::Fair, Thermal::Serious, Thermal::Critical, Thermal::Nominal];
    let mut paces = Vec::new();
    let events = turn.enumerate().map(|(number, event)| {
        if let Some(thermal) = levels.get(number) {
            engine.set_conditions(&Conditions { thermal: *thermal, ..Conditions::default() });
        }
        event
    });
    let told = told(events.inspect(|event| {
        if let Ok(Event::PaceChanged { pace }) = event {
            paces.push(*pace);
        }
    }));
    assert_eq!(told.said(), expected.said());
    assert_eq!(paces.last(), Some(&Pace::Full));
}

#[test]
fn a_conversation_that_was_kept_goes_on_in_another_engine() {
    let _limit = Limit::start();
    let greedy = Options { temperature: Some(0.0), ..options(0) };
    let expected = told(open().session().unwrap().ask(QUESTIONS[0], &greedy).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    {
        let engine = Engine::new(open(), EngineOptions::default()).unwrap();
        let chat = engine.session().unwrap();
        chat.with(|session| session.keep_in(&file, wheelwork::Autosave::default())).unwrap().unwrap();
        let mut turn = chat.ask(QUESTIONS[0], &greedy, Priority::Normal).unwrap();
        let mut deltas = turn.by_ref().filter(|event| matches!(event, Ok(Event::ReasoningDelta { .. })));
        assert_eq!(deltas.by_ref().take(10).count(), 10);
        turn.suspend();
        let end = turn.last().unwrap().unwrap();
        assert!(matches!(end, Event::Finished { reason: FinishReason::Suspended, .. }), "{end:?}");
    }
    let engine = Engine::new(open(), EngineOptions::default()).unwrap();
    let (chat, restored) = engine.restore(&file).unwrap();
    assert!(restored.unfinished_turn, "{restored:?}");
    assert_eq!(told(chat.resume(&greedy, Priority::Normal).unwrap()).said(), expected.said());
    let off = Options { thinking: Thinking::Off, ..greedy };
    assert_eq!(told(chat.ask("And 3 + 4?", &off, Priority::Normal).unwrap()).reasoning, "");
}

//! Whatever happened to a cache before, its logits are those of a fresh prefill of the same tokens; and whatever
//! happened to a conversation, its next answer is that of a fresh session with the same messages.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{TemporaryPackage, largest_difference, tiny_r1};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use wheelwork::chat::Message;
use wheelwork::decoder::Decoder;
use wheelwork::snapshot::CacheFate;
use wheelwork::{Event, Model, Options, Session};
use wheelwork_quantize::recipe::FLOAT;
use wheelwork_testing::Outcome;

/// The largest difference of a logit that the order of additions explains; see `parity.rs`.
const TOLERANCE: f32 = 2e-4;

/// What can happen to a cache.
#[derive(Debug, Clone)]
enum Step {
    Prefill(Vec<u32>),
    Decode(u32),
    /// To this share of the length, of 256.
    Rewind(u8),
    /// Into a new decoder, by its bytes, in two parts.
    Restore,
    Fork,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let token = 0_u32..200;
    let step = prop_oneof![
        3 => prop::collection::vec(token.clone(), 1..40).prop_map(Step::Prefill),
        4 => token.prop_map(Step::Decode),
        2 => any::<u8>().prop_map(Step::Rewind),
        1 => Just(Step::Restore),
        1 => Just(Step::Fork),
    ];
    prop::collection::vec(step, 1..12)
}

fn apply(model: &Model, decoder: &mut Box<dyn Decoder>, tokens: &mut Vec<u32>, step: &Step) {
    match step {
        Step::Prefill(new) => {
            decoder.prefill(new).unwrap();
            tokens.extend(new);
        }
        Step::Decode(token) => {
            decoder.decode(*token).unwrap();
            tokens.push(*token);
        }
        Step::Rewind(share) => {
            tokens.truncate(tokens.len() * usize::from(*share) / 256);
            decoder.rewind(tokens.len());
        }
        Step::Restore => {
            let mut restored = model.decoder().unwrap();
            let middle = tokens.len() / 2;
            for part in [0..middle, middle..tokens.len()] {
                let mut bytes = Vec::new();
                decoder.read_kv(part.clone(), &mut bytes).unwrap();
                restored.write_kv(&tokens[part], &bytes).unwrap();
            }
            *decoder = restored;
        }
        Step::Fork => *decoder = decoder.fork().unwrap(),
    }
    assert_eq!(decoder.len(), tokens.len());
}

fn any_history_gives_the_logits_of_a_fresh_prefill(family: &str) {
    let package = TemporaryPackage::of(family, FLOAT);
    let model = Model::open(package.path()).unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
    runner
        .run(&steps(), |steps| {
            let (mut decoder, mut tokens) = (model.decoder().unwrap(), Vec::new());
            for step in &steps {
                apply(&model, &mut decoder, &mut tokens, step);
            }
            decoder.decode(7).unwrap();
            tokens.push(7);
            let mut fresh = model.decoder().unwrap();
            fresh.prefill(&tokens).unwrap();
            let difference = largest_difference(fresh.logits(), decoder.logits());
            prop_assert!(difference < TOLERANCE, "{difference}");
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_history_of_a_qwen2_cache_is_exact() {
    any_history_gives_the_logits_of_a_fresh_prefill("families/qwen2");
}

#[test]
fn any_history_of_a_llama_cache_is_exact() {
    any_history_gives_the_logits_of_a_fresh_prefill("families/llama");
}

/// What can happen in a conversation.
#[derive(Debug, Clone)]
enum Deed {
    /// A question, read for so many events and then dropped; 255 is to the end.
    Ask(u8),
    Fork,
    SaveAndRestore,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        4 => prop_oneof![Just(255), 0..40_u8].prop_map(Deed::Ask),
        1 => Just(Deed::Fork),
        1 => Just(Deed::SaveAndRestore),
    ];
    prop::collection::vec(deed, 1..6)
}

const QUESTIONS: [&str; 3] = ["478 + 256 = ?", "Which is larger, 4.07 or 4.7?", "What is 31 + 4?"];

fn greedy(max_tokens: usize) -> Options {
    Options { temperature: Some(0.0), max_tokens: Some(max_tokens), ..Options::default() }
}

fn next_ids(session: &mut Session) -> Vec<u32> {
    session.push(Message::user("What is 12 + 30?"));
    Outcome::of(session.respond(&greedy(24)).unwrap()).unwrap().token_ids().to_vec()
}

#[test]
fn any_conversation_goes_on_like_a_fresh_one_with_the_same_messages() {
    let model = Model::open(tiny_r1()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let mut runner = TestRunner::new(ProptestConfig::with_cases(12));
    runner
        .run(&deeds(), |deeds| {
            let mut session = model.session().unwrap();
            for (number, deed) in deeds.iter().enumerate() {
                match deed {
                    Deed::Ask(events) => {
                        let turn = session.ask(QUESTIONS[number % QUESTIONS.len()], &greedy(60)).unwrap();
                        let events = if *events == 255 { usize::MAX } else { usize::from(*events) };
                        turn.take(events).for_each(|event| drop(event.unwrap()));
                    }
                    Deed::Fork => session = session.fork().unwrap(),
                    Deed::SaveAndRestore => {
                        session.save(&file).unwrap();
                        session = model.restore(&file).unwrap().0;
                    }
                }
            }
            let mut fresh = model.session().unwrap();
            for message in session.messages() {
                fresh.push(message.clone());
            }
            prop_assert_eq!(next_ids(&mut session), next_ids(&mut fresh));
            Ok(())
        })
        .unwrap();
}

#[test]
fn rt_22_a_restored_session_computes_nothing_again_and_says_the_same() {
    let model = Model::open(tiny_r1()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let ask = |session: &mut Session, question: &str| -> Vec<Event> {
        session.ask(question, &greedy(80)).unwrap().map(Result::unwrap).collect()
    };
    // Tokens of the prompt, those that were there, and what was said.
    let told = |events: &[Event]| match (events.first(), events.last()) {
        (
            Some(Event::Started { prompt_tokens, reused_tokens, .. }),
            Some(Event::Finished { token_ids, .. }),
        ) => (*prompt_tokens, *reused_tokens, token_ids.clone()),
        _ => panic!("{events:?}"),
    };
    let mut kept = model.session().unwrap();
    let first = told(&ask(&mut kept, QUESTIONS[0]));
    kept.save(&file).unwrap();
    let (mut restored, found) = model.restore(&file).unwrap();
    assert_eq!(found.cache, CacheFate::Restored { tokens: kept.cached_tokens() });

    // What is computed of the next prompt is what the session that never left computes: its new tokens.
    let (expected, after) = (told(&ask(&mut kept, QUESTIONS[2])), told(&ask(&mut restored, QUESTIONS[2])));
    assert_eq!(after, expected);
    // All of the first prompt but `<think>` and its line end, which the template drops from earlier turns.
    assert_eq!(after.1, first.0 - 2);

    // A session saved from a restored one, once more.
    restored.save(&file).unwrap();
    let (mut again, _) = model.restore(&file).unwrap();
    let expected = told(&ask(&mut kept, QUESTIONS[1]));
    assert_eq!(told(&ask(&mut again, QUESTIONS[1])), expected);
}

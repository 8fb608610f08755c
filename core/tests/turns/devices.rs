//! A device that fails in the middle of a turn, and what goes on in its place.

use std::sync::LazyLock;

use wheelwork::chat::Message;
use wheelwork::decoder::DecoderError;
use wheelwork::device::Device;
use wheelwork::{CancelToken, Error, FinishReason, Options, Placement, Session};
use wheelwork_testing::{Outcome, ScriptedDecoder, Step, placement};

use crate::support::{TURN, VOCAB, facts, session, tokens};

const QUESTION: &str = "2 + 2 = ?";

/// The prompt's length, and what the model writes behind it.
static SCRIPT: LazyLock<(usize, Vec<u32>)> = LazyLock::new(|| {
    let facts = facts(1024);
    let prompt = facts.template.prompt(&facts.tokenizer, &[Message::user(QUESTION)]).unwrap();
    (prompt.ids.len(), tokens(&facts, TURN))
});

/// A model that reads its cache: any decoder with the same tokens writes on in the same way.
const MODEL: Step = Step::Of(|tokens| {
    let (prompt, turn) = &*SCRIPT;
    tokens.len().checked_sub(*prompt).and_then(|at| turn.get(at)).copied().unwrap_or_default()
});

/// A device that does `then` at its call number `at` (from 0), beside something that stands in for it.
fn device(at: usize, then: Step, stand_in: fn() -> ScriptedDecoder) -> Session {
    let steps = [vec![MODEL; at], vec![then]].concat();
    session(&facts(1024), ScriptedDecoder::new(VOCAB, 1024, steps)).with_fallback(move |failed, message| {
        assert_eq!(failed.provider, "scripted");
        assert!(!message.is_empty());
        let there = Placement { provider: "stand-in".into(), device: Device::Cpu, ..placement() };
        Ok((there, Box::new(stand_in())))
    })
}

fn cpu() -> ScriptedDecoder {
    ScriptedDecoder::new(VOCAB, 1024, vec![MODEL])
}

fn ask(session: &mut Session) -> Result<Outcome, Error> {
    Outcome::of(session.ask(QUESTION, &Options::default())?)
}

/// The first provider, and those that took over, in order.
fn providers(outcome: &Outcome) -> Vec<&str> {
    outcome.placements.iter().map(|placement| placement.provider.as_str()).collect()
}

#[test]
fn rt_04_a_device_that_fails_at_any_call_is_replaced_and_no_text_comes_twice() {
    let whole = ask(&mut device(1000, MODEL, cpu)).unwrap();
    assert_eq!((whole.reasoning.as_str(), whole.answer.as_str()), ("2+2=4", "4"));
    // The call of the prompt, and one a token but the last.
    for at in 0..SCRIPT.1.len() {
        let mut session = device(at, Step::Fail("driver reset".into()), cpu);
        let found = ask(&mut session).unwrap();
        assert_eq!(providers(&found), ["scripted", "stand-in"], "call {at}");
        assert_eq!(found.said(), whole.said(), "call {at}");
        // The next turn starts there.
        session.clear();
        assert_eq!(providers(&ask(&mut session).unwrap()), ["stand-in"]);
    }
}

#[test]
fn rt_04_without_a_stand_in_the_failure_is_an_error_and_the_session_lives() {
    let steps = vec![MODEL, MODEL, Step::Fail("driver reset".into()), MODEL];
    let mut session = session(&facts(1024), ScriptedDecoder::new(VOCAB, 1024, steps));
    let error = ask(&mut session).unwrap_err();
    assert!(matches!(&error, Error::Decoder(DecoderError::Run { .. })), "{error}");
    session.clear();
    assert_eq!(ask(&mut session).unwrap().answer, "4");
}

#[test]
fn rt_04_a_stand_in_that_fails_too_is_an_error() {
    fn broken() -> ScriptedDecoder {
        ScriptedDecoder::new(VOCAB, 1024, vec![MODEL, Step::Fail("out of luck".into())])
    }
    let error = ask(&mut device(2, Step::Fail("driver reset".into()), broken)).unwrap_err();
    assert!(error.to_string().contains("out of luck"), "{error}");
}

#[test]
fn rt_04_a_turn_can_be_cancelled_while_the_stand_in_catches_up() {
    let cancel = CancelToken::new();
    let steps = vec![MODEL, MODEL, Step::Fail("driver reset".into()), MODEL];
    let token = cancel.clone();
    let mut session =
        session(&facts(1024), ScriptedDecoder::new(VOCAB, 1024, steps)).with_fallback(move |_, _| {
            let token = token.clone();
            let decoder = cpu().before_run(0, move || token.cancel());
            Ok((placement(), Box::new(decoder)))
        });
    let options = Options { cancel, ..Options::default() };
    let outcome = Outcome::of(session.ask(QUESTION, &options).unwrap()).unwrap();
    assert_eq!((outcome.reason(), outcome.token_ids().len()), (FinishReason::Cancelled, 2));
}

#[test]
fn rt_16_a_devices_logits_that_are_no_numbers_are_computed_elsewhere() {
    for logit in [f32::NAN, f32::INFINITY] {
        for at in [0, 3] {
            let mut logits = vec![0.0; VOCAB];
            logits[7] = logit;
            let found = ask(&mut device(at, Step::Logits(logits), cpu)).unwrap();
            assert_eq!(providers(&found), ["scripted", "stand-in"], "{logit} at call {at}");
            assert_eq!(found.answer, "4");
        }
    }
}

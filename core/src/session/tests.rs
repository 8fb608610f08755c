//! What needs a look inside: a file that refuses writes, and the move to a device that was compiled for.
#![allow(clippy::unwrap_used, clippy::panic)]

use wheelwork_package::card::ControlTokens;

use super::*;
use crate::device::{Device, NotUsed, NotUsedReason};
use crate::sequence::{Compilation, Ready};
use crate::testing::{self, Outcome, ScriptedDecoder, Step};

fn facts(context_length: usize) -> Arc<ModelFacts> {
    let tokens = ControlTokens { eos: vec![0], ..ControlTokens::default() };
    Arc::new(ModelFacts { tokens, ..testing::facts(context_length) })
}

/// A decoder that ends a turn after one token.
fn decoder(token: u32) -> Box<dyn Decoder> {
    Box::new(ScriptedDecoder::new(2048, 4096, vec![Step::Token(token), Step::Token(0)]))
}

fn session(compilation: &Arc<Compilation>) -> Session {
    let row = NotUsed {
        provider: "NPU".into(),
        device: Device::Npu,
        reason: NotUsedReason::Compiling,
        detail: None,
    };
    let placement = Placement { not_used: vec![row], ..testing::placement() };
    let mut session = Session::with_decoder(facts(4096), placement, decoder(300));
    session.sequence.equip(None, Some(Arc::clone(compilation)), None);
    session
}

fn ready(context_length: usize) -> Ready {
    Ready {
        facts: facts(context_length),
        placement: Placement { device: Device::Npu, variant: "npu".into(), ..testing::placement() },
        fallback: None,
        decoder: Box::new(|| Ok(decoder(301))),
    }
}

/// Where a turn ran, whether that was told as a change, what was taken from the cache, and the first token.
fn turn(session: &mut Session) -> (Placement, bool, usize, u32) {
    let outcome = Outcome::of(session.ask("Hello", &Options::default()).unwrap()).unwrap();
    let changed = outcome.placements.len() > 1;
    (outcome.placements[0].clone(), changed, outcome.usage().reused_tokens, outcome.token_ids()[0])
}

#[test]
fn a_session_moves_when_a_turn_begins_and_computes_its_conversation_anew() {
    let compilation = Arc::new(Compilation::under_way());
    let mut session = session(&compilation);
    let (placement, changed, _, token) = turn(&mut session);
    assert_eq!((placement.device, changed, token), (Device::Cpu, false, 300));
    compilation.settle(Ok(ready(4096)));
    let mut fork = session.fork().unwrap();
    for session in [&mut session, &mut fork] {
        let (placement, changed, reused, token) = turn(session);
        assert_eq!((placement.device, changed, reused, token), (Device::Npu, true, 0, 301));
        assert_eq!(session.sequence.identity().0.variant, "npu");
        let (_, changed, reused, _) = turn(session);
        assert!(!changed && reused > 0);
    }
}

#[test]
fn a_conversation_that_would_fill_the_device_stays() {
    let compilation = Arc::new(Compilation::under_way());
    let mut session = session(&compilation);
    turn(&mut session);
    compilation.settle(Ok(ready(session.cached_tokens())));
    assert_eq!(turn(&mut session).0.device, Device::Cpu);
}

#[test]
fn what_came_of_the_compiling_is_told_in_the_next_turn() {
    let compilation = Arc::new(Compilation::under_way());
    let mut session = session(&compilation);
    assert_eq!(turn(&mut session).0.not_used[0].reason, NotUsedReason::Compiling);
    compilation.settle(Err((NotUsedReason::CompileFailed, Some("no such operator".into()))));
    let row = &turn(&mut session).0.not_used[0];
    assert_eq!((row.reason, row.detail.as_deref()), (NotUsedReason::CompileFailed, Some("no such operator")));
}

#[test]
fn a_question_that_cannot_be_saved_is_not_added() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::with_decoder(facts(64), testing::placement(), decoder(300));
    session.keep_in(&folder.path().join("session"), Autosave::default()).unwrap();
    session.journal.as_mut().unwrap().refuse_writes();
    let Err(error) = session.ask("2 + 2 = ?", &Options::default()) else { panic!("it was saved") };
    assert!(matches!(error, Error::Snapshot(SnapshotError::Io(_))), "{error}");
    assert_eq!(session.messages(), []);
}

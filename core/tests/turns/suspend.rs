//! Turns that are saved or left for later from another thread, as an app does when it goes to the background.

use std::sync::Arc;
use std::time::Duration;

use wheelwork::{
    Autosave, CancelToken, Diagnostic, Event, FinishReason, ModelFacts, Options, SaveNow, Session,
};
use wheelwork_testing::{Outcome, ScriptedDecoder, Step};

use crate::files::{Folder, REASONING, restored, silent, writes_from};
use crate::support::{VOCAB, ask, decoder, facts, script, session};

/// So rarely that nothing is saved unless it is asked for.
const NEVER: Autosave = Autosave { tokens: usize::MAX, time: Duration::MAX };

/// A model of which another thread suspends `cancel` while it computes for the `run`-th time.
fn suspended_in(facts: &Arc<ModelFacts>, run: usize, cancel: &CancelToken) -> Session {
    let cancel = cancel.clone();
    let press = move || std::thread::scope(|scope| drop(scope.spawn(|| cancel.suspend())));
    let decoder = decoder(facts, REASONING).before_run(run, press);
    session(facts, decoder)
}

#[test]
fn rt_09_a_suspended_turn_ends_within_a_token_and_goes_on_in_another_process() {
    let facts = facts(1024);
    let whole = ask(&mut session(&facts, decoder(&facts, REASONING)), &Options::default());
    // In prefill, then in each part of the turn.
    for run in [0, 1, 7, 20] {
        let (folder, cancel) = (Folder::new(), CancelToken::new());
        let mut before = suspended_in(&facts, run, &cancel);
        before.keep_in(&folder.file(), NEVER).unwrap();
        let outcome = ask(&mut before, &Options { cancel, ..Options::default() });
        assert_eq!((outcome.reason(), outcome.token_ids().len()), (FinishReason::Suspended, run));
        assert_eq!(before.messages().len(), 1, "an unfinished answer is no message");
        drop(before);

        let (mut after, found) = restored(&facts, writes_from(&facts, REASONING, run), &folder.file());
        assert!(found.unfinished_turn);
        let outcome = Outcome::of(after.resume(&Options::default()).unwrap()).unwrap();
        assert_eq!((outcome.said(), outcome.reason()), (whole.said(), FinishReason::Stop));
    }
}

#[test]
fn rt_09_a_suspended_turn_goes_on_in_the_same_process_without_a_file() {
    let facts = facts(1024);
    let whole = ask(&mut session(&facts, decoder(&facts, REASONING)), &Options::default());
    for run in [0, 1, 7, 20] {
        let cancel = CancelToken::new();
        let mut session = suspended_in(&facts, run, &cancel);
        ask(&mut session, &Options { cancel, ..Options::default() });
        let cached = session.cached_tokens();
        let mut turn = session.resume(&Options::default()).unwrap();
        let Some(Ok(Event::Started { reused_tokens, resumed_tokens, .. })) = turn.next() else { panic!() };
        // All but one that has to be computed for its logits.
        assert_eq!((reused_tokens, resumed_tokens), (cached, run));
        assert_eq!(Outcome::of(turn).unwrap().said(), whole.said());
        assert_eq!(session.messages().len(), 2);
    }
}

#[test]
fn rt_06_a_turn_that_fails_loses_nothing_and_goes_on() {
    let facts = facts(1024);
    let whole = ask(&mut session(&facts, decoder(&facts, REASONING)), &Options::default());
    for run in [0, 1, 7, 20] {
        let mut steps = script(&facts, REASONING);
        steps.insert(run, Step::Fail("the runtime was taken down".into()));
        let folder = Folder::new();
        let mut failing = session(&facts, ScriptedDecoder::new(VOCAB, 1024, steps));
        failing.keep_in(&folder.file(), NEVER).unwrap();
        let error = Outcome::of(failing.ask("2 + 2 = ?", &Options::default()).unwrap()).unwrap_err();
        assert_eq!(error.code(), "run_failed");
        assert_eq!(failing.messages().len(), 1, "an unfinished answer is no message");

        let (mut after, found) = restored(&facts, writes_from(&facts, REASONING, run), &folder.file());
        assert!(found.unfinished_turn);
        for resumed in [&mut after, &mut failing] {
            let outcome = Outcome::of(resumed.resume(&Options::default()).unwrap()).unwrap();
            assert_eq!((outcome.said(), outcome.reason()), (whole.said(), FinishReason::Stop));
        }
    }
}

#[test]
fn a_question_ends_the_turn_that_was_left_unfinished() {
    let (facts, cancel, folder) = (facts(1024), CancelToken::new(), Folder::new());
    let mut session = suspended_in(&facts, 3, &cancel);
    session.keep_in(&folder.file(), NEVER).unwrap();
    ask(&mut session, &Options { cancel, ..Options::default() });
    ask(&mut session, &Options::default());
    let said = |session: &Session| -> Vec<_> {
        session.messages().iter().map(|message| message.content.clone().unwrap()).collect()
    };
    let [question, reasoning, again, _] = &said(&session)[..] else { panic!("{:?}", session.messages()) };
    assert_eq!((&question[..], &again[..]), ("2 + 2 = ?", "2 + 2 = ?"));
    assert!(REASONING.starts_with(reasoning.strip_suffix("</think>").unwrap()), "{reasoning}");
    let (after, _) = restored(&facts, silent(), &folder.file());
    assert_eq!(said(&after), said(&session));
}

#[test]
fn rt_09_a_turn_is_saved_within_a_token_when_another_thread_asks() {
    let (folder, facts, save_now) = (Folder::new(), facts(1024), SaveNow::new());
    let button = save_now.clone();
    let press = move || std::thread::scope(|scope| drop(scope.spawn(|| button.request())));
    let decoder = decoder(&facts, REASONING).before_run(9, press);
    let mut session = session(&facts, decoder);
    session.keep_in(&folder.file(), NEVER).unwrap();
    let options = Options { save_now: save_now.clone(), ..Options::default() };
    let mut turn = session.ask("count", &options).unwrap();
    while saved_tokens(&facts, &folder) == 0 {
        turn.next().unwrap().unwrap();
    }
    assert!(save_now.wait(Duration::ZERO));
    assert_eq!(saved_tokens(&facts, &folder), 10, "the run in which it was asked for has brought the tenth");
}

fn saved_tokens(facts: &Arc<ModelFacts>, folder: &Folder) -> usize {
    let mut session = restored(facts, silent(), &folder.file()).0;
    let mut turn = session.resume(&Options::default()).unwrap();
    match turn.next() {
        Some(Ok(Event::Started { resumed_tokens, .. })) => resumed_tokens,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_save_that_nothing_serves_is_waited_for_in_vain() {
    let save_now = SaveNow::new();
    assert!(save_now.wait(Duration::ZERO), "nothing was asked for");
    save_now.request();
    let facts = facts(1024);
    let options = Options { save_now: save_now.clone(), ..Options::default() };
    ask(&mut session(&facts, decoder(&facts, REASONING)), &options);
    assert!(!save_now.wait(Duration::ZERO), "the session is kept in no file");
}

#[test]
fn the_end_of_a_turn_is_a_save() {
    let (folder, facts, save_now) = (Folder::new(), facts(1024), SaveNow::new());
    let button = save_now.clone();
    let last = script(&facts, REASONING).len() - 1;
    let decoder = decoder(&facts, REASONING).before_run(last, move || button.request());
    let mut session = session(&facts, decoder);
    session.keep_in(&folder.file(), NEVER).unwrap();
    ask(&mut session, &Options { save_now: save_now.clone(), ..Options::default() });
    assert!(save_now.wait(Duration::ZERO));
}

#[test]
fn cancelling_wins_over_suspending() {
    let cancel = CancelToken::new();
    cancel.cancel();
    cancel.suspend();
    let outcome = ask(
        &mut session(&facts(1024), decoder(&facts(1024), REASONING)),
        &Options { cancel, ..Options::default() },
    );
    assert_eq!(outcome.reason(), FinishReason::Cancelled);
}

//! Sessions in files: what is saved comes back, whatever ended the process and wherever.

use wheelwork::snapshot::{CacheFate, SnapshotError};
use wheelwork::{Autosave, Diagnostic, Error, Event, FinishReason, Options, Restored, Session, Thinking};
use wheelwork_testing::Outcome;

use crate::files::{Folder, OFTEN, REASONING, killed_after, restored, silent, writes_from};
use crate::support::{TURN, ask, decoder, facts, session, tokens};

#[test]
fn a_conversation_comes_back_with_its_cache() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut before = session(&facts, decoder(&facts, TURN));
    before.keep_in(&folder.file(), Autosave::default()).unwrap();
    ask(&mut before, &Options::default());
    let (after, restored) = restored(&facts, decoder(&facts, TURN), &folder.file());
    assert_eq!(after.messages(), before.messages());
    assert_eq!(after.cached_tokens(), before.cached_tokens());
    let cache = CacheFate::Restored { tokens: before.cached_tokens() };
    assert_eq!(
        restored,
        Restored {
            messages: 2,
            cache,
            unfinished_turn: false,
            dropped_bytes: 0,
            damaged_at: None,
            kept_elsewhere: true
        }
    );
}

#[test]
fn the_next_turn_of_a_restored_session_reuses_its_cache() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut before = session(&facts, decoder(&facts, TURN));
    ask(&mut before, &Options::default());
    before.save(&folder.file()).unwrap();
    let mut fork = before.fork().unwrap();
    let (mut after, _) = restored(&facts, decoder(&facts, TURN), &folder.file());
    let reused = |session: &mut Session| match session.ask("and 3 + 3?", &Options::default()).unwrap().next()
    {
        Some(Ok(Event::Started { reused_tokens, .. })) => reused_tokens,
        other => panic!("{other:?}"),
    };
    let tokens = reused(&mut before);
    assert!(tokens > 0);
    assert_eq!(reused(&mut after), tokens);
    assert_eq!(reused(&mut fork), tokens);
}

#[test]
fn reasoning_goes_on_where_it_stood_token_for_token() {
    let facts = facts(1024);
    let whole = ask(&mut session(&facts, decoder(&facts, REASONING)), &Options::default());
    for done in 1..15 {
        let folder = Folder::new();
        killed_after(&facts, REASONING, done, &folder.file(), &Options::default());
        let (mut session, found) = restored(&facts, silent(), &folder.file());
        assert!(found.unfinished_turn, "{found:?}");
        // What the file has may be a token behind what was shown, never more.
        let mut probe = session.resume(&Options::default()).unwrap();
        let Some(Ok(Event::Started { resumed_tokens, .. })) = probe.next() else { panic!() };
        std::mem::forget(probe);
        assert!(resumed_tokens + 1 >= done, "{resumed_tokens} of {done}");

        let (mut session, _) =
            restored(&facts, writes_from(&facts, REASONING, resumed_tokens), &folder.file());
        session.keep_in(&folder.file(), OFTEN).unwrap();
        let outcome = Outcome::of(session.resume(&Options::default()).unwrap()).unwrap();
        assert_eq!((outcome.said(), outcome.reason()), (whole.said(), FinishReason::Stop));
        assert_eq!(outcome.token_ids(), tokens(&facts, REASONING));
        assert_eq!(outcome.usage().completion_tokens, whole.usage().completion_tokens);
        assert_eq!(session.messages().len(), 2);
        // And it is over.
        let (session, found) = restored(&facts, silent(), &folder.file());
        assert!(!found.unfinished_turn && session.unfinished().is_none());
    }
}

#[test]
fn a_closing_goes_on_where_it_stood() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let options = Options { thinking: Thinking::tokens(5), max_tokens: Some(40), ..Options::default() };
    let whole = ask(&mut session(&facts, decoder(&facts, "1 2 3 4 5 6 7 8 9 10")), &options);
    // The fifth token has made the closing due; its tokens are still to come.
    killed_after(&facts, "1 2 3 4 5 6 7 8 9 10", 5, &folder.file(), &options);
    let (mut session, _) = restored(&facts, silent(), &folder.file());
    let outcome = Outcome::of(session.resume(&Options::default()).unwrap()).unwrap();
    assert_eq!(outcome.reasoning, whole.reasoning);
    assert_eq!(outcome.reasoning_ended, whole.reasoning_ended);
}

#[test]
fn a_saved_session_replaces_a_file_whole_or_not_at_all() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut first = session(&facts, decoder(&facts, TURN));
    ask(&mut first, &Options::default());
    first.save(&folder.file()).unwrap();
    let before = fs_err::read(folder.file()).unwrap();
    // A folder stands where the new file is written.
    fs_err::create_dir(folder.path("session.wheel.wheelwork-partial")).unwrap();
    let error = first.save(&folder.file()).unwrap_err();
    assert_eq!(error.code(), "session_not_a_file");
    assert_eq!(fs_err::read(folder.file()).unwrap(), before);
}

#[test]
fn there_is_nothing_to_resume_after_a_whole_turn() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut before = session(&facts, decoder(&facts, TURN));
    before.keep_in(&folder.file(), OFTEN).unwrap();
    ask(&mut before, &Options::default());
    let (mut after, _) = restored(&facts, decoder(&facts, TURN), &folder.file());
    let Err(error) = after.resume(&Options::default()) else { panic!("there is a turn") };
    assert!(matches!(error, Error::Snapshot(SnapshotError::NothingToResume)));
}

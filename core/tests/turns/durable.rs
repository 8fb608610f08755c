//! Sessions in files: what is saved comes back, whatever ended the process and wherever.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wheelwork::decoder::scripted::{ScriptedDecoder, placement};
use wheelwork::snapshot::{CacheFate, SnapshotError};
use wheelwork::{
    Autosave, Diagnostic, Error, Event, FinishReason, ModelFacts, Options, Restored, Session, Thinking,
};

use crate::support::{TURN, VOCAB, ask, collect, facts, script, session, tokens};

const OFTEN: Autosave = Autosave { tokens: 1, time: Duration::MAX };
/// Longer than a chunk of anything, and no loop.
const THOUGHT: &str = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n</think>\n\n16<｜end▁of▁sentence｜>";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("session.wheel")
    }
}

/// A model that writes `text` from its `done`-th token on.
fn writes_from(facts: &Arc<ModelFacts>, text: &str, done: usize) -> ScriptedDecoder {
    ScriptedDecoder::new(VOCAB, 1024, script(facts, text).split_off(done))
}

fn restore(
    facts: &Arc<ModelFacts>,
    decoder: ScriptedDecoder,
    path: &Path,
) -> Result<(Session, Restored), Error> {
    Session::restore_with_decoder(Arc::clone(facts), placement(), Box::new(decoder), path)
}

fn restored(facts: &Arc<ModelFacts>, decoder: ScriptedDecoder, path: &Path) -> (Session, Restored) {
    restore(facts, decoder, path).unwrap()
}

/// Asks, reads events until `tokens` tokens are saved, and forgets the process: nothing is dropped in order.
fn killed_after(facts: &Arc<ModelFacts>, text: &str, tokens: usize, path: &Path, options: &Options) {
    let mut session = session(facts, writes_from(facts, text, 0));
    session.keep_in(path, OFTEN).unwrap();
    let mut turn = session.ask("count", options).unwrap();
    let mut deltas = 0;
    while deltas < tokens {
        deltas += usize::from(matches!(turn.next(), Some(Ok(Event::ReasoningDelta { .. }))));
    }
    std::mem::forget(turn);
    std::mem::forget(session);
}

#[test]
fn a_conversation_comes_back_with_its_cache() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut before = session(&facts, writes_from(&facts, TURN, 0));
    before.keep_in(&folder.file(), Autosave::default()).unwrap();
    ask(&mut before, &Options::default());
    let (after, restored) = restored(&facts, writes_from(&facts, TURN, 0), &folder.file());
    assert_eq!(after.messages(), before.messages());
    assert_eq!(after.cached_tokens(), before.cached_tokens());
    let cache = CacheFate::Restored { tokens: before.cached_tokens() };
    assert_eq!(restored, Restored { messages: 2, cache, unfinished_turn: false, dropped_bytes: 0 });
}

#[test]
fn the_next_turn_of_a_restored_session_reuses_its_cache() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut before = session(&facts, writes_from(&facts, TURN, 0));
    ask(&mut before, &Options::default());
    before.save(&folder.file()).unwrap();
    let mut fork = before.fork().unwrap();
    let (mut after, _) = restored(&facts, writes_from(&facts, TURN, 0), &folder.file());
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
fn a_thought_goes_on_where_it_stood_token_for_token() {
    let facts = facts(1024);
    let whole = ask(&mut session(&facts, writes_from(&facts, THOUGHT, 0)), &Options::default());
    for done in 1..15 {
        let folder = Folder::new();
        killed_after(&facts, THOUGHT, done, &folder.file(), &Options::default());
        let (mut session, found) =
            restored(&facts, ScriptedDecoder::new(VOCAB, 1024, Vec::new()), &folder.file());
        assert!(found.unfinished_turn, "{found:?}");
        // What the file has may be a token behind what was shown, never more.
        let mut probe = session.resume(&Options::default()).unwrap();
        let Some(Ok(Event::Started { resumed_tokens, .. })) = probe.next() else { panic!() };
        std::mem::forget(probe);
        assert!(resumed_tokens + 1 >= done, "{resumed_tokens} of {done}");

        let (mut session, _) = restored(&facts, writes_from(&facts, THOUGHT, resumed_tokens), &folder.file());
        session.keep_in(&folder.file(), OFTEN).unwrap();
        let outcome = collect(session.resume(&Options::default()).unwrap()).unwrap();
        assert_eq!((outcome.reasoning, outcome.answer), (whole.reasoning.clone(), whole.answer.clone()));
        let (reason, usage, ids) = outcome.finished.unwrap();
        assert_eq!((reason, ids), (FinishReason::Stop, tokens(&facts, THOUGHT)));
        assert_eq!(usage.completion_tokens, whole.finished.as_ref().unwrap().1.completion_tokens);
        assert_eq!(session.messages().len(), 2);
        // And it is over.
        let (session, found) =
            restored(&facts, ScriptedDecoder::new(VOCAB, 1024, Vec::new()), &folder.file());
        assert!(!found.unfinished_turn && session.unfinished().is_none());
    }
}

#[test]
fn a_landing_goes_on_where_it_stood() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let options = Options { thinking: Thinking::tokens(5), max_tokens: Some(40), ..Options::default() };
    let whole = ask(&mut session(&facts, writes_from(&facts, "1 2 3 4 5 6 7 8 9 10", 0)), &options);
    // The fifth token has made the landing due; its tokens are still to come.
    killed_after(&facts, "1 2 3 4 5 6 7 8 9 10", 5, &folder.file(), &options);
    let (mut session, _) = restored(&facts, ScriptedDecoder::new(VOCAB, 1024, Vec::new()), &folder.file());
    let outcome = collect(session.resume(&Options::default()).unwrap()).unwrap();
    assert_eq!(outcome.reasoning, whole.reasoning);
    assert_eq!(outcome.reasoning_ended, whole.reasoning_ended);
}

#[test]
fn a_file_cut_anywhere_gives_the_state_of_its_last_whole_record() {
    let (folder, facts) = (Folder::new(), facts(1024));
    killed_after(&facts, THOUGHT, 10, &folder.file(), &Options::default());
    let bytes = fs_err::read(folder.file()).unwrap();
    let cut_file = folder.0.path().join("cut");
    let mut longest = 0;
    for cut in 0..=bytes.len() {
        fs_err::write(&cut_file, &bytes[..cut]).unwrap();
        match restore(&facts, ScriptedDecoder::new(VOCAB, 1024, Vec::new()), &cut_file) {
            Ok((session, found)) => {
                assert!(session.cached_tokens() >= longest, "more bytes never give fewer tokens");
                longest = session.cached_tokens();
                assert!(found.dropped_bytes < bytes.len() as u64);
            }
            Err(error) => assert_eq!(error.code(), "not_a_session", "{cut}: {error}"),
        }
    }
    assert!(longest > 10);
}

#[test]
fn a_flipped_bit_never_changes_what_is_restored() {
    let (folder, facts) = (Folder::new(), facts(1024));
    killed_after(&facts, THOUGHT, 10, &folder.file(), &Options::default());
    let bytes = fs_err::read(folder.file()).unwrap();
    let (good, _) = restored(&facts, ScriptedDecoder::new(VOCAB, 1024, Vec::new()), &folder.file());
    let flipped_file = folder.0.path().join("flipped");
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        fs_err::write(&flipped_file, flipped).unwrap();
        match restore(&facts, ScriptedDecoder::new(VOCAB, 1024, Vec::new()), &flipped_file) {
            Ok((session, found)) => {
                assert!(found.dropped_bytes > 0, "{place}");
                assert!(session.cached_tokens() <= good.cached_tokens());
                assert!(session.messages().is_empty() || session.messages() == good.messages());
            }
            Err(error) => assert_eq!(error.code(), "not_a_session", "{place}: {error}"),
        }
    }
}

#[test]
fn a_cache_of_another_model_is_computed_again_and_said() {
    let (folder, facts) = (Folder::new(), facts(1024));
    killed_after(&facts, THOUGHT, 10, &folder.file(), &Options::default());
    let mut other = facts_with_fingerprint("other");
    Arc::get_mut(&mut other).unwrap().runtime = facts.runtime.clone();
    let (mut session, found) =
        restored(&other, ScriptedDecoder::new(VOCAB, 1024, Vec::new()), &folder.file());
    let CacheFate::Recomputed { because } = found.cache else { panic!("{found:?}") };
    assert!(because.contains("model"), "{because}");
    assert_eq!(session.cached_tokens(), 0);
    let outcome = collect(
        session
            .resume(&Options::default())
            .unwrap()
            .take_while(|event| !matches!(event, Ok(Event::Finished { .. })))
            .take(40),
    )
    .unwrap();
    assert!(outcome.reasoning.starts_with("1 2 3"), "{outcome:?}");
    assert!(session.cached_tokens() > 10);
}

fn facts_with_fingerprint(fingerprint: &str) -> Arc<ModelFacts> {
    let mut facts = facts(1024);
    Arc::get_mut(&mut facts).unwrap().fingerprint = fingerprint.to_owned();
    facts
}

#[test]
fn a_saved_session_replaces_a_file_whole_or_not_at_all() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut first = session(&facts, writes_from(&facts, TURN, 0));
    ask(&mut first, &Options::default());
    first.save(&folder.file()).unwrap();
    let before = fs_err::read(folder.file()).unwrap();
    // A folder stands where the new file is written.
    fs_err::create_dir(folder.0.path().join("session.wheel.partial")).unwrap();
    let error = first.save(&folder.file()).unwrap_err();
    assert_eq!(error.code(), "session_io");
    assert_eq!(fs_err::read(folder.file()).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_a_session() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, facts) = (Folder::new(), facts(1024));
    session(&facts, writes_from(&facts, TURN, 0)).save(&folder.file()).unwrap();
    assert_eq!(fs_err::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn there_is_nothing_to_resume_after_a_whole_turn() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut before = session(&facts, writes_from(&facts, TURN, 0));
    before.keep_in(&folder.file(), OFTEN).unwrap();
    ask(&mut before, &Options::default());
    let (mut after, _) = restored(&facts, writes_from(&facts, TURN, 0), &folder.file());
    let Err(error) = after.resume(&Options::default()) else { panic!("there is a turn") };
    assert!(matches!(error, Error::Snapshot(SnapshotError::NothingToResume)));
}

//! Session files that are damaged, foreign or secret: what of them comes back, and that it is never anything else.

use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use wheelwork::snapshot::{CacheFate, SnapshotError};
use wheelwork::{Diagnostic, Error, Event, KvForm, ModelFacts, Options, Placement, Session, SessionFile};
use wheelwork_testing::{Outcome, ScriptedDecoder, placement};

use crate::files::{Folder, OFTEN, REASONING, form, key, killed_after, restore, restored, silent};
use crate::support::{TURN, VOCAB, ask, decoder, facts, session};

fn refusal(result: Result<(Session, wheelwork::Restored), Error>) -> SnapshotError {
    match result {
        Err(Error::Snapshot(error)) => error,
        Err(error) => panic!("{error}"),
        Ok((_, restored)) => panic!("{restored:?}"),
    }
}

#[test]
fn rt_21_a_file_cut_anywhere_gives_the_state_of_its_last_whole_record() {
    for is_encrypted in [false, true] {
        let (folder, facts) = (Folder::new(), facts(1024));
        let file = form(&folder, is_encrypted);
        killed_after(&facts, REASONING, 10, file.clone(), &Options::default());
        let (whole, _) = restored(&facts, silent(), file.clone());
        let mut longest = whole.cached_tokens();
        assert!(longest > 10);
        let bytes = fs_err::metadata(file.path()).unwrap().len();
        let cut_file = fs_err::OpenOptions::new().write(true).open(file.path()).unwrap();
        for cut in (0..=bytes).rev() {
            cut_file.set_len(cut).unwrap();
            match restore(&facts, silent(), file.clone()) {
                Ok((session, found)) => {
                    assert!(session.cached_tokens() <= longest, "fewer bytes never give more tokens");
                    longest = session.cached_tokens();
                    assert!(found.dropped_bytes < bytes);
                }
                Err(error) => assert_eq!(error.code(), "not_a_session", "{cut}: {error}"),
            }
        }
    }
}

#[test]
fn fi_05_a_flipped_bit_anywhere_is_told_and_everything_whole_can_be_saved() {
    for is_encrypted in [false, true] {
        let (folder, facts) = (Folder::new(), facts(1024));
        let file = form(&folder, is_encrypted);
        killed_after(&facts, REASONING, 10, file.clone(), &Options::default());
        let bytes = fs_err::read(file.path()).unwrap();
        let (good, _) = restored(&facts, silent(), file.clone());
        let mut flipped_file = fs_err::OpenOptions::new().write(true).open(file.path()).unwrap();
        let (mut saved, mut not_read) = (0, 0);
        let count = bytes.len();
        let mut put = |place: usize, byte: u8| {
            flipped_file.seek(SeekFrom::Start(place as u64)).unwrap();
            flipped_file.write_all(&[byte]).unwrap();
        };
        for (place, byte) in bytes.into_iter().enumerate() {
            put(place, byte ^ (1 << (place % 8)));
            let damaged = fs_err::read(file.path()).unwrap();
            let error = restore(&facts, silent(), file.clone()).err().unwrap();
            if error.code() == "session_damaged" {
                let (mut session, found) = restored(&facts, silent(), file.clone().salvaged());
                assert!(found.damaged_at.unwrap() <= place as u64 && found.dropped_bytes > 0, "{place}");
                assert!(session.cached_tokens() <= good.cached_tokens());
                assert!(session.messages().is_empty() || session.messages() == good.messages());
                let only_copy = session.keep_in(file.clone(), OFTEN).unwrap_err();
                assert_eq!(only_copy.code(), "session_only_copy");
                saved += session.messages().len();
            } else {
                assert_eq!(error.code(), "not_a_session", "{place}: {error}");
                not_read += 1;
            }
            assert_eq!(fs_err::read(file.path()).unwrap(), damaged);
            put(place, byte);
        }
        // Only where the head says no longer what the file is.
        assert!(not_read <= 8 + 32 + 32 + 16, "{not_read} of {count}");
        assert!(saved > count / 2, "{saved} of {count}");
    }
}

#[test]
fn fi_05_what_is_saved_of_a_damaged_session_goes_on_in_another_file() {
    for is_encrypted in [false, true] {
        let (folder, facts) = (Folder::new(), facts(1024));
        let file = form(&folder, is_encrypted);
        let mut before = session(&facts, decoder(&facts, TURN));
        before.keep_in(file.clone(), OFTEN).unwrap();
        ask(&mut before, &Options::default());
        drop(before);
        let whole = fs_err::read(file.path()).unwrap();
        let (good, _) = restored(&facts, silent(), file.clone());
        // A hole of any size from any place, ends of records among them.
        for (start, bytes) in (100..whole.len()).step_by(7).zip([1, 2, 17, 40, 300].into_iter().cycle()) {
            let mut damaged = whole.clone();
            damaged.iter_mut().skip(start).take(bytes).for_each(|byte| *byte = !*byte);
            fs_err::write(file.path(), &damaged).unwrap();
            let Err(error) = restore(&facts, silent(), file.clone()) else { panic!("{start} {bytes}") };
            if error.code() == "not_a_session" {
                continue;
            }
            assert_eq!(error.code(), "session_damaged", "{start} {bytes}: {error}");
            let (mut session, _) = restored(&facts, silent(), file.clone().salvaged());
            assert!(good.messages().starts_with(session.messages()), "{start} {bytes}");
            let other = file.at(folder.path("other.wheel"));
            session.keep_in(other.clone(), OFTEN).unwrap();
            let messages = session.messages().to_vec();
            drop(session);
            assert_eq!(restored(&facts, silent(), other).0.messages(), messages);
            assert_eq!(fs_err::read(file.path()).unwrap(), damaged);
        }
    }
}

#[test]
fn fi_05_what_a_lost_power_supply_leaves_is_a_torn_end() {
    for is_encrypted in [false, true] {
        let (folder, facts) = (Folder::new(), facts(1024));
        let file = form(&folder, is_encrypted);
        killed_after(&facts, REASONING, 10, file.clone(), &Options::default());
        let whole = fs_err::read(file.path()).unwrap();
        let (good, _) = restored(&facts, silent(), file.clone());
        // The size has reached the disk, the last bytes have not.
        for zeros in [16, 20, 50, 100] {
            let mut torn = whole.clone();
            let end = torn.len() - zeros;
            torn[end..].fill(0);
            torn.extend([0; 100]);
            fs_err::write(file.path(), torn).unwrap();
            let (session, found) = restored(&facts, silent(), file.clone());
            assert!(found.dropped_bytes > 0 && found.damaged_at.is_none());
            assert!(session.cached_tokens() <= good.cached_tokens());
        }
    }
}

#[test]
fn rt_21_a_cache_of_anything_else_is_computed_again_and_said() {
    let (folder, own) = (Folder::new(), facts(1024));
    killed_after(&own, REASONING, 10, &folder.file(), &Options::default());
    let facts_with = |change: fn(&mut ModelFacts)| {
        let mut facts = facts(1024);
        change(Arc::get_mut(&mut facts).unwrap());
        facts
    };
    // Weights, quantisation, tokenizer and template are all files, and a fingerprint is of all files.
    let model = facts_with(|facts| facts.fingerprint = "other".into());
    let runtime = facts_with(|facts| facts.runtime = "other".into());
    // A scripted cache has four bytes a token whatever it is said to be: a form of the same size.
    let int8 = Placement { kv_cache: KvForm::Int8, ..placement() };
    let variant = Placement { variant: "qnn-htp".into(), ..placement() };
    for (facts, placement, what) in [
        (model, placement(), "model"),
        (runtime, placement(), "runtime"),
        (Arc::clone(&own), int8, "cache form"),
        (Arc::clone(&own), variant, "variant"),
    ] {
        let decoder = Box::new(silent());
        let (mut session, found) =
            Session::restore_with_decoder(facts, placement, decoder, &folder.file()).unwrap();
        let CacheFate::Recomputed { because } = found.cache else { panic!("{what}: {found:?}") };
        assert!(because.contains(what), "{because}");
        assert_eq!(session.cached_tokens(), 0);
        let turn = session.resume(&Options::default()).unwrap();
        let until_end = turn.take_while(|event| !matches!(event, Ok(Event::Finished { .. }))).take(40);
        let outcome = Outcome::of(until_end).unwrap();
        assert!(outcome.reasoning.starts_with("1 2 3"), "{outcome:?}");
        assert!(session.cached_tokens() > 10);
    }
}

#[test]
fn an_encrypted_session_goes_on_with_its_key_and_shows_nothing() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let file = form(&folder, true);
    let mut before = session(&facts, decoder(&facts, TURN));
    before.keep_in(file.clone(), OFTEN).unwrap();
    ask(&mut before, &Options::default());
    let (after, found) = restored(&facts, silent(), file.clone());
    assert_eq!(after.messages(), before.messages());
    assert_eq!(found.cache, CacheFate::Restored { tokens: before.cached_tokens() });
    let bytes = fs_err::read(file.path()).unwrap();
    for text in ["2 + 2", "scripted", "role", "content", "</think>"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}

#[test]
fn a_wrong_key_is_told_from_damage_from_no_key_and_from_a_file_without_one() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let path = folder.file();
    session(&facts, silent()).save(SessionFile::encrypted(&path, key(1))).unwrap();
    let encrypted = fs_err::read(&path).unwrap();
    let wrong = || SessionFile::encrypted(&path, key(2));
    assert!(matches!(refusal(restore(&facts, silent(), wrong())), SnapshotError::WrongKey { .. }));
    assert!(matches!(refusal(restore(&facts, silent(), &path)), SnapshotError::KeyNeeded { .. }));
    // A damaged head is damage, whatever the key.
    let mut flipped = encrypted.clone();
    flipped[20] ^= 1;
    fs_err::write(&path, flipped).unwrap();
    assert!(matches!(refusal(restore(&facts, silent(), wrong())), SnapshotError::NotASession { .. }));
    // Nobody can put a conversation of his own in the place of an encrypted one.
    session(&facts, silent()).save(&path).unwrap();
    assert!(matches!(refusal(restore(&facts, silent(), wrong())), SnapshotError::NotEncrypted { .. }));
}

#[test]
fn the_end_of_one_encrypted_file_does_not_fit_behind_the_start_of_another() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let file = form(&folder, true);
    let saved = || {
        session(&facts, silent()).save(file.clone()).unwrap();
        fs_err::read(file.path()).unwrap()
    };
    let (first, second) = (saved(), saved());
    assert_eq!(first.len(), second.len());
    let head = 8 + 32 + 32 + 16;
    fs_err::write(file.path(), [&first[..head], &second[head..]].concat()).unwrap();
    let SnapshotError::NotASession { fault, .. } = refusal(restore(&facts, silent(), file)) else { panic!() };
    assert_eq!(fault, "its first record is damaged");
}

#[cfg(unix)]
#[test]
fn rt_23_nobody_else_may_read_a_session_not_even_while_it_is_written() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, facts) = (Folder::new(), facts(1024));
    let mode = |path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    // Somebody has put a file of his own, open to all, where the new one is written.
    let partial = folder.path("session.wheel.wheelwork-partial");
    fs_err::write(&partial, "mine").unwrap();
    fs_err::set_permissions(&partial, std::fs::Permissions::from_mode(0o666)).unwrap();
    let theirs = fs_err::File::open(&partial).unwrap();
    session(&facts, decoder(&facts, TURN)).save(&folder.file()).unwrap();
    assert_eq!(mode(folder.file()), 0o600);
    assert_eq!(std::io::read_to_string(theirs).unwrap(), "mine", "his file was not written to");
    assert!(!partial.exists());
}

#[test]
fn rt_23_a_deleted_session_leaves_nothing_behind() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let file = SessionFile::from(&folder.file());
    session(&facts, silent()).save(file.clone()).unwrap();
    fs_err::write(folder.path("session.wheel.wheelwork-partial"), "what a killed process left").unwrap();
    file.delete().unwrap();
    // The empty file of its lock stays where names are not removed while they are locked.
    assert_eq!(fs_err::read_dir(folder.path("")).unwrap().count(), usize::from(!cfg!(unix)));
    file.delete().unwrap();
}

#[test]
fn rt_23_sessions_of_one_model_know_nothing_of_each_other() {
    let facts = facts(1024);
    let mut first = session(&facts, decoder(&facts, TURN));
    ask(&mut first, &Options::default());
    let mut second = session(&facts, ScriptedDecoder::new(VOCAB, 1024, Vec::new()));
    let Some(Ok(Event::Started { reused_tokens, .. })) =
        second.ask("2 + 2 = ?", &Options::default()).unwrap().next()
    else {
        panic!()
    };
    assert_eq!(reused_tokens, 0);
}

/// Zeros without blocks on the disk stand for what a lost file system leaves; none of them is read.
#[cfg(unix)]
#[test]
fn rt_24_sizes_and_places_beyond_4_gib_are_counted_in_64_bits() {
    let (folder, facts) = (Folder::new(), facts(1024));
    session(&facts, decoder(&facts, TURN)).save(&folder.file()).unwrap();
    let whole = fs_err::metadata(folder.file()).unwrap().len();
    let file = fs_err::OpenOptions::new().write(true).open(folder.file()).unwrap();
    file.set_len(whole + (5 << 30)).unwrap();
    let (_, found) = restored(&facts, silent(), &folder.file());
    assert_eq!(found.dropped_bytes, 5 << 30);
}

#[test]
fn a_session_saved_over_the_file_that_it_is_kept_in_goes_on_being_kept() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let mut before = session(&facts, decoder(&facts, TURN));
    before.keep_in(&folder.file(), OFTEN).unwrap();
    before.save(&folder.file()).unwrap();
    ask(&mut before, &Options::default());
    let (after, _) = restored(&facts, silent(), &folder.file());
    assert_eq!(after.messages(), before.messages());
}

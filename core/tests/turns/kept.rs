//! One session at a time keeps a file: others may read it, and are told when they may not write it.

use wheelwork::snapshot::SnapshotError;
use wheelwork::{Diagnostic, Error, Options, SessionFile};

use crate::files::{Folder, OFTEN, form, restore, restored, silent};
use crate::support::{TURN, ask, decoder, facts, session};

fn is_in_use(error: &Error) -> bool {
    matches!(error, Error::Snapshot(SnapshotError::InUse { file }) if file.ends_with("session.wheel"))
}

#[test]
fn rt_27_a_second_session_can_read_the_file_of_a_first_and_not_write_it() {
    for is_encrypted in [false, true] {
        let (folder, facts) = (Folder::new(), facts(1024));
        let file = form(&folder, is_encrypted);
        let mut first = session(&facts, decoder(&facts, TURN));
        first.keep_in(file.clone(), OFTEN).unwrap();
        ask(&mut first, &Options::default());
        let bytes = fs_err::read(file.path()).unwrap();

        let (mut second, found) = restored(&facts, silent(), file.clone());
        assert!(found.kept_elsewhere);
        assert_eq!(second.messages(), first.messages());
        assert!(is_in_use(&second.keep_in(file.clone(), OFTEN).unwrap_err()));
        assert!(is_in_use(&second.save(file.clone()).unwrap_err()));
        assert!(is_in_use(&file.delete().unwrap_err().into()));
        assert_eq!(fs_err::read(file.path()).unwrap(), bytes);
        // Elsewhere it may be kept.
        second.keep_in(&folder.path("other.wheel"), OFTEN).unwrap();

        // The first is saved over its own file, goes on being kept, and lets go when it is dropped.
        first.save(file.clone()).unwrap();
        first.keep_in(file.clone(), OFTEN).unwrap();
        assert!(is_in_use(&second.save(file.clone()).unwrap_err()));
        drop(first);
        let (mut third, found) = restored(&facts, silent(), file.clone());
        assert!(!found.kept_elsewhere);
        third.keep_in(file.clone(), OFTEN).unwrap();
        // And when it is kept elsewhere.
        third.keep_in(&folder.path("third.wheel"), OFTEN).unwrap();
        file.delete().unwrap();
    }
}

#[test]
fn rt_27_what_a_killed_process_leaves_locks_nobody_out() {
    let (folder, facts) = (Folder::new(), facts(1024));
    fs_err::write(folder.path("session.wheel.lock"), "").unwrap();
    let mut after = session(&facts, silent());
    after.keep_in(&folder.file(), OFTEN).unwrap();
    drop(after);
    assert!(!SessionFile::from(&folder.file()).is_in_use().unwrap());
}

#[test]
fn a_file_of_the_form_before_is_refused_by_name() {
    let (folder, facts) = (Folder::new(), facts(1024));
    session(&facts, silent()).save(&folder.file()).unwrap();
    let mut bytes = fs_err::read(folder.file()).unwrap();
    for found in [1, 2] {
        bytes[7] = found;
        fs_err::write(folder.file(), &bytes).unwrap();
        let Err(error) = restore(&facts, silent(), &folder.file()) else { panic!("it was read") };
        assert_eq!(error.code(), "session_old_form");
        assert!(error.to_string().contains(&format!("has the form {found}")), "{error}");
    }
}

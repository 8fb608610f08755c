//! `kill -9`: a child process installs and is killed before every operation of the file system, and at random times.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use wheelwork_package::container::{Seekable, unwatched};
use wheelwork_package::store::{InstallOptions, Store, StoreError};
use wheelwork_package::vfs::RealVfs;

use crate::support::faulty::FaultyVfs;
use crate::support::{fast_folder, install, intact_version, name, tiny};

const FOLDER: &str = "WHEELWORK_TEST_FOLDER";
const STOP_BEFORE: &str = "WHEELWORK_TEST_STOP_BEFORE";

/// Kills at random times, besides one before every operation; [`KILLS`] asks for more.
const RANDOM_KILLS: u64 = 60;
const KILLS: &str = "WHEELWORK_TEST_KILLS";

/// Not a test: what the child does. It installs `FOLDER/new.wwpkg`, and before the given operation says so and waits to
/// be killed.
#[test]
#[ignore = "the child process of the kill tests"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let stop_before: u64 = std::env::var(STOP_BEFORE).unwrap().parse().unwrap();
    let hook = move |operation| {
        if operation == stop_before {
            eprintln!("stopped");
            loop {
                std::thread::park();
            }
        }
    };
    let vfs = FaultyVfs::with_hook(Arc::new(RealVfs), Box::new(hook));
    let store = Store::with_vfs(folder.join("models"), Arc::new(vfs));
    let mut source = Seekable(fs_err::File::open(folder.join("new.wwpkg")).unwrap());
    store.install(&mut source, &InstallOptions::default(), &mut unwatched).unwrap();
    eprintln!("installed");
}

fn spawn(folder: &Path, stop_before: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture", "--test-threads", "1"])
        .env(FOLDER, folder)
        .env(STOP_BEFORE, stop_before.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the child stands before its operation and kills it there; false if it finished first.
fn kill_at_its_stop(mut child: Child) -> bool {
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.into_iter().find(|line| line == "stopped" || line == "installed");
    let has_stopped = said.as_deref().expect("the child says what it did") == "stopped";
    child.kill().unwrap();
    child.wait().unwrap();
    has_stopped
}

/// What must hold after every kill, with version 1 installed before or nothing.
fn check(store: &Store, had_old: bool, at: &str) {
    match store.verify(&name("tiny"), &mut unwatched) {
        Ok(report) => {
            assert_eq!(report.damage, [], "{at}");
            let open = wheelwork_package::open(&store.models_dir().join("tiny.ortpackage"));
            assert_eq!(open.unwrap().variants.len(), 2, "{at}");
        }
        Err(error) => assert!(!had_old && matches!(error, StoreError::NotInstalled { .. }), "{at}: {error}"),
    }
}

/// Sets the scene again: version 1 installed, or nothing.
fn reset(store: &Store, with_old: bool) {
    let _ = store.remove(&name("tiny"));
    if with_old {
        install(store, &tiny(1).bytes(), &InstallOptions::default()).unwrap();
    }
}

#[test]
fn in_01_killed_before_every_operation_and_at_random_the_old_or_the_new_version_is_whole() {
    let folder = fast_folder();
    let store = Store::new(folder.path().join("models"));
    let new = tiny(2).bytes();
    fs_err::write(folder.path().join("new.wwpkg"), &new).unwrap();
    let mut kills = 0;
    for with_old in [false, true] {
        for stop_before in 1.. {
            reset(&store, with_old);
            let has_stopped = kill_at_its_stop(spawn(folder.path(), stop_before));
            let at = format!("before operation {stop_before}, with an old version: {with_old}");
            check(&store, with_old, &at);
            if !has_stopped {
                break;
            }
            kills += 1;
            install(&store, &new, &InstallOptions::default()).unwrap_or_else(|error| panic!("{at}: {error}"));
            assert_eq!(intact_version(&store), 2, "{at}");
        }
    }
    let random_kills = std::env::var(KILLS).map_or(RANDOM_KILLS, |kills| kills.parse().unwrap());
    for round in 0..random_kills {
        reset(&store, round % 2 == 0);
        let mut child = spawn(folder.path(), u64::MAX);
        std::thread::sleep(Duration::from_micros(round * 7919 % 12_000));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        check(&store, round % 2 == 0, "a random time");
        install(&store, &new, &InstallOptions::default()).unwrap();
        assert_eq!(intact_version(&store), 2);
    }
    assert!(kills >= 200, "{kills} kills");
}

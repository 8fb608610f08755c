//! Opening a model can be ended from another thread at any moment, leaves nothing behind, and can be done again.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::{TemporaryPackage, tiny_r1};
use wheelwork::{CancelToken, Diagnostic, Error, Event, FinishReason, Model, OpenOptions, Options};
use wheelwork_quantize::recipe::BALANCED;

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        }
        files.push(path);
    }
    files.sort();
    files
}

fn answers(model: &Model) {
    let options = Options { max_tokens: Some(3), temperature: Some(0.0), ..Options::default() };
    let mut session = model.session().unwrap();
    let last = session.ask("1 + 1 = ?", &options).unwrap().map(Result::unwrap).last();
    assert!(matches!(last, Some(Event::Finished { reason: FinishReason::Length, .. })));
}

/// A token, and the thread that cancels it after a while.
fn pressed_after(wait: Duration) -> (CancelToken, thread::JoinHandle<()>) {
    let cancel = CancelToken::new();
    let presses = cancel.clone();
    let presser = thread::spawn(move || {
        thread::sleep(wait);
        presses.cancel();
    });
    (cancel, presser)
}

#[test]
fn rt_10_an_open_that_is_cancelled_at_any_moment_leaves_nothing_behind_and_can_be_done_again() {
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let places = tempfile::tempdir().unwrap();
    let open = |cancel: CancelToken| {
        let options = OpenOptions {
            cache_dir: Some(places.path().join("cache")),
            trials_dir: Some(places.path().join("trials")),
            cancel,
            ..OpenOptions::default()
        };
        Model::open_with(package.path(), &options)
    };
    let start = Instant::now();
    answers(&open(CancelToken::new()).unwrap());
    let whole = start.elapsed();
    let before = (files(&package.path()), files(places.path()));

    let cancelled = CancelToken::new();
    cancelled.cancel();
    assert!(matches!(open(cancelled), Err(Error::OpenCancelled)));
    let suspended = CancelToken::new();
    suspended.suspend();
    assert!(matches!(open(suspended), Err(Error::OpenCancelled)));
    for moment in 0..20 {
        let (cancel, presser) = pressed_after(whole * moment / 20);
        match open(cancel) {
            // Its token is of no use any more.
            Ok(model) => answers(&model),
            Err(error) => assert_eq!(error.code(), "open_cancelled", "{error}"),
        }
        presser.join().unwrap();
        assert_eq!((files(&package.path()), files(places.path())), before);
    }
    answers(&open(CancelToken::new()).unwrap());
}

#[test]
fn rt_10_a_cancelled_open_falls_back_to_nothing_else() {
    let start = Instant::now();
    drop(Model::open(tiny_r1()).unwrap());
    let whole = start.elapsed().max(Duration::from_millis(1));
    for moment in 0..10 {
        let (cancel, presser) = pressed_after(whole * moment / 10);
        // A strict request for the CPU: nothing but the token can fail it.
        let options = OpenOptions {
            device: wheelwork::DevicePreference::Cpu,
            strict: true,
            plain: true,
            cancel,
            ..OpenOptions::default()
        };
        if let Err(error) = Model::open_with(tiny_r1(), &options) {
            assert!(matches!(error, Error::OpenCancelled), "{error}");
        }
        presser.join().unwrap();
    }
}

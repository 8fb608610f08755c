//! Many threads on one handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wheelwork_uniffi::{
    ChatHandle, EngineHandle, Event, FfiError, InstallEvent, OpenEvent, OpenHandle, PackageSource, Priority,
    StoreHandle,
};

use crate::support::{
    ANY, ENGINE, code, engine, events, model, open_options, options, package_file, text, wait,
};

const THREADS: usize = 64;

/// Runs the same on 64 threads.
fn on_all<T: Send + Sync>(shared: &T, work: impl Fn(&T, usize) + Send + Sync) {
    thread::scope(|scope| {
        for number in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(shared, number));
        }
    });
}

fn allowed<T>(result: Result<T, FfiError>, codes: &[&str]) -> bool {
    match result {
        Ok(_) => true,
        Err(FfiError::Failed { code, reason, .. }) => {
            assert!(codes.contains(&code.as_str()), "{code}: {reason}");
            false
        }
    }
}

#[test]
fn bd_06_64_threads_on_one_conversation_are_served_or_told_that_it_is_busy() {
    let engine = engine();
    let chat = engine.chat().unwrap();
    let served = AtomicUsize::new(0);
    on_all(&chat, |chat: &Arc<ChatHandle>, number| {
        let turn = match chat.ask(format!("{number} + 1 = ?"), options(2), Priority::Normal) {
            Ok(turn) => turn,
            Err(error) => {
                allowed::<()>(Err(error), &["busy"]);
                return;
            }
        };
        match number % 4 {
            0 => chat.cancel(),
            1 => chat.answer_now(),
            2 => assert!(!chat.save_now(0), "it is kept in no file"),
            _ => {}
        }
        let events = events(&turn).unwrap();
        assert!(matches!(events.last(), Some(Event::Finished { .. })));
        served.fetch_add(1, Ordering::SeqCst);
        allowed(chat.messages(), &["busy"]);
        allowed(chat.prompt_tokens(None, options(1)), &["busy"]);
    });
    assert!(served.load(Ordering::SeqCst) > 0);
    // It is as good as new.
    chat.clear().unwrap();
    let turn = chat.ask("1 + 1 = ?".into(), options(2), Priority::Normal).unwrap();
    assert!(matches!(events(&turn).unwrap().last(), Some(Event::Finished { .. })));
}

#[test]
fn bd_06_64_threads_on_one_turn_get_each_event_once() {
    let chat = engine().chat().unwrap();
    let whole = events(&chat.ask("1 + 1 = ?".into(), options(30), Priority::Normal).unwrap()).unwrap().len();
    chat.clear().unwrap();
    let turn = chat.ask("1 + 1 = ?".into(), options(30), Priority::Normal).unwrap();
    let read = AtomicUsize::new(0);
    on_all(&turn, |turn, _| {
        loop {
            match wait(turn.next()) {
                Ok(Some(_)) => drop(read.fetch_add(1, Ordering::SeqCst)),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(code::<()>(Err(error)), "busy");
                    thread::yield_now();
                }
            }
        }
    });
    assert_eq!(read.load(Ordering::SeqCst), whole);
}

#[test]
fn bd_01_64_threads_use_an_engine_while_one_of_them_shuts_it_down() {
    for _ in 0..3 {
        let engine = engine();
        on_all(&engine, |engine: &Arc<EngineHandle>, number| {
            if number == 40 {
                engine.shut_down();
            }
            let Ok(chat) = engine.chat() else {
                assert_eq!(code(engine.chat()), "closed");
                return;
            };
            allowed(engine.placement(), &["closed"]);
            allowed(engine.count_tokens("1 + 1".into()), &["closed"]);
            allowed(engine.memory_plan(10), &["closed"]);
            allowed(engine.pace(), &["closed"]);
            if let Ok(turn) = chat.ask("1 + 1 = ?".into(), options(2), Priority::Normal) {
                allowed(events(&turn), &["closed"]);
            }
            allowed(chat.messages(), &["closed", "busy"]);
        });
        assert_eq!(code(engine.chat()), "closed");
    }
}

#[test]
fn bd_06_64_threads_read_an_opening_and_one_gets_the_engine() {
    let open = OpenHandle::begin(text(model()), open_options(), ENGINE).unwrap();
    let opened = AtomicUsize::new(0);
    on_all(&open, |open, _| {
        loop {
            match wait(open.next()) {
                Ok(Some(OpenEvent::Opened { engine })) => {
                    opened.fetch_add(1, Ordering::SeqCst);
                    engine.shut_down();
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(code::<()>(Err(error)), "busy");
                    thread::yield_now();
                }
            }
        }
    });
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

/// The thread that installs until it has; it does not cancel.
const INSISTS: usize = 2;

#[test]
fn bd_06_64_threads_install_into_one_store_and_its_model_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = StoreHandle::open(text(&folder.path().join("models")), Vec::new()).unwrap();
    let installed = AtomicUsize::new(0);
    on_all(&store, |store, number| {
        let begin = || store.install(PackageSource::File { path: text(package_file()) }, ANY).unwrap();
        let mut install = begin();
        match number % 4 {
            0 => {
                drop(install);
                return;
            }
            1 => install.cancel(),
            _ => {}
        }
        loop {
            match wait(install.next()) {
                Ok(Some(InstallEvent::Finished { .. })) => {
                    installed.fetch_add(1, Ordering::SeqCst);
                }
                Ok(Some(InstallEvent::Progress { .. })) => {}
                Ok(None) => break,
                Err(error) => {
                    let code = code::<()>(Err(error));
                    assert!(["store_busy", "store_cancelled"].contains(&&*code), "{code}");
                    // One comes again: all others may have met an installation that was then cancelled.
                    if number == INSISTS && code == "store_busy" {
                        thread::yield_now();
                        install = begin();
                    }
                }
            }
        }
        allowed(store.list(), &[]);
        allowed(store.free_bytes(), &[]);
    });
    assert!(installed.load(Ordering::SeqCst) > 0);
    store.collect_garbage(true).unwrap();
    assert_eq!(store.list().unwrap().models.len(), 1);
}

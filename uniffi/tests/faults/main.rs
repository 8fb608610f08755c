//! A panic in each export that has no result: it gives its safe value, and what comes after works. Its own process: the
//! panic comes to whoever calls that export next.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

#[allow(dead_code)] // the other tests use more of it
#[path = "../bindings/support.rs"]
mod support;

use std::panic;
use std::sync::Arc;

use wheelwork_uniffi::faults::{Probe, has_panicked, panic_in_export};
use wheelwork_uniffi::{
    CompilationEvent, CompilationState, EngineHandle, Event, OpenHandle, OpenOptions, PackagePipe,
    PackageSource, PrepareHandle, Priority, StoreHandle, devices,
};

use support::{
    ANY, ENGINE, SAFE, code, endless, engine, events, model, open_options, options, package_file, text, wait,
};

/// Calls an export that is to panic, and sees that it does not.
fn call(name: &str, engine: &Arc<EngineHandle>, store: &Arc<StoreHandle>) {
    let chat = engine.chat().unwrap();
    let turn = || chat.ask("1".into(), endless(), Priority::Normal).unwrap();
    let trip = || panic_in_export(name.into()).unwrap();
    match name {
        "devices" => {
            trip();
            assert_eq!(devices(), []);
            assert!(!devices().is_empty());
        }
        "Probe.decoded_tokens" => {
            let probe = Probe::new().unwrap();
            trip();
            assert_eq!(probe.decoded_tokens(), 0);
        }
        name if name.starts_with("ChatHandle.") || name.starts_with("TurnHandle.") => {
            let turn = turn();
            trip();
            match name {
                "ChatHandle.answer_now" => chat.answer_now(),
                "ChatHandle.cancel" => chat.cancel(),
                "ChatHandle.save_now" => assert!(!chat.save_now(10)),
                "ChatHandle.shut_down" => chat.shut_down(),
                "ChatHandle.suspend" => chat.suspend(),
                "ChatHandle.free" => drop(engine.chat().unwrap()),
                "TurnHandle.answer_now" => turn.answer_now(),
                "TurnHandle.cancel" => turn.cancel(),
                "TurnHandle.leave" => turn.leave(),
                "TurnHandle.stop_gathering" => turn.stop_gathering(),
                "TurnHandle.suspend" => turn.suspend(),
                "TurnHandle.free" => {
                    drop(engine.chat().unwrap().ask("1".into(), endless(), Priority::Normal).unwrap());
                }
                other => panic!("{other} has no test"),
            }
            turn.cancel();
            assert!(matches!(events(&turn).unwrap().last(), Some(Event::Finished { .. })), "{name}");
        }
        "EngineHandle.shut_down" | "EngineHandle.free" => {
            let other = self::engine();
            trip();
            if name.ends_with("free") {
                drop(other);
            } else {
                other.shut_down();
                other.shut_down();
                assert_eq!(code(other.chat()), "closed");
            }
        }
        "OpenHandle.cancel" => {
            let open = OpenHandle::begin(text(model()), open_options(), ENGINE).unwrap();
            trip();
            open.cancel();
            open.cancel();
            while let Ok(Some(_)) = wait(open.next()) {}
        }
        "PrepareHandle.cancel" => {
            let folder = tempfile::tempdir().unwrap();
            let options = OpenOptions { cache_dir: Some(text(folder.path())), ..open_options() };
            let prepare = PrepareHandle::begin(text(model()), options).unwrap();
            trip();
            prepare.cancel();
            prepare.cancel();
            while let Ok(Some(_)) = wait(prepare.next()) {}
        }
        "SharePrefixHandle.cancel" => {
            let share = chat.share_prefix().unwrap();
            trip();
            share.cancel();
            share.cancel();
            assert!(wait(share.next()).is_err());
        }
        "VerifyHandle.cancel" => {
            let verify = store.verify("tiny".into()).unwrap();
            trip();
            verify.cancel();
            verify.cancel();
            while let Ok(Some(_)) = wait(verify.next()) {}
        }
        "InstallHandle.cancel" | "InstallHandle.free" | "job.free" => {
            let source = PackageSource::File { path: text(package_file()) };
            let install = store.install(source, ANY).unwrap();
            trip();
            if name.ends_with("free") {
                drop(install);
            } else {
                install.cancel();
                install.cancel();
                while let Ok(Some(_)) = wait(install.next()) {}
            }
            store.collect_garbage(true).unwrap();
        }
        "PackagePipe.abandon" | "PackagePipe.finish" | "PackagePipe.free" => {
            let pipe = PackagePipe::open().unwrap();
            trip();
            match name {
                "PackagePipe.abandon" => pipe.abandon(),
                "PackagePipe.finish" => pipe.finish(),
                _ => drop(pipe),
            }
        }
        "CompilationHandle.cancel" => {
            let compilation = Probe::new().unwrap().compilation(None).unwrap();
            trip();
            compilation.cancel();
            compilation.cancel();
            while wait(compilation.next()).unwrap().is_some() {}
        }
        other => panic!("{other} has no test"),
    }
}

#[test]
fn bd_03_a_panic_in_any_export_without_a_result_stays_inside() {
    let engine = engine();
    let folder = tempfile::tempdir().unwrap();
    let store = StoreHandle::open(text(&folder.path().join("models")), Vec::new()).unwrap();
    let source = PackageSource::File { path: text(package_file()) };
    let install = store.install(source, ANY).unwrap();
    while wait(install.next()).unwrap().is_some() {}
    who_waits_for_a_better_device_is_told_of_its_graphs_and_of_the_end();
    for name in SAFE {
        let caught = panic::catch_unwind(panic::AssertUnwindSafe(|| call(name, &engine, &store)));
        assert!(caught.is_ok(), "{name}");
        assert!(has_panicked().unwrap(), "{name} did not panic");
        let chat = engine.chat().unwrap();
        let turn = chat.ask("1 + 1 = ?".into(), options(1), Priority::Normal).unwrap();
        assert!(matches!(events(&turn).unwrap().last(), Some(Event::Finished { .. })), "{name}");
    }
}

/// Not a test of its own: no other may run while a panic is wanted.
fn who_waits_for_a_better_device_is_told_of_its_graphs_and_of_the_end() {
    let probe = Probe::new().unwrap();
    let compilation = probe.compilation(Some(150)).unwrap();
    let graph = CompilationEvent::Graph { graph: "model.onnx".into(), number: 1, graphs: 1 };
    assert_eq!(wait(compilation.next()).unwrap(), Some(graph.clone()));
    let ready = CompilationEvent::Finished { state: CompilationState::Ready };
    assert_eq!(wait(compilation.next()).unwrap(), Some(ready));
    assert_eq!(wait(compilation.next()).unwrap(), None);
    // Who stops waiting is told nothing more.
    let endless = probe.compilation(None).unwrap();
    assert_eq!(wait(endless.next()).unwrap(), Some(graph));
    endless.cancel();
    assert_eq!(wait(endless.next()).unwrap(), None);
}

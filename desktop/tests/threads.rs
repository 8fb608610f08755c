//! The number of threads that a caller asks for is the number with which ONNX Runtime computes. In a test program of its
//! own, because it counts the threads of its process.
#![cfg(target_os = "linux")]
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::{Mutex, PoisonError};

use common::{TemporaryPackage, tiny_r1};
use wheelwork::engine::{Chat, Conditions, Engine, EngineOptions, Priority, pace::Battery};
use wheelwork::{Model, OpenOptions, Options};
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_testing::Outcome;

/// One test at a time counts.
static ALONE: Mutex<()> = Mutex::new(());

fn threads_of_this_process() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn onnx_runtime_computes_with_as_many_threads_as_the_caller_asks_for() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let open = |threads| {
        let options = OpenOptions { threads: Some(threads), ..OpenOptions::default() };
        Model::open_with(tiny_r1(), &options).unwrap()
    };
    // What the library starts once and for all.
    drop(open(1));
    let before = threads_of_this_process();
    for threads in [1, 2, 4] {
        let model = open(threads);
        assert_eq!(model.placement().threads, threads);
        // The thread that calls is one of them.
        assert_eq!(threads_of_this_process() - before, threads - 1);
    }
}

#[test]
fn pk_16_a_device_that_is_saving_computes_the_graph_that_was_verified_with_fewer_threads() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let options = OpenOptions { threads: Some(4), power_saving_threads: Some(2), ..OpenOptions::default() };
    let engine =
        Engine::new(Model::open_with(package.path(), &options).unwrap(), EngineOptions::default()).unwrap();
    // Somebody changes the file before it is loaded a second time.
    std::fs::write(package.path().join("cpu/model.onnx"), "no graph").unwrap();
    let ask_in = |chat: &Chat, priority| {
        let options = Options { temperature: Some(0.0), ..Options::default() };
        let outcome = Outcome::of(chat.ask("478 + 256 = ?", &options, priority).unwrap()).unwrap();
        let moves: Vec<_> = outcome.placements.iter().map(|placement| placement.threads).collect();
        (moves, outcome.token_ids().to_vec())
    };
    let ask = |priority| ask_in(&engine.session().unwrap(), priority);
    let (moves, said) = ask(Priority::Interactive);
    assert_eq!(moves, [4]);
    let before = threads_of_this_process();
    assert_eq!(ask(Priority::Background), (vec![4, 2], said.clone()));
    // The second pool stays for the next time; the thread that calls is one of it.
    assert_eq!(threads_of_this_process() - before, 1);
    assert_eq!(ask(Priority::Normal), (vec![4], said.clone()));
    let saving = engine.session().unwrap();
    ask_in(&saving, Priority::Background);
    assert_eq!(ask_in(&saving.fork().unwrap(), Priority::Normal).0, [2, 4], "a fork is no longer saving");
    engine.set_conditions(&Conditions { battery: Battery::Low, ..Conditions::default() });
    assert_eq!(ask(Priority::Normal), (vec![4, 2], said));
    assert_eq!(threads_of_this_process() - before, 1);
}

//! The number of threads that a caller asks for is the number with which ONNX Runtime computes. In a test program of its
//! own, because it counts the threads of its process.
#![cfg(target_os = "linux")]
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::TemporaryPackage;
use wheelwork::{Model, OpenOptions};
use wheelwork_quantize::recipe::BALANCED;

fn threads_of_this_process() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn onnx_runtime_computes_with_as_many_threads_as_the_caller_asks_for() {
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let open = |threads| {
        let options = OpenOptions { threads: Some(threads), ..OpenOptions::default() };
        Model::open_with(package.path(), &options).unwrap()
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

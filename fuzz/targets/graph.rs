//! The graph verifier: any bytes are refused or verified.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelwork_package::graph;

fuzz_target!(|bytes: &[u8]| {
    if graph::verify(bytes).is_ok() {
        let _ = graph::prepacked::plan(bytes, bytes, "model.onnx.data");
        let _ = graph::prepacked::with_places(bytes, |name, offset| (name.to_owned(), offset / 2 + 1));
    }
});

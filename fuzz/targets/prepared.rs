//! The record and the graph of a prepared form, changed at once: it is used as it was made, or said to be missing, stale or
//! damaged. No weights are loaded.
#![no_main]

mod patches;

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use patches::Files;
use wheelwork::OpenOptions;

static FILES: LazyLock<Mutex<Files>> = LazyLock::new(|| Mutex::new(Files::new("cache")));

fuzz_target!(|patches: &[u8]| {
    let mut files = FILES.lock().expect("a panic ends the target");
    files.patch(patches);
    let options = OpenOptions { cache_dir: Some(files.folder().join("cache")), ..OpenOptions::default() };
    let _ = wheelwork::prepared_form(files.folder().join("package"), &options);
});

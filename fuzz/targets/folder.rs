//! A whole package folder: all its files changed at once, opened by the runtime down to the first token.
//!
//! The first byte says whether the package or the variant's folder alone is opened, and whether a prepared form is used; the
//! rest are patches. Any change is a typed error or tokens.
#![no_main]

mod patches;

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use patches::Files;
use wheelwork::{MemoryCheck, Model, OpenOptions, Options};

static FILES: LazyLock<Mutex<Files>> = LazyLock::new(|| Mutex::new(Files::new("")));

fuzz_target!(|bytes: &[u8]| {
    let Some((form, patches)) = bytes.split_first() else { return };
    let mut files = FILES.lock().expect("a panic ends the target");
    files.patch(patches);
    let package = files.folder().join("package");
    let path = if form & 1 == 0 { package } else { package.join("cpu") };
    let options = OpenOptions {
        plain: form & 2 == 0,
        cache_dir: Some(files.folder().join("cache")),
        threads: Some(1),
        context_length: Some(64),
        memory: MemoryCheck::Bytes(256 << 20),
        ..OpenOptions::default()
    };
    let Ok(model) = Model::open_with(&path, &options) else { return };
    let Ok(mut session) = model.session() else { return };
    let options = Options { max_tokens: Some(1), ..Options::default() };
    if let Ok(turn) = session.ask("1+1=?", &options) {
        turn.for_each(drop);
    }
});

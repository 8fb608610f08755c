//! A tokenizer: any bytes are refused, or encode a text or refuse it, in bounded time and memory.
//!
//! The input is `tokenizer.json`, then a zero byte and the text.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wheelwork::tokenizer::Tokenizer;

/// In the system's temporary folder, which the system clears.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir().expect("there is a temporary folder").keep().join("tokenizer.json"));

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    fs::write(&*FILE, parts.next().unwrap_or_default()).expect("the file is written");
    let Ok(tokenizer) = Tokenizer::load(&FILE) else { return };
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    if let Ok(ids) = tokenizer.encode_plain(&text) {
        let _ = tokenizer.text_of(&ids);
    }
});

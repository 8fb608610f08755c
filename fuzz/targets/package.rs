//! The JSON files of a package folder: any bytes are refused, or the package opens.
//!
//! The input is `manifest.json`, `wheelwork.json`, `cpu/genai_config.json`, `cpu/generation_config.json` and
//! `cpu/tokenizer.json`, with a zero byte between them.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

const FILES: [&str; 5] = [
    "manifest.json",
    "wheelwork.json",
    "cpu/genai_config.json",
    "cpu/generation_config.json",
    "cpu/tokenizer.json",
];

/// In the system's temporary folder, which the system clears.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("there is a temporary folder").keep();
    fs::create_dir(folder.join("cpu")).expect("the folder is ours");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(FILES.len(), |byte| *byte == 0);
    for file in FILES {
        fs::write(FOLDER.join(file), parts.next().unwrap_or_default()).expect("the file is written");
    }
    if let Ok(package) = wheelwork_package::open(&FOLDER) {
        assert!(!package.variants.is_empty());
        for variant in package.variants.keys() {
            let _ = package.graphs(variant);
        }
    }
    let _ = wheelwork_package::tokenizer_file::read(&FOLDER.join("cpu/tokenizer.json"));
});

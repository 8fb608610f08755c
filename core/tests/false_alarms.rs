//! The loop guard on ordinary text: the repository's own, and the held-out chains of tiny-r1.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use wheelwork::repetition::LoopGuard;
use wheelwork::tokenizer::Tokenizer;

/// Texts that people and models wrote. Lock files are lists of hashes: no text.
const EXTENSIONS: [&str; 5] = ["md", "rs", "py", "toml", "jsonl"];

/// Texts in the repository, as a checkout has them.
fn texts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            texts(&path, found);
        } else if path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
        {
            found.push(path);
        }
    }
}

#[test]
fn there_is_no_false_alarm_in_the_repositorys_texts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = Vec::new();
    texts(&root, &mut paths);
    paths.sort();

    let tokenizer = Tokenizer::load(&root.join("testdata/tiny-r1/tokenizer.json")).unwrap();
    let (mut tokens, mut guard) = (0, LoopGuard::new());
    for path in &paths {
        // One long text, so that files that are alike follow each other.
        for token in tokenizer.encode_plain(&fs_err::read_to_string(path).unwrap()).unwrap() {
            tokens += 1;
            let alarm = guard.push(token);
            assert_eq!(alarm, None, "{}, token {tokens}", path.display());
        }
    }
    assert!(tokens > 500_000, "only {tokens} tokens");
    println!("{} files, {tokens} tokens", paths.len());
}

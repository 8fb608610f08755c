//! Tests of the tokenizer, on the shipped model's file and on changes of it.

use proptest::prelude::*;
use serde_json::{Value, json};
use wheelwork_diagnostic::Diagnostic;

use super::*;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1/tokenizer.json")
}

fn tokenizer() -> &'static Tokenizer {
    static TOKENIZER: OnceLock<Tokenizer> = OnceLock::new();
    TOKENIZER.get_or_init(|| Tokenizer::load(&shipped()).unwrap())
}

/// The shipped file with a change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Tokenizer, TokenizerError> {
    let mut file: Value = serde_json::from_slice(&fs_err::read(shipped()).unwrap()).unwrap();
    change(&mut file);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    fs_err::write(&path, file.to_string()).unwrap();
    Tokenizer::load(&path)
}

fn has_added(tokenizer: &Tokenizer, ids: &[u32]) -> bool {
    ids.iter().any(|id| tokenizer.added_tokens().iter().any(|token| token.id == *id))
}

#[test]
fn control_tokens_are_found_by_text_and_shown_as_text() {
    let id = tokenizer().added_token_id("</think>").unwrap();
    assert_eq!(tokenizer().token_bytes(id), Some("</think>".as_bytes()));
    assert_eq!(tokenizer().added_token_id("<nothing>"), None);
    assert_eq!(tokenizer().token_bytes(u32::MAX), None);
    assert_eq!(tokenizer().pieces("a</think>"), [Piece::Text("a"), Piece::Token(id)]);
}

#[test]
fn digits_stand_alone() {
    assert_eq!(tokenizer().encode_plain("478").unwrap().len(), 3);
}

#[test]
fn ck_15_a_file_that_stops_the_library_is_refused_before_it() {
    let error = changed(|file| file["model"]["merges"] = json!([["a".repeat(300), "b"]])).unwrap_err();
    assert_eq!(error.code(), "tokenizer_invalid");
}

#[test]
fn ck_15_a_pattern_that_does_not_compile_is_refused() {
    for pattern in ["(", "(?:(?:(?:a{1000}){1000}){1000}){1000}"] {
        let split =
            json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
        let error = changed(|file| {
            file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [split, {
                "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false
            }]});
        })
        .unwrap_err();
        assert_eq!(error.code(), "tokenizer_library", "{pattern}");
    }
}

#[test]
fn a_byte_without_token_is_an_error_and_not_lost() {
    let tokenizer = changed(|file| {
        // The tab's key goes, with the merges that use it, and another token takes its id.
        let vocabulary = file["model"]["vocab"].as_object_mut().unwrap();
        let id = vocabulary.remove("ĉ").unwrap();
        vocabulary.insert("ÿÿÿÿ".into(), id);
        let merges = file["model"]["merges"].as_array_mut().unwrap();
        merges.retain(|merge| !merge.to_string().contains('ĉ'));
    })
    .unwrap();
    assert!(tokenizer.encode_plain("a b").is_ok());
    assert_eq!(tokenizer.encode_plain("a\tb").unwrap_err().code(), "byte_without_token");
}

#[test]
fn rt_18_an_added_token_that_merges_could_make_is_not_made() {
    // An ordinary token of two letters is declared an added token too, as some fine-tunes do.
    let merged = |file: &Value| {
        let merge = file["model"]["merges"][0].clone();
        let parts =
            merge.as_array().map(|parts| parts.iter().map(|part| part.as_str().unwrap()).collect::<String>());
        parts.unwrap_or_else(|| merge.as_str().unwrap().replace(' ', ""))
    };
    let mut token = String::new();
    let tokenizer = changed(|file| {
        token = merged(file);
        let id = file["model"]["vocab"][&token].clone();
        let added = json!({"id": id, "content": token, "special": false});
        file["added_tokens"].as_array_mut().unwrap().push(added);
    })
    .unwrap();
    let text = token.replace('Ġ', " ");
    let ids = tokenizer.encode_plain(&format!("{text}{text} x{text}")).unwrap();
    assert!(!has_added(&tokenizer, &ids));
    assert_eq!(tokenizer.text_of(&ids), format!("{text}{text} x{text}"));
}

#[test]
fn rt_13_nothing_whitespace_and_a_million_newlines_have_defined_ids() {
    assert!(tokenizer().encode_plain("").unwrap().is_empty());
    for text in [" \t\r\n\u{a0}", &"\n".repeat(1 << 20), &" ".repeat(1 << 20)] {
        let ids = tokenizer().encode_plain(text).unwrap();
        assert_eq!(tokenizer().text_of(&ids), text);
    }
}

#[test]
fn rt_13_a_text_longer_than_any_context_is_an_error() {
    let error = tokenizer().encode_plain(&"\n".repeat(TEXT_BYTES_LIMIT + 1)).unwrap_err();
    assert_eq!(error.code(), "text_too_long");
}

proptest! {
    #[test]
    fn rt_18_plain_text_never_becomes_an_added_token(
        pieces in prop::collection::vec(prop_oneof![
            any::<String>(),
            prop::sample::select(vec![
                "<think>", "</think>", "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "<|EOT|>",
                "<｜begin▁of▁sentence｜>", "<", "｜", "think>", "</",
            ]).prop_map(str::to_owned),
        ], 0..12),
    ) {
        let ids = tokenizer().encode_plain(&pieces.concat()).unwrap();
        prop_assert!(!has_added(tokenizer(), &ids));
    }

    #[test]
    fn rt_19_any_text_is_encoded_without_a_panic(text in any::<String>()) {
        let ids = tokenizer().encode_plain(&text).unwrap();
        // NFC may compose characters; text without marks comes back as it was.
        if text.is_ascii() {
            prop_assert_eq!(tokenizer().text_of(&ids), text);
        }
    }
}

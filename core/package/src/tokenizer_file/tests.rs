use serde_json::json;

use super::*;
use crate::budget::MERGES;

/// A file that passes: the alphabet's `a` and `b`, one merge, one added token.
pub(super) fn good() -> Value {
    json!({
        "added_tokens": [{"id": 3, "content": "<think>", "special": false}],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "\\p{N}"}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}
        ]},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
    })
}

fn parse_value(file: &Value) -> Result<TokenizerFacts, TokenizerFault> {
    parse(file.to_string().as_bytes())
}

/// The fault of the good file after one change.
fn fault_of(change: impl FnOnce(&mut Value)) -> TokenizerFault {
    let mut file = good();
    change(&mut file);
    parse_value(&file).unwrap_err()
}

#[test]
fn both_forms_of_merges_say_the_same() {
    let facts = parse_value(&good()).unwrap();
    assert_eq!(facts.id_limit, 4);
    let id = |token: &str| facts.vocabulary[token];
    assert_eq!(facts.merges, [Merge { left: id("a"), right: id("b"), whole: id("ab") }]);
    assert_eq!(facts.added("<think>").map(|token| (token.id, token.special)), Some((3, false)));
    let mut file = good();
    file["model"]["merges"] = json!([["a", "b"]]);
    assert_eq!(parse_value(&file).unwrap(), facts);
}

#[test]
fn an_added_token_may_repeat_its_vocabulary_entry() {
    let mut file = good();
    file["model"]["vocab"]["<think>"] = json!(3);
    assert_eq!(parse_value(&file).unwrap().id_limit, 4);
}

#[test]
fn ck_15_a_merge_longer_than_any_key_is_refused() {
    let fault = fault_of(|file| file["model"]["merges"] = json!(["ab ab"]));
    assert!(matches!(fault, TokenizerFault::MergeIntoUnknown { index: 0, .. }), "{fault}");
}

#[test]
fn ck_15_a_merge_of_an_unknown_token_is_refused() {
    let fault = fault_of(|file| file["model"]["merges"] = json!([["a", "b"], ["a", "c"]]));
    assert!(
        matches!(fault, TokenizerFault::MergeOfUnknown { index: 1, ref token } if token == "c"),
        "{fault}"
    );
}

#[test]
fn ck_15_a_malformed_merge_is_refused() {
    for merge in [json!("a"), json!("a b c"), json!(["a"]), json!(["a", "b", "c"]), json!(7)] {
        let fault = fault_of(|file| file["model"]["merges"] = json!([merge]));
        assert!(matches!(fault, TokenizerFault::Json(_)), "{fault}");
    }
}

#[test]
fn ck_15_duplicate_ids_are_refused() {
    let fault = fault_of(|file| file["model"]["vocab"]["b"] = json!(0));
    assert!(matches!(fault, TokenizerFault::DuplicateId { id: 0, .. }), "{fault}");
    let fault = fault_of(|file| file["added_tokens"][0]["id"] = json!(2));
    assert!(matches!(fault, TokenizerFault::DuplicateId { id: 2, .. }), "{fault}");
    let fault = fault_of(|file| file["added_tokens"][0]["content"] = json!("ab"));
    assert!(matches!(fault, TokenizerFault::TwoIds { in_vocabulary: 2, added: 3, .. }), "{fault}");
}

#[test]
fn ck_15_sparse_and_huge_ids_are_refused() {
    let fault = fault_of(|file| file["model"]["vocab"]["b"] = json!(1000));
    assert!(matches!(fault, TokenizerFault::SparseIds { tokens: 4, id_limit: 1001 }), "{fault}");
    let fault = fault_of(|file| file["model"]["vocab"]["b"] = json!(u32::MAX));
    assert!(matches!(fault, TokenizerFault::IdOutOfRange { id: u32::MAX, .. }), "{fault}");
    for id in [json!(-1), json!(1u64 << 32), json!(0.5), json!("0")] {
        let fault = fault_of(|file| file["model"]["vocab"]["b"] = id);
        assert!(matches!(fault, TokenizerFault::Json(_)), "{fault}");
    }
}

#[test]
fn ck_15_a_key_that_stands_twice_is_refused() {
    let twice = good().to_string().replace(r#""b":1"#, r#""b":1,"b":1"#);
    let fault = parse(twice.as_bytes()).unwrap_err();
    assert!(fault.to_string().contains("`b` stands twice"), "{fault}");
    let fault = fault_of(|file| {
        let token = file["added_tokens"][0].clone();
        file["added_tokens"] = json!([token, token]);
    });
    assert!(matches!(fault, TokenizerFault::AddedTokenTwice { .. }), "{fault}");
}

#[test]
fn ck_15_long_patterns_and_endless_sequences_are_refused() {
    let long = "a".repeat(PATTERN_BYTES_LIMIT + 1);
    let fault = fault_of(|file| file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(long));
    assert!(matches!(fault, TokenizerFault::PatternTooLong { field: "pre_tokenizer", .. }), "{fault}");
    let fault = fault_of(|file| {
        file["normalizer"] = json!({"type": "Replace", "pattern": {"String": "a"}, "content": long});
    });
    assert!(matches!(fault, TokenizerFault::PatternTooLong { field: "normalizer", .. }), "{fault}");
    let step = json!({"type": "ByteLevel"});
    let fault = fault_of(|file| file["pre_tokenizer"]["pretokenizers"] = json!(vec![step; STEPS_LIMIT]));
    assert!(matches!(fault, TokenizerFault::TooManySteps { .. }), "{fault}");
}

#[test]
fn ck_28_what_would_take_memory_or_has_no_bound_is_refused() {
    let token = |id: usize| json!({"id": id, "content": format!("{id:0>250}")});
    let fault = fault_of(|file| file["added_tokens"] = json!((3..5000).map(token).collect::<Vec<_>>()));
    assert!(matches!(fault, TokenizerFault::AddedTokensTooLong { .. }), "{fault}");
    let fault = fault_of(|file| file["model"]["vocab"]["a".repeat(TOKEN_BYTES_LIMIT + 1)] = json!(4));
    assert!(matches!(fault, TokenizerFault::TokenTooLong { .. }), "{fault}");
    let fault = fault_of(|file| file["model"]["merges"] = json!(vec!["a b"; MERGES.as_usize() + 1]));
    assert!(fault.to_string().contains("merges"), "{fault}");
    let step =
        json!({"type": "Replace", "pattern": {"String": "a"}, "content": "a".repeat(PATTERN_BYTES_LIMIT)});
    let fault =
        fault_of(|file| file["normalizer"] = json!({"type": "Sequence", "normalizers": vec![step; 5]}));
    assert!(matches!(fault, TokenizerFault::PatternTooLong { .. }), "{fault}");
    let bytes = json!({"type": "ByteLevel"});
    let fault =
        fault_of(|file| file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [bytes, bytes]}));
    assert!(matches!(fault, TokenizerFault::Unsupported { .. }), "{fault}");
}

#[test]
fn ck_15_empty_added_tokens_are_refused() {
    let fault = fault_of(|file| file["added_tokens"][0]["content"] = json!(""));
    assert!(matches!(fault, TokenizerFault::AddedTokenLength { id: 3, bytes: 0, .. }), "{fault}");
}

#[test]
fn ck_15_any_cut_of_the_file_is_an_error() {
    let text = good().to_string();
    for end in 0..text.len() {
        assert!(parse(&text.as_bytes()[..end]).is_err(), "the first {end} bytes parse");
    }
}

#[test]
fn ck_15_deep_nesting_is_refused() {
    let deep = format!("{{\"normalizer\":{}", "[".repeat(100_000));
    assert!(matches!(parse(deep.as_bytes()), Err(TokenizerFault::Json(_))));
}

#[test]
fn ck_16_malformed_byte_escapes_are_refused() {
    for escape in ["<0x-1>", "<0x>", "<0x1>", "<0x100>", "<0xGG>"] {
        let fault = fault_of(|file| file["model"]["vocab"][escape] = json!(4));
        assert!(
            matches!(fault, TokenizerFault::MalformedByteEscape { ref token } if token == escape),
            "{fault}"
        );
    }
}

#[test]
fn ck_16_keys_outside_the_alphabet_are_refused() {
    for key in ["a b", "▁a", "｜", "", "\n"] {
        let fault = fault_of(|file| file["model"]["vocab"][key] = json!(4));
        assert!(matches!(fault, TokenizerFault::NotByteLevel { .. }), "{fault}");
    }
}

#[test]
fn other_tokenizers_are_named_and_refused() {
    let changes: [fn(&mut Value); 8] = [
        |file| file["model"] = json!({"type": "Unigram", "vocab": [["a", -1.0]]}),
        |file| file["model"]["dropout"] = json!(0.1),
        |file| file["model"]["end_of_word_suffix"] = json!("</w>"),
        |file| file["decoder"] = json!({"type": "Metaspace"}),
        |file| file["decoder"] = json!(null),
        |file| file["pre_tokenizer"] = json!(null),
        |file| file["pre_tokenizer"] = json!({"type": "Metaspace"}),
        |file| file["normalizer"] = json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
    ];
    for change in changes {
        let fault = fault_of(change);
        assert!(matches!(fault, TokenizerFault::Unsupported { .. }), "{fault}");
    }
}

#[test]
fn the_error_names_file_and_remedy() {
    use wheelwork_diagnostic::{Class, Diagnostic};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let error = read(&path).unwrap_err();
    assert_eq!(error.code(), "package_io");
    fs_err::write(&path, good().to_string()).unwrap();
    assert!(read(&path).is_ok());
    fs_err::write(&path, "{}").unwrap();
    let error = read(&path).unwrap_err();
    assert_eq!((error.code(), error.class()), ("tokenizer_invalid", Class::Reinstall));
    assert!(error.place().unwrap().ends_with("tokenizer.json") && !error.remedy().to_string().is_empty());
}

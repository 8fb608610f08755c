//! Tests of merging, each against what transformers 5.23 says of the same files (`AutoTokenizer.from_pretrained`).

use std::path::Path;

use serde_json::{Value, json};

use super::tests::good;
use super::*;

/// The files of a folder, `tokenizer.json` among them unless it is given.
fn merged(files: &[(&str, Value)]) -> Result<TokenizerFiles, TokenizerFileError> {
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, value: &Value| fs_err::write(folder.path().join(name), value.to_string()).unwrap();
    write("tokenizer.json", &good());
    files.iter().for_each(|(name, value)| write(name, value));
    read_folder(folder.path())
}

fn added(files: &TokenizerFiles) -> Vec<(u32, &str, bool)> {
    let tokens = files.facts.added_tokens.iter();
    tokens.map(|token| (token.id, token.content.as_str(), token.special)).collect()
}

fn contradiction(files: &[(&str, Value)]) -> String {
    let error = merged(files).unwrap_err();
    assert!(
        matches!(error, TokenizerFileError::Broken { fault: TokenizerFault::Contradiction { .. }, .. }),
        "{error}"
    );
    error.to_string()
}

const CONFIG: &str = "tokenizer_config.json";
const MAP: &str = "special_tokens_map.json";
const ADDED: &str = "added_tokens.json";

#[test]
fn ck_26_tokens_that_stand_only_in_a_second_file_are_found() {
    let list =
        json!({"4": {"content": "</think>", "special": false}, "5": {"content": "<e>", "special": true}});
    let files = merged(&[(CONFIG, json!({"added_tokens_decoder": list, "eos_token": "<e>"}))]).unwrap();
    assert_eq!(added(&files), [(3, "<think>", false), (4, "</think>", false), (5, "<e>", true)]);
    assert_eq!((files.facts.id_limit, files.is_merged), (6, true));
    assert_eq!(files.text("eos_token"), Some("<e>"));

    let list = json!({"</think>": 4, "<e>": 5});
    let files = merged(&[(ADDED, list), (MAP, json!({"eos_token": {"content": "<e>"}}))]).unwrap();
    assert_eq!(added(&files), [(3, "<think>", false), (4, "</think>", false), (5, "<e>", true)]);
    assert!(files.facts.added_tokens[1].normalized && !files.facts.added_tokens[2].normalized);

    let files = merged(&[]).unwrap();
    assert_eq!((added(&files), files.is_merged), (vec![(3, "<think>", false)], false));
}

#[test]
fn ck_26_special_tokens_are_named_by_the_map_only_where_the_configuration_has_no_list() {
    let map = json!({"bos_token": "<think>"});
    let files = merged(&[(CONFIG, json!({"bos_token": "ab"})), (MAP, map.clone())]).unwrap();
    assert_eq!(files.text("bos_token"), Some("<think>"));
    assert_eq!(added(&files), [(3, "<think>", true)]);

    let list = json!({"3": {"content": "<think>", "special": false, "lstrip": true}});
    let config =
        json!({"added_tokens_decoder": list, "bos_token": "ab", "unk_token": null, "pad_token": "<pad>"});
    let files = merged(&[(CONFIG, config), (MAP, map)]).unwrap();
    assert_eq!(files.text("bos_token"), Some("ab"));
    // A word of the vocabulary becomes an added token, flags of the list win, and what has no id is not used.
    assert_eq!(added(&files), [(2, "ab", true), (3, "<think>", false)]);
    assert!(files.facts.added_tokens[1].lstrip);
    assert_eq!(files.without_id, [("pad_token".to_owned(), "<pad>".to_owned())]);

    let config = json!({"additional_special_tokens": ["<think>"], "add_bos_token": true, "image_token": "a"});
    let files = merged(&[(CONFIG, config)]).unwrap();
    assert_eq!(added(&files), [(0, "a", true), (3, "<think>", true)]);
    assert_eq!(special_texts(Path::new("nowhere")).unwrap(), []);
}

#[test]
fn ck_26_ids_that_contradict_each_other_are_named() {
    let list = |id: &str, content: &str| json!({"added_tokens_decoder": {id: {"content": content}}});
    let words = contradiction(&[(CONFIG, list("4", "<think>"))]);
    assert!(words.contains("`<think>`") && words.contains('4') && words.contains('3'), "{words}");
    assert!(words.contains(CONFIG), "{words}");
    // A gap, an id that another token has, and a word of the vocabulary under another id.
    for (id, content) in [("9", "<new>"), ("1", "<new>"), ("4", "ab")] {
        contradiction(&[(CONFIG, list(id, content))]);
    }
    assert!(contradiction(&[(ADDED, json!({"<think>": 4}))]).contains(ADDED));
    let fault = |value: Value| merged(&[(CONFIG, value)]).unwrap_err().to_string();
    assert!(fault(list("x", "<new>")).contains("`x`"));
    assert!(fault(json!({"added_tokens_decoder": [1]})).contains(CONFIG));
    assert!(fault(json!([1])).contains(CONFIG));
}

#[test]
fn ck_26_a_list_of_very_many_tokens_is_merged_as_a_short_one() {
    // In time that grows with their number: by its square, this test alone would take longer than all others.
    let list: serde_json::Map<String, Value> =
        (4..30_000).map(|id| (id.to_string(), json!({"content": format!("s{id}")}))).collect();
    let files = merged(&[(CONFIG, json!({"added_tokens_decoder": list}))]).unwrap();
    assert_eq!((files.facts.id_limit, files.is_merged), (30_000, true));
    assert!((3..).zip(&files.facts.added_tokens).all(|(id, token)| token.id == id));
    assert_eq!(files.facts.added_tokens.len(), 29_997);
}

#[test]
fn ck_26_a_byte_order_mark_is_skipped_in_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| {
        fs_err::write(folder.path().join(name), format!("\u{feff}{value}")).unwrap();
    };
    write("tokenizer.json", &good());
    write(CONFIG, &json!({"eos_token": "ab"}));
    write(MAP, &json!({"bos_token": "<think>"}));
    write(ADDED, &json!({"</think>": 4}));
    let files = read_folder(folder.path()).unwrap();
    assert_eq!(added(&files), [(2, "ab", true), (3, "<think>", true), (4, "</think>", false)]);
}

#[test]
fn a_merged_file_says_what_the_files_say() {
    let files = merged(&[(ADDED, json!({"</think>": 4}))]).unwrap();
    let file = with_added_tokens(good().to_string().as_bytes(), &files.facts.added_tokens).unwrap();
    assert_eq!(parse(&file).unwrap(), files.facts);
}

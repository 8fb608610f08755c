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
    for (pattern, code) in [
        ("(", "tokenizer_steps"),
        ("(a)\\1", "tokenizer_pattern"),
        ("(?:(?:(?:a{1000}){1000}){1000}){1000}", "limit_exceeded"),
    ] {
        let error = changed(|file| file["pre_tokenizer"] = then_bytes(&[split(pattern)])).unwrap_err();
        assert_eq!(error.code(), code, "{pattern}");
        assert!(error.place().unwrap().contains("tokenizer.json"));
    }
}

fn split(pattern: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
}

fn then_bytes(steps: &[Value]) -> Value {
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    let steps = [steps, &[bytes]].concat();
    json!({"type": "Sequence", "pretokenizers": steps})
}

/// The `tokenizers` crate with a file's steps, without added tokens.
fn library(file: &Value) -> tokenizers::Tokenizer {
    let mut file = file.clone();
    file["added_tokens"] = json!([]);
    file["post_processor"] = Value::Null;
    tokenizers::Tokenizer::from_bytes(file.to_string()).unwrap()
}

/// Steps as published files have them, and every kind of them. Not among them: an empty text that is replaced, at which
/// the crate panics.
fn kinds_of_steps() -> Vec<(Value, Value)> {
    let behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];
    let plain = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true});
    let splits = behaviors.iter().flat_map(|behavior| {
        [false, true].map(|invert| {
            then_bytes(&[json!({"type": "Split", "pattern": {"Regex": "\\d+|b*|[.,]"}, "behavior": behavior, "invert": invert})])
        })
    });
    let string =
        json!({"type": "Split", "pattern": {"String": "a."}, "behavior": "Removed", "invert": false});
    let pre = splits.chain([
        plain.clone(),
        then_bytes(&[json!({"type": "Digits", "individual_digits": true})]),
        then_bytes(&[json!({"type": "Digits", "individual_digits": false}), string]),
        then_bytes(&[json!({"type": "WhitespaceSplit"}), json!({"type": "Punctuation"})]),
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Punctuation", "behavior": "Contiguous"}, plain, {"type": "Digits", "individual_digits": false},
            split("[0-9][0-9][0-9]"),
        ]}),
    ]);
    let mut kinds: Vec<_> = pre.map(|pre| (Value::Null, pre)).collect();
    for normalizer in [
        json!({"type": "NFC"}),
        json!({"type": "NFD"}),
        json!({"type": "NFKC"}),
        json!({"type": "Sequence", "normalizers": [
            {"type": "NFKD"}, {"type": "Replace", "pattern": {"Regex": "\\s+|b"}, "content": " "},
            {"type": "Replace", "pattern": {"String": "a"}, "content": "aä"}, {"type": "Prepend", "prepend": "_"},
        ]}),
    ] {
        kinds.push((normalizer, then_bytes(&[split("\\p{L}+|\\s+(?!\\S)|\\s+")])));
    }
    kinds
}

#[test]
fn every_kind_of_step_gives_the_ids_of_the_tokenizers_crate() {
    let texts = [
        "",
        "a",
        "  a.b.,c  12 345,,6 bb\n\n x",
        "Ünïcödé ﬁne A\u{30a} 中文 🦀🦀 ①²½ e\u{301}\u{323} \u{1100}\u{1161}\u{11a8}",
        "don't 'S 1234567890 …。！ \t\r\n end  ",
        "abbbba.a.bb 1b2",
    ];
    for (normalizer, pre_tokenizer) in kinds_of_steps() {
        for ignore_merges in [false, true] {
            let mut whole = Value::Null;
            let tokenizer = changed(|file| {
                file["normalizer"] = normalizer.clone();
                file["pre_tokenizer"] = pre_tokenizer.clone();
                file["model"]["ignore_merges"] = json!(ignore_merges);
                whole = file.clone();
            })
            .unwrap();
            let library = library(&whole);
            for text in texts {
                let expected = library.encode_fast(text, false).unwrap().get_ids().to_vec();
                let ids = tokenizer.encode_plain(text).unwrap();
                assert_eq!(ids, expected, "{text:?} with {normalizer} and {pre_tokenizer}");
            }
        }
    }
}

#[test]
fn added_tokens_with_each_flag_are_found_as_the_tokenizers_crate_finds_them() {
    let token = |id: u32, content: &str, flags: &[&str]| {
        let mut token = json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": false});
        flags.iter().for_each(|flag| token[*flag] = json!(true));
        token
    };
    let lists = [
        vec![token(2048, "<mask>", &["lstrip", "special"]), token(2049, "<|sep|>", &["rstrip"])],
        vec![token(2048, "<mask>", &["lstrip", "rstrip"]), token(2049, "  ", &[])],
        vec![token(2048, "café", &["single_word"]), token(2049, "no", &["single_word", "normalized"])],
        vec![token(2048, "ﬁne", &["normalized"]), token(2049, "Ångström", &["normalized"])],
        vec![token(2048, "<a", &[]), token(2049, "<ab>", &["normalized"]), token(2050, "ab>c", &[])],
        vec![token(2048, "<｜User", &[]), token(2049, "</think>\n\n", &["normalized"])],
    ];
    let texts = [
        "x<mask>y  <mask>  <mask> z <|sep|>  \n b<|sep|>   a",
        "café cafés le café. _café no not no e\u{301}no no\u{301}",
        "ﬁne fine A\u{30a}ngström Ångström xÅngströmx ﬁne!",
        "x<a<ab><ab>cab>c<abb>",
        "<｜User｜><｜User<think></think>\n\nx</think>\n",
    ];
    for list in lists {
        for normalizer in [Value::Null, json!({"type": "NFC"}), json!({"type": "NFKC"})] {
            let mut whole = Value::Null;
            let tokenizer = changed(|file| {
                file["added_tokens"].as_array_mut().unwrap().extend(list.clone());
                file["normalizer"] = normalizer.clone();
                file["post_processor"] = Value::Null;
                whole = file.clone();
            })
            .unwrap();
            let library = tokenizers::Tokenizer::from_bytes(whole.to_string()).unwrap();
            for text in texts {
                let expected = library.encode_fast(text, false).unwrap().get_ids().to_vec();
                let prompt = crate::text::chat::Prompt::from_raw_text(text, &tokenizer).unwrap();
                assert_eq!(prompt.ids, expected, "{text:?} with {normalizer} and {list:?}");
            }
        }
    }
}

fn prompt_code(tokenizer: &Tokenizer, text: &str) -> &'static str {
    crate::text::chat::Prompt::from_raw_text(text, tokenizer).map_or_else(|error| error.code(), |_| "ok")
}

#[test]
fn ck_28_growth_is_bounded_as_a_product_over_all_steps() {
    let replace =
        |pattern: Value| json!({"type": "Replace", "pattern": pattern, "content": "a".repeat(4096)});
    let steps = [
        vec![replace(json!({"String": "a"})); 2],
        vec![replace(json!({"String": ""})); 3],
        vec![replace(json!({"Regex": ""})); 3],
        vec![json!({"type": "NFKD"}); 30],
        vec![json!({"type": "Prepend", "prepend": "a".repeat(200)}); 30],
    ];
    for (steps, expected) in steps.into_iter().zip(["limit_exceeded"; 3].into_iter().chain(["ok"; 2])) {
        let tokenizer =
            changed(|file| file["normalizer"] = json!({"type": "Sequence", "normalizers": steps})).unwrap();
        assert_eq!(prompt_code(&tokenizer, &"a".repeat(30_000)), expected);
    }
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false});
    let error = changed(|file| file["pre_tokenizer"] = then_bytes(&[bytes])).unwrap_err();
    assert_eq!(error.code(), "tokenizer_unsupported", "each such step doubles the text");
}

#[test]
fn ck_28_a_pattern_that_costs_too_much_is_an_error_and_not_one_piece() {
    // Half a thousand branches for every letter.
    let costly = r"(?=(?:(?!\x01)[\s\S]){0,500}(?:(?!\x01)[\s\S]){0,500}\x00)[\s\S]";
    let tokenizer = changed(|file| file["pre_tokenizer"] = then_bytes(&vec![split(costly); 3])).unwrap();
    assert_eq!(prompt_code(&tokenizer, &"a".repeat(30_000)), "limit_exceeded");
    assert_eq!(prompt_code(&tokenizer, "a"), "ok");
}

#[test]
fn rt_14_a_text_that_can_not_fit_is_not_encoded() {
    let tokenizer = Tokenizer::load(&shipped()).unwrap().with_prompt_limit(100);
    let code = |text: &str| prompt_code(&tokenizer, text);
    assert_eq!(code(&"7".repeat(100)), "ok");
    assert_eq!(code(&"7".repeat(101)), "too_many_tokens");
    assert_eq!(code(&"<think>".repeat(101)), "too_many_tokens");
    assert_eq!(code(&"7".repeat(TEXT_BYTES_LIMIT)), "too_many_tokens");
    assert!(tokenizer.encode_plain(&"7".repeat(101)).is_ok(), "only prompts are limited");
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

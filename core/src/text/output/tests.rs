use proptest::prelude::*;
use serde_json::json;
use wheelwork_diagnostic::Diagnostic;

use super::*;
use crate::text::testing;
use crate::text::tokenizer::Tokenizer;

fn tiny() -> &'static Tokenizer {
    &testing::tiny().0
}

fn eos(tokenizer: &Tokenizer) -> u32 {
    tokenizer.added_token_id("<｜end▁of▁sentence｜>").unwrap()
}

/// The ids that may come next, the end among them.
fn allowed(matcher: &mut Matcher, tokenizer: &Tokenizer) -> Vec<u32> {
    let mut logits = vec![1.0; tokenizer.id_limit() as usize];
    matcher.restrict(&mut logits, &[eos(tokenizer)], None).unwrap();
    (0..).zip(logits).filter(|(_, logit)| *logit == 1.0).map(|(id, _)| id).collect()
}

fn code(format: &OutputFormat) -> &'static str {
    check(format, tiny()).map_or_else(|error| error.code(), |()| "ok")
}

/// Takes the first allowed token twenty times; an error is fine, an end of the process is not.
fn match_some(format: &OutputFormat) {
    let Ok(mut matcher) = Matcher::new(tiny(), format) else { return };
    for _ in 0..20 {
        let mut logits = vec![1.0; tiny().id_limit() as usize];
        if matcher.is_complete() || matcher.restrict(&mut logits, &[], None).is_err() {
            return;
        }
        let Some(next) = logits.iter().position(|logit| *logit == 1.0) else { return };
        matcher.accept(u32::try_from(next).unwrap()).unwrap();
    }
}

#[test]
fn only_what_the_form_allows_is_left() {
    let tokenizer = tiny();
    let mut matcher = Matcher::new(tokenizer, &OutputFormat::Regex("[0-9]{2}".into())).unwrap();
    let first = allowed(&mut matcher, tokenizer);
    assert!(!first.is_empty());
    for id in &first {
        let bytes = tokenizer.token_bytes(*id).unwrap();
        assert!(bytes.len() <= 2 && bytes.iter().all(u8::is_ascii_digit), "{bytes:?}");
    }
    let seven = tokenizer.encode_plain("7").unwrap()[0];
    matcher.accept(seven).unwrap();
    assert!(!matcher.is_complete());
    assert!(!allowed(&mut matcher, tokenizer).contains(&eos(tokenizer)), "one digit is no answer");
    matcher.accept(seven).unwrap();
    assert!(matcher.is_complete());
}

#[test]
fn an_answer_may_end_where_it_is_complete_and_go_on() {
    let tokenizer = tiny();
    let mut matcher = Matcher::new(tokenizer, &OutputFormat::Regex("7*".into())).unwrap();
    assert!(allowed(&mut matcher, tokenizer).contains(&eos(tokenizer)));
    matcher.accept(tokenizer.encode_plain("7").unwrap()[0]).unwrap();
    assert!(allowed(&mut matcher, tokenizer).contains(&eos(tokenizer)) && !matcher.is_complete());
}

#[test]
fn no_control_token_is_ever_allowed() {
    let tokenizer = tiny();
    let mut matcher = Matcher::new(tokenizer, &OutputFormat::Regex("(?s).*".into())).unwrap();
    let allowed = allowed(&mut matcher, tokenizer);
    let controls: Vec<u32> = allowed.into_iter().filter(|id| tokenizer.is_added(*id)).collect();
    assert_eq!(controls, [eos(tokenizer)]);
    let named = OutputFormat::Lark("start: <think>".into());
    assert_eq!(code(&named), "output_invalid");
}

#[test]
fn logits_that_are_no_numbers_stay_for_sampling_to_see() {
    let tokenizer = tiny();
    let mut matcher = Matcher::new(tokenizer, &OutputFormat::Regex("7".into())).unwrap();
    let mut logits = vec![0.0; tokenizer.id_limit() as usize + 100];
    (logits[0], logits[1], logits[2]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    matcher.restrict(&mut logits, &[], Some(3)).unwrap();
    assert!(logits[0].is_nan() && logits[1] == f32::INFINITY && logits[2] == f32::NEG_INFINITY);
    assert_eq!(logits[3], 0.0, "allowed in any case");
    assert!(
        logits[tokenizer.id_limit() as usize..].iter().all(|logit| *logit == f32::NEG_INFINITY),
        "padding"
    );
}

#[test]
fn a_token_that_is_not_allowed_is_an_error_and_stays_one() {
    let tokenizer = tiny();
    let mut matcher = Matcher::new(tokenizer, &OutputFormat::Regex("77".into())).unwrap();
    let eight = tokenizer.encode_plain("8").unwrap()[0];
    assert_eq!(matcher.accept(eight), Err(OutputError::NotAllowed { position: 0 }));
    assert_eq!(matcher.accept(tokenizer.encode_plain("7").unwrap()[0]), Err(OutputError::Library));
    assert!(!matcher.is_complete());
}

#[test]
fn what_can_not_be_held_is_said_when_the_turn_begins() {
    let schema = |schema| code(&OutputFormat::JsonSchema(schema));
    assert_eq!(schema(json!({"type": "object", "properties": {"a": {"type": "integer"}}})), "ok");
    assert_eq!(schema(json!(true)), "ok");
    assert_eq!(schema(json!(false)), "output_invalid");
    assert_eq!(schema(json!(7)), "output_invalid");
    assert_eq!(schema(json!({"type": "string", "minLength": 3, "maxLength": 2})), "output_invalid");
    assert_eq!(schema(json!({"$ref": "https://example.com/schema"})), "output_invalid");
    assert_eq!(schema(json!({"type": "array", "uniqueItems": true})), "output_invalid");
    assert_eq!(code(&OutputFormat::Regex("(".into())), "output_invalid");
    assert_eq!(code(&OutputFormat::Regex("(?=a)".into())), "output_invalid");
    assert_eq!(code(&OutputFormat::Lark("begin: \"a\"".into())), "output_invalid");
    assert_eq!(code(&OutputFormat::Lark(String::new())), "output_invalid");
    assert_eq!(OutputFormat::json_schema("{\n]").unwrap_err(), OutputError::NotJson { line: 2, column: 1 });
}

#[test]
fn rt_26_forms_that_would_use_up_stack_time_or_memory_are_refused() {
    let repeated = |text: &str| text.repeat(10_000);
    assert_eq!(code(&OutputFormat::Regex(repeated("("))), "output_too_deep");
    assert_eq!(code(&OutputFormat::Lark(format!("start: {}", repeated("[")))), "output_too_deep");
    let mut nested = json!({"type": "integer"});
    for _ in 0..NESTING_LIMIT {
        nested = json!({"items": nested});
    }
    assert_eq!(code(&OutputFormat::JsonSchema(nested)), "output_too_deep");
    assert_eq!(OutputFormat::json_schema(&repeated("[")).unwrap_err().code(), "output_too_deep");
    assert_eq!(code(&OutputFormat::Regex("a".repeat(FORM_BYTES_LIMIT + 1))), "output_too_large");
    let chain = |rules: usize, name: &str| {
        let rule = |rule: usize| format!("{name}{rule}: {name}{} \"x\"\n", rule + 1);
        let chain: String = (0..rules).map(rule).collect();
        OutputFormat::Lark(format!("start: {name}0\n{chain}{name}{rules}: \"x\"\n"))
    };
    assert_eq!(code(&chain(DEFINITIONS_LIMIT, "r")), "output_too_many_definitions");
    // What is just within the limits is compiled and matched on a thread's small stack too.
    let groups = ("(".repeat(30), ")?".repeat(30));
    for name in ["r", "T"] {
        let OutputFormat::Lark(longest) = chain(DEFINITIONS_LIMIT - 2, name) else { continue };
        let deepest =
            longest.replace(": ", &format!(": {}", groups.0)).replace(" \"", &format!("{} \"", groups.1));
        for form in [longest, deepest] {
            let small = std::thread::Builder::new().stack_size(512 << 10);
            small.spawn(move || match_some(&OutputFormat::Lark(form))).unwrap().join().unwrap();
        }
    }
    match_some(&OutputFormat::Regex("(a{1000}){1000}".into()));
    match_some(&OutputFormat::Regex("(a?){5000}b|".repeat(100) + "c"));
    let wide: Vec<String> = (0..9_000).map(|word| format!("word{word}")).collect();
    match_some(&OutputFormat::Regex(wide.join("|")));
}

#[test]
fn rt_26_forms_whose_parts_multiply_are_refused_before_they_are_compiled() {
    let refused = |schema: serde_json::Value| {
        assert_eq!(code(&OutputFormat::JsonSchema(schema.clone())), "output_too_much_to_compile", "{schema}");
    };
    let pattern = |length: usize| json!({"pattern": format!(".*a.{{{length}}}")});
    let patterns: Vec<_> = (20..36).map(pattern).collect();
    refused(json!({"type": "string", "allOf": patterns}));
    refused(
        json!({"type": "object", "allOf": patterns.iter().map(|it| json!({"properties": {"p": it}})).collect::<Vec<_>>()}),
    );
    for place in ["additionalItems", "unevaluatedItems", "additionalProperties", "contains", "not", "if"] {
        refused(json!({"items": [{}], place: {"type": "string", "allOf": patterns}}));
    }
    let multiple = |number: f64| json!({"type": "number", "multipleOf": number});
    refused(multiple(99_991.0));
    refused(
        json!({"items": {"anyOf": (0..40).map(|it| multiple(9_973.0 + f64::from(it))).collect::<Vec<_>>()}}),
    );
    refused(multiple(0.123_456_789));
    for number in [1e-9, 1e300] {
        assert_ne!(code(&OutputFormat::JsonSchema(multiple(number))), "output_library", "{number}");
    }
    let fine_and_large = json!({"allOf": [multiple(0.000_001), multiple(30_000.0)]});
    assert_eq!(code(&OutputFormat::JsonSchema(fine_and_large)), "output_invalid");
    for number in [0.01, 5.0, 86_400.0, 1_000_000.0, 0.000_001] {
        assert_eq!(code(&OutputFormat::JsonSchema(multiple(number))), "ok", "{number}");
    }
    let least = json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX});
    assert_eq!(
        code(&OutputFormat::JsonSchema(least)),
        "ok",
        "numbers of 64 bits, as interfaces describe them"
    );
    let choice = json!({"anyOf": (0..12).map(|it| json!({"const": it})).collect::<Vec<_>>()});
    refused(json!({"allOf": vec![choice; 6]}));
    // Each reference has a neighbour that applies with it.
    let mut chain = json!({"type": "string", "$ref": "#/$defs/d0"});
    for step in 0..16 {
        let next = format!("#/$defs/d{}", step + 1);
        chain["$defs"][format!("d{step}")] = json!({"pattern": format!(".*a.{{{step}}}"), "$ref": next});
    }
    refused(chain);
    let mut doubling = json!({"$ref": "#/$defs/d0"});
    for step in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", step + 1)});
        doubling["$defs"][format!("d{step}")] = json!({"properties": {"a": next, "b": next}});
    }
    refused(doubling);
    let property = |number: usize| (format!("p{number:05}"), json!({"type": "string"}));
    refused(
        json!({"type": "object", "properties": (0..8_000).map(property).collect::<serde_json::Map<_, _>>()}),
    );
    let few: serde_json::Map<_, _> = (0..100).map(property).collect();
    refused(json!({"type": "object", "properties": few, "minProperties": 1, "additionalProperties": false}));
    let lark = |text: &str| code(&OutputFormat::Lark(text.to_owned()));
    let terms: Vec<_> = (20..36).map(|length| format!("/.*a.{{{length}}}/")).collect();
    assert_eq!(lark(&format!("start: T\nT: {}", terms.join(" & "))), "output_too_much_to_compile");
    let alternatives: Vec<_> = (0..25).map(|it| format!("[a-z].{{{it}}}z")).collect();
    let pattern = format!("/({})/", alternatives.join("|"));
    let many = lark(&format!("start: T\nT: {pattern} & {pattern} & {pattern}"));
    assert_eq!(many, "output_too_much_to_compile", "few operators, many alternatives");
    assert_eq!(lark("start: T\nT: /[a-z]*/ & /.*x.*/ & ~/.*y.*/"), "ok");
    let within = json!({"type": "string", "allOf": patterns});
    assert_eq!(lark(&format!("start: %json {within}")), "output_too_much_to_compile");
    assert_eq!(lark("start: \"a && b &&& c\" | /&&&&&/"), "ok", "texts are no operators");
    // What people write.
    let ordinary = json!({
        "type": "object", "allOf": [{"required": ["a"]}],
        "properties": {
            "a": {"type": "string", "pattern": "^[a-z]+$"}, "b": {"type": "string", "format": "date"},
            "c": {"anyOf": (0..50).map(|it| json!({"const": it})).collect::<Vec<_>>()},
        },
    });
    assert_eq!(code(&OutputFormat::JsonSchema(ordinary)), "ok");
}

#[test]
fn r1_s_own_vocabulary_is_held_to_a_schema() {
    let Some((_, tokenizer)) = testing::r1_distill("no mask of 152k tokens was made") else { return };
    let schema = json!({
        "type": "object",
        "properties": {"city": {"type": "string"}, "people": {"type": "integer", "minimum": 0}},
        "required": ["city", "people"],
        "additionalProperties": false,
    });
    let mut matcher = Matcher::new(&tokenizer, &OutputFormat::JsonSchema(schema)).unwrap();
    for id in tokenizer.encode_plain("{\"city\": \"Österreich 🦀\",\n  \"people\": 9}").unwrap() {
        let allowed = allowed(&mut matcher, &tokenizer);
        assert!(allowed.contains(&id), "{id}");
        assert!(!allowed.contains(&eos(&tokenizer)));
        matcher.accept(id).unwrap();
    }
    assert!(matcher.is_complete() || allowed(&mut matcher, &tokenizer).contains(&eos(&tokenizer)));
}

proptest! {
    #[test]
    fn rt_26_any_text_as_a_form_is_a_form_or_an_error(text in "\\PC{0,60}", lark in "[a-cA-C:|()\\[\\]\"/*+?~. \\n0-9%{}<>-]{0,60}") {
        let start = format!("start: {lark}");
        for format in [OutputFormat::Regex(text.clone()), OutputFormat::Lark(text.clone()), OutputFormat::Lark(start)] {
            let code = code(&format);
            let refused = ["output_invalid", "output_too_deep", "output_too_much_to_compile"];
            prop_assert!(code == "ok" || refused.contains(&code), "{}: {:?}", code, format);
        }
    }
}

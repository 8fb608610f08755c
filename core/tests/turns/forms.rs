//! Answers in a form: whatever the model prefers, the answer is in the form and the reasoning is as it was.

use std::sync::Arc;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};
use wheelwork::{
    CancelToken, Diagnostic, Error, Event, FinishReason, OpenReasoning, Options, OutputFormat, ReasoningEnd,
    Session, Thinking,
};
use wheelwork_testing::{Outcome, ScriptedDecoder, Step};

use crate::files::{Folder, OFTEN, restored, silent};
use crate::support::{TURN, VOCAB, ask, decoder, facts, older, session, tokens, writes};

fn regex(text: &str) -> Options {
    Options { output: Some(OutputFormat::Regex(text.into())), max_tokens: Some(200), ..Options::default() }
}

fn schema(schema: Value) -> Options {
    Options { output: Some(OutputFormat::JsonSchema(schema)), max_tokens: Some(300), ..Options::default() }
}

/// Logits of no model, a new row a step.
fn random_steps(seed: u64, count: usize) -> Vec<Step> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut row = || (0..VOCAB).map(|_| (random.next_u32() >> 8) as f32 / (1 << 21) as f32).collect();
    (0..count).map(|_| Step::Logits(row())).collect()
}

fn random_session(seed: u64) -> Session {
    let facts = facts(4096);
    session(&facts, ScriptedDecoder::new(VOCAB, 4096, random_steps(seed, 40)))
}

#[test]
fn the_answer_is_in_the_form_and_ends_with_it() {
    let outcome = ask(&mut writes("1 2\n</think>\n\nhello"), &regex("[0-9]{3}"));
    assert_eq!((outcome.reasoning.as_str(), outcome.answer.len()), ("1 2", 3));
    assert!(outcome.answer.bytes().all(|byte| byte.is_ascii_digit()), "{outcome:?}");
    // Nothing can follow, so no token is computed to learn that.
    assert_eq!(outcome.reason(), FinishReason::Stop);
}

#[test]
fn an_answer_that_the_model_wants_in_the_form_is_the_model_s_own() {
    let free = ask(&mut writes(TURN), &Options::default());
    let held = ask(&mut writes(TURN), &regex("[0-9]+"));
    // The empty line is put in where the model would have written it.
    assert_eq!(held.said(), free.said());
}

#[test]
fn the_empty_line_is_no_part_of_the_form_and_whitespace_of_the_form_is_kept() {
    let outcome = ask(&mut writes("1\n</think>7"), &regex("7"));
    assert_eq!(outcome.answer, "7");
    let outcome = ask(&mut writes("1\n</think>\n\n 7"), &regex(" {2}7"));
    assert_eq!(outcome.answer, "  7");
}

#[test]
fn the_form_holds_without_reasoning_and_after_a_closing() {
    let off = Options { thinking: Thinking::Off, ..regex("[0-9]{2}") };
    let outcome = ask(&mut writes("hello"), &off);
    assert_eq!((outcome.answer.len(), outcome.reason()), (2, FinishReason::Stop));
    let closed = Options { thinking: Thinking::tokens(3), ..regex("[0-9]{2}") };
    let outcome = ask(&mut writes("hello"), &closed);
    assert_eq!(outcome.reasoning_ended[0].1, ReasoningEnd::Budget);
    assert_eq!((outcome.answer.len(), outcome.reason()), (2, FinishReason::Stop));
}

#[test]
fn a_turn_that_the_model_would_end_in_its_reasoning_still_has_an_answer() {
    let outcome = ask(&mut writes("1 2<｜end▁of▁sentence｜>7"), &regex("7{2}"));
    assert!(outcome.reasoning.starts_with("1 2"), "{outcome:?}");
    assert_eq!((outcome.answer.as_str(), outcome.reason()), ("77", FinishReason::Stop));
}

/// A model whose tags are no tokens.
fn without_tags(text: &str) -> Session {
    let mut facts = wheelwork_testing::facts(1024);
    (facts.tokens.reasoning_open, facts.tokens.reasoning_close) = (None, None);
    let facts = Arc::new(facts);
    let ids = facts.tokenizer.encode_plain(text).unwrap();
    session(&facts, ScriptedDecoder::new(VOCAB, 1024, ids.into_iter().map(Step::Token).collect()))
}

#[test]
fn behind_an_older_template_the_first_token_opens_the_reasoning_or_the_answer() {
    let regex = |text: &str| Options { open_reasoning: OpenReasoning::Off, ..regex(text) };
    let outcome = ask(&mut older("<think>\n1 2\n</think>\n\n78"), &regex("[0-9]{2}"));
    assert_eq!((outcome.reasoning.as_str(), outcome.answer.as_str()), ("1 2", "78"));
    let outcome = ask(&mut older("78"), &regex("[0-9]{2}"));
    assert_eq!((outcome.reasoning.as_str(), outcome.answer.as_str()), ("", "78"));
    let outcome = ask(&mut older("hello"), &regex("[0-9]{2}"));
    assert_eq!((outcome.reasoning.as_str(), outcome.answer.len()), ("", 2));
}

#[test]
fn tags_that_are_no_tokens_end_the_reasoning_at_the_same_place() {
    // Its tag ends within the token ">\n\n", which is cut.
    let outcome = ask(&mut without_tags("1 2\n</think>\n\n777"), &regex("7{2}"));
    assert_eq!((outcome.reasoning.as_str(), outcome.answer.as_str()), ("1 2", "77"));
}

#[test]
fn a_token_that_ends_the_tag_and_goes_on_is_cut_behind_the_tag() {
    let splitter = || wheelwork::reasoning::Splitter::new(true, None, None);
    assert_eq!(splitter().end_in("no</think>{\""), Some("no</think>".len()));
    assert_eq!(splitter().end_in("no</thin"), None);
    assert_eq!(wheelwork::reasoning::Splitter::new(true, Some(1), Some(2)).end_in("</think>7"), None);
}

#[test]
fn what_ends_a_turn_early_ends_it_in_a_form_too() {
    let many = Options { max_tokens: Some(12), ..regex("7+") };
    assert_eq!(ask(&mut writes("</think>\n\n7"), &many).reason(), FinishReason::Length);
    let looped = Options { max_tokens: Some(900), ..regex("7+") };
    assert_eq!(ask(&mut writes("</think>\n\n7"), &looped).reason(), FinishReason::Repetition);
    let stopped = Options { stop: vec!["5".into()], ..regex("[0-9]+") };
    let outcome = ask(&mut writes("</think>\n\n7 5"), &stopped);
    assert_eq!(outcome.reason(), FinishReason::Stop);
    assert!(outcome.answer.starts_with('7') && !outcome.answer.contains('5'), "{outcome:?}");
    let cancel = CancelToken::new();
    let facts = facts(1024);
    let button = cancel.clone();
    let decoder = decoder(&facts, "</think>\n\n7").before_run(6, move || button.cancel());
    let outcome = ask(&mut session(&facts, decoder), &Options { cancel, ..regex("7+") });
    assert_eq!(outcome.reason(), FinishReason::Cancelled);
    assert!(outcome.answer.bytes().all(|byte| byte == b'7'));
}

#[test]
fn a_form_that_can_t_be_used_is_an_error_before_anything_is_computed() {
    let facts = facts(1024);
    let decoder = ScriptedDecoder::new(VOCAB, 1024, vec![Step::Fail("it ran".into())]);
    let mut session = session(&facts, decoder);
    let Err(error) = session.ask("2 + 2 = ?", &regex("(")) else { panic!("it began") };
    assert_eq!((error.code(), session.messages().len()), ("output_invalid", 0));
}

#[test]
fn rt_26_an_answer_that_can_t_go_on_is_an_error_and_never_free() {
    // A vocabulary of these logits ends before the tokens that the form needs.
    let facts = facts(1024);
    let steps = vec![Step::Logits(vec![0.0; 4])];
    let decoder = ScriptedDecoder::new(4, 1024, steps);
    let options = Options { thinking: Thinking::Off, ..regex("[0-9]{2}") };
    let mut session = session(&facts, decoder);
    let error = Outcome::of(session.ask("2", &options).unwrap()).unwrap_err();
    assert!(matches!(error, Error::Sampling(_)), "{error}");
}

#[test]
fn a_turn_from_a_file_goes_on_in_its_form() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let path = folder.file();
    let options = Options {
        seed: Some(3),
        temperature: Some(1.0),
        thinking: Thinking::tokens(4),
        ..regex("[a-z]{30}")
    };
    let steps = random_steps(9, 60);
    let from = |done: usize| {
        let steps = steps.iter().skip(done).cloned().collect();
        ScriptedDecoder::new(VOCAB, 1024, steps)
    };
    let whole = ask(&mut session(&facts, from(0)), &options);
    assert_eq!((whole.answer.len(), whole.reason()), (30, FinishReason::Stop));
    let ids = whole.token_ids();
    let mut resumed = 0;
    for done in 1..ids.len() + 3 {
        let mut before = session(&facts, from(0));
        before.keep_in(&path, OFTEN).unwrap();
        let mut turn = before.ask("2 + 2 = ?", &options).unwrap();
        let _ = turn.by_ref().take(done).count();
        // As a kill leaves it.
        let left = fs_err::read(&path).unwrap();
        drop(turn);
        drop(before);
        fs_err::write(&path, left).unwrap();
        let (mut probe, _) = restored(&facts, silent(), &path);
        if probe.unfinished().is_none() {
            continue;
        }
        resumed += 1;
        let mut turn = probe.resume(&Options::default()).unwrap();
        let Some(Ok(Event::Started { resumed_tokens, .. })) = turn.next() else { panic!("a turn begins") };
        std::mem::forget(turn);
        let (mut after, _) = restored(&facts, from(resumed_tokens), &path);
        let outcome = Outcome::of(after.resume(&Options::default()).unwrap()).unwrap();
        assert_eq!(outcome.said(), whole.said(), "{done}");
    }
    assert!(resumed > ids.len() / 2, "{resumed} of {}", ids.len());
}

/// A schema and whether a value has its form, each from the same draw.
#[derive(Debug, Clone)]
enum Shape {
    Bool,
    Int(i64, i64),
    Word(usize),
    Choice(Vec<String>),
    List(Box<Shape>, usize),
    Record(Vec<(String, Shape)>),
}

impl Shape {
    fn schema(&self) -> Value {
        match self {
            Self::Bool => json!({"type": "boolean"}),
            Self::Int(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
            Self::Word(longest) => json!({"type": "string", "maxLength": longest}),
            Self::Choice(words) => json!({"enum": words}),
            Self::List(item, most) => json!({"type": "array", "items": item.schema(), "maxItems": most}),
            Self::Record(fields) => {
                let names: Vec<&String> = fields.iter().map(|(name, _)| name).collect();
                let schemas: serde_json::Map<_, _> =
                    fields.iter().map(|(name, shape)| (name.clone(), shape.schema())).collect();
                json!({"type": "object", "properties": schemas, "required": names, "additionalProperties": false})
            }
        }
    }

    fn describes(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool, Value::Bool(_)) => true,
            // `-0` is an integer of JSON, which serde_json reads as a float.
            (Self::Int(low, high), Value::Number(number)) => number
                .as_i64()
                .or((number.as_f64() == Some(0.0)).then_some(0))
                .is_some_and(|number| (*low..=*high).contains(&number)),
            (Self::Word(longest), Value::String(text)) => text.chars().count() <= *longest,
            (Self::Choice(words), Value::String(text)) => words.contains(text),
            (Self::List(item, most), Value::Array(items)) => {
                items.len() <= *most && items.iter().all(|value| item.describes(value))
            }
            (Self::Record(fields), Value::Object(values)) => {
                let holds = |(name, shape): &(String, Shape)| {
                    values.get(name).is_some_and(|value| shape.describes(value))
                };
                values.len() == fields.len() && fields.iter().all(holds)
            }
            _ => false,
        }
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Bool),
        (-50..50_i64, 0..1000_i64).prop_map(|(low, size)| Shape::Int(low, low + size)),
        (0..8_usize).prop_map(Shape::Word),
        prop::collection::vec("[a-zä\"]{1,6}", 1..4).prop_map(Shape::Choice),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            (inner.clone(), 0..3_usize).prop_map(|(item, most)| Shape::List(Box::new(item), most)),
            prop::collection::btree_map("[a-z]{1,5}", inner, 1..4)
                .prop_map(|fields| Shape::Record(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_logits_give_an_answer_in_the_form(shape in shapes(), seed in any::<u64>(), greedy in any::<bool>()) {
        let options = Options {
            thinking: Thinking::tokens(2),
            temperature: Some(if greedy { 0.0 } else { 1.0 }),
            seed: Some(seed),
            max_tokens: None,
            on_loop: wheelwork::OnLoop::Ignore,
            ..schema(shape.schema())
        };
        let outcome = ask(&mut random_session(seed), &options);
        prop_assert_eq!(outcome.reason(), FinishReason::Stop, "{:?}", outcome);
        let value: Value = serde_json::from_str(&outcome.answer).unwrap();
        prop_assert!(shape.describes(&value), "{} of {}", outcome.answer, shape.schema());
    }

    #[test]
    fn any_logits_match_the_expression(
        seed in any::<u64>(), form in prop::sample::select(vec!["[0-9]{3}-[a-f]{4}", "(ja|nein|vielleicht)", "\\s{2}x?ü{1,3}"]),
    ) {
        let options = Options { thinking: Thinking::Off, temperature: Some(1.0), seed: Some(seed), ..regex(form) };
        let outcome = ask(&mut random_session(seed), &options);
        prop_assert_eq!(outcome.reason(), FinishReason::Stop);
        let whole = regex::Regex::new(&format!("^(?:{form})$")).unwrap();
        prop_assert!(whole.is_match(&outcome.answer), "{:?}", outcome.answer);
    }

    #[test]
    fn the_reasoning_is_not_touched(seed in any::<u64>(), length in 1..20_usize) {
        let facts = facts(1024);
        let mut steps = random_steps(seed, length);
        let close = tokens(&facts, "</think>")[0];
        steps.push(Step::Token(close));
        steps.extend(random_steps(seed ^ 1, 20));
        let free = Options { temperature: Some(1.0), seed: Some(seed), max_tokens: Some(60), ..Options::default() };
        let held = Options { output: regex("[0-9]{2}").output, ..free.clone() };
        let run = |options| ask(&mut session(&facts, ScriptedDecoder::new(VOCAB, 1024, steps.clone())), options);
        let (free, held) = (run(&free), run(&held));
        let end = free.token_ids().iter().position(|id| *id == close);
        // Unless the free turn ended in its reasoning, which an answer in a form does not.
        if let Some(end) = end {
            prop_assert_eq!(&free.token_ids()[..=end], &held.token_ids()[..=end]);
            prop_assert_eq!(free.reasoning_ended, held.reasoning_ended);
            prop_assert_eq!(free.reasoning, held.reasoning);
        }
        prop_assert_eq!(held.answer.len(), 2);
    }
}

//! How reasoning ends where the model does not end it: budgets, reserve, `answer_now`, loops.

use std::time::Duration;

use wheelwork::{AnswerNow, Budget, Event, FinishReason, OnLoop, Options, ReasoningEnd, Thinking};
use wheelwork_testing::{Outcome, ScriptedDecoder};

use crate::support::{VOCAB, ask, decoder, facts, script, session, tokens, writes};

/// Reasoning that never ends and never repeats itself; after the closing tag it goes on as an answer.
fn endless() -> String {
    (0..400).map(|number| format!("{number} ")).collect()
}

fn hard_closing() -> Options {
    Options { closing_phrase: Some(String::new()), ..Options::default() }
}

fn ended(outcome: &Outcome) -> (usize, ReasoningEnd) {
    let [ended] = outcome.reasoning_ended[..] else { panic!("{outcome:?}") };
    ended
}

#[test]
fn a_budget_of_tokens_ends_the_reasoning_softly() {
    let options = Options { thinking: Thinking::tokens(5), max_tokens: Some(40), ..Options::default() };
    let outcome = ask(&mut writes(&endless()), &options);
    assert_eq!(ended(&outcome).1, ReasoningEnd::Budget);
    assert!(outcome.reasoning.ends_with("\nSo I answer."), "{outcome:?}");
    assert!(!outcome.answer.is_empty());
}

#[test]
fn a_hard_closing_puts_in_the_tag_alone() {
    let options = Options { thinking: Thinking::tokens(5), max_tokens: Some(20), ..hard_closing() };
    let outcome = ask(&mut writes("7"), &options);
    assert_eq!(outcome.reasoning, "77777");
    assert_eq!(ended(&outcome).1, ReasoningEnd::Budget);
    assert!(outcome.answer.starts_with('7'), "{outcome:?}");
}

#[test]
fn a_budget_that_is_not_used_up_changes_nothing() {
    let options = Options { thinking: Thinking::tokens(500), ..Options::default() };
    let outcome = ask(&mut writes(crate::support::TURN), &options);
    assert_eq!((outcome.answer.as_str(), ended(&outcome).1), ("4", ReasoningEnd::Closed));
}

#[test]
fn a_budget_of_no_tokens_is_no_reasoning() {
    let options = Options { thinking: Thinking::tokens(0), ..Options::default() };
    let outcome = ask(&mut writes("4<｜end▁of▁sentence｜>"), &options);
    assert_eq!(outcome.reasoning_ended, [(0, ReasoningEnd::Skipped)]);
    assert_eq!((outcome.reasoning.as_str(), outcome.answer.as_str()), ("", "4"));
}

#[test]
fn a_budget_of_time_ends_the_reasoning() {
    let facts = facts(1024);
    let slow = || std::thread::sleep(Duration::from_millis(30));
    let decoder = decoder(&facts, &endless()).before_run(3, slow);
    let options = Options {
        thinking: Thinking::Budget(Budget { tokens: Some(100), time: Some(Duration::from_millis(20)) }),
        max_tokens: Some(60),
        ..Options::default()
    };
    let outcome = ask(&mut session(&facts, decoder), &options);
    let (tokens, cause) = ended(&outcome);
    assert_eq!(cause, ReasoningEnd::Budget);
    assert!(tokens < 40, "{tokens}");
}

#[test]
fn the_answer_keeps_its_reserve_of_max_tokens() {
    let options = Options { max_tokens: Some(60), answer_reserve: 20, ..Options::default() };
    let outcome = ask(&mut writes(&endless()), &options);
    let (reasoning, cause) = ended(&outcome);
    assert_eq!(cause, ReasoningEnd::Budget);
    let usage = outcome.usage();
    assert_eq!((outcome.reason(), usage.completion_tokens), (FinishReason::Length, 60));
    // Behind the reasoning stand the closing tag and the empty line, then the reserve.
    let closing = tokens(&facts(1024), "</think>\n\n").len();
    assert_eq!(usage.completion_tokens - reasoning - closing, 20);
}

#[test]
fn the_answer_keeps_its_reserve_of_the_context() {
    let facts = facts(96);
    let decoder = ScriptedDecoder::new(VOCAB, 96, script(&facts, &endless()));
    let options = Options { answer_reserve: 16, ..Options::default() };
    let outcome = ask(&mut session(&facts, decoder), &options);
    let (reasoning, cause) = ended(&outcome);
    assert_eq!(cause, ReasoningEnd::Budget);
    let usage = outcome.usage();
    assert_eq!(outcome.reason(), FinishReason::ContextFull);
    let closing = tokens(&facts, "</think>\n\n").len();
    assert_eq!(usage.completion_tokens - reasoning - closing, 16);
}

#[test]
fn the_answer_comes_when_it_is_asked_for_from_another_thread() {
    let facts = facts(1024);
    let answer_now = AnswerNow::new();
    let button = answer_now.clone();
    let press = move || std::thread::scope(|scope| drop(scope.spawn(|| button.request())));
    let decoder = decoder(&facts, &endless()).before_run(10, press);
    let options = Options { answer_now, max_tokens: Some(60), ..Options::default() };
    let outcome = ask(&mut session(&facts, decoder), &options);
    assert_eq!(ended(&outcome).1, ReasoningEnd::AnswerNow);
    assert!(!outcome.answer.is_empty());
}

#[test]
fn rt_25_a_loop_in_the_reasoning_ends_it() {
    let outcome = ask(&mut writes("7"), &Options { max_tokens: Some(450), ..hard_closing() });
    assert_eq!(ended(&outcome).1, ReasoningEnd::Loop);
    assert_eq!(outcome.reasoning.len(), wheelwork::repetition::needed_run(1) + 1);
    assert!(!outcome.answer.is_empty());
}

#[test]
fn rt_25_a_loop_in_the_answer_ends_the_turn() {
    let outcome = ask(&mut writes("</think>\n\n7"), &Options::default());
    assert_eq!(outcome.reason(), FinishReason::Repetition);
    // After the script's last token, the line end, it writes sevens only.
    assert_eq!(outcome.answer.len(), wheelwork::repetition::needed_run(1) + 1);
}

#[test]
fn the_caller_decides_what_happens_at_a_loop() {
    let on_loop = |on_loop| Options { on_loop, max_tokens: Some(600), ..Options::default() };
    let stopped = ask(&mut writes("7"), &on_loop(OnLoop::Stop));
    assert_eq!(stopped.reason(), FinishReason::Repetition);
    assert!(stopped.reasoning_ended.is_empty());
    let ignored = ask(&mut writes("7"), &on_loop(OnLoop::Ignore));
    assert_eq!(ignored.reason(), FinishReason::Length);
    assert!(ignored.reasoning_ended.is_empty());
}

#[test]
fn the_temperature_is_raised_once_and_said() {
    let options = Options { on_loop: OnLoop::Warm, max_tokens: Some(900), ..Options::default() };
    let mut session = writes("7");
    let events: Vec<Event> = session.ask("hello", &options).unwrap().map(Result::unwrap).collect();
    let raised: Vec<_> =
        events.iter().filter(|event| matches!(event, Event::TemperatureRaised { .. })).collect();
    assert_eq!(raised, [&Event::TemperatureRaised { to: 1.0, period: 1 }]);
    let ended = |event: &Event| matches!(event, Event::ReasoningEnded { cause: ReasoningEnd::Loop, .. });
    assert!(events.iter().any(ended), "the second loop ends the reasoning");
}

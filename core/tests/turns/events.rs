//! What a turn tells: events, stop rules, faults, cancelling.

use wheelwork::chat::Role;
use wheelwork::{CancelToken, Diagnostic, Error, Event, FinishReason, Options, ReasoningEnd, Thinking};
use wheelwork_testing::{Outcome, ScriptedDecoder, Step};

use crate::support::{TURN, VOCAB, ask, decoder, facts, script, session, tokens, writes};

#[test]
fn a_turn_gives_reasoning_its_end_the_answer_and_the_finish() {
    let outcome = ask(&mut writes(TURN), &Options::default());
    assert_eq!(outcome.reasoning, "2+2=4");
    assert_eq!(outcome.answer, "4");
    assert_eq!(outcome.reasoning_ended.len(), 1);
    assert_eq!(outcome.reasoning_ended[0].1, ReasoningEnd::Closed);
    assert_eq!(outcome.reason(), FinishReason::Stop);
    assert_eq!(outcome.token_ids(), tokens(&facts(1024), TURN));
    assert_eq!(outcome.usage().completion_tokens, outcome.token_ids().len());
    assert_eq!(outcome.usage().reasoning_tokens, outcome.reasoning_ended[0].0);
}

#[test]
fn started_comes_before_anything_is_computed() {
    let facts = facts(1024);
    let decoder = ScriptedDecoder::new(VOCAB, 1024, vec![Step::Fail("no device".into())]);
    let mut session = session(&facts, decoder);
    let mut turn = session.ask("hello", &Options::default()).unwrap();
    assert!(matches!(turn.next(), Some(Ok(Event::Started { reused_tokens: 0, .. }))));
    let Some(Err(error)) = turn.next() else { panic!("the run fails") };
    assert_eq!(error.code(), "run_failed");
    assert!(turn.next().is_none(), "nothing follows an error");
}

#[test]
fn max_tokens_ends_a_turn_and_says_so() {
    let outcome = ask(&mut writes(TURN), &Options { max_tokens: Some(3), ..Options::default() });
    assert_eq!((outcome.reason(), outcome.token_ids().len()), (FinishReason::Length, 3));
}

#[test]
fn thinking_off_opens_with_empty_reasoning() {
    let outcome = ask(
        &mut writes("4<｜end▁of▁sentence｜>"),
        &Options { thinking: Thinking::Off, ..Options::default() },
    );
    assert_eq!(outcome.reasoning, "");
    assert_eq!(outcome.reasoning_ended, [(0, ReasoningEnd::Skipped)]);
    assert_eq!(outcome.answer, "4");
}

#[test]
fn a_stop_string_ends_the_answer_and_is_not_shown() {
    let mut session = writes("x\n</think>\n\none two three four");
    let outcome = ask(&mut session, &Options { stop: vec!["three".into()], ..Options::default() });
    assert_eq!(outcome.answer, "one two ");
    assert_eq!(outcome.reason(), FinishReason::Stop);
}

#[test]
fn the_next_turn_reuses_the_cache_up_to_the_users_turn() {
    let mut session = writes(TURN);
    ask(&mut session, &Options::default());
    let cached = session.cached_tokens();
    let mut turn = session.ask("and 3 + 3?", &Options::default()).unwrap();
    let Some(Ok(Event::Started { prompt_tokens, reused_tokens, .. })) = turn.next() else { panic!() };
    // Everything up to the first turn's `<｜Assistant｜>`: the reasoning is dropped by the template.
    let first_prompt =
        tokens(&facts(1024), "<｜begin▁of▁sentence｜><｜User｜>2 + 2 = ?<｜Assistant｜>").len();
    assert_eq!(reused_tokens, first_prompt);
    assert!(prompt_tokens > reused_tokens && reused_tokens < cached);
}

#[test]
fn the_history_holds_what_the_model_wrote() {
    let mut session = writes(TURN);
    ask(&mut session, &Options::default());
    let last = session.messages().last().unwrap();
    assert_eq!(last.role, Role::Assistant);
    assert_eq!(last.content.as_deref(), Some("2+2=4\n</think>\n\n4"));
}

#[test]
fn a_dropped_turn_counts_as_far_as_it_was_read() {
    let mut session = writes(TURN);
    drop(session.ask("2 + 2 = ?", &Options::default()).unwrap());
    assert_eq!(session.messages().len(), 2);
    let outcome = ask(&mut session, &Options::default());
    assert_eq!(outcome.answer, "4");
}

#[test]
fn rt_10_a_cancel_from_another_place_ends_the_turn_within_a_token() {
    let cancel = CancelToken::new();
    let facts = facts(1024);
    let hook = cancel.clone();
    let decoder = decoder(&facts, "7777777777").before_run(4, move || hook.cancel());
    let mut session = session(&facts, decoder);
    let outcome = ask(&mut session, &Options { cancel, ..Options::default() });
    assert_eq!((outcome.reason(), outcome.token_ids().len()), (FinishReason::Cancelled, 4));
    // The session goes on.
    assert_eq!(session.messages().len(), 2);
    let again = ask(&mut session, &Options { max_tokens: Some(2), ..Options::default() });
    assert_eq!(again.reason(), FinishReason::Length);
}

#[test]
fn rt_10_a_cancel_in_prefill_ends_the_turn_without_a_token() {
    let cancel = CancelToken::new();
    let facts = facts(1024);
    let hook = cancel.clone();
    let decoder = decoder(&facts, "7").before_run(0, move || hook.cancel());
    let mut session = session(&facts, decoder);
    let outcome = ask(&mut session, &Options { cancel, ..Options::default() });
    assert_eq!((outcome.reason(), outcome.token_ids().len()), (FinishReason::Cancelled, 0));
}

#[test]
fn rt_14_a_prompt_that_does_not_fit_is_refused_with_both_numbers() {
    let facts = facts(64);
    let mut session = session(&facts, ScriptedDecoder::new(VOCAB, 64, Vec::new()));
    let Err(error) = session.ask(&"1 ".repeat(100), &Options::default()) else { panic!("it does not fit") };
    let Error::PromptTooLong { tokens, limit } = error else { panic!("{error}") };
    assert!(tokens > 64);
    assert_eq!(limit, 64);
    assert!(session.messages().is_empty(), "a refused message is not part of the conversation");
}

#[test]
fn rt_14_a_full_context_inside_the_reasoning_ends_with_its_reason_and_the_text_so_far() {
    let facts = facts(48);
    let mut session = session(&facts, ScriptedDecoder::new(VOCAB, 48, script(&facts, "7")));
    let outcome = ask(&mut session, &Options::default());
    let usage = outcome.usage();
    assert_eq!(outcome.reason(), FinishReason::ContextFull);
    assert!(outcome.reasoning.starts_with("777"));
    // The last token is shown and needs no place in the cache.
    assert_eq!(usage.prompt_tokens + usage.completion_tokens, 48 + 1);
}

#[test]
fn rt_15_sampling_values_out_of_range_are_refused_before_work_starts() {
    for options in [
        Options { temperature: Some(-1.0), ..Options::default() },
        Options { temperature: Some(f32::NAN), ..Options::default() },
        Options { top_p: Some(1.5), ..Options::default() },
        Options { repetition_penalty: Some(0.0), ..Options::default() },
    ] {
        let mut session = writes(TURN);
        assert!(matches!(session.ask("hello", &options), Err(Error::Sampling(_))));
        assert!(session.messages().is_empty());
    }
}

#[test]
fn rt_16_logits_that_are_not_numbers_are_an_error_and_never_a_token() {
    for bad in [vec![f32::NAN; VOCAB], vec![f32::NEG_INFINITY; VOCAB]] {
        let facts = facts(1024);
        let mut session = session(&facts, ScriptedDecoder::new(VOCAB, 1024, vec![Step::Logits(bad)]));
        let result = Outcome::of(session.ask("hello", &Options::default()).unwrap());
        assert!(matches!(result, Err(Error::Sampling(_))), "{result:?}");
    }
}

#[test]
fn rt_17_a_character_cut_by_the_end_is_replaced_and_never_half_shown() {
    let facts = facts(1024);
    // Token by token, an emoji's bytes; the token limit cuts it.
    let ids = tokens(&facts, "</think>\n\n🦀🦀");
    let decoder = ScriptedDecoder::new(VOCAB, 1024, ids.iter().map(|&id| Step::Token(id)).collect());
    let mut session = session(&facts, decoder);
    let outcome = ask(&mut session, &Options { max_tokens: Some(ids.len() - 1), ..Options::default() });
    assert_eq!(outcome.answer, "🦀\u{fffd}");
}

#[test]
fn errors_do_not_repeat_the_prompt() {
    let facts = facts(64);
    let mut session = session(&facts, ScriptedDecoder::new(VOCAB, 64, Vec::new()));
    let Err(error) = session.ask(&"secret ".repeat(100), &Options::default()) else {
        panic!("it does not fit")
    };
    assert!(!format!("{error} {error:?} {}", error.remedy()).contains("secret"));
}

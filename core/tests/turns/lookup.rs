//! Prompt lookup changes how a turn is computed and nothing of what it says.

use proptest::prelude::*;
use wheelwork::{Budget, OnLoop, Options, PromptLookup, Session, Thinking};
use wheelwork_testing::{HookedDecoder, Outcome, ScriptedDecoder, Step, placement};

use crate::support::{VOCAB, ask, facts, session};

/// A model that reads its cache: it goes through a list of words, turns where the sum of all tokens says so, and ends.
fn model(tokens: &[u32]) -> u32 {
    let sum: u32 = tokens.iter().sum();
    if tokens.len() > 150 {
        return 1;
    }
    let last = tokens.last().copied().unwrap_or_default();
    if sum.is_multiple_of(11) { 300 + sum % 7 } else { 300 + (last + 1) % 40 }
}

fn decoder() -> ScriptedDecoder {
    ScriptedDecoder::new(VOCAB, 1024, vec![Step::Of(model)])
}

fn turns(session: &mut Session, options: &Options, lookup: PromptLookup) -> [Outcome; 2] {
    let options = Options { prompt_lookup: lookup, ..options.clone() };
    [ask(session, &options), ask(session, &options)]
}

fn said(turns: &[Outcome; 2]) -> [(&str, &str, &[u32]); 2] {
    turns.each_ref().map(Outcome::said)
}

#[test]
fn drafts_come_true_and_are_counted() {
    let options = Options { on_loop: OnLoop::Ignore, max_tokens: Some(120), ..Options::default() };
    let facts = facts(1024);
    let plain = turns(&mut session(&facts, decoder()), &options, PromptLookup::Off);
    let found = turns(&mut session(&facts, decoder()), &options, PromptLookup::Auto);
    assert_eq!(said(&found), said(&plain));
    let usage = found[0].usage();
    assert!(usage.accepted_tokens > 0 && usage.drafted_tokens >= usage.accepted_tokens, "{usage:?}");
    assert_eq!(plain[0].usage().drafted_tokens, 0);
}

#[test]
fn graphs_that_give_one_row_are_asked_once_and_a_device_that_fails_over_a_draft_goes_on_without() {
    let options = Options { on_loop: OnLoop::Ignore, max_tokens: Some(60), ..Options::default() };
    let facts = facts(1024);
    let plain = turns(&mut session(&facts, decoder()), &options, PromptLookup::Off);
    for runs in [3, 10, 40] {
        let failing = HookedDecoder::failing_after(Box::new(decoder()), runs);
        let mut session = Session::with_decoder(facts.clone(), placement(), Box::new(failing))
            .with_fallback(|_, _| Ok((placement(), Box::new(decoder()))));
        assert_eq!(said(&turns(&mut session, &options, PromptLookup::Auto)), said(&plain), "{runs}");
    }
    let list = || {
        ScriptedDecoder::new(VOCAB, 1024, [300, 301, 302].repeat(9).into_iter().map(Step::Token).collect())
    };
    let options = Options { max_tokens: Some(20), ..options };
    let plain = turns(&mut session(&facts, list()), &options, PromptLookup::Off);
    let found = turns(&mut session(&facts, list()), &options, PromptLookup::Auto);
    assert_eq!(said(&found), said(&plain));
    assert_eq!(found[0].usage().drafted_tokens, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_sampled_turn_says_what_it_says_without_lookup(
        seed in any::<u64>(),
        temperature in 0.0_f32..60.0,
        max_tokens in 1_usize..160,
        think in prop::option::of(0_usize..40),
        context in 60_usize..200,
    ) {
        let options = Options {
            seed: Some(seed),
            temperature: Some(temperature),
            top_k: Some(4),
            repetition_penalty: Some(1.01),
            max_tokens: Some(max_tokens),
            thinking: think.map_or(Thinking::Auto, |tokens| {
                Thinking::Budget(Budget { tokens: Some(tokens), time: None })
            }),
            ..Options::default()
        };
        let facts = facts(context);
        let first = |lookup| {
            let options = Options { prompt_lookup: lookup, ..options.clone() };
            ask(&mut session(&facts, decoder()), &options)
        };
        let (found, plain) = (first(PromptLookup::Auto), first(PromptLookup::Off));
        prop_assert_eq!((found.said(), found.reason()), (plain.said(), plain.reason()));
    }
}

//! Shared prefixes on a real model: the logits behind them are those of a fresh prefill.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/int8.rs"]
mod int8;

use common::largest_difference;
use int8::{open, with_int8_cache};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use wheelwork::chat::Message;
use wheelwork::decoder::Decoder;
use wheelwork::prefix_cache::{BLOCK_TOKENS, PrefixCache};
use wheelwork::{CancelToken, KvForm, Model, OpenOptions, Options, Session};
use wheelwork_testing::Outcome;

/// The largest difference of a logit that the order of additions explains; see `parity.rs`. In 150 cases it was 6e-6.
const FLOAT_TOLERANCE: f32 = 2e-4;
/// The same where it may tip a cached element to the next of its 255 values. In 150 cases it was 0.
const INT8_TOLERANCE: f32 = 0.02;

fn prefilled(model: &Model, parts: &[&[u32]]) -> Box<dyn Decoder> {
    let mut decoder = model.decoder().unwrap();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        decoder.prefill(part).unwrap();
    }
    decoder
}

/// Bit for bit the logits of a session that computed the same tokens in the same two parts; up to rounding those of
/// one that computed them in one.
fn a_filled_cache_gives_the_logits_of_a_computed_one(form: KvForm, tolerance: f32) {
    let (package, text) = with_int8_cache(KvForm::Float);
    let model = open(&package, Some(form)).unwrap();
    let place = any::<prop::sample::Index>;
    let mut runner = TestRunner::new(ProptestConfig::with_cases(12));
    runner
        .run(&(place(), place(), place()), |(stored, shared, held)| {
            // `shared` of the stored tokens come back, behind `held` that the decoder has computed itself.
            let stored = 2 + stored.index(text.len() - 2);
            let shared = 1 + shared.index(stored - 1);
            let held = held.index(shared);
            let prefix: Vec<u32> = text[..stored]
                .iter()
                .enumerate()
                .map(|(n, &id)| if n < shared { id } else { id ^ 1 })
                .collect();
            let cache = PrefixCache::new(1 << 30);
            cache.store(&prefix, &*prefilled(&model, &[&prefix])).unwrap();

            let mut filled = prefilled(&model, &[&text[..held]]);
            prop_assert_eq!(cache.fill(&text, &mut *filled).unwrap(), shared);
            filled.prefill(&text[shared..]).unwrap();
            if held < BLOCK_TOKENS {
                // Everything came from the cache.
                let mut same_parts = prefilled(&model, &[&prefix]);
                same_parts.rewind(shared);
                same_parts.prefill(&text[shared..]).unwrap();
                prop_assert_eq!(filled.logits(), same_parts.logits(), "{} of {}", shared, stored);
            }

            let mut fresh = prefilled(&model, &[&text]);
            let difference = largest_difference(filled.logits(), fresh.logits());
            prop_assert!(difference < tolerance, "{difference}");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_filled_float_cache_gives_the_logits_of_a_computed_one() {
    a_filled_cache_gives_the_logits_of_a_computed_one(KvForm::Float, FLOAT_TOLERANCE);
}

#[test]
fn a_filled_int8_cache_gives_the_logits_of_a_computed_one() {
    a_filled_cache_gives_the_logits_of_a_computed_one(KvForm::Int8, INT8_TOLERANCE);
}

fn answer(session: &mut Session) -> (usize, Vec<u32>) {
    let options = Options { temperature: Some(0.0), max_tokens: Some(80), ..Options::default() };
    let outcome = Outcome::of(session.ask("478 + 256 = ?", &options).unwrap()).unwrap();
    (outcome.prefix_tokens, outcome.token_ids().to_vec())
}

#[test]
fn sessions_of_one_model_share_what_was_marked_and_answer_alike() {
    let (package, _) = with_int8_cache(KvForm::Float);
    let options = OpenOptions { prefix_cache_bytes: 8 << 20, ..OpenOptions::default() };
    let (sharing, alone) =
        (Model::open_with(package.path(), &options).unwrap(), open(&package, None).unwrap());
    let begun = |model: &Model| {
        let mut session = model.session().unwrap();
        for n in 100..110 {
            session.push(Message::user(format!("{n} + 256 = ?")));
            session.push(Message::assistant(format!("{}", n + 256)));
        }
        session
    };
    let shared = begun(&sharing).share_prefix(&CancelToken::new()).unwrap();
    let (prefix, ids) = answer(&mut begun(&sharing));
    assert_eq!(prefix, shared.tokens);
    assert_eq!(answer(&mut begun(&alone)), (0, ids));
    assert!(sharing.prefix_cache().unwrap().usage().bytes > 0);
    assert!(alone.prefix_cache().is_none());
}

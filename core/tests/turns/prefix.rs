//! Prefixes that sessions share: found exactly, bounded, and only what was marked.

use std::sync::Arc;

use proptest::prelude::*;
use wheelwork::chat::Message;
use wheelwork::prefix_cache::PrefixCache;
use wheelwork::{CancelToken, Diagnostic, ModelFacts, Options, Session};
use wheelwork_testing::{Outcome, ScriptedDecoder, Step};

use crate::files::{Folder, restored};
use crate::support::{VOCAB, facts, session};

/// The script's stand-in for keys and values is four bytes a token, as is its id.
const BYTES_PER_TOKEN: usize = 8;

/// A model whose every token depends on every token before it.
fn decoder() -> ScriptedDecoder {
    let digest =
        |tokens: &[u32]| tokens.iter().fold(7, |sum: u32, token| sum.wrapping_mul(31) ^ token) % 1000;
    ScriptedDecoder::new(VOCAB, 1024, vec![Step::Of(digest)])
}

fn sharing(facts: &Arc<ModelFacts>, cache: &Arc<PrefixCache>) -> Session {
    session(facts, decoder()).with_prefix_cache(Arc::clone(cache))
}

fn system(session: &mut Session, text: &str) {
    session.clear();
    session.push(Message::system(text));
}

/// Tokens reused and of these taken from the prefix cache; the answer's tokens.
fn ask(session: &mut Session, text: &str) -> (usize, usize, Vec<u32>) {
    let options = Options { max_tokens: Some(8), ..Options::default() };
    let outcome = Outcome::of(session.ask(text, &options).unwrap()).unwrap();
    (outcome.usage().reused_tokens, outcome.prefix_tokens, outcome.token_ids().to_vec())
}

#[test]
fn a_marked_prefix_is_not_computed_again_by_another_session() {
    let (facts, cache) = (facts(1024), Arc::new(PrefixCache::new(1 << 20)));
    let rules = "Answer in one word. ".repeat(20);
    let mut first = sharing(&facts, &cache);
    system(&mut first, &rules);
    let shared = first.share_prefix(&CancelToken::new()).unwrap();
    assert_eq!(shared.computed_tokens, shared.tokens);
    assert!(shared.tokens > 100);

    let mut second = sharing(&facts, &cache);
    system(&mut second, &rules);
    let (reused, prefix, with_cache) = ask(&mut second, "2 + 2 = ?");
    assert_eq!((reused, prefix), (shared.tokens, shared.tokens));
    let mut fresh = session(&facts, decoder());
    system(&mut fresh, &rules);
    assert_eq!(ask(&mut fresh, "2 + 2 = ?"), (0, 0, with_cache));
    // Its own cache is nearer.
    let (reused, prefix, _) = ask(&mut second, "and 3 + 3?");
    assert!(reused > shared.tokens && prefix == 0);
    // Sharing what is known costs nothing; a fork shares, too.
    let mut again = second.fork().unwrap();
    system(&mut again, &rules);
    assert_eq!(again.share_prefix(&CancelToken::new()).unwrap().computed_tokens, 0);
    assert_eq!(cache.usage().entries, 1);
}

#[test]
fn rt_23_nothing_is_shared_unasked() {
    let (facts, cache) = (facts(1024), Arc::new(PrefixCache::new(1 << 20)));
    let mut first = sharing(&facts, &cache);
    system(&mut first, "secret");
    ask(&mut first, "my diary");
    assert_eq!(cache.usage().entries, 0, "a turn marks nothing");
    let (reused, prefix, _) = ask(&mut sharing(&facts, &cache), "my diary");
    assert_eq!((reused, prefix), (0, 0));
    // Without a cache there is nothing to share with, and what a person wrote is not a prefix.
    let error = session(&facts, decoder()).share_prefix(&CancelToken::new()).unwrap_err();
    assert_eq!(error.code(), "prefix_cache_off");
    first.push(Message::user("my diary"));
    assert_eq!(first.share_prefix(&CancelToken::new()).unwrap_err().code(), "prefix_ends_with_user");
}

#[test]
fn a_prefix_that_can_never_fit_is_refused_before_it_is_computed() {
    let (facts, cache) = (facts(1024), Arc::new(PrefixCache::new(20 * BYTES_PER_TOKEN as u64)));
    let mut session = sharing(&facts, &cache);
    system(&mut session, &"1 ".repeat(40));
    assert_eq!(session.share_prefix(&CancelToken::new()).unwrap_err().code(), "prefix_too_large");
    assert_eq!(session.cached_tokens(), 0);
}

#[test]
fn a_cancelled_sharing_leaves_the_session_and_the_cache_usable() {
    let (facts, cache) = (facts(1024), Arc::new(PrefixCache::new(1 << 20)));
    let cancel = CancelToken::new();
    let hook = cancel.clone();
    let decoder = decoder().before_run(0, move || hook.cancel());
    let mut session = session(&facts, decoder).with_prefix_cache(Arc::clone(&cache));
    system(&mut session, "Be brief.");
    assert_eq!(session.share_prefix(&cancel).unwrap_err().code(), "interrupted");
    assert_eq!(cache.usage().entries, 0);
    assert!(session.share_prefix(&CancelToken::new()).unwrap().computed_tokens > 0);
}

#[test]
fn a_session_in_a_file_that_began_with_a_shared_prefix_comes_back_whole() {
    let (folder, facts) = (Folder::new(), facts(1024));
    let (file, cache) = (folder.file(), Arc::new(PrefixCache::new(1 << 20)));
    let mut first = sharing(&facts, &cache);
    system(&mut first, &"Be brief. ".repeat(30));
    first.share_prefix(&CancelToken::new()).unwrap();
    let mut second = sharing(&facts, &cache);
    second.keep_in(&file, wheelwork::Autosave::default()).unwrap();
    // What the file holds of another prefix is overwritten.
    system(&mut second, &"Be brief. ".repeat(10));
    ask(&mut second, "1");
    system(&mut second, &"Be brief. ".repeat(30));
    assert!(ask(&mut second, "2 + 2 = ?").1 > 0);
    let (mut restored, _) = restored(&facts, decoder(), &file);
    assert_eq!(restored.cached_tokens(), second.cached_tokens());
    assert_eq!(ask(&mut restored, "and 3 + 3?"), ask(&mut second, "and 3 + 3?"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Many sessions with prefixes of every kind and a cache too small for all: each answers like a fresh one.
    #[test]
    fn whatever_was_shared_and_forgotten_answers_stay_the_same(
        deeds in prop::collection::vec((0..3_usize, 0..60_usize, any::<bool>()), 1..25),
        limit_tokens in 60..400_usize,
    ) {
        let limit_bytes = (limit_tokens * BYTES_PER_TOKEN) as u64;
        let (facts, cache) = (facts(1024), Arc::new(PrefixCache::new(limit_bytes)));
        let mut sessions = [sharing(&facts, &cache), sharing(&facts, &cache), sharing(&facts, &cache)];
        for (who, words, shares) in deeds {
            let rules = "1 2 3 4 5 6 7 ".repeat(words % 20) + &"8 ".repeat(words / 20);
            let session = &mut sessions[who];
            system(session, &rules);
            if shares {
                match session.share_prefix(&CancelToken::new()) {
                    Ok(_) => {}
                    Err(error) => prop_assert_eq!(error.code(), "prefix_too_large"),
                }
            }
            let mut fresh = crate::support::session(&facts, decoder());
            system(&mut fresh, &rules);
            prop_assert_eq!(ask(session, "2 + 2 = ?").2, ask(&mut fresh, "2 + 2 = ?").2);
            let usage = cache.usage();
            prop_assert!(usage.bytes <= limit_bytes);
            prop_assert_eq!(usage.bytes, (usage.tokens * BYTES_PER_TOKEN) as u64);
        }
    }
}

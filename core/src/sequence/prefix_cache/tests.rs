//! What is kept, found and dropped, on a decoder whose keys and values are its tokens.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::ScriptedDecoder;

/// Four bytes of id and four that stand for keys and values.
const BYTES_PER_TOKEN: u64 = 8;

fn decoder() -> ScriptedDecoder {
    ScriptedDecoder::new(16, 4096, Vec::new())
}

fn store(cache: &PrefixCache, ids: &[u32]) {
    let mut decoder = decoder();
    decoder.prefill(ids).unwrap();
    cache.store(ids, &decoder).unwrap();
}

/// Tokens found for `ids` behind `held` of them; checked to be those of `ids`.
fn found(cache: &PrefixCache, ids: &[u32], held: usize) -> usize {
    let mut decoder = decoder();
    decoder.prefill(&ids[..held]).unwrap();
    let tokens = cache.fill(ids, &mut decoder).unwrap();
    let mut kv = Vec::new();
    decoder.read_kv(0..tokens, &mut kv).unwrap();
    let expected: Vec<u8> = ids[..tokens].iter().flat_map(|id| id.to_le_bytes()).collect();
    assert_eq!((decoder.len(), kv), (tokens, expected));
    tokens
}

fn ids(count: u32) -> Vec<u32> {
    (0..count).collect()
}

#[test]
fn the_longest_common_prefix_is_found_to_the_token() {
    let cache = PrefixCache::new(1 << 20);
    store(&cache, &ids(200));
    assert_eq!(found(&cache, &ids(300), 0), 200);
    assert_eq!(found(&cache, &ids(130), 0), 130);
    assert_eq!(found(&cache, &ids(130), 129), 130);
    assert_eq!(found(&cache, &[&ids(70)[..], &[7; 20]].concat(), 0), 70);
    assert_eq!(found(&cache, &[7; 20], 0), 0);
    // Nothing beyond what is held.
    assert_eq!(found(&cache, &ids(300), 220), 220);
}

#[test]
fn what_entries_share_is_stored_once() {
    let cache = PrefixCache::new(1 << 20);
    store(&cache, &[&ids(150)[..], &[7; 10]].concat());
    store(&cache, &[&ids(150)[..], &[8; 10]].concat());
    // Two blocks of 64 in common.
    let usage = cache.usage();
    assert_eq!((usage.entries, usage.tokens), (2, 2 * 160 - 128));
    assert_eq!(usage.bytes, usage.tokens as u64 * BYTES_PER_TOKEN);
}

#[test]
fn an_entry_that_another_begins_with_is_not_kept_beside_it() {
    let cache = PrefixCache::new(1 << 20);
    store(&cache, &ids(100));
    store(&cache, &ids(300));
    store(&cache, &ids(200));
    let usage = cache.usage();
    assert_eq!((usage.entries, usage.tokens), (1, 300));
}

#[test]
fn the_longest_unused_entry_makes_room() {
    let cache = PrefixCache::new(250 * BYTES_PER_TOKEN);
    for first in [1000, 2000] {
        store(&cache, &(first..first + 100).collect::<Vec<_>>());
    }
    assert_eq!(found(&cache, &(1000..1100).collect::<Vec<_>>(), 0), 100);
    store(&cache, &(3000..3100).collect::<Vec<_>>());
    assert_eq!(found(&cache, &(1000..1100).collect::<Vec<_>>(), 0), 100);
    assert_eq!(found(&cache, &(2000..2100).collect::<Vec<_>>(), 0), 0);
    assert_eq!(cache.usage().entries, 2);
}

#[test]
fn an_entry_that_never_fits_is_refused_and_drops_nothing() {
    let cache = PrefixCache::new(250 * BYTES_PER_TOKEN);
    store(&cache, &ids(200));
    let error = cache.store(&[7; 251], &decoder()).unwrap_err();
    assert!(
        matches!(error, PrefixError::TooLarge { tokens: 251, bytes: 2008, limit_bytes: 2000 }),
        "{error}"
    );
    assert_eq!(cache.usage().tokens, 200);
    cache.clear();
    assert_eq!(cache.usage(), PrefixUsage { entries: 0, tokens: 0, bytes: 0, limit_bytes: 2000 });
}

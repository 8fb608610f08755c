//! The int8 key-value cache beside the float one: the same logits up to its rounding, however the tokens arrive.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/int8.rs"]
mod int8;

use common::{TemporaryPackage, largest_difference};
use int8::{open, with_int8_cache};
use wheelwork::{CancelToken, Diagnostic, KvForm, Model};
use wheelwork_quantize::recipe::FLOAT;

/// Wider than what rounding to 1/127 of each channel's range does to logits of tiny-r1 (0.05), narrower than a wrong scale.
const MAX_ERROR: f32 = 0.3;

fn last_logits(model: &Model, chunks: &[&[u32]]) -> Vec<f32> {
    let mut decoder = model.decoder().unwrap();
    for chunk in chunks {
        decoder.prefill(chunk).unwrap();
    }
    decoder.logits().to_vec()
}

#[test]
fn an_int8_cache_gives_the_float_logits_up_to_its_rounding() {
    let (package, ids) = with_int8_cache(KvForm::Float);
    let (float, int8) = (open(&package, None).unwrap(), open(&package, Some(KvForm::Int8)).unwrap());
    assert_eq!((float.placement().kv_cache, int8.placement().kv_cache), (KvForm::Float, KvForm::Int8));
    assert_eq!(float.kv_shape().bytes(1), 4 * int8.kv_shape().bytes(1));
    assert!(int8.kv_ranges(&ids, &CancelToken::new()).unwrap().is_none());

    let expected = last_logits(&float, &[&ids]);
    let whole = last_logits(&int8, &[&ids]);
    let error = largest_difference(&whole, &expected);
    assert!(error > 0.0 && error < MAX_ERROR, "the largest difference is {error}");

    // In chunks, past the first capacity of the cache, and across a rewind: what is cached is cached once.
    assert_eq!(last_logits(&int8, &[&ids[..7], &ids[7..200], &ids[200..]]), whole);
    let mut decoder = int8.decoder().unwrap();
    decoder.prefill(&ids).unwrap();
    decoder.prefill(&ids).unwrap();
    assert!(decoder.len() > wheelwork::kv_cache::FIRST_CAPACITY_TOKENS);
    decoder.rewind(100);
    decoder.prefill(&ids[100..]).unwrap();
    assert!(largest_difference(decoder.logits(), &whole) < 1e-4);

    // Token by token.
    let mut seen = 0;
    int8.score(&ids, ids.len() - 3, &CancelToken::new(), &mut |position, logits| {
        seen += 1;
        if position == ids.len() - 1 {
            assert!(largest_difference(logits, &whole) < MAX_ERROR);
        }
    })
    .unwrap();
    assert_eq!(seen, 3);
}

#[test]
fn the_card_chooses_and_the_caller_overrides() {
    let (package, _) = with_int8_cache(KvForm::Int8);
    assert_eq!(open(&package, None).unwrap().placement().kv_cache, KvForm::Int8);
    assert_eq!(open(&package, Some(KvForm::Float)).unwrap().placement().kv_cache, KvForm::Float);
    let records = &wheelwork_package::open(&package.path()).unwrap().card.unwrap().variants["cpu"];
    for record in records {
        record.check_content(&package.path().join("cpu")).unwrap();
    }

    let plain = TemporaryPackage::of("tiny-r1", FLOAT);
    let error = open(&plain, Some(KvForm::Int8)).err().unwrap();
    assert_eq!(error.code(), "no_int8_kv_cache");
}

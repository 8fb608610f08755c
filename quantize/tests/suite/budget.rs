//! Mixed precision: within the budget, better with more of it, the same each time.

use std::collections::BTreeSet;

use wheelwork_package::files::names;
use wheelwork_quantize::Budget::{BitsPerWeight, Bytes};
use wheelwork_quantize::estimate::estimate;
use wheelwork_quantize::recipe::{BALANCED, FLOAT, Recipe};
use wheelwork_quantize::scheme::BlockSize;
use wheelwork_quantize::{Options, QuantizeError, Report, RequestError, quantize};

use crate::assert_matches::assert_matches;
use crate::checkpoint::Tiny;

fn run(tiny: &Tiny, recipe: Recipe, bits_per_weight: f64) -> Result<Report, QuantizeError> {
    let options = Options {
        recipe,
        budget: Some(BitsPerWeight(bits_per_weight)),
        overwrite: true,
        ..Options::default()
    };
    quantize(&tiny.path(), &tiny.out(), &options, &())
}

/// Mean relative error of all tensors.
fn error(report: &Report) -> f64 {
    let tensors = &report.card.quantization.tensors;
    tensors.iter().map(|tensor| tensor.relative_mse).sum::<f64>() / tensors.len() as f64
}

#[test]
fn more_bits_buy_less_error() {
    let tiny = Tiny::qwen2().written();
    let mut before = f64::INFINITY;
    let mut seen = BTreeSet::new();
    for bits in [4.2, 5.0, 6.0, 7.0, 8.4] {
        let report = run(&tiny, BALANCED, bits).unwrap();
        let now = error(&report);
        assert!(now < before, "{bits} bits: {now} after {before}");
        before = now;
        let quantization = &report.card.quantization;
        let spent = quantization.true_bits_per_weight.unwrap();
        assert!(spent <= bits && spent > bits - 0.4, "{spent} of {bits}: the mean of all matrices");
        seen.extend(quantization.tensors.iter().map(|tensor| tensor.bits));
        assert_eq!(report.card, run(&tiny, BALANCED, bits).unwrap().card, "the same each time");
    }
    assert!(seen.contains(&5) && seen.contains(&6) && seen.contains(&8), "{seen:?}");
}

#[test]
fn a_size_is_kept_and_the_smallest_is_named() {
    let tiny = Tiny::tied().written();
    let size = |bytes| {
        let options = Options { budget: Some(Bytes(bytes)), overwrite: true, ..Options::default() };
        quantize(&tiny.path(), &tiny.out(), &options, &())
    };
    let Err(QuantizeError::Request(RequestError::SizeBudget { asked: 1000, least })) = size(1000) else {
        panic!("1,000 bytes must be refused");
    };
    let smallest = size(least).unwrap().card.quantization.true_bits_per_weight.unwrap();
    let larger = size(least + 20_000).unwrap().card.quantization.true_bits_per_weight.unwrap();
    assert!(smallest < 4.3 && larger > smallest, "{smallest} and {larger}");
    assert!(size(least - 1).is_err());
}

#[test]
fn a_budget_out_of_reach_is_refused_with_the_range() {
    let tiny = Tiny::llama().written();
    for asked in [3.0, 12.0, f64::NAN] {
        let Err(QuantizeError::Request(RequestError::Budget { least, greatest, .. })) =
            run(&tiny, BALANCED, asked)
        else {
            panic!("{asked} bits must be refused");
        };
        assert!(least > 3.2 && least < 4.3 && greatest > 8.0 && greatest < 9.1, "{least} to {greatest}");
    }
    let error = run(&tiny, FLOAT, 5.0).unwrap_err();
    assert_matches!(error, QuantizeError::Request(RequestError::NothingToMix { .. }));
    assert_eq!(tiny.siblings(), ["tiny"]);
}

#[test]
fn blocks_that_were_asked_for_are_kept() {
    let tiny = Tiny::qwen3().written();
    let report = run(&tiny, BALANCED.with_block_size(BlockSize::Of16), 7.5).unwrap();
    let tensors = &report.card.quantization.tensors;
    let eight_bit = tensors.iter().filter(|tensor| tensor.bits == 8).count();
    assert!(eight_bit > 0 && eight_bit < tensors.len());
    assert!(tensors.iter().all(|tensor| tensor.block_size == 16));
}

#[test]
fn an_estimate_is_the_size_that_comes_out_and_writes_nothing() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded();
    for budget in [None, Some(BitsPerWeight(6.0))] {
        let options = Options { budget, overwrite: true, ..Options::default() };
        let estimate = estimate(&tiny.path(), &options, &()).unwrap();
        assert_eq!(tiny.siblings(), ["tiny"]);
        let report = quantize(&tiny.path(), &tiny.out(), &options, &()).unwrap();
        let bytes = |name| fs_err::metadata(tiny.out().join("cpu").join(name)).unwrap().len();
        assert_eq!(estimate.package_bytes, bytes(names::WEIGHTS) + bytes(names::GRAPH));
        assert_eq!(estimate.bits_per_weight, report.card.quantization.bits_per_weight);
        assert_eq!(Some(estimate.true_bits_per_weight), report.card.quantization.true_bits_per_weight);
        assert!(estimate.expected_kl > 0.0 && estimate.true_package_bytes < estimate.package_bytes);
        let weights: usize = tiny.tensors.values().map(|tensor| tensor.bytes.len()).sum();
        assert_eq!(estimate.checkpoint_bytes, weights as u64);
        fs_err::remove_dir_all(tiny.out()).unwrap();
    }
}

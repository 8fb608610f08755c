//! Mixed precision: within the budget, better with more of it, the same each time.

use wheelwork_package::files::names;
use wheelwork_quantize::estimate::estimate;
use wheelwork_quantize::recipe::{BALANCED, FLOAT, Recipe};
use wheelwork_quantize::scheme::BlockSize;
use wheelwork_quantize::{Options, QuantizeError, Report, RequestError, quantize};

use crate::checkpoint::Tiny;

fn run(tiny: &Tiny, recipe: Recipe, bits_per_weight: f64) -> Result<Report, QuantizeError> {
    let options =
        Options { recipe, bits_per_weight: Some(bits_per_weight), overwrite: true, ..Options::default() };
    quantize(&tiny.path(), &tiny.out(), &options, &())
}

/// Mean relative error of the layers' tensors, and how many are in 8 bits.
fn outcome(report: &Report) -> (f64, usize) {
    let tensors = &report.card.quantization.tensors;
    let layers: Vec<_> = tensors.iter().filter(|tensor| tensor.name.starts_with("model.layers.")).collect();
    let error = layers.iter().map(|tensor| tensor.relative_mse).sum::<f64>() / layers.len() as f64;
    (error, layers.iter().filter(|tensor| tensor.bits == 8).count())
}

#[test]
fn more_bits_buy_less_error() {
    let tiny = Tiny::qwen2();
    tiny.write();
    let mut before = (f64::INFINITY, 0);
    for bits in [5.2, 6.0, 7.0, 8.0] {
        let report = run(&tiny, BALANCED, bits).unwrap();
        let now = outcome(&report);
        assert!(now.0 < before.0 && now.1 >= before.1, "{bits} bits: {now:?} after {before:?}");
        before = now;
        assert_eq!(report.card, run(&tiny, BALANCED, bits).unwrap().card, "the same each time");
    }
    assert!(before.1 > 5, "{} tensors in 8 bits", before.1);
}

#[test]
fn a_budget_out_of_reach_is_refused_with_the_range() {
    let tiny = Tiny::llama();
    tiny.write();
    for asked in [3.0, 12.0, f64::NAN] {
        let Err(QuantizeError::Request(RequestError::Budget { least, greatest, .. })) =
            run(&tiny, BALANCED, asked)
        else {
            panic!("{asked} bits must be refused");
        };
        assert!(least > 4.0 && least < 5.3 && greatest > 8.0 && greatest < 9.1, "{least} to {greatest}");
    }
    let error = run(&tiny, FLOAT, 5.0).unwrap_err();
    assert!(matches!(error, QuantizeError::Request(RequestError::NothingToMix { .. })), "{error}");
    assert_eq!(tiny.siblings(), ["tiny"]);
}

#[test]
fn blocks_that_were_asked_for_are_kept() {
    let tiny = Tiny::qwen3();
    tiny.write();
    let report = run(&tiny, BALANCED.with_block_size(BlockSize::Of16), 7.5).unwrap();
    let (_, eight_bit) = outcome(&report);
    let tensors = &report.card.quantization.tensors;
    assert!(eight_bit > 0 && eight_bit < tensors.len() - 2);
    assert!(tensors[1..].iter().all(|tensor| tensor.block_size == 16));
}

#[test]
fn an_estimate_is_the_size_that_comes_out_and_writes_nothing() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded();
    for bits_per_weight in [None, Some(6.0)] {
        let options = Options { bits_per_weight, overwrite: true, ..Options::default() };
        let estimate = estimate(&tiny.path(), &options, &()).unwrap();
        assert_eq!(tiny.siblings(), ["tiny"]);
        let report = quantize(&tiny.path(), &tiny.out(), &options, &()).unwrap();
        let bytes = |name| fs_err::metadata(tiny.out().join("cpu").join(name)).unwrap().len();
        assert_eq!(estimate.package_bytes, bytes(names::WEIGHTS) + bytes(names::GRAPH));
        assert_eq!(estimate.bits_per_weight, report.card.quantization.bits_per_weight);
        let weights: usize = tiny.tensors.values().map(|tensor| tensor.bytes.len()).sum();
        assert_eq!(estimate.checkpoint_bytes, weights as u64);
        fs_err::remove_dir_all(tiny.out()).unwrap();
    }
}

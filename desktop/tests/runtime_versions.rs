//! What older versions of ONNX Runtime lack is named, and the rest runs. `cargo xtask runtimes` runs this with those that
//! phones have; everywhere else it runs with the newest.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/int8.rs"]
mod int8;

use std::ops::ControlFlow;

use common::TemporaryPackage;
use int8::{open, with_int8_cache};
use wheelwork::device::NotUsedReason;
use wheelwork::{Diagnostic, KernelSet, Kernels, KvForm, Model, OpenOptions, Prepared};
use wheelwork_ort::Version;
use wheelwork_ort::version::{INT8_KV_CACHE, SAVED_PACKED_WEIGHTS};
use wheelwork_quantize::recipe::BALANCED;

/// The library that the variable names is the one that is loaded, so the test knows what it tests.
fn version() -> Version {
    let runtime = wheelwork_ort::environment().unwrap();
    if let Ok(expected) = std::env::var("WHEELWORK_EXPECT_ONNXRUNTIME") {
        assert_eq!(runtime.version.to_string(), expected, "{}", runtime.path.display());
    }
    runtime.version
}

#[test]
fn rt_01_an_int8_cache_that_the_runtime_cannot_load_is_named_and_float_runs() {
    let is_old = version() < INT8_KV_CACHE;
    let (package, _) = with_int8_cache(KvForm::Int8);
    let model = open(&package, None).unwrap();
    let row = model.placement().not_used.iter().find(|row| row.reason == NotUsedReason::RuntimeTooOld);
    let form = if is_old { KvForm::Float } else { KvForm::Int8 };
    assert_eq!((model.placement().kv_cache, row.is_some()), (form, is_old));
    if let Some(row) = row {
        let detail = row.detail.as_deref().unwrap();
        assert!(detail.contains("1.26.0") && detail.contains(&version().to_string()), "{detail}");
    }
    let mut decoder = model.decoder().unwrap();
    decoder.prefill(&[5, 6, 7]).unwrap();
    assert!(decoder.logits().iter().all(|logit| logit.is_finite()));

    match open(&package, Some(KvForm::Int8)) {
        Ok(model) => assert!(!is_old && model.placement().kv_cache == KvForm::Int8),
        Err(error) => assert!(is_old && error.code() == "onnxruntime_too_old", "{error}"),
    }
}

#[test]
fn rt_01_preparing_needs_a_runtime_that_saves_packed_weights_and_says_so() {
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let cache_dir = Some(package.path().parent().unwrap().join("cache"));
    let options = OpenOptions { cache_dir, kernels: Kernels::Off, ..OpenOptions::default() };
    let prepared = wheelwork::prepare(package.path(), &options, &mut |_| ControlFlow::Continue(()));
    match prepared {
        Ok(report) => assert!(report.is_new && version() >= SAVED_PACKED_WEIGHTS),
        Err(error) => {
            assert!(version() < SAVED_PACKED_WEIGHTS, "{error}");
            assert_eq!(error.code(), "prepare_onnxruntime_too_old");
            assert!(error.to_string().contains("1.28.0"), "{error}");
        }
    }
}

#[test]
fn any_version_prepares_a_model_with_our_kernels() {
    let package = TemporaryPackage::of("tiny-r1", BALANCED);
    let cache_dir = Some(package.path().parent().unwrap().join("cache"));
    let options = OpenOptions { cache_dir, kernels: Kernels::Own, ..OpenOptions::default() };
    let report = wheelwork::prepare(package.path(), &options, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(report.is_new && report.kernels.iter().all(|choice| choice.is_ours));
    let model = Model::open_with(package.path(), &options).unwrap();
    assert_eq!(model.placement().prepared, Prepared::Used);
    assert_ne!(model.placement().kernels, KernelSet::OnnxRuntime);
}

//! Second moments of a short text: the same on any number of threads, closer to the checkpoint than without, and refused where
//! there is nothing to measure.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelwork_calibrate::moments::{DEFAULT_BUDGET, is_short, measure, measure_or_load};
use wheelwork_calibrate::{CalibrateError, Text, TextBudget, Watch};
use wheelwork_diagnostic::Diagnostic as _;
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::{Budget, Moments, Options, quantize};

fn checkpoint(name: &str) -> Checkpoint {
    Checkpoint::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)).unwrap()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

fn moments(checkpoint: &Checkpoint) -> Moments {
    let folder = tempfile::tempdir().unwrap();
    let text = Text::built_in(checkpoint, None, DEFAULT_BUDGET).unwrap();
    measure(checkpoint, &text, folder.path(), &()).unwrap()
}

#[test]
fn every_family_has_moments_and_they_are_the_same_each_time() {
    for name in ["tiny-r1", "families/qwen2", "families/qwen3", "families/llama"] {
        let checkpoint = checkpoint(name);
        assert!(is_short(&checkpoint.config, DEFAULT_BUDGET.tokens));
        let found = moments(&checkpoint);
        assert_eq!(found, moments(&checkpoint), "{name}");
        assert!((200..=512).contains(&found.source().tokens), "{name}: {}", found.source().tokens);
    }
}

#[test]
fn a_package_made_with_moments_is_the_same_on_any_number_of_threads_and_says_so() {
    let moments = Arc::new(moments(&checkpoint("tiny-r1")));
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, threads: usize, moments: Option<Arc<Moments>>| {
        let options = Options { moments, budget: Some(Budget::BitsPerWeight(4.8)), ..Options::default() };
        let out = folder.path().join(name);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let report = pool.install(|| quantize(&path("tiny-r1"), &out, &options, &())).unwrap();
        let weights = fs_err::read(out.join("cpu/model.onnx.data")).unwrap();
        (weights, report.card.quantization.recipe)
    };
    let (one, recipe) = made("one", 1, Some(moments.clone()));
    let (three, _) = made("three", 3, Some(moments.clone()));
    assert!(one == three);
    assert_eq!(recipe["importance"]["tokens"], moments.source().tokens);
    let (without, recipe) = made("without", 2, None);
    assert!(one != without && recipe.get("importance").is_none());
}

#[test]
fn a_pass_that_was_made_is_not_made_again() {
    struct Counts(std::cell::Cell<usize>);
    impl Watch for Counts {
        fn passes(&self, _: usize, _: usize) {
            self.0.set(self.0.get() + 1);
        }
    }
    let checkpoint = checkpoint("families/llama");
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("moments");
    let watch = Counts(0.into());
    let measured = measure_or_load(&checkpoint, None, DEFAULT_BUDGET, &cache, &watch).unwrap();
    let passes = watch.0.get();
    assert!(passes > 0);
    let loaded = measure_or_load(&checkpoint, None, DEFAULT_BUDGET, &cache, &watch).unwrap();
    assert_eq!((loaded, watch.0.get()), (measured, passes));
    let names: Vec<_> = fs_err::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "activations leave no file");
}

#[test]
fn ck_29_texts_that_hold_nothing_are_refused_and_short_ones_are_read() {
    let checkpoint = checkpoint("tiny-r1");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    for content in [&b""[..], b" \n\t ", b"\xff\xfe\x00\x01", b"\x89PNG\r\n\x1a\n\x00"] {
        fs_err::write(&file, content).unwrap();
        let error = Text::built_in(&checkpoint, Some(&file), DEFAULT_BUDGET).unwrap_err();
        let CalibrateError::TextFile { path, .. } = &error else { panic!("{error}") };
        assert_eq!((path, error.diagnosis().code), (&file, "calibration_text"));
    }
    fs_err::write(&file, "2 + 2 = ?").unwrap();
    for budget in [
        DEFAULT_BUDGET,
        TextBudget { tokens: 8, sequence_tokens: 1 },
        TextBudget { tokens: 64, sequence_tokens: 1 << 40 },
    ] {
        let text = Text::built_in(&checkpoint, Some(&file), budget).unwrap();
        assert!(text.tokens() > 0 && text.tokens() <= budget.tokens, "{}", text.tokens());
        measure(&checkpoint, &text, folder.path(), &()).unwrap();
    }
}

#[test]
fn ck_29_a_pass_that_cannot_keep_its_activations_fails_and_leaves_nothing() {
    let checkpoint = checkpoint("families/qwen2");
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let error = measure_or_load(&checkpoint, None, DEFAULT_BUDGET, &gone.join("moments"), &()).unwrap_err();
    assert!(matches!(error, CalibrateError::Spill { .. }), "{error}");
    assert!(!gone.exists());
}

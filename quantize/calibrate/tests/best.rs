//! A calibrated package of the small model: closer to the checkpoint than the same bits without calibration, the same
//! after a stop, with its calibration in the card.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use wheelwork::{CancelToken, Model, OpenOptions};
use wheelwork_calibrate::{
    BestReport, CalibrateError, CalibrationOptions, Reference, ReferenceOptions, TextBudget, Watch,
    quantize_best,
};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::{Budget, Options, Progress, QuantizeError, quantize};

/// Trained, so that being close to it means something.
fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tiny-r1")
}

/// Random and smaller.
fn smaller() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/families/qwen2")
}

/// Asks to stop after a number of sequences have passed a layer.
struct StopAfter(usize, AtomicUsize);

impl StopAfter {
    fn passes(count: usize) -> Self {
        Self(count, AtomicUsize::new(0))
    }
}

impl Progress for StopAfter {}

impl Watch for StopAfter {
    fn passes(&self, _: usize, _: usize) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.1.load(Ordering::Relaxed) >= self.0
    }
}

fn best(
    checkpoint: &Path,
    out: &Path,
    resume: bool,
    watch: &StopAfter,
) -> Result<BestReport, CalibrateError> {
    best_on(1, checkpoint, out, resume, watch)
}

fn best_on(
    threads: usize,
    checkpoint: &Path,
    out: &Path,
    resume: bool,
    watch: &StopAfter,
) -> Result<BestReport, CalibrateError> {
    let options = Options { recipe: BALANCED, resume, ..Options::default() };
    let calibration = CalibrationOptions {
        budget: TextBudget { tokens: 800, sequence_tokens: 96 },
        threads: Some(threads),
        ..CalibrationOptions::default()
    };
    quantize_best(checkpoint, out, &options, &calibration, watch)
}

/// Mean Kullback-Leibler divergence of a package from the checkpoint over some problems' chains, in nats.
fn divergence(package: &Path) -> f64 {
    let model = Model::open_with(package, &OpenOptions { threads: Some(1), ..Default::default() }).unwrap();
    let texts = ["347 + 286 = ?", "What is 903 - 478?", "Which is larger, 4.07 or 4.7?", "35 km = ? m"];
    let mut sequences = Vec::new();
    for text in texts {
        let mut session = model.session().unwrap();
        let options = wheelwork::Options { temperature: Some(0.0), ..Default::default() };
        let ids = session.facts().tokenizer.encode_plain(text).unwrap();
        let mut sequence = ids;
        for event in session.ask(text, &options).unwrap() {
            if let wheelwork::Event::Finished { token_ids, .. } = event.unwrap() {
                sequence.extend(token_ids);
            }
        }
        sequences.push(sequence);
    }
    let mut found = Vec::new();
    for sequence in &sequences {
        let visit = &mut |_, logits: &[f32]| found.push(logits.to_vec());
        model.score(sequence, 0, &CancelToken::new(), visit).unwrap();
    }
    let checkpoint = Checkpoint::open(&checkpoint()).unwrap();
    let mut reference = Reference::open(&checkpoint, ReferenceOptions::default(), &()).unwrap();
    let (mut sum, mut count) = (0.0, 0);
    reference
        .logits(&sequences, |_, _, logits| {
            sum += kl(logits, &found[count]);
            count += 1;
            Ok::<_, CalibrateError>(())
        })
        .unwrap();
    assert_eq!(count, found.len());
    sum / count as f64
}

fn kl(expected: &[f32], found: &[f32]) -> f64 {
    let logs = |logits: &[f32]| -> Vec<f64> {
        let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        logits.iter().map(|logit| f64::from(*logit) - sum.ln()).collect()
    };
    logs(expected).iter().zip(logs(found)).map(|(p, q)| p.exp() * (p - q)).sum()
}

#[test]
fn calibration_brings_a_package_closer_to_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (searched, calibrated) = (folder.path().join("searched"), folder.path().join("calibrated"));
    quantize(&checkpoint(), &searched, &Options { recipe: BALANCED, ..Options::default() }, &()).unwrap();
    let made = best(&checkpoint(), &calibrated, false, &StopAfter::passes(usize::MAX)).unwrap();

    let (searched, calibrated) = (divergence(&searched), divergence(&calibrated));
    println!("mean KL: searched {searched:.5}, calibrated {calibrated:.5}");
    assert!(calibrated < 0.7 * searched, "calibrated {calibrated}, searched {searched}");

    let card = wheelwork_package::open(&made.report.package).unwrap().card.unwrap();
    let recipe = &card.quantization.recipe;
    assert_eq!(recipe["name"], "best");
    assert_eq!(recipe["calibration"]["tokens"], made.text.tokens());
    assert_eq!(recipe["calibration"]["sha256"], made.text.sha256());
    assert!(made.text.tokens() <= 800 && made.text.sequences.iter().all(|ids| ids.len() <= 96));

    assert_eq!(made.kv_ranges.len(), card.architecture.num_hidden_layers);
    let channels = card.architecture.num_key_value_heads * card.architecture.head_dim;
    for range in &made.kv_ranges {
        assert_eq!((range.keys.len(), range.values.len()), (channels, channels));
        assert!(range.keys.iter().chain(&range.values).all(|value| *value > 0.0 && value.is_finite()));
    }
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "only the packages are left: {names:?}");
}

/// On the runtime as it is shipped: codes of 3, 5 and 6 bits stand in those that its operators know.
#[test]
fn a_package_of_mixed_bits_runs_and_diverges_less_the_more_bits_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let of = |bits: f64| {
        let out = folder.path().join(format!("{bits}"));
        let options = Options { budget: Some(Budget::BitsPerWeight(bits)), ..Options::default() };
        let report = quantize(&checkpoint(), &out, &options, &()).unwrap();
        (divergence(&out), report.card.code_bits)
    };
    let (few, _) = of(4.2);
    let (more, code_bits) = of(5.8);
    println!("mean KL: 4.2 bits {few:.5}, 5.8 bits {more:.5}");
    assert!(more < 0.5 * few, "5.8 bits {more}, 4.2 bits {few}");
    assert!(code_bits["cpu"].values().any(|&bits| bits == 5 || bits == 6), "{code_bits:?}");
}

#[test]
fn a_stopped_calibration_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    let sequences =
        best(&smaller(), &whole, false, &StopAfter::passes(usize::MAX)).unwrap().text.sequences.len();
    // In the second pass of layer 1, and within its first.
    for passes in [3 * sequences + 3, 2 * sequences + 1] {
        let error = best(&smaller(), &stopped, true, &StopAfter::passes(passes)).unwrap_err();
        assert!(
            matches!(error, CalibrateError::Cancelled)
                || matches!(error, CalibrateError::Quantize(QuantizeError::Cancelled)),
            "{error:?}"
        );
        assert!(!stopped.exists());
    }
    best(&smaller(), &stopped, true, &StopAfter::passes(usize::MAX)).unwrap();
    for file in ["model.onnx", "model.onnx.data"] {
        let read = |package: &Path| std::fs::read(package.join("cpu").join(file)).unwrap();
        assert!(read(&whole) == read(&stopped), "{file} differs");
    }
}

#[test]
fn the_same_bytes_come_out_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let made = |threads: usize| {
        let out = folder.path().join(format!("{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let watch = StopAfter::passes(usize::MAX);
        let report = pool.install(|| best_on(threads, &smaller(), &out, false, &watch)).unwrap();
        (report.text, std::fs::read(out.join("cpu/model.onnx.data")).unwrap())
    };
    let (text, weights) = made(1);
    assert!(text.sequences.len() > 3, "enough to run side by side: {}", text.sequences.len());
    for threads in [2, 3] {
        let (again, others) = made(threads);
        assert_eq!(again, text, "{threads} threads");
        assert!(others == weights, "{threads} threads");
    }
}

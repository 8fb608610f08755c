//! An evaluation of the small model, end to end, and its int8 cache.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use wheelwork::{Diagnostic, KvForm};
use wheelwork_calibrate::evaluate::{
    EvaluateError, EvaluateOptions, Limits, Recorded, Report, evaluate, record,
};
use wheelwork_calibrate::kv_cache::{KvChoice, KvOptions, add_int8_cache};
use wheelwork_package::card::Evaluation;
use wheelwork_quantize::recipe::{Activations, BALANCED, FAST, FLOAT};
use wheelwork_quantize::scheme::{Bits, BlockScheme, Scheme};
use wheelwork_quantize::{Options, Recipe, quantize};

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn package(&self, recipe: Recipe) -> PathBuf {
        let path = self.0.path().join("model.ortpackage");
        quantize(&testdata("tiny-r1"), &path, &Options { recipe, ..Options::default() }, &()).unwrap();
        path
    }

    /// Every fortieth held-out problem.
    fn tasks(&self) -> PathBuf {
        let all = std::fs::read_to_string(testdata("tiny-r1/heldout.jsonl")).unwrap();
        let some: Vec<_> = all.lines().step_by(40).collect();
        let path = self.0.path().join("tasks.jsonl");
        std::fs::write(&path, some.join("\n")).unwrap();
        path
    }
}

fn judge(package: &Path, options: EvaluateOptions) -> Result<Evaluation, EvaluateError> {
    let options = EvaluateOptions { tokens: 600, task_tokens: 256, threads: Some(1), ..options };
    Ok(evaluate(package, &testdata("tiny-r1"), &options, &())?.evaluation)
}

#[test]
fn the_float_package_is_its_checkpoint() {
    let folder = Folder::new();
    let found = judge(&folder.package(FLOAT), EvaluateOptions::default()).unwrap();
    let divergence = &found.divergence;
    assert!(divergence.positions >= 500 && divergence.positions <= 600, "{}", divergence.positions);
    // Both sides compute in float32, in another order.
    assert!(divergence.max_kl < 1e-6, "{divergence:?}");
    assert!(divergence.same_top.value > 0.99, "{divergence:?}");
    assert!(divergence.perplexity_change.value.abs() < 1e-3, "{divergence:?}");
    assert_eq!((found.gate.name.as_str(), found.gate.broken.len()), ("float", 0));
    assert_eq!((found.text.as_str(), found.reference.as_str()), ("built-in", "tiny-r1"));
    assert!(found.repetition.chains > 3 && found.repetition.looped_chains == 0, "{:?}", found.repetition);
}

#[test]
fn int4_costs_something_and_not_much() {
    let folder = Folder::new();
    let package = folder.package(BALANCED);
    let options = EvaluateOptions { tasks: Some(folder.tasks()), ..EvaluateOptions::default() };
    let found = judge(&package, options).unwrap();
    let divergence = &found.divergence;
    assert!(divergence.mean_kl.value > 1e-4 && divergence.mean_kl.value < 0.2, "{divergence:?}");
    assert!(divergence.median_kl <= divergence.p99_kl && divergence.p99_kl <= divergence.max_kl);
    assert!(divergence.same_top.value > 0.8, "{divergence:?}");
    assert!(divergence.perplexity > 1.0 && divergence.perplexity_change.standard_error > 0.0);

    let tasks = found.tasks.unwrap();
    assert_eq!(tasks.all.problems, 50);
    assert_eq!(tasks.by_task.len(), 10);
    assert!(tasks.all.exact_match.value >= 0.9 && tasks.all.baseline_exact_match >= 0.9, "{tasks:?}");
    assert!(tasks.all.step_accuracy.unwrap() > 0.9, "{tasks:?}");
    assert!((0.8..1.25).contains(&tasks.length_ratio), "{tasks:?}");
    assert!(tasks.mcnemar_p > 0.01);
}

/// With its matrices in the float model, and activations that are not rounded, the package computes what that model does: so they are
/// the ones that the graph multiplies by, of products of one tensor and of three, and of tables.
#[test]
fn sources_of_error_are_measured_alone() {
    let folder = Folder::new();
    let Scheme::Blocks(int4) = BALANCED.layers else { panic!("it is quantised") };
    let apart = BlockScheme { bits: Bits::Six, ..int4 };
    let recipe = Recipe {
        activations: Activations::Float32,
        exceptions: [("model.layers.1.self_attn.v_proj".to_owned(), apart)].into(),
        ..BALANCED
    };
    let package = folder.package(recipe);
    add_int8_cache(&package, &KvOptions { threads: Some(1), ..KvOptions::default() }, &()).unwrap();
    let options =
        EvaluateOptions { sources: true, kv_cache: Some(KvForm::Float), ..EvaluateOptions::default() };
    let found = judge(&package, options).unwrap();
    let names: Vec<_> = found.sources.iter().map(|source| source.name.as_str()).collect();
    let kinds =
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "embedding", "lm_head"];
    assert_eq!(names[..9], kinds);
    assert_eq!(names[9..], ["weights", "activations", "kv_cache"]);
    let kl = |name: &str| found.sources.iter().find(|source| source.name == name).unwrap().mean_kl.value;
    let whole = found.divergence.mean_kl.value;
    assert!((kl("weights") - whole).abs() < 0.01 * whole, "{} {whole}", kl("weights"));
    assert!(kl("activations") < 1e-6, "{}", kl("activations"));
    assert!(kinds.iter().all(|kind| kl(kind) > 0.0 && kl(kind) < whole), "{:?}", found.sources);
    assert!(kl("lm_head") < kl("down_proj") && kl("kv_cache") > 0.0, "{:?}", found.sources);
    assert!(found.divergence.by_position.len() > 2, "{:?}", found.divergence);
}

#[test]
fn a_limit_that_is_broken_is_named() {
    let folder = Folder::new();
    let text = folder.0.path().join("text.txt");
    std::fs::write(&text, "12 + 30 = 42. A list of words, and some more of them.").unwrap();
    let limits = Limits { mean_kl: Some(0.0), same_top: None };
    let options = EvaluateOptions { limits, text: Some(text), ..EvaluateOptions::default() };
    let found = judge(&folder.package(FAST), options).unwrap();
    assert_eq!(found.text, "text.txt");
    assert!(found.divergence.positions < 60);
    assert!(found.gate.broken[0].starts_with("mean KL"), "{:?}", found.gate);
}

#[test]
fn the_card_holds_the_evaluation_and_the_files_are_untouched() {
    let folder = Folder::new();
    let package = folder.package(FAST);
    let options = EvaluateOptions { tokens: 40, ..EvaluateOptions::default() };
    let report = evaluate(&package, &testdata("tiny-r1"), &options, &()).unwrap();
    assert_eq!(record(&package, &report).unwrap(), Recorded::Written);
    let better = Report {
        evaluation: Evaluation { text: "another".into(), ..report.evaluation.clone() },
        ..report.clone()
    };
    assert_eq!(record(&package, &better).unwrap(), Recorded::Written);
    let card = wheelwork_package::open(&package).unwrap().card.unwrap();
    assert_eq!(card.evaluation[&report.variant], better.evaluation, "the later one counts");
    for file in &card.variants["cpu"] {
        file.check_content(&package.join("cpu")).unwrap();
    }
    assert_eq!(std::fs::read_dir(&package).unwrap().count(), 3, "nothing is left behind");

    assert_eq!(record(&package.join("cpu"), &report).unwrap(), Recorded::NoCard);
    let installed = folder.0.path().join(".wheelwork");
    std::fs::create_dir(&installed).unwrap();
    let installed = installed.join("package");
    std::fs::rename(&package, &installed).unwrap();
    assert_eq!(record(&installed, &report).unwrap(), Recorded::Installed);
}

#[test]
fn another_models_checkpoint_is_refused() {
    let folder = Folder::new();
    let package = folder.package(FAST);
    let options = EvaluateOptions::default();
    let error = evaluate(&package, &testdata("families/qwen2"), &options, &()).unwrap_err();
    assert_eq!(error.code(), "evaluate_other_checkpoint");
    options.cancel.cancel();
    assert_eq!(judge(&package, options).unwrap_err().code(), "evaluate_cancelled");
}

#[test]
fn the_int8_cache_is_the_default_where_its_self_check_passes() {
    let folder = Folder::new();
    let package = folder.package(FAST);
    let options = KvOptions { threads: Some(1), choice: KvChoice::WherePassed, ..KvOptions::default() };
    let cache = add_int8_cache(&package, &options, &()).unwrap();
    let check = &cache.self_check;
    assert!(check.tokens > 300 && cache.scale_tokens > 300, "{cache:?}");
    assert!(check.mean_kl > 0.0 && check.mean_kl < 0.003 && check.passed, "{cache:?}");
    assert_eq!(cache.default, KvForm::Int8);
    assert_eq!(wheelwork_package::open(&package).unwrap().card.unwrap().kv_cache["cpu"], cache);
    assert_eq!(wheelwork::Model::open(&package).unwrap().placement().kv_cache, KvForm::Int8);
}

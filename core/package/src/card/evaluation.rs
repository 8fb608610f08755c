//! The evaluation card: what a package costs against the checkpoint that it was made of, in measured figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::KvForm;

/// What `wheelwork evaluate` found.
///
/// All divergences are of the package from the checkpoint in float32, over the whole vocabulary, in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Name and version of the program that measured.
    pub producer: String,
    /// The checkpoint folder's name.
    pub reference: String,
    /// Which cache the package ran with.
    pub kv_cache: KvForm,
    /// Threads of ONNX Runtime's pool.
    pub threads: usize,
    /// What ONNX Runtime says of its build.
    pub runtime: String,
    /// `built-in`, or the name of the text's file.
    pub text: String,
    /// Logits against those of the checkpoint.
    pub divergence: Divergence,
    /// What each source of error alone costs, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceOfError>,
    /// How much the package repeats itself in chains of its own.
    pub repetition: Repetition,
    /// Problems with known answers, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Tasks>,
    /// The limits and what broke them.
    pub gate: Gate,
}

/// A mean with its standard error, which takes the samples as independent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// Logits of the package against those of the checkpoint, position by position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// Positions compared.
    pub positions: usize,
    /// Kullback-Leibler divergence of the package from the checkpoint.
    pub mean_kl: Estimate,
    /// Half of the positions diverge by no more than this.
    pub median_kl: f64,
    /// 99 of 100 positions diverge by no more than this.
    pub p99_kl: f64,
    /// The worst position.
    pub max_kl: f64,
    /// Share of positions with the same best token, 0 to 1.
    pub same_top: Estimate,
    /// Root mean square of the change in the probability of the text's next token, 0 to 1.
    pub rms_delta_p: f64,
    /// Of the checkpoint on the text.
    pub perplexity_reference: f64,
    /// Of the package on the text.
    pub perplexity: f64,
    /// The package's less the checkpoint's; the standard error counts what both have in common.
    pub perplexity_change: Estimate,
    /// By how many tokens stood before, in ascending order; nothing in cards that were written before this was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_position: Vec<AtPositions>,
}

/// How far positions diverge before which about as many tokens stand.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtPositions {
    /// Tokens before the first of them.
    pub from: usize,
    /// Positions.
    pub positions: usize,
    /// Kullback-Leibler divergence.
    pub mean_kl: Estimate,
}

/// What one source of error alone costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceOfError {
    /// Matrices of the package, whose weights the float model has in the place of its own: a kind such as `v_proj`, or `weights` for
    /// all of them. Or `activations`: the package with a float cache against the float model with its weights, so kernels and rounding.
    /// Or `kv_cache`: its int8 cache against its float cache.
    pub name: String,
    /// Kullback-Leibler divergence that it brings.
    pub mean_kl: Estimate,
    /// Share of positions with the same best token, 0 to 1.
    pub same_top: Estimate,
}

/// How much a model repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Repetition {
    /// Chains generated.
    pub chains: usize,
    /// Tokens in them.
    pub tokens: usize,
    /// Chains that never ended and whose last tokens are one piece over and over.
    pub looped_chains: usize,
    /// Share of four tokens in a row that the chain had already, 0 to 1.
    pub repeated_4grams: f64,
}

/// Problems with known answers, answered greedily by the package and by a baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tasks {
    /// What the package is compared with.
    pub baseline: String,
    /// All problems.
    pub all: TaskScore,
    /// By the problems' `task`, where they name one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_task: BTreeMap<String, TaskScore>,
    /// Right in the baseline, wrong in the package.
    pub broken: usize,
    /// Wrong in the baseline, right in the package.
    pub repaired: usize,
    /// How likely flips at least as one-sided are if neither is better: McNemar's exact test, two-sided.
    pub mcnemar_p: f64,
    /// Tokens of all answers, reasoning included, over those of the baseline.
    pub length_ratio: f64,
}

/// How many of some problems are right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskScore {
    /// Problems asked.
    pub problems: usize,
    /// Answered exactly by the package, 0 to 1.
    pub exact_match: Estimate,
    /// Answered exactly by the baseline, 0 to 1.
    pub baseline_exact_match: f64,
    /// Share of the expected reasoning steps that stand in their place; absent where no problem has steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_accuracy: Option<f64>,
    /// The same of the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_step_accuracy: Option<f64>,
}

/// Limits and what broke them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Where the limits come from: a recipe's name, or `custom`.
    pub name: String,
    /// The size of models that the limits were taken from; absent for `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_for: Option<String>,
    /// The largest mean divergence, in nats.
    pub mean_kl_limit: f64,
    /// The smallest share of positions with the same best token, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_top_limit: Option<f64>,
    /// Each broken limit in words, with its figure; empty for a pass.
    pub broken: Vec<String>,
}

//! What a package's maker measured of it.

use wheelwork_package::card;

use crate::KvForm;
use crate::convert::count;

/// How far a variant of a package is from the checkpoint in float32, over the whole vocabulary, in nats.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Evaluation {
    /// The variant.
    pub variant: String,
    /// Name and version of the program that measured.
    pub producer: String,
    /// The checkpoint folder's name.
    pub reference: String,
    /// Which cache the package ran with.
    pub kv_cache: KvForm,
    /// Threads of ONNX Runtime's pool.
    pub threads: u32,
    /// What ONNX Runtime said of its build.
    pub runtime: String,
    /// `built-in`, or the name of the text's file.
    pub text: String,
    /// Logits against those of the checkpoint.
    pub divergence: Divergence,
    /// How much the package repeats itself.
    pub repetition: Repetition,
    /// Problems with known answers, where there were any.
    pub tasks: Option<Tasks>,
    /// The limits and what broke them.
    pub gate: Gate,
}

/// A mean with its standard error, which takes the samples as independent.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// Logits of the package against those of the checkpoint, position by position.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Divergence {
    /// Positions compared.
    pub positions: u32,
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
    /// The package's less the checkpoint's.
    pub perplexity_change: Estimate,
}

/// How much a model repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct Repetition {
    /// Chains generated.
    pub chains: u32,
    /// Tokens in them.
    pub tokens: u32,
    /// Chains that never ended and whose last tokens are one piece over and over.
    pub looped_chains: u32,
    /// Share of four tokens in a row that the chain had already, 0 to 1.
    pub repeated_4grams: f64,
}

/// Problems with known answers, answered greedily by the package and by a baseline.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Tasks {
    /// What the package is compared with.
    pub baseline: String,
    /// All problems.
    pub all: TaskScore,
    /// By the kind of problem, where they have kinds.
    pub by_task: Vec<NamedTaskScore>,
    /// Right in the baseline, wrong in the package.
    pub broken: u32,
    /// Wrong in the baseline, right in the package.
    pub repaired: u32,
    /// How likely flips at least as one-sided are if neither is better: McNemar's exact test, two-sided.
    pub mcnemar_p: f64,
    /// Tokens of all answers, reasoning included, over those of the baseline.
    pub length_ratio: f64,
}

/// How many problems of a kind are right.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct NamedTaskScore {
    /// The kind.
    pub task: String,
    /// How many are right.
    pub score: TaskScore,
}

/// How many of some problems are right.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct TaskScore {
    /// Problems asked.
    pub problems: u32,
    /// Answered exactly by the package, 0 to 1.
    pub exact_match: Estimate,
    /// Answered exactly by the baseline, 0 to 1.
    pub baseline_exact_match: f64,
    /// Share of the expected reasoning steps that stand in their place; absent where no problem has steps.
    pub step_accuracy: Option<f64>,
    /// The same of the baseline.
    pub baseline_step_accuracy: Option<f64>,
}

/// Limits and what broke them.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Gate {
    /// Where the limits come from: a recipe's name, or `custom`.
    pub name: String,
    /// The largest mean divergence, in nats.
    pub mean_kl_limit: f64,
    /// The smallest share of positions with the same best token, 0 to 1.
    pub same_top_limit: Option<f64>,
    /// Each broken limit in words, with its figure; empty for a pass.
    pub broken: Vec<String>,
}

impl Evaluation {
    pub(crate) fn of(variant: &str, evaluation: &card::Evaluation) -> Self {
        let card::Evaluation {
            producer,
            reference,
            kv_cache,
            threads,
            runtime,
            text,
            divergence,
            // For makers of packages, by the command.
            sources: _,
            repetition,
            tasks,
            gate,
        } = evaluation.clone();
        Self {
            variant: variant.to_owned(),
            producer,
            reference,
            kv_cache: kv_cache.into(),
            threads: count(threads),
            runtime,
            text,
            divergence: divergence.into(),
            repetition: repetition.into(),
            tasks: tasks.map(Into::into),
            gate: gate.into(),
        }
    }
}

impl From<card::Estimate> for Estimate {
    fn from(card::Estimate { value, standard_error }: card::Estimate) -> Self {
        Self { value, standard_error }
    }
}

impl From<card::Divergence> for Divergence {
    fn from(divergence: card::Divergence) -> Self {
        let card::Divergence {
            positions,
            mean_kl,
            median_kl,
            p99_kl,
            max_kl,
            same_top,
            rms_delta_p,
            perplexity_reference,
            perplexity,
            perplexity_change,
            by_position: _,
        } = divergence;
        Self {
            positions: count(positions),
            mean_kl: mean_kl.into(),
            median_kl,
            p99_kl,
            max_kl,
            same_top: same_top.into(),
            rms_delta_p,
            perplexity_reference,
            perplexity,
            perplexity_change: perplexity_change.into(),
        }
    }
}

impl From<card::Repetition> for Repetition {
    fn from(repetition: card::Repetition) -> Self {
        let card::Repetition { chains, tokens, looped_chains, repeated_4grams } = repetition;
        Self {
            chains: count(chains),
            tokens: count(tokens),
            looped_chains: count(looped_chains),
            repeated_4grams,
        }
    }
}

impl From<card::Tasks> for Tasks {
    fn from(tasks: card::Tasks) -> Self {
        let card::Tasks { baseline, all, by_task, broken, repaired, mcnemar_p, length_ratio } = tasks;
        let by_task = by_task.into_iter().map(|(task, score)| NamedTaskScore { task, score: score.into() });
        Self {
            baseline,
            all: all.into(),
            by_task: by_task.collect(),
            broken: count(broken),
            repaired: count(repaired),
            mcnemar_p,
            length_ratio,
        }
    }
}

impl From<card::TaskScore> for TaskScore {
    fn from(score: card::TaskScore) -> Self {
        let card::TaskScore {
            problems,
            exact_match,
            baseline_exact_match,
            step_accuracy,
            baseline_step_accuracy,
        } = score;
        Self {
            problems: count(problems),
            exact_match: exact_match.into(),
            baseline_exact_match,
            step_accuracy,
            baseline_step_accuracy,
        }
    }
}

impl From<card::Gate> for Gate {
    fn from(gate: card::Gate) -> Self {
        let card::Gate { name, holds_for: _, mean_kl_limit, same_top_limit, broken } = gate;
        Self { name, mean_kl_limit, same_top_limit, broken }
    }
}

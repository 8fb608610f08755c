//! An int8 key-value cache for a finished package: ranges, second graph, self-check, and whether it is the default.
//!
//! 1. The package writes chains of its own and reads them and a small text with its float cache.
//! 2. Every second passage gives the range of each channel, unless calibration has measured ranges already.
//! 3. [`wheelwork_quantize::kv_cache`] writes the second graph with these scales.
//! 4. The other passages are the self-check: the logits with the int8 cache against those with the float cache. The
//!    passages that gave the scales would flatter them.
//!
//! The card lists the graph as unchecked and not the default until the self-check is over, so a run that ends early
//! leaves a good package.

use std::path::{Path, PathBuf};

use wheelwork::kv_cache::KvRange;
use wheelwork::{CancelToken, KvForm, Model};
use wheelwork_package::card::{Divergence, KvCache, KvSelfCheck};
use wheelwork_package::files::names;
use wheelwork_quantize::kv_cache::{self, LayerRange};

use crate::evaluate::{self, EvaluateError, EvaluateProgress, Passage};
use crate::spill::Spill;

/// The largest mean divergence that passes: what int8 weights may cost (`docs/quantization.md`).
pub const MEAN_KL_LIMIT: f64 = 0.003;
/// Tokens of both halves together.
const TOKENS: usize = 1536;
/// The only variant that has caches of two forms.
pub const VARIANT: &str = "cpu";

/// When the int8 cache is what a runtime uses that was not told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvChoice {
    /// Where the self-check passes.
    WherePassed,
    /// Whatever the self-check says.
    Always,
}

/// What is asked of [`add_int8_cache`].
#[derive(Debug, Clone)]
pub struct KvOptions {
    /// When int8 is the default.
    pub choice: KvChoice,
    /// Ranges from a calibration, and the number of its tokens; measured on the package itself where absent.
    pub ranges: Option<(Vec<LayerRange>, usize)>,
    /// Threads; one a core where nothing is said.
    pub threads: Option<usize>,
    /// A folder on a disk with room for the logits of the self-check.
    pub scratch: PathBuf,
    /// Ends the work from another thread.
    pub cancel: CancelToken,
}

impl Default for KvOptions {
    fn default() -> Self {
        Self {
            choice: KvChoice::WherePassed,
            ranges: None,
            threads: None,
            scratch: std::env::temp_dir(),
            cancel: CancelToken::new(),
        }
    }
}

/// Gives a package folder an int8 cache and says in its card what it costs.
///
/// # Errors
/// [`EvaluateError`]; the package is then as it was, or has the graph with a card that does not vouch for it.
pub fn add_int8_cache(
    package: &Path,
    options: &KvOptions,
    progress: &dyn EvaluateProgress,
) -> Result<KvCache, EvaluateError> {
    let open = |kv_cache| evaluate::open(package, Some(kv_cache), options.threads);
    let float = open(KvForm::Float)?;
    let chains = evaluate::chains(&float, TOKENS, &options.cancel, progress)?;
    let (mut measured, mut checked) = (Vec::new(), Vec::new());
    for (index, passage) in evaluate::passages(&float, &chains, None, TOKENS)?.into_iter().enumerate() {
        if index % 2 == 0 { measured.push(passage) } else { checked.push(passage) }
    }
    let (ranges, scale_tokens) = match &options.ranges {
        Some((ranges, tokens)) => (ranges.clone(), *tokens),
        None => ranges(&float, &measured, options)?,
    };
    let mut logits = Spill::create(&options.scratch, float.vocab_size())?;
    evaluate::rows_of(&float, &checked, &options.cancel, |row, _, _, values| logits.write(row, values))?;
    drop(float);

    let mut cache = KvCache {
        default: KvForm::Float,
        int8_graph: names::INT8_KV_GRAPH.to_owned(),
        scale_tokens,
        self_check: self_check(None),
    };
    let mut card = kv_cache::add_to(package, VARIANT, &ranges, cache.clone())?;

    let int8 = open(KvForm::Int8)?;
    let found = evaluate::against(&int8, &checked, &mut logits, &options.cancel, progress)?;
    cache.self_check = self_check(Some(&found));
    if cache.self_check.passed || options.choice == KvChoice::Always {
        cache.default = KvForm::Int8;
    }
    card.kv_cache.insert(VARIANT.to_owned(), cache.clone());
    kv_cache::save(package, &card)?;
    Ok(cache)
}

/// What a comparison comes to; without one, nothing has passed yet.
fn self_check(found: Option<&Divergence>) -> KvSelfCheck {
    KvSelfCheck {
        tokens: found.map_or(0, |found| found.positions),
        mean_kl: found.map_or(0.0, |found| found.mean_kl.value),
        max_kl: found.map_or(0.0, |found| found.max_kl),
        same_top: found.map_or(0.0, |found| found.same_top.value),
        mean_kl_limit: MEAN_KL_LIMIT,
        passed: found.is_some_and(|found| found.mean_kl.value <= MEAN_KL_LIMIT),
    }
}

/// The ranges over all passages, and their tokens.
fn ranges(
    float: &Model,
    passages: &[Passage],
    options: &KvOptions,
) -> Result<(Vec<LayerRange>, usize), EvaluateError> {
    let mut all: Vec<KvRange> = Vec::new();
    for passage in passages {
        let found = float.kv_ranges(passage.read(), &options.cancel).map_err(evaluate::cancelled)?;
        let found = found.unwrap_or_default();
        all.iter_mut().zip(&found).for_each(|(all, found)| all.include(found));
        if all.is_empty() {
            all = found;
        }
    }
    let tokens = passages.iter().map(|passage| passage.read().len()).sum();
    let layers = all.into_iter().map(|range| LayerRange { keys: range.keys, values: range.values });
    Ok((layers.collect(), tokens))
}

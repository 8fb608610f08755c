//! A variant of static graphs for a package that has a CPU variant: text, ranges, weights, graphs, self-check.
//!
//! 1. The package writes chains of its own, unless a text is given ([`crate::Text`]).
//! 2. The float model reads them once, for the size of each channel of the keys: they are folded away ([`Fold`]).
//! 3. The folded model reads them layer by layer. Each layer's activations give [`Ranges`], its inputs the Hessians that its
//!    matrices are rounded by; what was stored is what the next layer's inputs come through.
//! 4. The graphs are written, run once on ONNX Runtime's CPU provider, and what they say is the card's self-check.

use std::path::{Path, PathBuf};

use serde_json::json;
use wheelwork::{CancelToken, Model};
use wheelwork_package::Card;
use wheelwork_package::card::{StaticGraphs, StaticSelfCheck};
use wheelwork_quantize::QuantizeError;
use wheelwork_quantize::architecture::names;
use wheelwork_quantize::checkpoint::{Checkpoint, Config};
use wheelwork_quantize::kv_cache::LayerRange;
use wheelwork_quantize::scheme::channel::{CHANNEL_8, ChannelScheme};
use wheelwork_quantize::static_graph::{
    self, Draft, Fold, Nearest, PART_BYTES, Range, Ranges, Schemes, StaticOptions, taps,
};

use crate::calibration_text::{Text, TextBudget};
use crate::gptq::GptqChannels;
use crate::gptq::factor::Factor;
use crate::gptq::hessian::Hessian;
use crate::head::Head;
use crate::reference::{Reference, ReferenceOptions, Watch};
use crate::{CalibrateError, Taps, kv_ranges, runtime};

mod host;
mod observe;

pub use host::StaticHost;

use observe::Observation;

/// Positions whose logits give their range.
const HEAD_POSITIONS: usize = 512;
/// Best tokens of the self-check.
const CHECKED_TOKENS: usize = 8;
/// The relative root mean square difference that a provider's rounding may cost.
const TOLERANCE: f32 = 0.05;

/// How a variant is made.
#[derive(Debug, Clone)]
pub struct VariantOptions {
    /// Tokens that the cache holds.
    pub context_length: usize,
    /// Tokens of a prefill call.
    pub prefill_tokens: usize,
    /// How the projections of layers are stored; the output projection has 8 bits.
    pub weights: ChannelScheme,
    /// Whether the residual stream and values are rotated.
    pub rotate: bool,
    /// Whether weights are rounded for their inputs, or to the nearest code.
    pub calibrate_weights: bool,
    /// Bytes of weights in a part at most.
    pub part_bytes: u64,
    /// How much is read.
    pub budget: TextBudget,
    /// A text of the user instead of the model's own chains.
    pub text: Option<PathBuf>,
    /// Threads of ONNX Runtime; by default one a core.
    pub threads: Option<usize>,
    /// Ends the writing of chains from another thread.
    pub cancel: CancelToken,
}

impl Default for VariantOptions {
    fn default() -> Self {
        Self {
            context_length: 1024,
            prefill_tokens: 64,
            weights: wheelwork_quantize::scheme::channel::LPBQ_32,
            rotate: true,
            calibrate_weights: true,
            part_bytes: PART_BYTES,
            budget: TextBudget { tokens: 16 * 512, sequence_tokens: 512 },
            text: None,
            threads: None,
            cancel: CancelToken::new(),
        }
    }
}

/// Gives a package the variant [`static_graph::VARIANT`].
///
/// # Errors
/// [`CalibrateError`]; the package is then as it was.
pub fn add_variant(
    checkpoint: &Path,
    package: &Path,
    options: &VariantOptions,
    watch: &dyn Watch,
) -> Result<Card, CalibrateError> {
    let checkpoint = Checkpoint::open(checkpoint).map_err(QuantizeError::from)?;
    let text = read(&checkpoint, package, options, watch)?;
    let scratch = package.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let defaults = ReferenceOptions::default();
    let reference =
        ReferenceOptions { threads: options.threads.unwrap_or(defaults.threads), scratch: scratch.into() };
    let scales = key_scales(&checkpoint, &text, &reference, watch)?;
    let fold = Fold::new(&checkpoint, options.rotate).key_scales(scales);

    let folder = tempfile::Builder::new()
        .prefix("wheelwork-static-")
        .tempdir_in(scratch)
        .map_err(CalibrateError::spill(scratch))?;
    let variant = folder.path().join(static_graph::VARIANT);
    fs_err::create_dir(&variant).map_err(CalibrateError::spill(scratch))?;
    let asked = StaticOptions {
        context_length: options.context_length,
        prefill_tokens: options.prefill_tokens,
        schemes: Schemes { layers: options.weights, lm_head: CHANNEL_8 },
        part_bytes: options.part_bytes,
    };
    let mut draft = Draft::begin(&variant, fold, asked)?;
    let ranges = fill(&mut draft, &text, options, &reference, watch)?;
    let recipe = json!({
        "weights": options.weights, "lm_head": CHANNEL_8, "rotated": options.rotate,
        "rounding": if options.calibrate_weights { "gptq" } else { "nearest" },
        "calibration": { "tokens": text.tokens(), "sequences": text.sequences.len(), "sources": text.sources,
            "sha256": text.sha256() },
    });
    let mut graphs = draft.finish(&ranges, recipe)?;
    let architecture =
        wheelwork_package::open(package).map_err(QuantizeError::from)?.card.map(|card| card.architecture);
    if let Some(architecture) = &architecture {
        graphs.self_check = Some(self_check(&variant, &graphs, architecture, &text, reference.threads)?);
    }
    Ok(static_graph::add_to(package, &variant, graphs)?)
}

fn read(
    checkpoint: &Checkpoint,
    package: &Path,
    options: &VariantOptions,
    watch: &dyn Watch,
) -> Result<Text, CalibrateError> {
    let model = Model::open(package)?;
    let longest = options.budget.sequence_tokens.min(options.context_length);
    let budget = TextBudget { sequence_tokens: longest, ..options.budget };
    match &options.text {
        Some(path) => Text::from_file(path, &model.facts().tokenizer, checkpoint.tokens.bos, budget),
        None => Text::written_by(&model, budget, &options.cancel, watch),
    }
}

/// The largest key of each pair of channels, `[key heads, head_dim / 2]` a layer: dividing by it gives every pair the same
/// range.
fn key_scales(
    checkpoint: &Checkpoint,
    text: &Text,
    reference: &ReferenceOptions,
    watch: &dyn Watch,
) -> Result<Vec<Vec<f32>>, CalibrateError> {
    let config = &checkpoint.config;
    let mut ranges: Vec<LayerRange> =
        (0..config.num_hidden_layers).map(|_| kv_ranges::none(config)).collect();
    let mut reference = Reference::open(checkpoint, reference.clone(), watch)?;
    reference.run(&text.sequences, &mut |layer: usize, _: usize, taps: &Taps<'_>| {
        if let Some(range) = ranges.get_mut(layer) {
            kv_ranges::include(range, taps, config);
        }
        Ok(())
    })?;
    Ok(ranges.iter().map(|range| pair_scales(config, &range.keys)).collect())
}

fn pair_scales(config: &Config, keys: &[f32]) -> Vec<f32> {
    let half = config.head_dim / 2;
    // Both halves of a head have the range of their pair.
    let mut scales: Vec<f32> =
        keys.chunks_exact(config.head_dim).flat_map(|head| head.iter().take(half)).copied().collect();
    if config.family.qk_norm {
        // All heads share the weights that the scales go into.
        let largest: Vec<f32> = (0..half)
            .map(|pair| scales.iter().skip(pair).step_by(half).copied().fold(0.0, f32::max))
            .collect();
        scales = largest.repeat(config.num_key_value_heads);
    }
    // A pair that is all but zero must not become large.
    let greatest = scales.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    scales.iter().map(|scale| scale.max(1e-3 * greatest)).collect()
}

/// Stores all matrices; gives the ranges of all activations.
fn fill(
    draft: &mut Draft<'_>,
    text: &Text,
    options: &VariantOptions,
    reference: &ReferenceOptions,
    watch: &dyn Watch,
) -> Result<Ranges, CalibrateError> {
    let checkpoint = draft.fold().checkpoint();
    let config = &checkpoint.config;
    let mut ranges = Ranges::default();
    let mut observation = Observation::start(draft.fold(), &text.sequences, reference, watch)?;
    for layer in 0..config.num_hidden_layers {
        observation.load(draft.fold(), layer)?;
        let mut sums: Vec<(String, Hessian)> = Vec::new();
        observation.ranges(layer, &mut ranges, &mut |name, values| {
            if !options.calibrate_weights {
                return;
            }
            match sums.iter_mut().find(|(own, _)| own == name) {
                Some((_, sum)) => sum.add(values),
                None => {
                    let mut sum = Hessian::new(columns(config, name));
                    sum.add(values);
                    sums.push((name.to_owned(), sum));
                }
            }
        })?;
        let mut factor: Option<(String, Factor)> = None;
        for name in observation.matrices() {
            let input = input_of(&name);
            if let Some(at) = sums.iter().position(|(own, _)| own == input) {
                // The factors of different inputs are large: one at a time.
                drop(factor.take());
                let (input, sum) = sums.swap_remove(at);
                factor = Some((input, Factor::new(sum)));
            }
            let tensor = names::layer(layer, &name);
            let stored = match &factor {
                Some((own, factor)) if own == input => {
                    draft.write(&tensor, observation.weights(&name), &GptqChannels { factor })?
                }
                _ => draft.write(&tensor, observation.weights(&name), &Nearest)?,
            };
            observation.replace(&name, &stored);
        }
        observation.advance(layer)?;
    }
    head_ranges(draft, &mut observation, text.tokens(), reference.threads, &mut ranges)?;
    draft.write_head(&Nearest)?;
    Ok(ranges)
}

/// What goes into a matrix, by its name within the layer.
fn input_of(name: &str) -> &'static str {
    match name.trim_end_matches(".weight") {
        "self_attn.o_proj" => taps::O_INPUT,
        "mlp.gate_proj" | "mlp.up_proj" => taps::GATE_UP_INPUT,
        "mlp.down_proj" => taps::DOWN_INPUT,
        _ => taps::QKV_INPUT,
    }
}

fn columns(config: &Config, tap: &str) -> usize {
    match tap {
        taps::O_INPUT => config.query_size(),
        taps::DOWN_INPUT => config.intermediate_size,
        _ => config.hidden_size,
    }
}

/// The ranges of the last norm and of the logits, over evenly spaced positions.
fn head_ranges(
    draft: &Draft<'_>,
    observation: &mut Observation<'_>,
    tokens: usize,
    threads: usize,
    ranges: &mut Ranges,
) -> Result<(), CalibrateError> {
    let fold = draft.fold();
    let checkpoint = fold.checkpoint();
    let config = &checkpoint.config;
    let weights = fold.tensor(names::FINAL_NORM)?;
    let mut head = Head::new(checkpoint, threads)?;
    let (mut rows, mut row, mut logits) = (Vec::new(), Vec::new(), Vec::new());
    for position in (0..tokens).step_by(tokens.div_ceil(HEAD_POSITIONS).max(1)) {
        observation.states.read(position, 1, &mut row)?;
        rows.extend_from_slice(&row);
    }
    let mut normed = rows.clone();
    for row in normed.chunks_exact_mut(config.hidden_size) {
        crate::head::normalise(row, &weights, config.rms_norm_eps);
    }
    ranges.include(names::FINAL_NORM.trim_end_matches(".weight"), range_of(&normed));
    fold.unrotate(&mut rows);
    for rows in rows.chunks_mut(Head::chunk_positions(config) * config.hidden_size) {
        head.logits(rows, &mut logits)?;
        ranges.include(wheelwork_package::tensors::LOGITS, range_of(&logits));
    }
    Ok(())
}

fn range_of(values: &[f32]) -> Range {
    let wider = |range: Range, &value: &f32| range.include(Range { low: value, high: value });
    values.iter().fold(Range::NONE, wider)
}

/// The first chunk of the calibration text, as ONNX Runtime's CPU provider computes it.
fn self_check(
    folder: &Path,
    graphs: &StaticGraphs,
    architecture: &wheelwork_package::card::Architecture,
    text: &Text,
    threads: usize,
) -> Result<StaticSelfCheck, CalibrateError> {
    let load = |path: &Path| runtime::session_from(path, threads);
    let mut host = StaticHost::new(folder, graphs, architecture, graphs.prefill_tokens, load)?;
    let longest = text.sequences.iter().max_by_key(|sequence| sequence.len());
    let prompt_ids: Vec<u32> = longest
        .into_iter()
        .flatten()
        .copied()
        .take(graphs.prefill_tokens.min(graphs.context_length))
        .collect();
    let logits = host.read(&prompt_ids)?;
    let last = logits.len().saturating_sub(architecture.vocab_size);
    let mut best: Vec<(u32, f32)> = (0..).zip(logits.iter().skip(last).copied()).collect();
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    best.truncate(CHECKED_TOKENS);
    let (token_ids, logits) = best.into_iter().unzip();
    Ok(StaticSelfCheck { prompt_ids, token_ids, logits, tolerance: TOLERANCE })
}

//! A variant of static graphs for a package that has a CPU variant: text, ranges, weights, graphs, self-check.
//!
//! 1. The package writes chains of its own, unless a text is given ([`crate::Text`]).
//! 2. The float model reads them once, for the size of each channel of the keys: they are folded away ([`Fold`]).
//! 3. The folded model reads them layer by layer. Each layer's activations give [`Ranges`], its inputs the Hessians that its
//!    matrices are rounded by; what was stored is what the next layer's inputs come through.
//! 4. The graphs are written, run once on ONNX Runtime's CPU provider, and what they say is the card's self-check
//!    ([`static_check`]).

use std::path::{Path, PathBuf};

use serde_json::json;
use wheelwork::{CancelToken, Model};
use wheelwork_package::Card;
use wheelwork_quantize::QuantizeError;
use wheelwork_quantize::architecture::names;
use wheelwork_quantize::checkpoint::{Checkpoint, Config};
use wheelwork_quantize::kv_cache::{self, LayerRange};
use wheelwork_quantize::scheme::channel::{CHANNEL_8, ChannelScheme};
use wheelwork_quantize::static_graph::{
    self, ChannelRounder, Draft, Fold, Nearest, PART_BYTES, Range, Ranges, StaticOptions,
};

use crate::calibration_text::{Text, TextBudget};
use crate::gptq::GptqChannels;
use crate::gptq::factor::Factor;
use crate::gptq::hessian::Hessian;
use crate::head::Head;
use crate::layer::Input;
use crate::reference::{Reference, ReferenceOptions, Watch};
use crate::stepper::Stepper;
use crate::{CalibrateError, Taps, kv_ranges, static_check};

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
/// [`CalibrateError`]; the package is then as it was, or has the variant without a self-check.
pub fn add_variant(
    checkpoint: &Path,
    package: &Path,
    options: &VariantOptions,
    watch: &dyn Watch,
) -> Result<Card, CalibrateError> {
    let checkpoint = Checkpoint::open(checkpoint).map_err(QuantizeError::from)?;
    let text = read(&checkpoint, package, options, watch)?;
    let scratch = wheelwork_package::disk::folder_of(package);
    let reference = ReferenceOptions::new(options.threads, scratch);
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
        weights: options.weights,
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
    let graphs = draft.finish(&ranges, recipe)?;
    let mut card = static_graph::add_to(package, &variant, graphs)?;
    let prompt = text.sequences.into_iter().max_by_key(Vec::len).unwrap_or_default();
    let check = static_check::run(package, static_graph::VARIANT, prompt, CHECKED_TOKENS, TOLERANCE);
    let check = check.map_err(|error| CalibrateError::Run {
        step: "running a static graph".into(),
        message: error.to_string(),
    })?;
    if let Some(graphs) = card.static_graphs.get_mut(static_graph::VARIANT) {
        graphs.self_check = Some(check);
    }
    kv_cache::save(package, &card).map_err(QuantizeError::from)?;
    Ok(card)
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
    let mut stepper = Stepper::start_folded(draft.fold(), &text.sequences, reference, watch)?;
    let inputs: &[Input] = if options.calibrate_weights { &Input::ALL } else { &[] };
    for layer in 0..config.num_hidden_layers {
        stepper.layer.load_folded(draft.fold(), layer)?;
        let mut sums: Vec<_> =
            inputs.iter().map(|&input| (input, Hessian::new(input.columns(config)))).collect();
        stepper.pass(layer, false, &mut |_, output| {
            for range in output.ranges() {
                let (name, range) = range?;
                ranges.include(&names::layer(layer, name), range);
            }
            let taps = output.taps()?;
            sums.iter_mut().for_each(|(input, sum)| sum.add(input.values(&taps)));
            Ok(())
        })?;
        let mut factor: Option<(Input, Factor)> = None;
        for name in stepper.layer.matrices() {
            let input = Input::of(&name);
            if let Some(at) = sums.iter().position(|(own, _)| Some(*own) == input) {
                // The factors of different inputs are large: one at a time.
                drop(factor.take());
                let (input, sum) = sums.swap_remove(at);
                factor = Some((input, Factor::new(sum)));
            }
            let factor = factor.as_ref().filter(|(own, _)| Some(*own) == input);
            let rounded = factor.map(|(_, factor)| GptqChannels { factor });
            let rounder = rounded.as_ref().map_or(&Nearest as &dyn ChannelRounder, |rounder| rounder);
            let weights = stepper.layer.weights(&name);
            weights.copy_from_slice(&draft.write(&names::layer(layer, &name), weights, rounder)?);
        }
        stepper.pass(layer, true, &mut |_, _| Ok(()))?;
    }
    head_ranges(draft, &mut stepper, text.tokens(), reference.threads, &mut ranges)?;
    draft.write_head(&Nearest)?;
    Ok(ranges)
}

/// The ranges of the last norm and of the logits, over evenly spaced positions.
fn head_ranges(
    draft: &Draft<'_>,
    stepper: &mut Stepper<'_>,
    tokens: usize,
    threads: usize,
    ranges: &mut Ranges,
) -> Result<(), CalibrateError> {
    let fold = draft.fold();
    let checkpoint = fold.checkpoint();
    let config = &checkpoint.config;
    let weights = fold.tensor(names::FINAL_NORM)?;
    let mut head = Head::new(checkpoint.into(), threads)?;
    let (mut rows, mut row, mut logits) = (Vec::new(), Vec::new(), Vec::new());
    for position in (0..tokens).step_by(tokens.div_ceil(HEAD_POSITIONS).max(1)) {
        stepper.states.read(position, 1, &mut row)?;
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

//! Second moments: how large every input channel of every matrix gets, on average over a short text.
//!
//! One pass of a few hundred tokens through the float model, layer by layer. It is enough for weights by channel: 512 tokens give what
//! 8,192 do (`docs/quantization.md`). The sums need no matrix of channels by channels, so it takes a hundredth of what GPTQ takes.
//!
//! Each sequence runs on one thread and is summed up in its turn: the sums, and with them the package, are the same on any
//! number of threads.

use std::path::Path;

use wheelwork_quantize::architecture::names;
use wheelwork_quantize::checkpoint::{Checkpoint, Config};
use wheelwork_quantize::importance::{LayerMoments, Moments, Source};

use crate::CalibrateError;
use crate::calibration_text::{Text, TextBudget};
use crate::head::normalise;
use crate::layer::Input;
use crate::reference::{ReferenceOptions, Watch};
use crate::stepper::{Stepper, check_cancelled};

/// What a pass reads unless more is asked for: two sequences, one of questions and one of prose.
pub const DEFAULT_BUDGET: TextBudget = TextBudget { tokens: 512, sequence_tokens: 256 };

/// Operations that a pass may take to be made unasked: about ten seconds of one core at 40 billion a second. Counted, not timed, so
/// that the same checkpoint gives the same package on a slow machine too.
const UNASKED_OPERATIONS: u64 = 400_000_000_000;

/// Whether a pass over so many tokens is short enough to be made without being asked for.
#[must_use]
pub fn is_short(config: &Config, tokens: usize) -> bool {
    operations(config, tokens) <= UNASKED_OPERATIONS
}

/// Multiplications and additions of a pass.
#[must_use]
pub fn operations(config: &Config, tokens: usize) -> u64 {
    let hidden = config.hidden_size;
    let attention = hidden * (2 * config.query_size() + 2 * config.key_size());
    let weights = config.num_hidden_layers * (attention + 3 * hidden * config.intermediate_size);
    2 * weights as u64 * tokens as u64
}

/// The text of a pass, and the moments over it: those kept at `cache`, or measured and kept there. Activations wait beside it.
///
/// # Errors
/// [`CalibrateError`]: for a text that cannot be used, values that are no numbers, a full disk. What `cache` held is then as it was.
pub fn measure_or_load(
    checkpoint: &Checkpoint,
    text: Option<&Path>,
    budget: TextBudget,
    cache: &Path,
    watch: &dyn Watch,
) -> Result<Moments, CalibrateError> {
    let text = Text::built_in(checkpoint, text, budget)?;
    let source = source(checkpoint, &text);
    if let Some(kept) = Moments::load(cache, &checkpoint.config, &source) {
        return Ok(kept);
    }
    let moments = measure(checkpoint, &text, wheelwork_package::disk::folder_of(cache), watch)?;
    moments.save(cache).map_err(wheelwork_quantize::QuantizeError::from)?;
    Ok(moments)
}

/// Sends a text through the float model. Memory: one layer in float32 and the activations of one sequence a thread.
///
/// # Errors
/// [`CalibrateError`].
pub fn measure(
    checkpoint: &Checkpoint,
    text: &Text,
    scratch: &Path,
    watch: &dyn Watch,
) -> Result<Moments, CalibrateError> {
    let config = &checkpoint.config;
    let options = ReferenceOptions::new(None, scratch);
    let mut stepper = Stepper::start(checkpoint.into(), &text.sequences, &options, 1, watch)?;
    let tokens = text.tokens();
    let mut layers = Vec::new();
    for layer in 0..config.num_hidden_layers {
        check_cancelled(watch)?;
        stepper.layer.load(checkpoint.into(), layer)?;
        let mut sums = Input::ALL.map(|input| vec![0.0; input.columns(config)]);
        stepper.pass(layer, true, &mut |_, output| {
            let taps = output.taps()?;
            for (input, sums) in Input::ALL.into_iter().zip(&mut sums) {
                add_squares(sums, input.values(&taps));
            }
            Ok(())
        })?;
        let [qkv, output, gate_up, down] = sums.map(|sums| means(&sums, tokens));
        layers.push(LayerMoments { qkv, output, gate_up, down });
    }
    let head = head(checkpoint, &mut stepper, tokens)?;
    Moments::new(config, layers, head, source(checkpoint, text)).map_err(CalibrateError::Moments)
}

/// Of what goes into the output projection.
fn head(
    checkpoint: &Checkpoint,
    stepper: &mut Stepper<'_>,
    tokens: usize,
) -> Result<Vec<f32>, CalibrateError> {
    const ROWS: usize = 256;
    let config = &checkpoint.config;
    let mut norm = vec![0.0; config.hidden_size];
    checkpoint.tensors.get(names::FINAL_NORM)?.read_into(0, &mut norm)?;
    let mut sums = vec![0.0; config.hidden_size];
    let mut rows = Vec::new();
    for first in (0..tokens).step_by(ROWS) {
        stepper.states.read(first, ROWS.min(tokens - first), &mut rows)?;
        rows.chunks_exact_mut(config.hidden_size).for_each(|row| normalise(row, &norm, config.rms_norm_eps));
        add_squares(&mut sums, &rows);
    }
    Ok(means(&sums, tokens))
}

fn add_squares(sums: &mut [f64], rows: &[f32]) {
    for row in rows.chunks_exact(sums.len().max(1)) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value) * f64::from(*value);
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // a mean that is too large for float32 becomes infinite and is refused
fn means(sums: &[f64], tokens: usize) -> Vec<f32> {
    sums.iter().map(|sum| (sum / tokens.max(1) as f64) as f32).collect()
}

fn source(checkpoint: &Checkpoint, text: &Text) -> Source {
    Source {
        checkpoint: checkpoint.tensors.identity(),
        text: text.sha256(),
        tokens: text.tokens(),
        sources: text.sources.clone(),
    }
}

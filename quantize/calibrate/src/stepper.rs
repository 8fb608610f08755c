//! Sequences on their way through the layers: where they stand, on disk, and the one layer that is in memory.
//!
//! [`Stepper::start`] looks the tokens up; then for each layer [`Layer::load`] and [`Stepper::pass`], once or, to see
//! the same inputs again under other weights, several times.

use wheelwork_quantize::architecture::names;
use wheelwork_quantize::checkpoint::Config;
use wheelwork_quantize::static_graph::Fold;

use crate::CalibrateError;
use crate::layer::{Layer, LayerOutput};
use crate::reference::{ReferenceOptions, Watch};
use crate::spill::Spill;
use crate::weights::Weights;

/// All sequences, in front of one layer.
pub(crate) struct Stepper<'a> {
    /// The layer in memory.
    pub(crate) layer: Layer,
    /// `[tokens, hidden_size]`: what enters the layer, the sequences one after another.
    pub(crate) states: Spill,
    sequences: &'a [Vec<u32>],
    watch: &'a dyn Watch,
    hidden_size: usize,
    /// What enters the layer, of each sequence that runs at a time.
    hidden: Vec<Vec<f32>>,
    done_passes: usize,
    total_passes: usize,
}

impl<'a> Stepper<'a> {
    /// Puts the rows of the embedding table in front of layer 0. Every layer will see every sequence `layer_passes`
    /// times, for the watch.
    pub(crate) fn start(
        weights: Weights<'_>,
        sequences: &'a [Vec<u32>],
        options: &ReferenceOptions,
        layer_passes: usize,
        watch: &'a dyn Watch,
    ) -> Result<Self, CalibrateError> {
        let config = weights.config();
        let states = embed(config, sequences, options, |token, rows| {
            let start = rows.len();
            rows.resize(start + config.hidden_size, 0.0);
            weights.read_into(names::EMBEDDING, token, &mut rows[start..])
        })?;
        let layer = Layer::new(config, false, options.threads)?;
        Ok(Self::new(config, layer, states, sequences, layer_passes, watch))
    }

    /// As [`Stepper::start`] for folded layers, which see every sequence twice.
    pub(crate) fn start_folded(
        fold: &Fold<'_>,
        sequences: &'a [Vec<u32>],
        options: &ReferenceOptions,
        watch: &'a dyn Watch,
    ) -> Result<Self, CalibrateError> {
        let config = &fold.checkpoint().config;
        let states = embed(config, sequences, options, |token, rows| {
            rows.extend(fold.rows(names::EMBEDDING, token, 1, config.hidden_size)?);
            Ok(())
        })?;
        let layer = Layer::new(config, true, options.threads)?;
        Ok(Self::new(config, layer, states, sequences, 2, watch))
    }

    fn new(
        config: &Config,
        layer: Layer,
        states: Spill,
        sequences: &'a [Vec<u32>],
        layer_passes: usize,
        watch: &'a dyn Watch,
    ) -> Self {
        let total_passes = config.num_hidden_layers * sequences.len() * layer_passes;
        let hidden = vec![Vec::new(); layer.width()];
        let hidden_size = config.hidden_size;
        Self { layer, states, sequences, watch, hidden_size, hidden, done_passes: 0, total_passes }
    }

    /// Sends every sequence through the layer in memory, which is called `index` in errors, and shows what happens
    /// inside, in the order of the sequences. With `advance`, what leaves the layer replaces what entered it.
    pub(crate) fn pass(
        &mut self,
        index: usize,
        advance: bool,
        observe: &mut dyn FnMut(usize, &LayerOutput<'_>) -> Result<(), CalibrateError>,
    ) -> Result<(), CalibrateError> {
        let Self { layer, states, hidden, .. } = self;
        let width = layer.width();
        let mut row = 0;
        for (group, sequences) in self.sequences.chunks(width).enumerate() {
            check_cancelled(self.watch)?;
            let mut next = row;
            for (tokens, hidden) in sequences.iter().zip(hidden.iter_mut()) {
                states.read(next, tokens.len(), hidden)?;
                next += tokens.len();
            }
            let taken = hidden.get(..sequences.len()).unwrap_or_default();
            let outputs = layer.run(taken, self.hidden_size)?;
            for (place, (tokens, output)) in sequences.iter().zip(&outputs).enumerate() {
                check_cancelled(self.watch)?;
                let sequence = group * width + place;
                check_finite(output.hidden()?, index, sequence)?;
                observe(sequence, output)?;
                if advance {
                    states.write(row, output.hidden()?)?;
                }
                row += tokens.len();
                self.done_passes += 1;
                self.watch.passes(self.done_passes, self.total_passes);
            }
        }
        Ok(())
    }
}

/// The rows of the embedding table, each appended by `row`.
fn embed(
    config: &Config,
    sequences: &[Vec<u32>],
    options: &ReferenceOptions,
    row: impl Fn(usize, &mut Vec<f32>) -> Result<(), CalibrateError>,
) -> Result<Spill, CalibrateError> {
    let vocab_size = config.vocab_size;
    let mut states = Spill::create(&options.scratch, config.hidden_size)?;
    let mut rows = Vec::new();
    let mut first = 0;
    for (sequence, tokens) in sequences.iter().enumerate() {
        let limit = config.max_position_embeddings;
        if tokens.is_empty() || tokens.len() > limit {
            return Err(CalibrateError::SequenceLength { sequence, tokens: tokens.len(), limit });
        }
        rows.clear();
        for &token in tokens {
            let id = token as usize;
            if id >= vocab_size {
                return Err(CalibrateError::UnknownToken { sequence, token, vocab_size });
            }
            row(id, &mut rows)?;
        }
        states.write(first, &rows)?;
        first += tokens.len();
    }
    Ok(states)
}

pub(crate) fn check_cancelled(watch: &dyn Watch) -> Result<(), CalibrateError> {
    if watch.cancelled() { Err(CalibrateError::Cancelled) } else { Ok(()) }
}

fn check_finite(hidden: &[f32], layer: usize, sequence: usize) -> Result<(), CalibrateError> {
    if hidden.iter().fold(true, |finite, value| finite & value.is_finite()) {
        Ok(())
    } else {
        Err(CalibrateError::NotFinite { layer, sequence })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use wheelwork_quantize::checkpoint::Checkpoint;

    use super::*;
    use crate::head::normalise;

    /// The logits behind every token, with the model's weights as `fold` gives them.
    fn logits(fold: &Fold<'_>, sequences: &[Vec<u32>]) -> Vec<f32> {
        let config = &fold.checkpoint().config;
        let columns = config.hidden_size;
        let scratch = tempfile::tempdir().unwrap();
        let options = ReferenceOptions { threads: 1, scratch: scratch.path().into() };
        let mut stepper = Stepper::start_folded(fold, sequences, &options, &()).unwrap();
        for layer in 0..config.num_hidden_layers {
            stepper.layer.load_folded(fold, layer).unwrap();
            stepper.pass(layer, true, &mut |_, _| Ok(())).unwrap();
        }
        let mut rows = Vec::new();
        stepper.states.read(0, sequences.iter().map(Vec::len).sum(), &mut rows).unwrap();
        let norm = fold.tensor(names::FINAL_NORM).unwrap();
        let head = fold.rows(names::LM_HEAD, 0, config.vocab_size, columns).unwrap();
        rows.chunks_exact_mut(columns).for_each(|row| normalise(row, &norm, config.rms_norm_eps));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        rows.chunks_exact(columns)
            .flat_map(|row| head.chunks_exact(columns).map(move |token| dot(row, token)))
            .collect()
    }

    /// The residual stream and values rotated, norms folded: the same model, up to float32's rounding.
    #[test]
    fn rotations_that_are_folded_into_the_weights_leave_the_logits_as_they_are() {
        let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
        for model in ["tiny-r1", "families/qwen2", "families/qwen3", "families/llama"] {
            let checkpoint = Checkpoint::open(&testdata.join(model)).unwrap();
            let sequences = [(3..40).collect::<Vec<u32>>(), vec![5, 90, 17]];
            let [plain, rotated] =
                [false, true].map(|rotate| logits(&Fold::new(&checkpoint, rotate), &sequences));
            let square =
                |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>();
            let difference = square(&mut plain.iter().zip(&rotated).map(|(a, b)| a - b));
            let relative = (difference / square(&mut plain.iter().copied())).sqrt();
            assert!(plain != rotated && relative < 1e-5, "{model}: {relative}");
        }
    }
}

//! Sequences on their way through the layers: where they stand, on disk, and the one layer that is in memory.
//!
//! [`Stepper::start`] looks the tokens up; then for each layer [`Layer::load`] and [`Stepper::pass`], once or, to see
//! the same inputs again under other weights, several times.

use wheelwork_quantize::architecture::names;
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::checkpoint::tensors::ReadBuffer;

use crate::CalibrateError;
use crate::layer::{Layer, Taps};
use crate::reference::{ReferenceOptions, Watch};
use crate::spill::Spill;

/// All sequences, in front of one layer.
pub(crate) struct Stepper<'a> {
    /// The layer in memory.
    pub(crate) layer: Layer,
    /// `[tokens, hidden_size]`: what enters the layer, the sequences one after another.
    pub(crate) states: Spill,
    sequences: &'a [Vec<u32>],
    watch: &'a dyn Watch,
    hidden: Vec<f32>,
    done_passes: usize,
    total_passes: usize,
}

impl<'a> Stepper<'a> {
    /// Puts the rows of the embedding table in front of layer 0. Every layer will see every sequence `layer_passes`
    /// times, for the watch.
    ///
    /// # Errors
    /// [`CalibrateError`], also for tokens and lengths that the model does not take.
    pub(crate) fn start(
        checkpoint: &Checkpoint,
        sequences: &'a [Vec<u32>],
        options: &ReferenceOptions,
        layer_passes: usize,
        watch: &'a dyn Watch,
    ) -> Result<Self, CalibrateError> {
        let states = embed(checkpoint, sequences, options)?;
        let longest = sequences.iter().map(Vec::len).max().unwrap_or(1);
        let layer = Layer::new(&checkpoint.config, longest, options.threads)?;
        let total_passes = checkpoint.config.num_hidden_layers * sequences.len() * layer_passes;
        Ok(Self { layer, states, sequences, watch, hidden: Vec::new(), done_passes: 0, total_passes })
    }

    /// Sends every sequence through the layer in memory, which is called `index` in errors, and shows what happens
    /// inside. With `advance`, what leaves the layer replaces what entered it.
    ///
    /// # Errors
    /// [`CalibrateError`], or what `observe` returns.
    pub(crate) fn pass(
        &mut self,
        index: usize,
        advance: bool,
        observe: &mut dyn FnMut(usize, &Taps<'_>) -> Result<(), CalibrateError>,
    ) -> Result<(), CalibrateError> {
        let mut row = 0;
        for (sequence, tokens) in self.sequences.iter().enumerate() {
            check_cancelled(self.watch)?;
            self.states.read(row, tokens.len(), &mut self.hidden)?;
            let output = self.layer.run(&self.hidden, tokens.len())?;
            check_finite(output.hidden()?, index, sequence)?;
            observe(sequence, &output.taps()?)?;
            if advance {
                self.states.write(row, output.hidden()?)?;
            }
            row += tokens.len();
            self.done_passes += 1;
            self.watch.passes(self.done_passes, self.total_passes);
        }
        Ok(())
    }
}

/// The rows of the embedding table.
fn embed(
    checkpoint: &Checkpoint,
    sequences: &[Vec<u32>],
    options: &ReferenceOptions,
) -> Result<Spill, CalibrateError> {
    let config = &checkpoint.config;
    let (columns, vocab_size) = (config.hidden_size, config.vocab_size);
    let table = checkpoint.tensors.get(names::EMBEDDING)?;
    let mut states = Spill::create(&options.scratch, columns)?;
    let (mut buffer, mut rows) = (ReadBuffer::default(), Vec::new());
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
            table.read(id * columns, columns, &mut buffer)?;
            rows.extend_from_slice(&buffer.weights);
        }
        states.write(first, &rows)?;
        first += tokens.len();
    }
    Ok(states)
}

/// # Errors
/// [`CalibrateError::Cancelled`].
pub(crate) fn check_cancelled(watch: &dyn Watch) -> Result<(), CalibrateError> {
    if watch.cancelled() { Err(CalibrateError::Cancelled) } else { Ok(()) }
}

pub(crate) fn check_finite(hidden: &[f32], layer: usize, sequence: usize) -> Result<(), CalibrateError> {
    if hidden.iter().fold(true, |finite, value| finite & value.is_finite()) {
        Ok(())
    } else {
        Err(CalibrateError::NotFinite { layer, sequence })
    }
}

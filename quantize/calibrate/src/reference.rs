//! The run: all sequences through layer 0, then all through layer 1, and so on to the logits.
//!
//! 1. [`Reference::open`] loads the graph of a layer and makes its buffers.
//! 2. [`Reference::run`] sends sequences through all layers and shows an observer what happens inside.
//! 3. [`Reference::logits`] does the same and ends with every position's logits.
//!
//! Memory: one layer in float32, the activations of one sequence, and for logits 320 MB. Disk: `tokens * hidden_size
//! * 4` bytes in a file without a name. The same threads give the same figures.

use std::path::{Path, PathBuf};

use wheelwork_quantize::checkpoint::Checkpoint;

use crate::CalibrateError;
use crate::head::Head;
use crate::layer::{LayerOutput, Taps};
use crate::spill::Spill;
use crate::stepper::{Stepper, check_cancelled};
use crate::weights::Weights;

/// How a reference runs.
#[derive(Debug, Clone)]
pub struct ReferenceOptions {
    /// Threads of ONNX Runtime.
    pub threads: usize,
    /// Where activations wait: a folder on a disk with room.
    pub scratch: PathBuf,
}

impl ReferenceOptions {
    /// With one thread a core where nothing is said.
    pub(crate) fn new(threads: Option<usize>, scratch: &Path) -> Self {
        let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        Self { threads, scratch: scratch.into() }
    }
}

impl Default for ReferenceOptions {
    /// All cores, and the system's folder for temporary files.
    fn default() -> Self {
        Self::new(None, &std::env::temp_dir())
    }
}

/// Is told layer and sequence whenever one sequence has passed one layer; an error ends the run.
pub type Observer<'o> = dyn FnMut(usize, usize, &Taps<'_>) -> Result<(), CalibrateError> + 'o;

/// What a caller can see and stop while sequences run.
pub trait Watch {
    /// Of `total` passes of a sequence through a layer, `done` are over; a calibration needs two a layer.
    fn passes(&self, _done: usize, _total: usize) {}

    /// Of `total` tokens of calibration text, `done` are written.
    fn text(&self, _done: usize, _total: usize) {}

    /// Asked between passes, and between tokens of a text. After true, [`CalibrateError::Cancelled`] is returned.
    fn cancelled(&self) -> bool {
        false
    }
}

/// No one looks.
impl Watch for () {}

/// The float model of a checkpoint.
pub struct Reference<'a> {
    weights: Weights<'a>,
    options: ReferenceOptions,
    watch: &'a dyn Watch,
}

impl<'a> Reference<'a> {
    /// Loads ONNX Runtime; reads no weights.
    ///
    /// # Errors
    /// [`CalibrateError::Library`].
    pub fn open(
        checkpoint: &'a Checkpoint,
        options: ReferenceOptions,
        watch: &'a dyn Watch,
    ) -> Result<Self, CalibrateError> {
        Self::of(checkpoint.into(), options, watch)
    }

    /// As [`Reference::open`], with weights that are not all the checkpoint's.
    pub(crate) fn of(
        weights: Weights<'a>,
        options: ReferenceOptions,
        watch: &'a dyn Watch,
    ) -> Result<Self, CalibrateError> {
        wheelwork_ort::environment()?;
        Ok(Self { weights, options, watch })
    }

    /// Sends sequences of token ids, each from position 0 on, through all layers.
    ///
    /// # Errors
    /// [`CalibrateError`], or what the observer returns.
    pub fn run(&mut self, sequences: &[Vec<u32>], observer: &mut Observer<'_>) -> Result<(), CalibrateError> {
        let observe = |layer, sequence, output: &LayerOutput<'_>| observer(layer, sequence, &output.taps()?);
        self.through_layers(sequences, observe).map(drop)
    }

    /// The logits `[vocab_size]` of every position: `each(sequence, position, logits)`, in order. Row `i` says what
    /// follows token `i`.
    ///
    /// # Errors
    /// [`CalibrateError`], or what `each` returns.
    pub fn logits<E: From<CalibrateError>>(
        &mut self,
        sequences: &[Vec<u32>],
        mut each: impl FnMut(usize, usize, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut states = self.through_layers(sequences, |_, _, _| Ok(()))?;
        let config = self.weights.config();
        let mut head = Head::new(self.weights, self.options.threads)?;
        let places: Vec<(usize, usize)> = sequences
            .iter()
            .enumerate()
            .flat_map(|(sequence, tokens)| (0..tokens.len()).map(move |position| (sequence, position)))
            .collect();
        let (mut hidden, mut logits) = (Vec::new(), Vec::new());
        let mut row = 0;
        for chunk in places.chunks(Head::chunk_positions(config)) {
            check_cancelled(self.watch)?;
            states.read(row, chunk.len(), &mut hidden)?;
            head.logits(&mut hidden, &mut logits)?;
            for (&(sequence, position), logits) in chunk.iter().zip(logits.chunks_exact(config.vocab_size)) {
                each(sequence, position, logits)?;
            }
            row += chunk.len();
        }
        Ok(())
    }

    /// What leaves the last layer, one row a token, the sequences one after another.
    fn through_layers(
        &self,
        sequences: &[Vec<u32>],
        mut observe: impl FnMut(usize, usize, &LayerOutput<'_>) -> Result<(), CalibrateError>,
    ) -> Result<Spill, CalibrateError> {
        let mut stepper = Stepper::start(self.weights, sequences, &self.options, 1, self.watch)?;
        for layer in 0..self.weights.config().num_hidden_layers {
            check_cancelled(self.watch)?;
            stepper.layer.load(self.weights, layer)?;
            stepper.pass(layer, true, &mut |sequence, output| observe(layer, sequence, output))?;
        }
        Ok(stepper.states)
    }
}

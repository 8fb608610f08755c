//! A checkpoint's matrices, rounded for the inputs that they really get.
//!
//! For each layer, in the order in which `wheelwork-quantize` stores it:
//!
//! 1. Before its first matrix, every sequence runs through the layer in float32; the inputs of its matrices are summed
//!    up to four Hessians (query, key and value share one, gate and up another).
//! 2. Each matrix is rounded by GPTQ; what was stored replaces the float weights in the layer's buffers.
//! 3. After its last matrix, every sequence runs again, now with the weights as stored. What comes out is what the next
//!    layer will see, so that it is calibrated on inputs that hold all errors so far.
//!
//! Memory: one layer in float32, its Hessians and one factor. Embedding and output projection keep the scheme's search, under
//! the moments of their inputs where those are known.

use rayon::prelude::*;
use wheelwork_quantize::architecture::names;
use wheelwork_quantize::calibration::{Calibration, CalibrationError, Rounder, StoredRows};
use wheelwork_quantize::checkpoint::{Checkpoint, Config};
use wheelwork_quantize::importance::Moments;
use wheelwork_quantize::kv_cache::LayerRange;
use wheelwork_quantize::plan::StoredMatrix;

use crate::CalibrateError;
use crate::calibration_text::Text;
use crate::gptq::factor::Factor;
use crate::gptq::hessian::Hessian;
use crate::gptq::rounding::Gptq;
use crate::kv_ranges;
use crate::layer::Input;
use crate::reference::{ReferenceOptions, Watch};
use crate::stepper::Stepper;

/// Weights that one worker reads back at once.
const PIECE_WEIGHTS: usize = 1 << 18;

/// The calibration of one package.
pub struct Calibrated<'a> {
    text: &'a Text,
    options: ReferenceOptions,
    watch: &'a dyn Watch,
    run: Option<Run<'a>>,
    kv_ranges: Vec<LayerRange>,
    /// What the columns of embedding table and output projection count.
    moments: Option<&'a Moments>,
}

/// The state between two matrices.
struct Run<'a> {
    stepper: Stepper<'a>,
    /// The layer that is being stored.
    layer: usize,
    /// The layer's buffers hold its weights, as stored where they are stored already.
    is_loaded: bool,
    /// Tensors of the layer that are stored already.
    stored: Vec<String>,
    /// Sums that no matrix has asked for yet.
    sums: Vec<(Input, Hessian)>,
    /// What the matrix in hand, and perhaps the next one, is rounded by.
    factor: Option<(Input, Factor)>,
}

impl<'a> Calibrated<'a> {
    /// A calibration on a text.
    #[must_use]
    pub fn new(text: &'a Text, options: ReferenceOptions, watch: &'a dyn Watch) -> Self {
        Self { text, options, watch, run: None, kv_ranges: Vec::new(), moments: None }
    }

    /// The same with moments for the matrices that are not rounded by GPTQ: embedding table and output projection.
    #[must_use]
    pub fn with_moments(self, moments: Option<&'a Moments>) -> Self {
        Self { moments, ..self }
    }

    /// How large keys and values get in each layer that is stored, with its weights as stored.
    #[must_use]
    pub fn kv_ranges(&self) -> &[LayerRange] {
        &self.kv_ranges
    }

    fn run(&mut self, checkpoint: &Checkpoint) -> Result<&mut Run<'a>, CalibrateError> {
        if self.run.is_none() {
            let stepper =
                Stepper::start(checkpoint.into(), &self.text.sequences, &self.options, 2, self.watch)?;
            self.run = Some(Run {
                stepper,
                layer: 0,
                is_loaded: false,
                stored: Vec::new(),
                sums: Vec::new(),
                factor: None,
            });
        }
        self.run.as_mut().ok_or(CalibrateError::Cancelled)
    }
}

impl Calibration for Calibrated<'_> {
    fn identity(&self) -> String {
        format!("gptq, {}", self.text.sha256())
    }

    fn rounder<'r>(
        &'r mut self,
        checkpoint: &Checkpoint,
        matrix: &StoredMatrix,
    ) -> Result<Option<Box<dyn Rounder + 'r>>, CalibrationError> {
        let Some((_, input)) = place(matrix) else {
            return Ok(self.moments.and_then(|moments| moments.rounder(matrix)));
        };
        let factor = self.run(checkpoint)?.factor(checkpoint, input)?;
        Ok(Some(Box::new(Gptq { factor })))
    }

    fn stored(
        &mut self,
        checkpoint: &Checkpoint,
        matrix: &StoredMatrix,
        rows: &StoredRows<'_>,
    ) -> Result<(), CalibrationError> {
        let Some((_, input)) = place(matrix) else { return Ok(()) };
        let run = self.run(checkpoint)?;
        run.take_stored(checkpoint, matrix, rows)?;
        if input == Input::Down {
            let range = run.finish_layer(&checkpoint.config)?;
            self.kv_ranges.push(range);
        }
        Ok(())
    }
}

impl Run<'_> {
    fn factor(&mut self, checkpoint: &Checkpoint, input: Input) -> Result<&Factor, CalibrateError> {
        if self.factor.as_ref().is_none_or(|(own, _)| *own != input) {
            // Its memory is needed for the next one.
            self.factor = None;
            if !self.sums.iter().any(|(own, _)| *own == input) {
                self.sum_up(checkpoint)?;
            }
            let position = self.sums.iter().position(|(own, _)| *own == input);
            let (_, hessian) =
                position.map(|at| self.sums.swap_remove(at)).ok_or(CalibrateError::Cancelled)?;
            self.factor = Some((input, Factor::new(hessian)));
        }
        self.factor.as_ref().map(|(_, factor)| factor).ok_or(CalibrateError::Cancelled)
    }

    /// Runs the layer in float32 and sums up the inputs of its matrices.
    fn sum_up(&mut self, checkpoint: &Checkpoint) -> Result<(), CalibrateError> {
        let config = &checkpoint.config;
        // In a run that resumes, matrices of this layer may be stored already, but inputs are those of float weights.
        let Stepper { layer, .. } = &mut self.stepper;
        let stored: Vec<_> = self.stored.iter().map(|name| (name, layer.weights(name).to_vec())).collect();
        layer.load(checkpoint.into(), self.layer)?;
        self.is_loaded = true;
        let mut sums = Input::ALL.map(|input| (input, Hessian::new(input.columns(config))));
        self.stepper.pass(self.layer, false, &mut |_, output| {
            let taps = output.taps()?;
            sums.iter_mut().for_each(|(input, hessian)| hessian.add(input.values(&taps)));
            Ok(())
        })?;
        for (name, weights) in stored {
            self.stepper.layer.weights(name).copy_from_slice(&weights);
        }
        self.sums = sums.into();
        Ok(())
    }

    /// Puts what was stored into the layer's buffers.
    fn take_stored(
        &mut self,
        checkpoint: &Checkpoint,
        matrix: &StoredMatrix,
        rows: &StoredRows<'_>,
    ) -> Result<(), CalibrateError> {
        if !self.is_loaded {
            self.stepper.layer.load(checkpoint.into(), self.layer)?;
            self.is_loaded = true;
        }
        let mut first = 0;
        for (tensor, count) in &matrix.parts {
            let name = tensor.strip_prefix(&names::layer(self.layer, "")).unwrap_or(tensor);
            let piece_rows = (PIECE_WEIGHTS / matrix.columns).max(1);
            let pieces = self.stepper.layer.weights(name).par_chunks_mut(piece_rows * matrix.columns);
            let pieces = pieces.enumerate().try_for_each_init(Vec::new, |weights, (piece, slots)| {
                rows.read(first + piece * piece_rows, slots.len() / matrix.columns, weights)?;
                slots.copy_from_slice(weights);
                Ok(())
            });
            pieces.map_err(CalibrateError::ReadBack)?;
            self.stored.push(name.to_owned());
            first += count;
        }
        Ok(())
    }

    /// Runs the layer as it is stored, and goes on to the next.
    fn finish_layer(&mut self, config: &Config) -> Result<LayerRange, CalibrateError> {
        self.sums.clear();
        self.factor = None;
        let mut range = kv_ranges::none(config);
        self.stepper.pass(self.layer, true, &mut |_, output| {
            kv_ranges::include(&mut range, &output.taps()?, config);
            Ok(())
        })?;
        self.layer += 1;
        self.is_loaded = false;
        self.stored.clear();
        Ok(range)
    }
}

/// Layer and input of a matrix of a layer.
fn place(matrix: &StoredMatrix) -> Option<(usize, Input)> {
    let (tensor, _) = matrix.parts.first()?;
    let layer = names::layer_of(tensor)?;
    Some((layer, Input::of(tensor.strip_prefix(&names::layer(layer, ""))?)?))
}

impl From<CalibrateError> for CalibrationError {
    fn from(error: CalibrateError) -> Self {
        Box::new(error)
    }
}

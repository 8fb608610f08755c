//! Sequences on their way through the folded model, one layer in memory: how large everything gets.
//!
//! [`Observation::start`] looks the tokens up; then for each layer [`Observation::load`], [`Observation::ranges`], and, with the weights
//! as they were stored ([`Observation::replace`]), [`Observation::advance`].

use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{Tensor, TensorRef};
use wheelwork_quantize::architecture::names;
use wheelwork_quantize::checkpoint::Config;
use wheelwork_quantize::rope;
use wheelwork_quantize::static_graph::{Fold, ObservedLayer, ObservedRange, Range, Ranges, taps};

use crate::reference::{ReferenceOptions, Watch};
use crate::spill::Spill;
use crate::stepper::{check_cancelled, check_finite};
use crate::{CalibrateError, runtime};
use wheelwork_package::tensors::static_graph as graph_io;

/// What scores that must not count get in the float model.
const MASKED: f32 = -1e9;

/// All sequences, in front of one layer.
pub(super) struct Observation<'a> {
    config: &'a Config,
    session: Session,
    tensors: Vec<(String, Tensor<f32>)>,
    ranges: Vec<ObservedRange>,
    pub(super) states: Spill,
    sequences: &'a [Vec<u32>],
    frequencies: Vec<f64>,
    watch: &'a dyn Watch,
    done: usize,
    hidden: Vec<f32>,
}

impl<'a> Observation<'a> {
    /// Puts the folded rows of the embedding table in front of layer 0. Sequences were checked before.
    pub(super) fn start(
        fold: &Fold<'a>,
        sequences: &'a [Vec<u32>],
        options: &ReferenceOptions,
        watch: &'a dyn Watch,
    ) -> Result<Self, CalibrateError> {
        let config = &fold.checkpoint().config;
        let columns = config.hidden_size;
        let mut states = Spill::create(&options.scratch, columns)?;
        for (row, &token) in sequences.iter().flatten().enumerate() {
            states.write(row, &fold.rows(names::EMBEDDING, token as usize, 1, columns)?)?;
        }
        let ObservedLayer { model, tensors, ranges } = ObservedLayer::build(config)?;
        let session = runtime::session(&model, options.threads)?;
        let tensors = tensors
            .into_iter()
            .map(|(name, shape)| runtime::tensor(&name, &shape).map(|tensor| (name, tensor)))
            .collect::<Result<_, _>>()?;
        let frequencies = config.rope.inverse_frequencies(config.head_dim);
        Ok(Self {
            config,
            session,
            tensors,
            ranges,
            states,
            sequences,
            frequencies,
            watch,
            done: 0,
            hidden: Vec::new(),
        })
    }

    /// Fills the buffers with a layer's folded weights.
    pub(super) fn load(&mut self, fold: &Fold<'_>, layer: usize) -> Result<(), CalibrateError> {
        for (name, buffer) in &mut self.tensors {
            let weights = fold.tensor(&names::layer(layer, name))?;
            buffer.extract_tensor_mut().1.copy_from_slice(&weights);
        }
        Ok(())
    }

    /// The loaded weights of a tensor, by its name within the layer.
    pub(super) fn weights(&self, name: &str) -> &[f32] {
        let found = self.tensors.iter().find(|(own, _)| own == name);
        found.map_or(&[], |(_, tensor)| tensor.extract_tensor().1)
    }

    /// Matrices among the layer's tensors, by their names within it.
    pub(super) fn matrices(&self) -> Vec<String> {
        let matrices = self.tensors.iter().filter(|(_, tensor)| tensor.shape().len() == 2);
        matrices.map(|(name, _)| name.clone()).collect()
    }

    /// Replaces loaded weights.
    pub(super) fn replace(&mut self, name: &str, weights: &[f32]) {
        if let Some((_, buffer)) = self.tensors.iter_mut().find(|(own, _)| own == name) {
            buffer.extract_tensor_mut().1.copy_from_slice(weights);
        }
    }

    /// Sends every sequence through, widens the ranges of the layer, and shows what goes into its matrices by the names
    /// of [`taps`].
    pub(super) fn ranges(
        &mut self,
        layer: usize,
        ranges: &mut Ranges,
        tap: &mut dyn FnMut(&str, &[f32]),
    ) -> Result<(), CalibrateError> {
        let known = self.ranges.clone();
        self.pass(layer, false, &mut |outputs| {
            for range in &known {
                let high = scalar(outputs, &range.high)?;
                let low = range.low.as_deref().map_or(Ok(-high), |low| scalar(outputs, low))?;
                ranges.include(&names::layer(layer, &range.name), Range { low, high });
            }
            for name in [taps::QKV_INPUT, taps::O_INPUT, taps::GATE_UP_INPUT, taps::DOWN_INPUT] {
                tap(name, values(outputs, name)?);
            }
            Ok(())
        })
    }

    /// Sends every sequence through; what leaves the layer replaces what entered it.
    pub(super) fn advance(&mut self, layer: usize) -> Result<(), CalibrateError> {
        self.pass(layer, true, &mut |_| Ok(()))
    }

    fn pass(
        &mut self,
        layer: usize,
        advance: bool,
        observe: &mut dyn FnMut(&SessionOutputs<'_>) -> Result<(), CalibrateError>,
    ) -> Result<(), CalibrateError> {
        let step = || CalibrateError::run("running a layer of the folded model");
        let total = 2 * self.sequences.len() * self.config.num_hidden_layers;
        let mut row = 0;
        for (sequence, tokens) in self.sequences.iter().enumerate() {
            check_cancelled(self.watch)?;
            let length = tokens.len();
            self.states.read(row, length, &mut self.hidden)?;
            let (cosines, sines): (Vec<f32>, Vec<f32>) =
                (0..length).flat_map(|position| rope::angles(&self.frequencies, position)).unzip();
            let mask: Vec<f32> = (0..length * length)
                .map(|at| if at % length <= at / length { 0.0 } else { MASKED })
                .collect();
            let half = self.frequencies.len();
            let view =
                |shape: [usize; 4], values| TensorRef::from_array_view((shape, values)).map_err(step());
            let x =
                TensorRef::from_array_view(([1, length, self.config.hidden_size], self.hidden.as_slice()))
                    .map_err(step())?;
            let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
                (graph_io::X, x.into()),
                (graph_io::COS, view([1, 1, length, half], cosines.as_slice())?.into()),
                (graph_io::SIN, view([1, 1, length, half], sines.as_slice())?.into()),
                (graph_io::MASK, view([1, 1, length, length], mask.as_slice())?.into()),
            ];
            inputs.extend(self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.into())));
            let outputs = self.session.run(inputs).map_err(step())?;
            check_finite(values(&outputs, taps::OUTPUT)?, layer, sequence)?;
            observe(&outputs)?;
            if advance {
                self.states.write(row, values(&outputs, taps::OUTPUT)?)?;
            }
            row += length;
            self.done += 1;
            self.watch.passes(self.done, total);
        }
        Ok(())
    }
}

fn scalar(outputs: &SessionOutputs<'_>, name: &str) -> Result<f32, CalibrateError> {
    values(outputs, name).map(|values| values.first().copied().unwrap_or_default())
}

fn values<'o>(outputs: &'o SessionOutputs<'_>, name: &str) -> Result<&'o [f32], CalibrateError> {
    let missing = || CalibrateError::Run {
        step: "running a layer of the folded model".into(),
        message: format!("there is no output `{name}`"),
    };
    let value = outputs.get(name).ok_or_else(missing)?;
    let (_, values) = value.try_extract_tensor().map_err(CalibrateError::run("reading a layer's output"))?;
    Ok(values)
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
        let mut observation = Observation::start(fold, sequences, &options, &()).unwrap();
        for layer in 0..config.num_hidden_layers {
            observation.load(fold, layer).unwrap();
            observation.advance(layer).unwrap();
        }
        let mut rows = Vec::new();
        observation.states.read(0, sequences.iter().map(Vec::len).sum(), &mut rows).unwrap();
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

//! A decoder layer in float32: one loaded graph, one set of weight buffers, both used for every layer in turn.
//!
//! [`Layer::load`] fills the buffers from the checkpoint, [`Layer::run`] sends one sequence through.

use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{Tensor, TensorRef};
use rayon::prelude::*;
use wheelwork_quantize::architecture::{self, names};
use wheelwork_quantize::checkpoint::tensors::ReadBuffer;
use wheelwork_quantize::checkpoint::{Checkpoint, Config};
use wheelwork_quantize::rope;

use crate::{CalibrateError, runtime};

mod graph;

/// Weights that one worker reads at once.
const PIECE_WEIGHTS: usize = 1 << 18;

/// What goes into the matrices of a layer for one sequence, and what its cache holds; all row-major.
#[derive(Debug, Clone, Copy)]
pub struct Taps<'a> {
    /// Into the projections of query, key and value: `[length, hidden_size]`.
    pub qkv_input: &'a [f32],
    /// Into `o_proj`: `[length, num_attention_heads * head_dim]`.
    pub o_input: &'a [f32],
    /// Into `gate_proj` and `up_proj`: `[length, hidden_size]`.
    pub gate_up_input: &'a [f32],
    /// Into `down_proj`: `[length, intermediate_size]`.
    pub down_input: &'a [f32],
    /// Rotated keys, as the cache holds them: `[num_key_value_heads, length, head_dim]`.
    pub keys: &'a [f32],
    /// `[num_key_value_heads, length, head_dim]`.
    pub values: &'a [f32],
}

/// The graph of a layer with its buffers.
pub(crate) struct Layer {
    session: Session,
    /// Names within the layer, and float32 buffers in the checkpoint's shapes.
    weights: Vec<(String, Tensor<f32>)>,
    cosines: Tensor<f32>,
    sines: Tensor<f32>,
}

/// What a layer gives for one sequence.
pub(crate) struct LayerOutput<'s>(SessionOutputs<'s>);

impl Layer {
    /// Loads the graph and makes the buffers, for sequences of up to `positions` tokens.
    ///
    /// # Errors
    /// [`CalibrateError::Library`], [`CalibrateError::Graph`] or [`CalibrateError::Run`].
    pub(crate) fn new(config: &Config, positions: usize, threads: usize) -> Result<Self, CalibrateError> {
        let prefix = names::layer(0, "");
        let shapes: Vec<(String, Vec<usize>)> = architecture::tensors(config)
            .into_iter()
            .filter_map(|(name, shape)| Some((name.strip_prefix(&prefix)?.to_owned(), shape)))
            .collect();
        let session = runtime::session(&graph::build(config, &shapes)?, threads)?;
        let weights = shapes
            .into_iter()
            .map(|(name, shape)| runtime::tensor(&name, &shape).map(|tensor| (name, tensor)))
            .collect::<Result<_, _>>()?;

        let frequencies = config.rope.inverse_frequencies(config.head_dim);
        let shape = [positions, frequencies.len()];
        let mut cosines = runtime::tensor(graph::COSINES, &shape)?;
        let mut sines = runtime::tensor(graph::SINES, &shape)?;
        let angles = (0..positions).flat_map(|position| rope::angles(&frequencies, position));
        let slots = cosines.extract_tensor_mut().1.iter_mut().zip(sines.extract_tensor_mut().1);
        for ((cosine, sine), angle) in slots.zip(angles) {
            (*cosine, *sine) = angle;
        }
        Ok(Self { session, weights, cosines, sines })
    }

    /// Fills the buffers with a layer's weights, on all cores.
    ///
    /// # Errors
    /// [`CalibrateError::Checkpoint`].
    pub(crate) fn load(&mut self, checkpoint: &Checkpoint, layer: usize) -> Result<(), CalibrateError> {
        for (name, buffer) in &mut self.weights {
            let tensor = checkpoint.tensors.get(&names::layer(layer, name))?;
            let pieces = buffer.extract_tensor_mut().1.par_chunks_mut(PIECE_WEIGHTS).enumerate();
            pieces.try_for_each_init(ReadBuffer::default, |read, (piece, slots)| {
                tensor.read(piece * PIECE_WEIGHTS, slots.len(), read)?;
                slots.copy_from_slice(&read.weights);
                Ok::<(), CalibrateError>(())
            })?;
        }
        Ok(())
    }

    /// Replaces one of the loaded weights, by its name within the layer: `read(row, count, weights)` gives rows of
    /// `columns` of it.
    ///
    /// # Errors
    /// What `read` returns.
    pub(crate) fn fill(
        &mut self,
        name: &str,
        columns: usize,
        read: impl Fn(usize, usize, &mut Vec<f32>) -> Result<(), CalibrateError> + Sync,
    ) -> Result<(), CalibrateError> {
        let Some((_, buffer)) = self.weights.iter_mut().find(|(own, _)| own == name) else { return Ok(()) };
        let piece_rows = (PIECE_WEIGHTS / columns).max(1);
        let pieces = buffer.extract_tensor_mut().1.par_chunks_mut(piece_rows * columns).enumerate();
        pieces.try_for_each_init(Vec::new, |weights, (piece, slots)| {
            read(piece * piece_rows, slots.len() / columns, weights)?;
            slots.copy_from_slice(weights);
            Ok(())
        })
    }

    /// Copies of some of the loaded weights.
    pub(crate) fn take(&self, names: &[String]) -> Vec<(String, Vec<f32>)> {
        let wanted = self.weights.iter().filter(|(name, _)| names.contains(name));
        wanted.map(|(name, buffer)| (name.clone(), buffer.extract_tensor().1.to_vec())).collect()
    }

    /// Puts copies back where they came from.
    pub(crate) fn put_back(&mut self, copies: Vec<(String, Vec<f32>)>) {
        for (name, copy) in copies {
            if let Some((_, buffer)) = self.weights.iter_mut().find(|(own, _)| *own == name) {
                buffer.extract_tensor_mut().1.copy_from_slice(&copy);
            }
        }
    }

    /// Sends a sequence `[length, hidden_size]` through the layer whose weights are loaded. Causal: a position sees
    /// itself and those before it.
    ///
    /// # Errors
    /// [`CalibrateError::Run`].
    pub(crate) fn run(&mut self, hidden: &[f32], length: usize) -> Result<LayerOutput<'_>, CalibrateError> {
        let step = || CalibrateError::run("running a layer of the float model");
        let width = hidden.len() / length.max(1);
        let positions = i32::try_from(length).unwrap_or(i32::MAX);
        let hidden = TensorRef::from_array_view(([1, length, width], hidden)).map_err(step())?;
        let last = Tensor::from_array(([1_usize], vec![positions - 1])).map_err(step())?;
        let total = Tensor::from_array(([0_usize; 0], vec![positions])).map_err(step())?;
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            (graph::HIDDEN, hidden.into()),
            (graph::LAST_POSITION, last.into()),
            (graph::LENGTH, total.into()),
            (graph::COSINES, (&self.cosines).into()),
            (graph::SINES, (&self.sines).into()),
        ];
        inputs.extend(self.weights.iter().map(|(name, tensor)| (name.as_str(), tensor.into())));
        self.session.run(inputs).map(LayerOutput).map_err(step())
    }
}

impl LayerOutput<'_> {
    /// What leaves the layer: `[length, hidden_size]`.
    ///
    /// # Errors
    /// [`CalibrateError::Run`].
    pub(crate) fn hidden(&self) -> Result<&[f32], CalibrateError> {
        self.values(graph::OUTPUT)
    }

    /// What went into its matrices.
    ///
    /// # Errors
    /// [`CalibrateError::Run`].
    pub(crate) fn taps(&self) -> Result<Taps<'_>, CalibrateError> {
        Ok(Taps {
            qkv_input: self.values(graph::QKV_INPUT)?,
            o_input: self.values(graph::O_INPUT)?,
            gate_up_input: self.values(graph::GATE_UP_INPUT)?,
            down_input: self.values(graph::DOWN_INPUT)?,
            keys: self.values(graph::KEYS)?,
            values: self.values(graph::VALUES)?,
        })
    }

    fn values(&self, name: &str) -> Result<&[f32], CalibrateError> {
        let missing = || CalibrateError::Run {
            step: "running a layer of the float model".into(),
            message: format!("there is no output `{name}`"),
        };
        let value = self.0.get(name).ok_or_else(missing)?;
        let (_, values) =
            value.try_extract_tensor().map_err(CalibrateError::run("reading a layer's output"))?;
        Ok(values)
    }
}

//! A decoder layer in float32: one graph, loaded once a thread, and one set of weight buffers, used for every layer in turn.
//!
//! [`Layer::load`] or [`Layer::load_folded`] fills the buffers, [`Layer::run`] sends a few sequences through side by side. Each has
//! one thread, so that its figures are the same however many there are.

use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{Tensor, TensorRef};
use rayon::prelude::*;
use wheelwork_kernels::angles;
use wheelwork_package::tensors::static_graph as graph_io;
use wheelwork_quantize::architecture::names;
use wheelwork_quantize::checkpoint::Config;
use wheelwork_quantize::static_graph::{Fold, ObservedLayer, ObservedRange, Range, taps};

use crate::weights::Weights;
use crate::{CalibrateError, runtime};

/// What scores that must not count get.
const MASKED: f32 = -1e9;

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

/// What goes into a matrix of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Qkv,
    Output,
    GateUp,
    Down,
}

impl Input {
    pub(crate) const ALL: [Self; 4] = [Self::Qkv, Self::Output, Self::GateUp, Self::Down];

    /// By the tensor's name within its layer.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.strip_suffix(".weight")? {
            "self_attn.q_proj" | "self_attn.k_proj" | "self_attn.v_proj" => Some(Self::Qkv),
            "self_attn.o_proj" => Some(Self::Output),
            "mlp.gate_proj" | "mlp.up_proj" => Some(Self::GateUp),
            "mlp.down_proj" => Some(Self::Down),
            _ => None,
        }
    }

    pub(crate) fn columns(self, config: &Config) -> usize {
        match self {
            Self::Qkv | Self::GateUp => config.hidden_size,
            Self::Output => config.query_size(),
            Self::Down => config.intermediate_size,
        }
    }

    pub(crate) fn values<'t>(self, taps: &Taps<'t>) -> &'t [f32] {
        match self {
            Self::Qkv => taps.qkv_input,
            Self::Output => taps.o_input,
            Self::GateUp => taps.gate_up_input,
            Self::Down => taps.down_input,
        }
    }
}

/// The graph of a layer with its buffers.
pub(crate) struct Layer {
    /// One for each sequence that runs at a time.
    sessions: Vec<Session>,
    /// Names within the layer, and float32 buffers in the checkpoint's shapes.
    weights: Vec<(String, Tensor<f32>)>,
    ranges: Vec<ObservedRange>,
    frequencies: Vec<f64>,
    /// For errors.
    step: &'static str,
}

/// What a layer gives for one sequence.
pub(crate) struct LayerOutput<'s> {
    outputs: SessionOutputs<'s>,
    ranges: &'s [ObservedRange],
    step: &'static str,
}

impl Layer {
    /// Loads the graph of [`ObservedLayer::build`] and makes the buffers.
    pub(crate) fn new(config: &Config, is_folded: bool, threads: usize) -> Result<Self, CalibrateError> {
        let ObservedLayer { model, tensors, ranges } = ObservedLayer::build(config, is_folded)?;
        // Before any tensor: a session is what loads ONNX Runtime, or says that there is none.
        let sessions =
            (0..threads.max(1)).map(|_| runtime::session(&model, 1)).collect::<Result<Vec<_>, _>>()?;
        let weights = tensors
            .into_iter()
            .map(|(name, shape)| runtime::tensor(&name, &shape).map(|tensor| (name, tensor)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            sessions,
            weights,
            ranges,
            frequencies: config.rope.inverse_frequencies(config.head_dim),
            step: if is_folded {
                "running a layer of the folded model"
            } else {
                "running a layer of the float model"
            },
        })
    }

    /// Fills the buffers with a layer's weights, on all cores.
    pub(crate) fn load(&mut self, weights: Weights<'_>, layer: usize) -> Result<(), CalibrateError> {
        for (name, buffer) in &mut self.weights {
            weights.read_into(&names::layer(layer, name), 0, buffer.extract_tensor_mut().1)?;
        }
        Ok(())
    }

    /// Fills the buffers with a layer's folded weights.
    pub(crate) fn load_folded(&mut self, fold: &Fold<'_>, layer: usize) -> Result<(), CalibrateError> {
        for (name, buffer) in &mut self.weights {
            let weights = fold.tensor(&names::layer(layer, name))?;
            buffer.extract_tensor_mut().1.copy_from_slice(&weights);
        }
        Ok(())
    }

    /// Matrices among the layer's tensors, by their names within it.
    pub(crate) fn matrices(&self) -> Vec<String> {
        let matrices = self.weights.iter().filter(|(_, tensor)| tensor.shape().len() == 2);
        matrices.map(|(name, _)| name.clone()).collect()
    }

    /// A loaded tensor, by its name within the layer; empty where it has none of that name.
    pub(crate) fn weights(&mut self, name: &str) -> &mut [f32] {
        let found = self.weights.iter_mut().find(|(own, _)| own == name);
        found.map_or(&mut [], |(_, tensor)| tensor.extract_tensor_mut().1)
    }

    /// How many sequences run at a time.
    pub(crate) fn width(&self) -> usize {
        self.sessions.len()
    }

    /// Sends sequences `[length, hidden_size]`, no more than [`Layer::width`], through the layer whose weights are loaded. Causal: a
    /// position sees itself and those before it.
    pub(crate) fn run(
        &mut self,
        sequences: &[Vec<f32>],
        hidden_size: usize,
    ) -> Result<Vec<LayerOutput<'_>>, CalibrateError> {
        let Self { sessions, weights, ranges, frequencies, step } = self;
        let (weights, ranges) = (weights.as_slice(), ranges.as_slice());
        let (frequencies, step) = (frequencies.as_slice(), *step);
        let run = |(session, hidden): (_, &Vec<f32>)| {
            let outputs = run(session, weights, frequencies, (hidden, hidden_size), step)?;
            Ok(LayerOutput { outputs, ranges, step })
        };
        sessions.par_iter_mut().zip(sequences).map(run).collect()
    }
}

fn run<'s>(
    session: &'s mut Session,
    weights: &[(String, Tensor<f32>)],
    frequencies: &[f64],
    (hidden, hidden_size): (&[f32], usize),
    step: &'static str,
) -> Result<SessionOutputs<'s>, CalibrateError> {
    let failed = || CalibrateError::run(step);
    let length = hidden.len() / hidden_size.max(1);
    let (cosines, sines): (Vec<f32>, Vec<f32>) =
        (0..length).flat_map(|position| angles(frequencies, position)).unzip();
    let mask: Vec<f32> =
        (0..length * length).map(|at| if at % length <= at / length { 0.0 } else { MASKED }).collect();
    let half = frequencies.len();
    let given: [(&str, &[usize], &[f32]); 4] = [
        (graph_io::X, &[1, length, hidden_size], hidden),
        (graph_io::COS, &[1, 1, length, half], &cosines),
        (graph_io::SIN, &[1, 1, length, half], &sines),
        (graph_io::MASK, &[1, 1, length, length], &mask),
    ];
    let mut inputs: Vec<(&str, SessionInputValue<'_>)> = Vec::new();
    for (name, shape, values) in given {
        inputs.push((name, TensorRef::from_array_view((shape, values)).map_err(failed())?.into()));
    }
    inputs.extend(weights.iter().map(|(name, tensor)| (name.as_str(), tensor.into())));
    session.run(inputs).map_err(failed())
}

impl LayerOutput<'_> {
    /// What leaves the layer: `[length, hidden_size]`.
    pub(crate) fn hidden(&self) -> Result<&[f32], CalibrateError> {
        self.values(taps::OUTPUT)
    }

    /// What went into its matrices and its cache.
    pub(crate) fn taps(&self) -> Result<Taps<'_>, CalibrateError> {
        Ok(Taps {
            qkv_input: self.values(taps::QKV_INPUT)?,
            o_input: self.values(taps::O_INPUT)?,
            gate_up_input: self.values(taps::GATE_UP_INPUT)?,
            down_input: self.values(taps::DOWN_INPUT)?,
            keys: self.values(taps::KEYS)?,
            values: self.values(taps::VALUES)?,
        })
    }

    /// How large everything got in a folded layer, by the activation's name within it.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Result<(&str, Range), CalibrateError>> {
        let scalar = |name: &str| self.values(name).map(|values| values.first().copied().unwrap_or_default());
        self.ranges.iter().map(move |range| {
            let high = scalar(&range.high)?;
            let low = range.low.as_deref().map_or(Ok(-high), scalar)?;
            Ok((range.name.as_str(), Range { low, high }))
        })
    }

    fn values(&self, name: &str) -> Result<&[f32], CalibrateError> {
        let missing = || CalibrateError::Run {
            step: self.step.into(),
            message: format!("there is no output `{name}`"),
        };
        let value = self.outputs.get(name).ok_or_else(missing)?;
        let (_, values) =
            value.try_extract_tensor().map_err(CalibrateError::run("reading a layer's output"))?;
        Ok(values)
    }
}

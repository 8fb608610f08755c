//! A graph that ONNX Runtime has loaded: checked against the package, shared by all sequences.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ::ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ::ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions, Session};
use ::ort::value::{TensorElementType, ValueType};
use wheelwork_ort::on_processor;
use wheelwork_package::card::KvForm;
use wheelwork_package::genai_config::Model;
use wheelwork_package::tensors::layer_name;

use super::DecoderError;
use super::ort_commit::commit;
use super::ort_decoder::OrtDecoder;
use super::ort_device::{OnDevice, alone};
use super::ort_sparing::Sparing;
use crate::control::CancelToken;
use crate::decoder::kv::{FIRST_CAPACITY_TOKENS, KvShape, grown_capacity};
use crate::device::{GraphPlacement, Share};

/// The graph's input and output names.
#[derive(Debug, Clone)]
pub(crate) struct GraphNames {
    pub(super) input_ids: String,
    pub(super) attention_mask: String,
    pub(super) position_ids: Option<String>,
    pub(super) logits: String,
    /// Keys and values in turn, layer by layer.
    pub(super) past: Vec<String>,
    /// As `past`.
    pub(super) present: Vec<String>,
}

impl GraphNames {
    pub(crate) fn of(model: &Model) -> Self {
        let decoder = &model.decoder;
        let (inputs, outputs) = (&decoder.inputs, &decoder.outputs);
        let in_turn = |key: &str, value: &str| {
            (0..decoder.num_hidden_layers)
                .flat_map(|layer| [layer_name(key, layer), layer_name(value, layer)])
                .collect()
        };
        Self {
            input_ids: inputs.input_ids.clone(),
            attention_mask: inputs.attention_mask.clone(),
            position_ids: inputs.position_ids.clone(),
            logits: outputs.logits.clone(),
            past: in_turn(&inputs.past_key_names, &inputs.past_value_names),
            present: in_turn(&outputs.present_key_names, &outputs.present_value_names),
        }
    }
}

/// How a graph is loaded.
#[derive(Debug, Clone)]
pub(crate) struct SessionOptions {
    /// Threads of ONNX Runtime's pool.
    pub(crate) threads: usize,
    /// The longest sequence in tokens.
    pub(crate) context_length: usize,
    /// The provider, if it is not the processor's own.
    pub(crate) device: Option<OnDevice>,
    /// Ends the load.
    pub(crate) cancel: CancelToken,
    /// The graph to load instead of what stands in the file; `None` for the file.
    pub(crate) located: Option<Arc<Located>>,
}

/// A graph that names its files from a folder which is not its own.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) graph: Vec<u8>,
    pub(crate) folder: String,
}

/// A loaded graph.
pub(crate) struct OrtModel {
    graph: String,
    pub(super) names: GraphNames,
    pub(super) shape: KvShape,
    pub(super) kv_form: KvForm,
    pub(super) vocab_size: usize,
    pub(super) context_length: usize,
    pub(super) threads: usize,
    /// The graph gives logits for every token, not only for the last.
    pub(super) all_logits: bool,
    /// ONNX Runtime's name of the memory that the provider computes in; `None` where that is the host's.
    pub(super) device_memory: Option<&'static str>,
    /// Which provider got which nodes.
    shares: Vec<Share>,
    /// A run needs `&mut`: sequences of one model take turns, step by step.
    session: Mutex<Session>,
    /// The same graph with fewer threads, where that is wanted.
    sparing: OnceLock<Sparing>,
    located: Option<Arc<Located>>,
}

impl OrtModel {
    /// Loads a graph and checks its inputs and outputs against the package.
    pub(crate) fn load(
        environment: &::ort::environment::Environment,
        graph: &Path,
        model: &Model,
        options: SessionOptions,
    ) -> Result<Arc<Self>, DecoderError> {
        let builder = builder(environment, options.threads).and_then(|builder| match options.device {
            Some(device) => device.add_to(builder, environment),
            None => on_processor(builder, environment),
        });
        Self::load_with(builder, graph, model, options)
    }

    /// As [`OrtModel::load`], with a session builder of the caller's.
    pub(super) fn load_with(
        builder: ::ort::Result<SessionBuilder>,
        graph: &Path,
        model: &Model,
        options: SessionOptions,
    ) -> Result<Arc<Self>, DecoderError> {
        let graph_name = graph.display().to_string();
        let load = |message: String| DecoderError::Load { graph: graph_name.clone(), message };
        let _alone = options.device.map(|_| alone());
        let session = commit(builder, graph, options.located.as_deref(), &options.cancel)?;

        let names = GraphNames::of(model);
        let contract = |detail| DecoderError::Contract { graph: graph_name.clone(), detail };
        let (kv_form, all_logits) = check_contract(&session, &names, model).map_err(contract)?;
        let shares = shares(&session).map_err(load)?;
        Ok(Arc::new(Self {
            names,
            shape: KvShape::of(&model.decoder, kv_form),
            kv_form,
            vocab_size: model.vocab_size,
            context_length: options.context_length,
            threads: options.threads,
            all_logits,
            device_memory: options.device.and_then(|device| device.memory),
            shares,
            session: Mutex::new(session),
            graph: graph_name,
            sparing: OnceLock::new(),
            located: options.located,
        }))
    }

    /// Has sequences that are to spare the device compute on another session of the same graph. The first one counts.
    pub(crate) fn spare_with(&self, sparing: Sparing) {
        self.sparing.get_or_init(|| sparing);
    }

    /// The file that was loaded.
    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.graph)
    }

    /// What was loaded instead of the file's content.
    pub(crate) fn located(&self) -> Option<&Arc<Located>> {
        self.located.as_ref()
    }

    pub(super) fn sparing(&self) -> Option<&Sparing> {
        self.sparing.get()
    }

    /// Starts an empty sequence.
    pub(crate) fn decoder(self: &Arc<Self>) -> Result<OrtDecoder, DecoderError> {
        let capacity = grown_capacity(0, FIRST_CAPACITY_TOKENS.min(self.context_length), self.context_length);
        OrtDecoder::new(Arc::clone(self), capacity)
            .map_err(|error| self.no_cache(capacity, capacity, 0, &error))
    }

    /// Why a cache of that capacity could not be made: nothing but memory is asked for.
    pub(super) fn no_cache(
        &self,
        capacity: usize,
        tokens: usize,
        cached: usize,
        error: &::ort::Error,
    ) -> DecoderError {
        let bytes = self.shape.bytes(capacity);
        DecoderError::OutOfMemory {
            tokens,
            cached,
            message: format!("{bytes} bytes of keys and values: {error}"),
        }
    }

    pub(crate) fn kv_shape(&self) -> KvShape {
        self.shape
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Which provider got which nodes of the graph, which reads so many bytes of weights.
    pub(crate) fn placement(&self, weight_bytes: u64) -> GraphPlacement {
        let graph = self.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        GraphPlacement { graph, weight_bytes, shares: self.shares.clone() }
    }

    pub(crate) fn kv_form(&self) -> KvForm {
        self.kv_form
    }

    /// The memory that sequences keep their caches in.
    pub(super) fn cache_place(&self) -> ::ort::Result<Allocator> {
        match &self.device_memory {
            None => Ok(Allocator::default()),
            Some(name) => {
                let device = AllocationDevice::new(name);
                let memory = MemoryInfo::new(device, 0, AllocatorType::Device, MemoryType::Default)?;
                Allocator::new(&self.session.lock().unwrap_or_else(PoisonError::into_inner), memory)
            }
        }
    }

    pub(super) fn create_binding(&self) -> ::ort::Result<IoBinding> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).create_binding()
    }

    pub(super) fn run(
        &self,
        binding: &IoBinding,
        options: &RunOptions<NoSelectedOutputs>,
    ) -> ::ort::Result<()> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.run_binding_with_options(binding, options).map(drop)
    }
}

pub(super) fn builder(
    environment: &::ort::environment::Environment,
    threads: usize,
) -> ::ort::Result<SessionBuilder> {
    Ok(Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        // Shapes differ from call to call, so a remembered allocation pattern would only hold memory.
        .with_memory_pattern(false)?
        .with_config_entry(wheelwork_ort::assignment::RECORD, "1")?)
}

/// What ONNX Runtime recorded, by provider.
pub(super) fn shares(session: &Session) -> Result<Vec<Share>, String> {
    let mut by_provider = BTreeMap::<_, (usize, BTreeSet<_>)>::new();
    for node in wheelwork_ort::assignment(session)? {
        let (nodes, operators) = by_provider.entry(node.provider).or_default();
        *nodes += 1;
        operators.insert(node.operator);
    }
    let share = |(provider, (nodes, operators)): (_, (_, BTreeSet<_>))| Share {
        provider,
        nodes,
        operators: operators.into_iter().collect(),
    };
    Ok(by_provider.into_iter().map(share).collect())
}

/// Compares the loaded graph with the package; tells how it caches and whether it gives logits for every token.
fn check_contract(session: &Session, names: &GraphNames, model: &Model) -> Result<(KvForm, bool), String> {
    let tensor_of = |outlets: &[::ort::value::Outlet], name: &str| {
        let outlet = outlets.iter().find(|outlet| outlet.name() == name);
        match outlet.map(::ort::value::Outlet::dtype) {
            Some(ValueType::Tensor { ty, shape, .. }) => Ok((*ty, shape.to_vec())),
            Some(other) => Err(format!("`{name}` is {other}, expected a tensor")),
            None => Err(format!("it has no input or output `{name}`")),
        }
    };
    let expect = |name: &str, found: (TensorElementType, Vec<i64>), ty: TensorElementType, shape: &[i64]| {
        // -1 is a free dimension on either side.
        let fits = found.1.len() == shape.len()
            && found.1.iter().zip(shape).all(|(&found, &want)| found == want || found < 0 || want < 0);
        if found.0 == ty && fits {
            Ok(())
        } else {
            Err(format!("`{name}` is {} {:?}, expected {ty} {shape:?}", found.0, found.1))
        }
    };
    let dim = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let (int64, float32) = (TensorElementType::Int64, TensorElementType::Float32);
    let inputs = session.inputs();
    expect(&names.input_ids, tensor_of(inputs, &names.input_ids)?, int64, &[-1, -1])?;
    expect(&names.attention_mask, tensor_of(inputs, &names.attention_mask)?, int64, &[-1, -1])?;
    if let Some(position_ids) = &names.position_ids {
        expect(position_ids, tensor_of(inputs, position_ids)?, int64, &[-1, -1])?;
    }
    let cache = [-1, dim(model.decoder.num_key_value_heads), -1, dim(model.decoder.head_size)];
    // The first cache input decides; the others must be of its type.
    let first = names.past.first().ok_or("it has no layers")?;
    let (kv_form, cached) = match tensor_of(inputs, first)?.0 {
        TensorElementType::Int8 => (KvForm::Int8, TensorElementType::Int8),
        _ => (KvForm::Float, float32),
    };
    for (past, present) in names.past.iter().zip(&names.present) {
        expect(past, tensor_of(inputs, past)?, cached, &cache)?;
        expect(present, tensor_of(session.outputs(), present)?, cached, &cache)?;
    }
    let known = names.past.len() + 2 + usize::from(names.position_ids.is_some());
    if inputs.len() != known {
        return Err(format!("it has {} inputs, expected {known}", inputs.len()));
    }
    let logits = tensor_of(session.outputs(), &names.logits)?;
    let all_logits = logits.1.get(1) != Some(&1);
    expect(&names.logits, logits, float32, &[-1, -1, dim(model.vocab_size)])?;
    Ok((kv_form, all_logits))
}

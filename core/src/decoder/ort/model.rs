//! A graph that takes any length, loaded: checked against the package, shared by all sequences.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ::ort::environment::Environment;
use ::ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ::ort::session::builder::SessionBuilder;
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions, Session};
use ::ort::value::TensorElementType;
use wheelwork_ort::on_cpu;
use wheelwork_package::card::KvForm;
use wheelwork_package::genai_config::Model;
use wheelwork_package::graph::limits;
use wheelwork_package::graph::rows::LOGITS_ROWS;

use super::errors;
use super::names::GraphNames;
use super::session::{
    Expected, Located, OnDevice, alone, builder, check_all, commit, on_plugin, shares, tensor, with_operators,
};
use crate::control::CancelToken;
use crate::decoder::error::DecoderError;
use crate::decoder::graph_placement::{GraphPlacement, Share};
use crate::decoder::kv::KvShape;
use crate::decoder::limits::Limits;

/// Tokens of a prefill call for graphs that give the last token's logits only: large enough for full matrix
/// rates, small enough that activations stay below 100 MB at the 1.5B shape.
pub(crate) const CHUNK_TOKENS: usize = limits::CALL_TOKENS;
/// Tokens of a prefill call for graphs that give every token's logits: 64 rows of a 152k vocabulary are 39 MB.
pub(crate) const CHUNK_TOKENS_ALL_LOGITS: usize = limits::CALL_TOKENS_ALL_LOGITS;

/// How a graph is loaded.
#[derive(Debug, Clone)]
pub(crate) struct SessionOptions {
    /// Threads of ONNX Runtime's pool.
    pub(crate) threads: usize,
    /// The longest sequence in tokens.
    pub(crate) context_length: usize,
    /// The provider, if it is not the CPU's.
    pub(crate) device: Option<OnDevice>,
    /// Ends the load.
    pub(crate) cancel: CancelToken,
    /// The graph itself: what is loaded was verified, whatever its file holds by now.
    pub(crate) located: Arc<Located>,
}

/// A loaded graph.
pub(crate) struct OrtModel {
    graph: String,
    pub(super) names: GraphNames,
    pub(super) shape: KvShape,
    pub(super) kv_form: KvForm,
    pub(super) limits: Limits,
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
    power_saving: OnceLock<PowerSaving>,
}

impl OrtModel {
    /// Loads a graph, which came from the file `graph`, and checks its inputs and outputs against the package.
    pub(crate) fn load(
        environment: &Environment,
        graph: &Path,
        model: &Model,
        options: SessionOptions,
    ) -> Result<Arc<Self>, DecoderError> {
        let builder = builder(environment, options.threads).and_then(|builder| match options.device {
            Some(device) => on_plugin(builder, environment, device.provider, &[]),
            None => with_operators(on_cpu(builder, environment)?, &options.located, options.threads),
        });
        Self::load_with(builder, graph, model, options)
    }

    /// As [`OrtModel::load`], on the CPU, and has ONNX Runtime save the graph at `saved`, with all weights, as they are
    /// and packed, in `weights_name` beside it. See [`crate::prepare`].
    pub(crate) fn load_and_save(
        environment: &Environment,
        graph: &Path,
        model: &Model,
        options: SessionOptions,
        saved: &Path,
        weights_name: &str,
    ) -> Result<Arc<Self>, DecoderError> {
        let builder = builder(environment, options.threads).and_then(|builder| {
            Ok(on_cpu(builder, environment)?
                .with_optimized_model_path(saved)?
                .with_config_entry("session.save_external_prepacked_constant_initializers", "1")?
                .with_config_entry("session.optimized_model_external_initializers_file_name", weights_name)?
                .with_config_entry(
                    "session.optimized_model_external_initializers_min_size_in_bytes",
                    "1024",
                )?)
        });
        Self::load_with(builder, graph, model, options)
    }

    fn load_with(
        builder: ::ort::Result<SessionBuilder>,
        graph: &Path,
        model: &Model,
        options: SessionOptions,
    ) -> Result<Arc<Self>, DecoderError> {
        let _alone = options.device.map(|_| alone());
        let session = commit(builder, graph, Some(&options.located), &options.cancel)?;
        let mut names = GraphNames::of(model);
        let asks =
            options.located.is_ours && session.inputs().iter().any(|input| input.name() == LOGITS_ROWS);
        names.logits_rows = asks.then(|| LOGITS_ROWS.to_owned());
        let contract = |detail| DecoderError::Contract { graph: graph.display().to_string(), detail };
        let (kv_form, all_logits) = check_contract(&session, &names, model).map_err(contract)?;
        let shape = KvShape::of(&model.decoder, kv_form);
        Ok(Arc::new(Self {
            names,
            shape,
            kv_form,
            limits: Limits {
                vocab_size: model.vocab_size,
                context_length: options.context_length,
                chunk_tokens: if all_logits { CHUNK_TOKENS_ALL_LOGITS } else { CHUNK_TOKENS },
                kv_bytes_per_token: shape.token_bytes(),
            },
            threads: options.threads,
            all_logits,
            device_memory: options.device.and_then(|device| device.memory),
            shares: shares(&session).map_err(|message| errors::load(graph, &message))?,
            session: Mutex::new(session),
            graph: graph.display().to_string(),
            power_saving: OnceLock::new(),
        }))
    }

    /// Has sequences that save power compute on another session of the same graph. The first one counts.
    pub(crate) fn save_power_with(&self, power_saving: PowerSaving) {
        self.power_saving.get_or_init(|| power_saving);
    }

    /// The file that was loaded.
    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.graph)
    }

    /// The session with fewer threads, where there is one.
    pub(super) fn power_saving(&self) -> Option<&Arc<Self>> {
        self.power_saving.get()?.model()
    }

    pub(crate) fn kv_shape(&self) -> KvShape {
        self.shape
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.limits.vocab_size
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
                Allocator::new(&self.session(), memory)
            }
        }
    }

    /// Rows of logits of a call of so many tokens, of which so many are wanted.
    pub(super) fn logits_rows(&self, tokens: usize, wanted: usize) -> usize {
        if self.all_logits { tokens } else { wanted }
    }

    /// Whether a call can give the logits after each of its tokens.
    pub(super) fn gives_rows(&self) -> bool {
        self.all_logits || self.names.logits_rows.is_some()
    }

    pub(super) fn create_binding(&self) -> ::ort::Result<IoBinding> {
        self.session().create_binding()
    }

    pub(super) fn run(
        &self,
        binding: &IoBinding,
        options: &RunOptions<NoSelectedOutputs>,
    ) -> ::ort::Result<()> {
        self.session().run_binding_with_options(binding, options).map(drop)
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        // A run that panicked left the session as it was.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A second session of the same graph, with fewer threads, for times when the device is to save power: ONNX Runtime
/// fixes the number of threads when it loads a graph.
///
/// It is loaded when it is first wanted. Caches stand in the host's memory, so a sequence goes from one session to the
/// other between two calls, and only binds its buffers anew.
pub(crate) struct PowerSaving {
    load: Box<dyn Fn() -> Result<Arc<OrtModel>, DecoderError> + Send + Sync>,
    loaded: OnceLock<Option<Arc<OrtModel>>>,
}

impl PowerSaving {
    pub(crate) fn new(
        load: impl Fn() -> Result<Arc<OrtModel>, DecoderError> + Send + Sync + 'static,
    ) -> Self {
        Self { load: Box::new(load), loaded: OnceLock::new() }
    }

    /// None where it cannot be loaded, which is tried once: all threads go on computing, as the placement tells.
    fn model(&self) -> Option<&Arc<OrtModel>> {
        self.loaded.get_or_init(|| (self.load)().ok()).as_ref()
    }
}

/// Compares the loaded graph with the package; tells how it caches and whether it gives logits for every token.
fn check_contract(session: &Session, names: &GraphNames, model: &Model) -> Result<(KvForm, bool), String> {
    let (int64, float32) = (TensorElementType::Int64, TensorElementType::Float32);
    let (inputs, outputs) = (session.inputs(), session.outputs());
    // The first cache input decides; the others must be of its type.
    let first = names.past.first().ok_or("it has no layers")?;
    let (kv_form, element) = match tensor(inputs, first, "inputs")?.0 {
        TensorElementType::Int8 => (KvForm::Int8, TensorElementType::Int8),
        _ => (KvForm::Float, float32),
    };
    let decoder = &model.decoder;
    let cache = [None, Some(decoder.num_key_value_heads), None, Some(decoder.head_size)];
    let caches = |names: &[String]| -> Vec<_> {
        names.iter().map(|name| Expected::free(name, element, &cache)).collect()
    };
    let numbers = [Some(&names.input_ids), Some(&names.attention_mask), names.position_ids.as_ref()];
    let numbers = numbers.into_iter().flatten().map(|name| Expected::free(name, int64, &[None, None]));
    let rows = names.logits_rows.iter().map(|name| Expected::free(name, int64, &[None]));
    check_all(inputs, &numbers.chain(rows).chain(caches(&names.past)).collect::<Vec<_>>(), "inputs")?;
    // A graph may have outputs that nobody asks for.
    let logits = Expected::free(&names.logits, float32, &[None, None, Some(model.vocab_size)]);
    for output in caches(&names.present).iter().chain([&logits]) {
        output.check(outputs, "outputs")?;
    }
    let is_one_row = tensor(outputs, &names.logits, "outputs")?.1.get(1) == Some(&1);
    let all_logits = !is_one_row && names.logits_rows.is_none();
    Ok((kv_form, all_logits))
}

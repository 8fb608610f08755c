//! The decoder on ONNX Runtime.
//!
//! [`OrtModel`] is the loaded graph, shared by all sequences; [`OrtDecoder`] is one sequence. Every buffer is
//! bound once and written in place: a step of one token changes eight bytes of `input_ids`, one mask entry,
//! and runs. The attention mask of a step spans the whole cache with ones for the tokens so far, so that its
//! shape and address stay the same from step to step (the graph only takes its sum and its length).

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ::ort::memory::Allocator;
use ::ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions, Session};
use ::ort::value::{Tensor, TensorElementType, ValueType};
use wheelwork_package::card::KvForm;
use wheelwork_package::genai_config::Model;
use wheelwork_package::tensors::layer_name;

use super::ort_cache::OrtCache;
use super::{Decoder, DecoderError, Interrupt};
use crate::kv_cache::{FIRST_CAPACITY_TOKENS, KvRange, KvShape, grown_capacity};

/// Tokens of a prefill call for graphs that give the last token's logits only: large enough for full matrix
/// rates, small enough that activations stay below 100 MB at the 1.5B shape.
const CHUNK_TOKENS: usize = 512;
/// Tokens of a prefill call for graphs that give every token's logits: 64 rows of a 152k vocabulary are 39 MB.
const CHUNK_TOKENS_ALL_LOGITS: usize = 64;

/// The graph's input and output names.
#[derive(Debug, Clone)]
pub(crate) struct GraphNames {
    input_ids: String,
    attention_mask: String,
    position_ids: Option<String>,
    logits: String,
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionOptions {
    /// Threads of ONNX Runtime's pool.
    pub(crate) threads: usize,
    /// The longest sequence in tokens.
    pub(crate) context_length: usize,
}

/// A loaded graph.
pub(crate) struct OrtModel {
    graph: String,
    names: GraphNames,
    shape: KvShape,
    kv_form: KvForm,
    vocab_size: usize,
    context_length: usize,
    /// The graph gives logits for every token, not only for the last.
    all_logits: bool,
    /// A run needs `&mut`: sequences of one model take turns, step by step.
    session: Mutex<Session>,
}

impl OrtModel {
    /// Loads a graph and checks its inputs and outputs against the package.
    pub(crate) fn load(
        environment: &::ort::environment::Environment,
        graph: &Path,
        model: &Model,
        options: SessionOptions,
    ) -> Result<Arc<Self>, DecoderError> {
        Self::load_with(builder(environment, options.threads), graph, model, options)
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
        let session = builder
            .and_then(|mut builder| builder.commit_from_file(graph))
            .map_err(|error| load(error.to_string()))?;

        let names = GraphNames::of(model);
        let contract = |detail| DecoderError::Contract { graph: graph_name.clone(), detail };
        let (kv_form, all_logits) = check_contract(&session, &names, model).map_err(contract)?;
        let decoder = &model.decoder;
        Ok(Arc::new(Self {
            names,
            shape: KvShape {
                num_hidden_layers: decoder.num_hidden_layers,
                num_key_value_heads: decoder.num_key_value_heads,
                head_dim: decoder.head_size,
                element_bytes: match kv_form {
                    KvForm::Float => size_of::<f32>(),
                    KvForm::Int8 => size_of::<i8>(),
                },
            },
            kv_form,
            vocab_size: model.vocab_size,
            context_length: options.context_length,
            all_logits,
            session: Mutex::new(session),
            graph: graph_name,
        }))
    }

    /// Starts an empty sequence.
    pub(crate) fn decoder(self: &Arc<Self>) -> Result<OrtDecoder, DecoderError> {
        OrtDecoder::new(Arc::clone(self))
            .map_err(|error| DecoderError::Load { graph: self.graph.clone(), message: error.to_string() })
    }

    pub(crate) fn kv_shape(&self) -> KvShape {
        self.shape
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    pub(crate) fn kv_form(&self) -> KvForm {
        self.kv_form
    }

    fn create_binding(&self) -> ::ort::Result<IoBinding> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).create_binding()
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
        .with_memory_pattern(false)?)
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

/// One sequence on a loaded graph.
pub(crate) struct OrtDecoder {
    model: Arc<OrtModel>,
    len: usize,
    cache: OrtCache,
    /// For steps of one token: everything stays bound. Its logits are those of the last run.
    step: Bound,
    run_options: Arc<RunOptions<NoSelectedOutputs>>,
}

/// A binding with the tensors that it reads and writes, except the cache.
struct Bound {
    binding: IoBinding,
    /// `[1, S]`
    input_ids: Tensor<i64>,
    /// `[1, T]` for a prompt, `[1, capacity]` for a step.
    attention_mask: Tensor<i64>,
    /// `[1, S]`, for graphs that ask for it.
    position_ids: Option<Tensor<i64>>,
    /// `[1, 1, vocab_size]`, or `[1, S, vocab_size]` for graphs that give every token's logits.
    logits: Tensor<f32>,
}

impl OrtDecoder {
    fn new(model: Arc<OrtModel>) -> ::ort::Result<Self> {
        let capacity =
            grown_capacity(0, FIRST_CAPACITY_TOKENS.min(model.context_length), model.context_length);
        let mut cache = OrtCache::new(model.shape, model.kv_form, capacity)?;
        let step = Bound::new(&model, &mut cache, 1, capacity)?;
        Ok(Self { len: 0, step, cache, run_options: Arc::new(RunOptions::new()?), model })
    }

    /// See [`crate::Model::kv_ranges`].
    pub(crate) fn kv_ranges(&self) -> Option<Vec<KvRange>> {
        self.cache.ranges(self.len)
    }

    fn check(&self, tokens: &[u32]) -> Result<(), DecoderError> {
        let limit = self.chunk_tokens();
        if tokens.is_empty() || tokens.len() > limit {
            return Err(DecoderError::ChunkSize { tokens: tokens.len(), limit });
        }
        self.check_tokens(tokens)
    }

    fn check_tokens(&self, tokens: &[u32]) -> Result<(), DecoderError> {
        let vocab_size = self.model.vocab_size;
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocab_size) {
            return Err(DecoderError::UnknownToken { token, vocab_size });
        }
        let limit = self.model.context_length;
        if self.len + tokens.len() > limit {
            return Err(DecoderError::ContextFull { cached: self.len, tokens: tokens.len(), limit });
        }
        Ok(())
    }

    /// Makes room for `more` tokens.
    fn reserve(&mut self, more: usize) -> ::ort::Result<()> {
        let (needed, capacity) = (self.len + more, self.cache.capacity_tokens());
        if needed > capacity {
            let capacity = grown_capacity(capacity, needed, self.model.context_length);
            let mut cache = self.cache.grown(capacity, self.len)?;
            self.step = Bound::new(&self.model, &mut cache, 1, capacity)?;
            self.cache = cache;
        }
        Ok(())
    }

    fn prefill_chunk(&mut self, tokens: &[u32]) -> ::ort::Result<()> {
        self.reserve(tokens.len())?;
        let total = self.len + tokens.len();
        let mut bound = Bound::new(&self.model, &mut self.cache, tokens.len(), total)?;
        bound.write(tokens, self.len);
        bound.run(&self.model, &self.run_options)?;
        self.step.logits_mut().copy_from_slice(bound.last_logits(self.model.vocab_size));
        Ok(())
    }

    fn step(&mut self, token: u32) -> ::ort::Result<()> {
        self.reserve(1)?;
        self.step.write(&[token], self.len);
        self.step.run(&self.model, &self.run_options)
    }

    /// Turns ONNX Runtime's status into ours and counts the tokens of a good run.
    fn finish(&mut self, tokens: usize, result: ::ort::Result<()>) -> Result<(), DecoderError> {
        match result {
            Ok(()) => {
                self.len += tokens;
                Ok(())
            }
            Err(error) if error.to_string().contains("terminate flag") => Err(DecoderError::Interrupted),
            Err(error) => Err(DecoderError::Run { tokens, cached: self.len, message: error.to_string() }),
        }
    }
}

impl Decoder for OrtDecoder {
    fn len(&self) -> usize {
        self.len
    }

    fn context_length(&self) -> usize {
        self.model.context_length
    }

    fn chunk_tokens(&self) -> usize {
        if self.model.all_logits { CHUNK_TOKENS_ALL_LOGITS } else { CHUNK_TOKENS }
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.check(tokens)?;
        let result = self.prefill_chunk(tokens);
        self.finish(tokens.len(), result)
    }

    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        self.check(&[token])?;
        let result = self.step(token);
        self.finish(1, result)
    }

    fn rewind(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn logits(&mut self) -> &mut [f32] {
        self.step.logits_mut()
    }

    fn kv_bytes_per_token(&self) -> usize {
        usize::try_from(self.model.shape.bytes(1)).unwrap_or(usize::MAX)
    }

    fn read_kv(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), DecoderError> {
        self.cache.read(tokens.start..tokens.end.min(self.len), bytes);
        Ok(())
    }

    fn write_kv(&mut self, tokens: &[u32], bytes: &[u8]) -> Result<(), DecoderError> {
        self.check_tokens(tokens)?;
        let expected = self.kv_bytes_per_token().saturating_mul(tokens.len());
        if bytes.len() != expected {
            return Err(DecoderError::KvBytes { bytes: bytes.len(), tokens: tokens.len(), expected });
        }
        let result = self.reserve(tokens.len());
        if result.is_ok() {
            self.cache.write(self.len..self.len + tokens.len(), bytes);
        }
        self.finish(tokens.len(), result)
    }

    fn fork(&self) -> Result<Box<dyn Decoder>, DecoderError> {
        let mut fork = self.model.decoder()?;
        let capacity = self.cache.capacity_tokens();
        let result = self.cache.grown(capacity, self.len).and_then(|mut cache| {
            fork.step = Bound::new(&self.model, &mut cache, 1, capacity)?;
            fork.cache = cache;
            Ok(())
        });
        fork.finish(self.len, result)?;
        Ok(Box::new(fork))
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        Arc::new(Terminate(Arc::clone(&self.run_options)))
    }
}

impl Bound {
    /// Binds the cache and new tensors for `tokens` new tokens and a mask over `mask_tokens`.
    fn new(model: &OrtModel, cache: &mut OrtCache, tokens: usize, mask_tokens: usize) -> ::ort::Result<Self> {
        let allocator = Allocator::default();
        let names = &model.names;
        let logits_rows = if model.all_logits { tokens } else { 1 };
        let position_ids = match names.position_ids {
            Some(_) => Some(Tensor::new(&allocator, [1, tokens])?),
            None => None,
        };
        let mut bound = Self {
            binding: model.create_binding()?,
            input_ids: Tensor::new(&allocator, [1, tokens])?,
            attention_mask: Tensor::new(&allocator, [1, mask_tokens])?,
            position_ids,
            logits: Tensor::new(&allocator, [1, logits_rows, model.vocab_size])?,
        };
        bound.attention_mask.extract_tensor_mut().1.fill(0);
        cache.bind(&mut bound.binding, names)?;
        bound.binding.bind_input(names.input_ids.as_str(), &bound.input_ids)?;
        bound.binding.bind_input(names.attention_mask.as_str(), &bound.attention_mask)?;
        if let (Some(name), Some(tensor)) = (&names.position_ids, &bound.position_ids) {
            bound.binding.bind_input(name.as_str(), tensor)?;
        }
        bound.binding.bind_output(names.logits.as_str(), &mut bound.logits)?;
        Ok(bound)
    }

    /// Puts the new tokens behind `cached` ones.
    fn write(&mut self, tokens: &[u32], cached: usize) {
        for (slot, &token) in self.input_ids.extract_tensor_mut().1.iter_mut().zip(tokens) {
            *slot = i64::from(token);
        }
        if let Some(position_ids) = &mut self.position_ids {
            for (slot, position) in position_ids.extract_tensor_mut().1.iter_mut().zip(cached..) {
                *slot = i64::try_from(position).unwrap_or(i64::MAX);
            }
        }
        let (ones, zeros) = self.attention_mask.extract_tensor_mut().1.split_at_mut(cached + tokens.len());
        ones.fill(1);
        // After a rewind, ones of forgotten tokens stand here.
        zeros.fill(0);
    }

    fn run(&self, model: &OrtModel, options: &RunOptions<NoSelectedOutputs>) -> ::ort::Result<()> {
        let mut session = model.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.run_binding_with_options(&self.binding, options).map(drop)
    }

    /// All logits: the last token's for a step.
    fn logits_mut(&mut self) -> &mut [f32] {
        self.logits.extract_tensor_mut().1
    }

    fn last_logits(&self, vocab_size: usize) -> &[f32] {
        let (_, logits) = self.logits.extract_tensor();
        logits.rchunks_exact(vocab_size).next().unwrap_or_default()
    }
}

/// Ends runs through ONNX Runtime's terminate flag, which is read between two nodes of the graph.
struct Terminate(Arc<RunOptions<NoSelectedOutputs>>);

impl Interrupt for Terminate {
    fn interrupt(&self) {
        // Setting a flag cannot fail in a way that anyone could act on.
        let _ = self.0.terminate();
    }

    fn clear(&self) {
        let _ = self.0.unterminate();
    }
}

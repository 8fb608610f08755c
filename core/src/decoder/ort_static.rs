//! The decoder over static graphs: prompts in padded chunks, then token by token, with the cache on the host.
//!
//! [`StaticModel`] is the loaded pair of graphs, [`StaticDecoder`] one sequence. What differs between the two forms of
//! such graphs stands in `ort_static_float` and `ort_static_quantized`, behind [`Form`].
//!
//! A chunk that is shorter than the graph is filled up with copies of its last token, whose keys and values come after
//! all real ones: nothing looks at them, and the next call overwrites them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ::ort::environment::Environment;
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions, Session};
use wheelwork_ort::shared_contexts;
use wheelwork_package::card::{GraphForm, GraphPart, KvForm, LmHead, StaticGraphs};
use wheelwork_package::genai_config::Model;

use super::effort::Effort;
use super::embedding::Embedding;
use super::ort_static_float::FloatForm;
use super::ort_static_form::Form;
use super::ort_static_modes::Modes;
use super::ort_static_quantized::QuantizedForm;
use super::ort_static_session::{Expected, Target, load};
use super::{Decoder, DecoderError, ort_static_float, ort_static_quantized};
use crate::control::CancelToken;
use crate::control::Interrupt;
use crate::decoder::kv::KvShape;
use crate::device::GraphPlacement;

/// The two calls that static graphs are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Prefill,
    Decode,
}

/// A loaded pair of graphs a part, shared by all sequences.
pub(crate) struct StaticModel {
    pub(super) graphs: StaticGraphs,
    pub(super) config: Model,
    embedding: Embedding,
    parts: Vec<[Mutex<Session>; 2]>,
    head: Option<Mutex<Session>>,
    context_length: usize,
    placed: Vec<GraphPlacement>,
    /// Plugins take hints of how fast to run.
    has_performance_modes: bool,
}

/// What is loaded, and where.
pub(crate) struct StaticSource<'a> {
    /// The variant's folder.
    pub(crate) folder: &'a Path,
    pub(crate) config: &'a Model,
    pub(crate) graphs: &'a StaticGraphs,
    /// The graph files to load: those of the card's parts, or compiled ones.
    pub(crate) parts: &'a [GraphPart],
    /// The folder that these stand in.
    pub(crate) parts_folder: &'a Path,
    /// Both graphs of a part stand in one binary, which their sessions load as a group.
    pub(crate) shares_weights: bool,
    /// Bytes that each graph file reads.
    pub(crate) bytes: &'a BTreeMap<String, u64>,
    pub(crate) target: &'a Target,
    /// The longest sequence in tokens.
    pub(crate) context_length: usize,
    /// Threads for what the processor computes.
    pub(crate) threads: usize,
    /// Ends the load.
    pub(crate) cancel: &'a CancelToken,
}

impl StaticModel {
    /// Loads the graphs and checks them against the card.
    pub(crate) fn load(
        environment: &Environment,
        source: &StaticSource<'_>,
    ) -> Result<Arc<Self>, DecoderError> {
        let StaticSource { folder, config, graphs, target, .. } = *source;
        let decoder = &config.decoder;
        let embedding = Embedding::open(folder, &graphs.embedding, config.vocab_size, decoder.hidden_size)?;
        let mut placed = Vec::new();
        let mut note = |file: &str, shares| {
            let weight_bytes = source.bytes.get(file).copied().unwrap_or_default();
            placed.push(GraphPlacement { graph: file.to_owned(), weight_bytes, shares });
        };
        let _group = source.shares_weights.then(shared_contexts::lock);
        let mut parts = Vec::new();
        for (index, part) in source.parts.iter().enumerate() {
            let mut session = |call: Call, file: &str| {
                let (inputs, outputs) = border(graphs, config, index, call);
                let path = source.parts_folder.join(file);
                let entries = shared_contexts::entries(call == Call::Decode);
                let entries = if source.shares_weights { entries } else { &[] };
                let (session, shares) =
                    load(environment, target, &path, entries, &inputs, &outputs, source.cancel)?;
                note(file, shares);
                Ok::<_, DecoderError>(Mutex::new(session))
            };
            parts.push([session(Call::Prefill, &part.prefill)?, session(Call::Decode, &part.decode)?]);
        }
        let head = match &graphs.lm_head {
            LmHead::Graph => None,
            LmHead::Cpu(file) => {
                let (inputs, outputs) = ort_static_quantized::head_border(config);
                let cpu = Target::Cpu { threads: source.threads };
                let (session, shares) =
                    load(environment, &cpu, &folder.join(file), &[], &inputs, &outputs, source.cancel)?;
                note(file, shares);
                Some(Mutex::new(session))
            }
        };
        Ok(Arc::new(Self {
            embedding,
            parts,
            head,
            context_length: source.context_length.min(graphs.context_length),
            placed,
            has_performance_modes: matches!(target, Target::Plugin { .. }),
            graphs: graphs.clone(),
            config: config.clone(),
        }))
    }

    /// Starts an empty sequence.
    pub(crate) fn decoder(self: &Arc<Self>) -> Result<StaticDecoder, DecoderError> {
        let form: ::ort::Result<Box<dyn Form>> = match self.graphs.form {
            GraphForm::Float => FloatForm::new(self).map(|form| Box::new(form) as Box<dyn Form>),
            GraphForm::Quantized => QuantizedForm::new(self).map(|form| Box::new(form) as Box<dyn Form>),
        };
        form.and_then(|form| StaticDecoder::new(Arc::clone(self), form))
            .map_err(|error| DecoderError::Load { graph: self.name(), message: error.to_string() })
    }

    pub(crate) fn kv_shape(&self) -> KvShape {
        let decoder = &self.config.decoder;
        KvShape {
            num_hidden_layers: decoder.num_hidden_layers,
            num_key_value_heads: decoder.num_key_value_heads,
            head_dim: decoder.head_size,
            element_bytes: match self.graphs.form {
                GraphForm::Float => size_of::<f32>(),
                GraphForm::Quantized => size_of::<u8>(),
            },
        }
    }

    pub(crate) fn kv_form(&self) -> KvForm {
        match self.graphs.form {
            GraphForm::Float => KvForm::Float,
            GraphForm::Quantized => KvForm::Int8,
        }
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    /// Which provider got the nodes of each graph.
    pub(crate) fn placed(&self) -> &[GraphPlacement] {
        &self.placed
    }

    /// Tokens of a call.
    pub(super) fn tokens(&self, call: Call) -> usize {
        match call {
            Call::Prefill => self.graphs.prefill_tokens,
            Call::Decode => 1,
        }
    }

    /// A binding of a part's graph.
    pub(super) fn binding(&self, part: usize, call: Call) -> ::ort::Result<IoBinding> {
        self.with_session(part, call, |session| session.create_binding())
    }

    pub(super) fn run(
        &self,
        part: usize,
        call: Call,
        binding: &IoBinding,
        options: &RunOptions<NoSelectedOutputs>,
    ) -> ::ort::Result<()> {
        self.with_session(part, call, |session| session.run_binding_with_options(binding, options).map(drop))
    }

    /// The output projection of its own, if there is one.
    pub(super) fn head(&self) -> Option<&Mutex<Session>> {
        self.head.as_ref()
    }

    fn with_session<R>(
        &self,
        part: usize,
        call: Call,
        act: impl FnOnce(&mut Session) -> ::ort::Result<R>,
    ) -> ::ort::Result<R> {
        let sessions = self.parts.get(part).ok_or_else(|| ::ort::Error::new("no such part"))?;
        let [prefill, decode] = sessions;
        let session = if call == Call::Prefill { prefill } else { decode };
        act(&mut session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn name(&self) -> String {
        self.graphs.parts.first().map(|part| part.decode.clone()).unwrap_or_default()
    }
}

fn border(graphs: &StaticGraphs, config: &Model, part: usize, call: Call) -> (Vec<Expected>, Vec<Expected>) {
    match graphs.form {
        GraphForm::Float => ort_static_float::border(graphs, config, call),
        GraphForm::Quantized => ort_static_quantized::border(graphs, config, part, call),
    }
}

/// One sequence on loaded static graphs.
pub(crate) struct StaticDecoder {
    model: Arc<StaticModel>,
    form: Box<dyn Form>,
    len: usize,
    logits: Vec<f32>,
    /// Embedding rows of a call, reused.
    rows: Vec<f32>,
    modes: Modes,
}

impl StaticDecoder {
    fn new(model: Arc<StaticModel>, form: Box<dyn Form>) -> ::ort::Result<Self> {
        let (modes, logits) = (Modes::new(model.has_performance_modes)?, vec![0.0; model.vocab_size()]);
        Ok(Self { form, len: 0, logits, rows: Vec::new(), modes, model })
    }

    fn check(&self, tokens: &[u32]) -> Result<(), DecoderError> {
        let limit = self.chunk_tokens();
        if tokens.is_empty() || tokens.len() > limit {
            return Err(DecoderError::ChunkSize { tokens: tokens.len(), limit });
        }
        self.check_tokens(tokens)
    }

    fn check_tokens(&self, tokens: &[u32]) -> Result<(), DecoderError> {
        let vocab_size = self.model.vocab_size();
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocab_size) {
            return Err(DecoderError::UnknownToken { token, vocab_size });
        }
        let limit = self.model.context_length;
        if self.len + tokens.len() > limit {
            return Err(DecoderError::ContextFull { cached: self.len, tokens: tokens.len(), limit });
        }
        Ok(())
    }

    fn cache_error(&self, error: &::ort::Error) -> DecoderError {
        DecoderError::Run { tokens: 0, cached: self.len, message: error.to_string() }
    }

    /// Runs some tokens; `self.len` is as it was after an error.
    fn advance(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.check(tokens)?;
        let before = self.len;
        // One token is cheaper in the small graph; near the end of the context a padded chunk has no room.
        let call = if tokens.len() > 1 && self.form.fits(Call::Prefill, self.len) {
            Call::Prefill
        } else {
            Call::Decode
        };
        for tokens in tokens.chunks(self.model.tokens(call)) {
            if let Err(error) = self.call(call, tokens) {
                self.len = before;
                return Err(error);
            }
            self.len += tokens.len();
        }
        Ok(())
    }

    fn call(&mut self, call: Call, tokens: &[u32]) -> Result<(), DecoderError> {
        let failed = |message: String| {
            if message.contains("terminate flag") {
                DecoderError::Interrupted
            } else {
                DecoderError::Run { tokens: tokens.len(), cached: self.len, message }
            }
        };
        let hidden_size = self.model.config.decoder.hidden_size;
        self.rows.resize(tokens.len() * hidden_size, 0.0);
        for (&token, row) in tokens.iter().zip(self.rows.chunks_exact_mut(hidden_size)) {
            self.model.embedding.row(token, row).map_err(|error| failed(error.to_string()))?;
        }
        let result = self.form.run(call, &self.rows, self.len, self.modes.options(call), &mut self.logits);
        result.map_err(|error| failed(error.to_string()))?;
        if self.logits.iter().all(|logit| logit.is_finite()) {
            Ok(())
        } else {
            Err(failed("its logits are not finite".to_owned()))
        }
    }
}

impl Decoder for StaticDecoder {
    fn len(&self) -> usize {
        self.len
    }

    fn context_length(&self) -> usize {
        self.model.context_length
    }

    fn chunk_tokens(&self) -> usize {
        self.model.graphs.prefill_tokens
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.advance(tokens)
    }

    fn verify(&mut self, tokens: &[u32], rows: &mut Vec<f32>) -> Result<bool, DecoderError> {
        self.check(tokens)?;
        if !self.form.gives_every_row() || !self.form.fits(Call::Prefill, self.len) {
            return Ok(false);
        }
        self.call(Call::Prefill, tokens)?;
        self.len += tokens.len();
        self.form.rows(tokens.len(), rows);
        Ok(true)
    }

    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        self.advance(&[token])
    }

    fn rewind(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn logits(&mut self) -> &mut [f32] {
        &mut self.logits
    }

    fn kv_bytes_per_token(&self) -> usize {
        usize::try_from(self.model.kv_shape().bytes(1)).unwrap_or(usize::MAX)
    }

    fn read_kv(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), DecoderError> {
        let (before, tokens) = (bytes.len(), tokens.start..tokens.end.min(self.len));
        self.form.read(tokens, bytes).map_err(|error| {
            bytes.truncate(before);
            self.cache_error(&error)
        })
    }

    fn write_kv(&mut self, tokens: &[u32], bytes: &[u8]) -> Result<(), DecoderError> {
        self.check_tokens(tokens)?;
        let expected = self.kv_bytes_per_token().saturating_mul(tokens.len());
        if bytes.len() != expected {
            return Err(DecoderError::KvBytes { bytes: bytes.len(), tokens: tokens.len(), expected });
        }
        let place = self.len..self.len + tokens.len();
        self.form.write(place, bytes).map_err(|error| self.cache_error(&error))?;
        self.len += tokens.len();
        Ok(())
    }

    fn fork(&self) -> Result<Box<dyn Decoder>, DecoderError> {
        let fork = self.form.copied(self.len).and_then(|form| Self::new(Arc::clone(&self.model), form));
        let fork = fork
            .map_err(|error| DecoderError::Load { graph: self.model.name(), message: error.to_string() })?;
        Ok(Box::new(Self { len: self.len, logits: self.logits.clone(), ..fork }))
    }

    fn set_effort(&mut self, effort: Effort) {
        self.modes.effort = effort;
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        self.modes.interrupt()
    }
}

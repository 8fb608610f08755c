//! Static graphs, loaded: a pair a part, shared by all sequences, and what a sequence on them has in either form.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ::ort::environment::Environment;
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions, Session};
use wheelwork_ort::shared_contexts;
use wheelwork_package::card::{Encoding, Encodings, GraphForm, GraphPart, KvForm, StaticGraphs};
use wheelwork_package::genai_config::Model;

use super::embedding::Embedding;
use super::static_io::{Call, expected};
use super::static_session::{Plugin, Target, load};
use crate::control::CancelToken;
use crate::decoder::effort::PerformanceModes;
use crate::decoder::error::DecoderError;
use crate::decoder::graph_placement::GraphPlacement;
use crate::decoder::kv::KvShape;
use crate::decoder::limits::Limits;

/// A loaded pair of graphs a part.
pub(crate) struct StaticModel {
    pub(super) graphs: StaticGraphs,
    pub(super) config: Model,
    /// Of the integer form.
    pub(super) codes: Option<Codes>,
    pub(super) embedding: Embedding,
    pub(super) limits: Limits,
    pub(super) performance: Option<&'static PerformanceModes>,
    parts: Vec<[Mutex<Session>; 2]>,
    placed: Vec<GraphPlacement>,
}

/// How integer graphs hold numbers.
#[derive(Clone)]
pub(super) struct Codes {
    pub(super) encodings: Encodings,
    /// The codes of zero of the cache's tensors: keys and values in turn, layer by layer.
    pub(super) cache_zeros: Vec<u8>,
    /// Of the last part's output.
    pub(super) logits: Encoding,
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
    /// Ends the load.
    pub(crate) cancel: &'a CancelToken,
}

impl StaticModel {
    /// Loads the graphs and checks them against the card.
    pub(crate) fn load(
        environment: &Environment,
        source: &StaticSource<'_>,
    ) -> Result<Arc<Self>, DecoderError> {
        let StaticSource { folder, config, graphs, target, parts, .. } = *source;
        let decoder = &config.decoder;
        let contract = |detail: String| {
            let graph = parts.first().map_or_else(String::new, |part| part.decode.clone());
            DecoderError::Contract { graph, detail }
        };
        graphs.check(decoder.num_hidden_layers, decoder.head_size).map_err(contract)?;
        let codes = graphs.encodings.as_ref().map(Codes::of).transpose().map_err(contract)?;
        let embedding = Embedding::open(folder, &graphs.embedding, config.vocab_size, decoder.hidden_size)?;
        let mut placed = Vec::new();
        let _group = source.shares_weights.then(shared_contexts::lock);
        let mut session = |part: usize, call: Call, file: &str| {
            let entries = shared_contexts::entries(call == Call::Decode);
            let entries = if source.shares_weights { entries } else { &[] };
            let (path, io) = (source.parts_folder.join(file), expected(graphs, config, part, call));
            let (session, shares) = load(environment, target, &path, entries, &io, source.cancel)?;
            let &weight_bytes =
                source.bytes.get(file).ok_or_else(|| contract(format!("nobody verified `{file}`")))?;
            placed.push(GraphPlacement { graph: file.to_owned(), weight_bytes, shares });
            Ok::<_, DecoderError>(Mutex::new(session))
        };
        let parts = parts.iter().enumerate().map(|(index, part)| {
            Ok([session(index, Call::Prefill, &part.prefill)?, session(index, Call::Decode, &part.decode)?])
        });
        let parts = parts.collect::<Result<_, DecoderError>>()?;
        Ok(Arc::new(Self {
            limits: Limits {
                vocab_size: config.vocab_size,
                context_length: source.context_length.min(graphs.context_length),
                chunk_tokens: graphs.prefill_tokens,
                kv_bytes_per_token: shape(graphs, config).token_bytes(),
            },
            performance: match target {
                Target::Plugin(Plugin { performance, .. }) => *performance,
                Target::Cpu { .. } => None,
            },
            graphs: graphs.clone(),
            config: config.clone(),
            codes,
            embedding,
            parts,
            placed,
        }))
    }

    pub(crate) fn kv_shape(&self) -> KvShape {
        shape(&self.graphs, &self.config)
    }

    pub(crate) fn kv_form(&self) -> KvForm {
        kv_form(self.graphs.form)
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.limits.vocab_size
    }

    /// Which provider got the nodes of each graph.
    pub(crate) fn placed(&self) -> &[GraphPlacement] {
        &self.placed
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

    fn with_session<R>(&self, part: usize, call: Call, act: impl FnOnce(&mut Session) -> R) -> R {
        let [prefill, decode] = &self.parts[part];
        let session = if call == Call::Prefill { prefill } else { decode };
        act(&mut session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Codes {
    fn of(encodings: &Encodings) -> Result<Self, String> {
        let zero = |encoding: &Encoding| {
            u8::try_from(encoding.zero_point).map_err(|_| "a zero point of the cache is no byte")
        };
        let pairs = encodings.keys.iter().zip(&encodings.values);
        Ok(Self {
            cache_zeros: pairs.flat_map(|(key, value)| [zero(key), zero(value)]).collect::<Result<_, _>>()?,
            logits: *encodings.outputs.last().ok_or("there is no encoding of logits")?,
            encodings: encodings.clone(),
        })
    }
}

/// Tensors and cache of one sequence, in one of the two forms.
pub(super) trait Form: Send {
    /// Whether a call of so many tokens has room behind `cached` ones.
    fn fits(&self, call: Call, cached: usize) -> bool;

    /// Runs the graphs over embedding rows `[count, hidden_size]` behind `cached` tokens, puts their keys and values
    /// into the cache and the logits after the last one into `logits`.
    fn run(
        &mut self,
        call: Call,
        rows: &[f32],
        cached: usize,
        options: &RunOptions<NoSelectedOutputs>,
        logits: &mut [f32],
    ) -> ::ort::Result<()>;

    /// Whether [`Form::rows`] gives any.
    fn gives_every_row(&self) -> bool {
        false
    }

    /// Appends the logits after each of the `count` tokens of the last prefill call.
    fn rows(&self, count: usize, rows: &mut Vec<f32>) {
        let _ = (count, rows);
    }

    /// As [`crate::decoder::Decoder::read_kv`].
    fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()>;

    /// Puts back what [`Form::read`] gave for as many tokens.
    fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()>;

    /// The same first `len` tokens in tensors of its own.
    fn copied(&self, len: usize) -> ::ort::Result<Box<dyn Form>>;
}

/// Fills a chunk up with copies of the last given row. Their keys and values come after all real ones: nothing looks at
/// them, and the next call overwrites them.
pub(super) fn pad<T: Copy>(chunk: &mut [T], given: usize, row: usize) {
    for place in (given..chunk.len()).step_by(row) {
        chunk.copy_within(given - row..given, place);
    }
}

fn shape(graphs: &StaticGraphs, config: &Model) -> KvShape {
    KvShape::of(&config.decoder, kv_form(graphs.form))
}

fn kv_form(form: GraphForm) -> KvForm {
    match form {
        GraphForm::Float => KvForm::Float,
        GraphForm::Quantized => KvForm::Int8,
    }
}

//! A package against the checkpoint that it was made of.
//!
//! 1. The package writes chains of its own (`crate::texts`): they say how much it repeats itself, and are read later.
//! 2. The checkpoint reads them and a text, layer by layer in float32 ([`crate::Reference`]); the logits wait on disk.
//! 3. The package reads the same tokens one by one, as in a generation, and each position's logits are compared
//!    (`divergence`).
//! 4. If there are problems with known answers, the package and a baseline answer them (`tasks`).
//! 5. If it is asked for, each source of error is measured alone (`sources`).
//! 6. The figures are held against limits (`gate`). [`record`] puts them into the package's card.
//!
//! The package and the reference are never in memory together. Disk: `tokens * vocab_size * 4` bytes in a file without a
//! name, 1.2 GB for 2,048 tokens of a vocabulary of 152,064.

mod divergence;
mod error;
mod gate;
mod record;
mod repetition;
mod sources;
mod statistics;
mod tasks;

use std::path::{Path, PathBuf};

use wheelwork::decoder::DecoderError;
use wheelwork::{CancelToken, KvForm, Model, OpenOptions};
use wheelwork_package::card::{Divergence, Evaluation};
use wheelwork_package::vfs::{self, FileError};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::recipe::FLOAT;

pub use error::EvaluateError;
pub use gate::Limits;
pub use record::{Recorded, record};

use crate::spill::Spill;
use crate::texts::{self, Written};
use crate::weights::Weights;
use crate::{CalibrateError, Reference, ReferenceOptions, Watch};
use divergence::Comparison;
use gate::Size;

/// The longest built-in chain and the longest window of a text, in tokens.
const WINDOW_TOKENS: usize = 512;
/// The share of the tokens that chains may take, in percent; the text takes the rest.
const CHAIN_PERCENT: usize = 75;
/// The largest float32 baseline that is made on the way, in bytes.
const BASELINE_BYTES_LIMIT: u64 = 2 << 30;
/// The largest text or list of problems that is read, in bytes.
const TEXT_BYTES_LIMIT: u64 = 64 << 20;

/// What is asked of [`evaluate`].
#[derive(Debug, Clone)]
pub struct EvaluateOptions {
    /// A text to compare on; by default chains of the package's own and a small built-in text.
    pub text: Option<PathBuf>,
    /// Tokens to compare, at most.
    pub tokens: usize,
    /// A list of problems with known answers: one JSON object a line.
    pub tasks: Option<PathBuf>,
    /// The most tokens of an answer to a problem.
    pub task_tokens: usize,
    /// The package that problems are compared with; by default the checkpoint in float32, made on the way.
    pub baseline: Option<PathBuf>,
    /// Whether to measure what each source of error costs alone.
    pub sources: bool,
    /// Limits instead of the recipe's own.
    pub limits: Limits,
    /// Which cache the package runs with; its default where nothing is said.
    pub kv_cache: Option<KvForm>,
    /// Threads; one a core where nothing is said.
    pub threads: Option<usize>,
    /// A folder on a disk with room for what waits.
    pub scratch: PathBuf,
    /// Ends the evaluation from another thread.
    pub cancel: CancelToken,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            text: None,
            tokens: 2048,
            tasks: None,
            task_tokens: 1024,
            baseline: None,
            sources: false,
            limits: Limits::default(),
            kv_cache: None,
            threads: None,
            scratch: std::env::temp_dir(),
            cancel: CancelToken::new(),
        }
    }
}

/// The parts of an evaluation, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The package writes chains; counted in tokens.
    Chains,
    /// The checkpoint reads, layer by layer; counted in sequences times layers.
    Reference,
    /// The package reads; counted in tokens.
    Package,
    /// Sources of error are measured one by one; counted in sources.
    Sources,
    /// The baseline answers problems.
    BaselineTasks,
    /// The package answers problems.
    PackageTasks,
}

/// Is told how far an evaluation is.
pub trait EvaluateProgress {
    /// Of `total` parts of a stage, `done` are over.
    fn progress(&self, _stage: Stage, _done: usize, _total: usize) {}
}

/// No one looks.
impl EvaluateProgress for () {}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The variant of the package that ran.
    pub variant: String,
    /// The figures.
    pub evaluation: Evaluation,
}

/// Tokens that both sides read; from `first` on their logits are compared.
pub(crate) struct Passage {
    ids: Vec<u32>,
    first: usize,
}

/// Measures what a package costs against its checkpoint. Changes neither.
///
/// # Errors
/// [`EvaluateError`].
pub fn evaluate(
    package: &Path,
    checkpoint: &Path,
    options: &EvaluateOptions,
    progress: &dyn EvaluateProgress,
) -> Result<Report, EvaluateError> {
    let checkpoint = Checkpoint::open(checkpoint)?;
    let problems = options.tasks.as_deref().map(tasks::read).transpose()?;
    if problems.is_some() && options.baseline.is_none() {
        check_baseline(&checkpoint)?;
    }
    let text = options.text.as_deref().map(read_text).transpose()?;

    let model = open(package, options.kv_cache, options.threads)?;
    check_checkpoint(&model, &checkpoint)?;
    let written = chains(&model, options.tokens, &options.cancel, progress)?;
    let passages = passages(&model, &written, text.as_deref(), options.tokens)?;
    let card = model.card().cloned();
    let placement = model.placement().clone();
    let runtime = model.runtime_info().to_owned();
    drop(model);

    let (divergence, mut logits) = compare(package, &checkpoint, &passages, options, progress)?;
    let sources = if options.sources {
        sources::measure(package, &checkpoint, &passages, &mut logits, options, progress)?
    } else {
        Vec::new()
    };
    drop(logits);
    let tasks = match &problems {
        None => None,
        Some(problems) => Some(answer_tasks(package, &checkpoint, problems, options, progress)?),
    };
    let recipe = card.as_ref().and_then(|card| card.quantization.recipe.get("name")?.as_str());
    let evaluation = Evaluation {
        producer: concat!("wheelwork ", env!("CARGO_PKG_VERSION")).to_owned(),
        reference: checkpoint.name().to_string(),
        kv_cache: placement.kv_cache,
        threads: placement.threads,
        runtime,
        text: options.text.as_deref().map_or_else(|| "built-in".to_owned(), name_of),
        gate: gate::check(
            recipe.unwrap_or("unknown"),
            Size::of(parameters(&checkpoint)?),
            options.limits,
            &divergence,
        ),
        divergence,
        sources,
        repetition: repetition::measure(&written),
        tasks,
    };
    Ok(Report { variant: placement.variant, evaluation })
}

/// The reference's logits to disk, then the package's against them; and those of the reference.
fn compare(
    package: &Path,
    checkpoint: &Checkpoint,
    passages: &[Passage],
    options: &EvaluateOptions,
    progress: &dyn EvaluateProgress,
) -> Result<(Divergence, Spill), EvaluateError> {
    let mut logits = Spill::create(&options.scratch, checkpoint.config.vocab_size)?;
    let watch = Passes { progress, cancel: &options.cancel };
    reference(checkpoint.into(), passages, options, &watch, |row, _, _, values| logits.write(row, values))?;

    let model = open(package, options.kv_cache, options.threads)?;
    let found = against(&model, passages, &mut logits, &options.cancel, progress)?;
    Ok((found, logits))
}

/// What the float model with these weights gives at the positions that are compared: number, passage, position and logits to `each`.
fn reference(
    weights: Weights<'_>,
    passages: &[Passage],
    options: &EvaluateOptions,
    watch: &dyn Watch,
    mut each: impl FnMut(usize, &Passage, usize, &[f32]) -> Result<(), CalibrateError>,
) -> Result<(), CalibrateError> {
    let reference_options = ReferenceOptions::new(options.threads, &options.scratch);
    let sequences: Vec<Vec<u32>> = passages.iter().map(|passage| passage.read().to_vec()).collect();
    let mut row = 0;
    Reference::of(weights, reference_options, watch)?.logits(&sequences, |sequence, position, values| {
        let passage = passages.get(sequence).filter(|passage| position >= passage.first);
        if let Some(passage) = passage {
            each(row, passage, position, values)?;
            row += 1;
        }
        Ok(())
    })
}

/// The logits of a model against those that wait on disk, one row a position.
pub(crate) fn against(
    model: &Model,
    passages: &[Passage],
    logits: &mut Spill,
    cancel: &CancelToken,
    progress: &dyn EvaluateProgress,
) -> Result<Divergence, EvaluateError> {
    let total = passages.iter().map(Passage::positions).sum();
    let (mut comparison, mut reference) = (Comparison::default(), Vec::new());
    rows_of(model, passages, cancel, |row, passage, position, package| {
        logits.read(row, 1, &mut reference)?;
        comparison.add(&reference, package, position, passage.next(position));
        progress.progress(Stage::Package, row + 1, total);
        Ok(())
    })?;
    Ok(comparison.finish())
}

/// What a model gives at the positions that are compared: number, passage, position and logits to `each`.
pub(crate) fn rows_of(
    model: &Model,
    passages: &[Passage],
    cancel: &CancelToken,
    mut each: impl FnMut(usize, &Passage, usize, &[f32]) -> Result<(), CalibrateError>,
) -> Result<(), EvaluateError> {
    let mut row = 0;
    for passage in passages {
        let mut fault = None;
        let take = &mut |position, logits: &[f32]| {
            if let Err(error) = each(row, passage, position, logits) {
                fault = Some(error);
            }
            row += 1;
        };
        model.score(passage.read(), passage.first, cancel, take).map_err(cancelled)?;
        if let Some(error) = fault {
            return Err(error.into());
        }
    }
    Ok(())
}

fn answer_tasks(
    package: &Path,
    checkpoint: &Checkpoint,
    problems: &[tasks::Problem],
    options: &EvaluateOptions,
    progress: &dyn EvaluateProgress,
) -> Result<wheelwork_package::card::Tasks, EvaluateError> {
    let run = |folder: &Path, kv_cache, stage| {
        let model = open(folder, kv_cache, options.threads)?;
        let answers = tasks::answer(&model, problems, options.task_tokens, &options.cancel, &mut |done| {
            progress.progress(stage, done, problems.len());
        })?;
        Ok::<_, EvaluateError>((model.facts().name.clone(), answers))
    };
    let (name, baseline) = match &options.baseline {
        Some(folder) => run(folder, None, Stage::BaselineTasks)?,
        None => {
            let scratch =
                tempfile::tempdir_in(&options.scratch).map_err(CalibrateError::spill(&options.scratch))?;
            let float = scratch.path().join("float.ortpackage");
            let recipe = wheelwork_quantize::Options { recipe: FLOAT, ..Default::default() };
            wheelwork_quantize::quantize(checkpoint.folder.path(), &float, &recipe, &())?;
            ("the checkpoint in float32".to_owned(), run(&float, None, Stage::BaselineTasks)?.1)
        }
    };
    let (_, found) = run(package, options.kv_cache, Stage::PackageTasks)?;
    Ok(tasks::compare(&name, problems, &found, &baseline))
}

/// Chains of the model's own for [`passages`] of `tokens` tokens.
pub(crate) fn chains(
    model: &Model,
    tokens: usize,
    cancel: &CancelToken,
    progress: &dyn EvaluateProgress,
) -> Result<Vec<Written>, EvaluateError> {
    let budget = (tokens * CHAIN_PERCENT / 100).max(1);
    let chain_tokens = WINDOW_TOKENS.min(model.facts().context_length / 2);
    let written =
        texts::write_chains(model, texts::PROMPTS, 1, budget, chain_tokens, cancel, &mut |tokens| {
            progress.progress(Stage::Chains, tokens.min(budget), budget);
        })?;
    if cancel.is_cancelled() { Err(EvaluateError::Cancelled) } else { Ok(written) }
}

/// Chains and text, cut where `tokens` are reached. With a text of the caller's the chains are not read.
pub(crate) fn passages(
    model: &Model,
    written: &[Written],
    text: Option<&str>,
    tokens: usize,
) -> Result<Vec<Passage>, EvaluateError> {
    let chains = written.iter().filter(|_| text.is_none()).map(|chain| Passage {
        ids: [chain.prompt.as_slice(), &chain.tokens].concat(),
        // The last token of the prompt foretells the first of the chain.
        first: chain.prompt.len().saturating_sub(1),
    });
    let window = (WINDOW_TOKENS - 1).min(model.facts().context_length - 1);
    let windows = texts::windows(model, text.unwrap_or(texts::TEXT), window)?;
    let windows = windows.into_iter().map(|ids| Passage { ids, first: 0 });
    let mut left = tokens;
    let mut passages = Vec::new();
    for mut passage in chains.chain(windows) {
        passage.ids.truncate(passage.first + left + 1);
        if passage.positions() > 0 {
            left -= passage.positions();
            passages.push(passage);
        }
    }
    if passages.is_empty() { Err(EvaluateError::TooFewTokens { tokens }) } else { Ok(passages) }
}

impl Passage {
    /// All but the last token, which nothing follows.
    pub(crate) fn read(&self) -> &[u32] {
        self.ids.split_last().map_or(&[], |(_, read)| read)
    }

    fn next(&self, position: usize) -> u32 {
        self.ids.get(position + 1).copied().unwrap_or_default()
    }

    /// Positions that are compared.
    fn positions(&self) -> usize {
        self.read().len().saturating_sub(self.first)
    }
}

struct Passes<'a> {
    progress: &'a dyn EvaluateProgress,
    cancel: &'a CancelToken,
}

impl Watch for Passes<'_> {
    fn passes(&self, done: usize, total: usize) {
        self.progress.progress(Stage::Reference, done, total);
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

pub(crate) fn open(
    package: &Path,
    kv_cache: Option<KvForm>,
    threads: Option<usize>,
) -> Result<Model, EvaluateError> {
    let options = OpenOptions { kv_cache, threads, ..OpenOptions::default() };
    Ok(Model::open_with(package, &options)?)
}

fn check_checkpoint(model: &Model, checkpoint: &Checkpoint) -> Result<(), EvaluateError> {
    let (shape, config) = (model.kv_shape(), &checkpoint.config);
    let mut pairs = vec![
        ("num_hidden_layers", shape.num_hidden_layers, config.num_hidden_layers),
        ("num_key_value_heads", shape.num_key_value_heads, config.num_key_value_heads),
        ("head_dim", shape.head_dim, config.head_dim),
        ("vocab_size", model.vocab_size(), config.vocab_size),
    ];
    if let Some(card) = model.card() {
        pairs.push(("hidden_size", card.architecture.hidden_size, config.hidden_size));
    }
    for (field, package, checkpoint) in pairs {
        if package != checkpoint {
            return Err(EvaluateError::NotItsCheckpoint { field, package, checkpoint });
        }
    }
    Ok(())
}

fn check_baseline(checkpoint: &Checkpoint) -> Result<(), EvaluateError> {
    let bytes = parameters(checkpoint)? * size_of::<f32>() as u64;
    if bytes > BASELINE_BYTES_LIMIT {
        return Err(EvaluateError::BaselineTooLarge { bytes, limit: BASELINE_BYTES_LIMIT });
    }
    Ok(())
}

/// Numbers in all tensors.
fn parameters(checkpoint: &Checkpoint) -> Result<u64, CalibrateError> {
    let mut parameters = 0;
    for name in checkpoint.tensors.names() {
        parameters += checkpoint.tensors.get(name)?.elements() as u64;
    }
    Ok(parameters)
}

/// A text or a list of the caller's.
pub(crate) fn read_text(path: &Path) -> Result<String, EvaluateError> {
    let fault = |FileError { path, fault }| EvaluateError::Input { path, detail: fault.to_string() };
    vfs::read_text(path, TEXT_BYTES_LIMIT).map_err(fault)
}

/// A run that the caller interrupted is no fault of the runtime's.
pub(crate) fn cancelled(error: wheelwork::Error) -> EvaluateError {
    match error {
        wheelwork::Error::Decoder(DecoderError::Interrupted) => EvaluateError::Cancelled,
        other => other.into(),
    }
}

fn name_of(path: &Path) -> String {
    let path = fs_err::canonicalize(path).unwrap_or_else(|_| path.into());
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

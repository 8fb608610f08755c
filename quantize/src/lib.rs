//! From a Hugging Face checkpoint to a Wheelwork package, in bounded memory.
//!
//! ```no_run
//! use std::path::Path;
//! use wheelwork_quantize::{Options, quantize};
//!
//! # fn main() -> Result<(), wheelwork_quantize::QuantizeError> {
//! let report = quantize(Path::new("checkpoint"), Path::new("name.ortpackage"), &Options::default(), &())?;
//! println!("{:.2} bits a weight", report.card.quantization.bits_per_weight);
//! # Ok(())
//! # }
//! ```
//!
//! [`quantize`] goes through these steps; each is a module.
//!
//! 1. [`checkpoint`] reads and checks every description; the weights stay on disk.
//! 2. `decoder_graph` builds the graph for the family ([`architecture`]) and the [`recipe`], and plans where each
//!    array will stand in the weight file ([`plan`]).
//! 3. `output` makes a folder beside the final name, or takes up the one of a run that was killed (`journal`); `weights` fills its weight file piece by piece, each piece
//!    quantised by its [`scheme`]; `variant` adds the files around it.
//! 4. One rename gives the folder its name.
//!
//! Two runs over the same checkpoint give the same bytes, on any machine and any number of threads.
//!
//! This crate must never see ONNX Runtime or `core`.
#![forbid(unsafe_code)]

pub mod architecture;
pub mod budget;
pub mod calibration;
pub mod checkpoint;
pub mod decoder_graph;
mod disk;
mod error;
pub mod estimate;
pub mod importance;
mod journal;
pub mod kv_cache;
mod output;
mod package;
pub mod plan;
mod positioned;
mod progress;
pub mod recipe;
mod rope;
pub mod scheme;
pub mod static_float;
pub mod static_graph;
mod static_variant;
mod variant;
mod weights;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelwork_package::Card;
use wheelwork_package::container::Name;
use wheelwork_package::files::names;

pub use budget::Budget;
pub use calibration::Calibration;
pub use error::{QuantizeError, RequestError};
pub use importance::Moments;
pub use output::is_unfinished;
pub use progress::{Progress, Stage};
pub use recipe::Recipe;

use checkpoint::{Checkpoint, Config};
use importance::Weighted;
use journal::{Finished, Journal, Key};
use output::{Begun, Output, Standing};
use plan::Plan;
use weights::Writer;

/// The longest context that is prepared unless a longer one is asked for, in tokens. Reasoning rarely needs more, and
/// the rotary tables grow with it: 16 MB at this length and `head_dim` 128.
pub const DEFAULT_CONTEXT_LIMIT: usize = 32_768;
/// The name of the CPU variant and its folder.
pub(crate) const CPU: &str = "cpu";

/// What is asked of [`quantize`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// What the package is called, wherever it goes; by default [`Checkpoint::name`].
    pub name: Option<Name>,
    /// A LoRA adapter's folder: it is merged into the weights, in float32.
    pub adapter: Option<PathBuf>,
    /// Which scheme each kind of matrix is stored in.
    pub recipe: Recipe,
    /// What the package may take: [`budget`] mixes schemes to keep it. Without one, every matrix has the recipe's.
    pub budget: Option<Budget>,
    /// What the inputs of each matrix count. Without them the search goes by the weights alone.
    pub moments: Option<Arc<Moments>>,
    /// Longest sequence in tokens, at most the model's `max_position_embeddings`; by default that, but no more than
    /// [`DEFAULT_CONTEXT_LIMIT`].
    pub context_length: Option<usize>,
    /// Replace an output that is a package; start an unfinished one over.
    pub overwrite: bool,
    /// Go on where an earlier run of the same request stopped, if there is one. The package is byte for byte that of an
    /// undisturbed run.
    pub resume: bool,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The package's folder.
    pub package: PathBuf,
    /// The package's card: errors of each matrix, bits per weight, warnings, files.
    pub card: Card,
    /// Bytes of all files of all variants.
    pub file_bytes: u64,
}

/// Reads the checkpoint in one folder and writes a package into another, which it creates.
///
/// Takes as long as reading and quantising all weights; uses the current rayon pool. Memory stays below 20 MB a
/// thread plus the graph and the tokenizer, whatever the size of the model.
///
/// # Errors
/// [`QuantizeError`]; whatever it is, nothing stands under the output's name that was not there before. If the cause
/// can pass (a full disk, a request to stop), what was finished stays in `OUT.partial` for [`Options::resume`].
pub fn quantize(
    checkpoint: &Path,
    out: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, QuantizeError> {
    match &options.moments {
        Some(moments) => {
            let mut weighted = Weighted { moments };
            quantize_calibrated(checkpoint, out, options, &mut weighted, progress)
        }
        None => quantize_calibrated(checkpoint, out, options, &mut (), progress),
    }
}

/// As [`quantize`], with codes from a [`Calibration`] where it has any.
///
/// # Errors
/// As [`quantize`], and [`QuantizeError::Calibration`].
pub fn quantize_calibrated(
    checkpoint: &Path,
    out: &Path,
    options: &Options,
    calibration: &mut dyn Calibration,
    progress: &dyn Progress,
) -> Result<Report, QuantizeError> {
    progress.stage(Stage::Reading);
    let checkpoint = Checkpoint::open_with(checkpoint, options.adapter.as_deref())?;
    let Resolved { recipe, plan, context_length, warnings } = resolve(&checkpoint, options, progress)?;

    let key = Key::new(checkpoint.tensors.identity(), &recipe, calibration.identity(), &plan);
    let standing = Standing { overwrite: options.overwrite, resume: options.resume };
    let Begun { output, mut journal, finished } =
        Output::begin(out, checkpoint.folder.path(), standing, &key)?;
    let request = Request {
        checkpoint: &checkpoint,
        plan: &plan,
        recipe: &recipe,
        name: options.name.clone().unwrap_or_else(|| checkpoint.name()),
        context_length,
        warnings,
        importance: options.moments.as_deref().map(Moments::source),
    };
    match request.fill(&output.folder(), &finished, &mut journal, calibration, progress) {
        Ok(card) => {
            let file_bytes = card.variants.values().flatten().map(|file| file.bytes).sum();
            Ok(Report { package: output.commit()?, card, file_bytes })
        }
        Err(error) => {
            if !(error.leaves_work() && journal.has_finished) {
                output.discard();
            }
            Err(error)
        }
    }
}

/// What a request comes to, for a checkpoint.
pub(crate) struct Resolved {
    recipe: Recipe,
    pub(crate) plan: Plan,
    context_length: usize,
    warnings: Vec<String>,
}

/// Everything that is decided before anything is written.
pub(crate) fn resolve(
    checkpoint: &Checkpoint,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Resolved, QuantizeError> {
    let (context_length, context_warning) = context_length(&checkpoint.config, options.context_length)?;
    let moments = options.moments.as_deref();
    let mixture = match options.budget {
        Some(budget) => {
            let recipe = &options.recipe;
            Some(budget::mixed(checkpoint, recipe, budget, moments, context_length, progress)?)
        }
        None => None,
    };
    let recipe = mixture.map_or_else(|| options.recipe.clone(), |mixture| mixture.recipe);
    let plan = decoder_graph::plan(&checkpoint.config, &recipe, context_length)?;
    let warnings = [&checkpoint.warnings, &plan.warnings].into_iter().flatten().cloned();
    let warnings = warnings.chain(context_warning).collect();
    Ok(Resolved { recipe, plan, context_length, warnings })
}

/// A request that can be met.
struct Request<'a> {
    checkpoint: &'a Checkpoint,
    plan: &'a Plan,
    recipe: &'a Recipe,
    name: Name,
    context_length: usize,
    warnings: Vec<String>,
    importance: Option<&'a importance::Source>,
}

impl Request<'_> {
    /// Writes the whole package into a folder.
    fn fill(
        self,
        folder: &Path,
        finished: &[Finished],
        journal: &mut Journal,
        calibration: &mut dyn Calibration,
        progress: &dyn Progress,
    ) -> Result<Card, QuantizeError> {
        let Self { checkpoint, plan, recipe, name, context_length, warnings, importance } = self;
        let variant = folder.join(CPU);
        progress.stage(Stage::Weights);
        let writer = Writer::open(&variant.join(names::WEIGHTS), checkpoint, plan, progress)?;
        let tensor_errors = writer.fill(calibration, finished, journal)?;
        checkpoint.tensors.check_unchanged()?;

        progress.stage(Stage::Finishing);
        let licences = variant::write(&variant, checkpoint, plan, context_length)?;
        let card = package::Contents {
            checkpoint,
            plan,
            recipe,
            name,
            context_length,
            tensor_errors,
            licences,
            warnings,
            importance,
        }
        .write(folder)?;
        if progress.cancelled() { Err(QuantizeError::Cancelled) } else { Ok(card) }
    }
}

/// The context to prepare, and a warning if it is shorter than the model's.
fn context_length(config: &Config, asked: Option<usize>) -> Result<(usize, Option<String>), RequestError> {
    let limit = config.max_position_embeddings;
    match asked {
        Some(asked) if asked == 0 || asked > limit => Err(RequestError::ContextLength { asked, limit }),
        Some(asked) => Ok((asked, None)),
        None if limit > DEFAULT_CONTEXT_LIMIT => {
            let warning = format!(
                "the model takes {limit} tokens, the package is prepared for {DEFAULT_CONTEXT_LIMIT}; \
                 ask for a longer context when quantising if needed"
            );
            Ok((DEFAULT_CONTEXT_LIMIT, Some(warning)))
        }
        None => Ok((limit, None)),
    }
}

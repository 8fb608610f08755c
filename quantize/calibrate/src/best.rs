//! The recipe `best`: a package whose layers are rounded for the inputs that they get.
//!
//! 1. A package of the same recipe without calibration is made in a temporary folder beside the output, only to write
//!    chains with ([`Text`]); it is removed before the next step.
//! 2. The package itself is made, with a [`Calibrated`] beside the writer.
//! 3. What was read stands in the card, with the recipe.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use wheelwork::{CancelToken, Model};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::kv_cache::{self, LayerRange};
use wheelwork_quantize::{Options, Progress, QuantizeError, Recipe, Report, quantize, quantize_calibrated};

use crate::CalibrateError;
use crate::calibration::Calibrated;
use crate::calibration_text::{Text, TextBudget};
use crate::moments;
use crate::reference::{ReferenceOptions, Watch};

/// The recipe's name in command and card.
pub const NAME: &str = "best";

/// What calibration reads and how it runs.
#[derive(Debug, Clone, Default)]
pub struct CalibrationOptions {
    /// How much is read.
    pub budget: TextBudget,
    /// A text of the user, which gets half of the budget; the model's own chains get the rest.
    pub text: Option<PathBuf>,
    /// Threads of ONNX Runtime; by default one a core.
    pub threads: Option<usize>,
    /// Ends the writing of chains from another thread.
    pub cancel: CancelToken,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct BestReport {
    /// The package.
    pub report: Report,
    /// How large keys and values get, one entry a layer.
    pub kv_ranges: Vec<LayerRange>,
    /// What was read.
    pub text: Text,
}

/// Makes a package as [`quantize`] does, with every matrix of a layer rounded by GPTQ. `options.recipe` says the
/// schemes; its name in the card is [`NAME`].
///
/// # Errors
/// [`CalibrateError`]; nothing stands under the output's name then that was not there before.
pub fn quantize_best<W: Progress + Watch>(
    checkpoint: &Path,
    out: &Path,
    options: &Options,
    calibration: &CalibrationOptions,
    watch: &W,
) -> Result<BestReport, CalibrateError> {
    let options = Options { recipe: Recipe { name: NAME, ..options.recipe.clone() }, ..options.clone() };
    let scratch = wheelwork_package::disk::folder_of(out);
    let options = with_moments(checkpoint, scratch, options, calibration, watch)?;
    let text = read(checkpoint, scratch, &options, calibration, watch)?;
    let reference = ReferenceOptions::new(calibration.threads, scratch);
    let mut calibrated = Calibrated::new(&text, reference, watch).with_moments(options.moments.as_deref());
    let mut report = quantize_calibrated(checkpoint, out, &options, &mut calibrated, watch)
        // A calibration that was asked to stop comes back as some error of the calibration.
        .map_err(|error| if watch_is_cancelled(watch) { CalibrateError::Cancelled } else { error.into() })?;
    let kv_ranges = calibrated.kv_ranges().to_vec();
    if let Some(recipe) = report.card.quantization.recipe.as_object_mut() {
        let read = json!({
            "method": "gptq", "tokens": text.tokens(), "sequences": text.sequences.len(),
            "sources": text.sources, "sha256": text.sha256(),
        });
        recipe.insert("calibration".to_owned(), read);
    }
    kv_cache::save(&report.package, &report.card).map_err(QuantizeError::from)?;
    Ok(BestReport { report, kv_ranges, text })
}

/// A pass that is over before the calibration begins to count its own.
struct Unseen<'a>(&'a dyn Watch);

impl Watch for Unseen<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// The moments of a short text, for the budget, the plain package and what GPTQ leaves alone.
fn with_moments(
    checkpoint: &Path,
    scratch: &Path,
    options: Options,
    calibration: &CalibrationOptions,
    watch: &dyn Watch,
) -> Result<Options, CalibrateError> {
    if options.moments.is_some() {
        return Ok(options);
    }
    let opened =
        Checkpoint::open_with(checkpoint, options.adapter.as_deref()).map_err(QuantizeError::from)?;
    let budget = moments::DEFAULT_BUDGET.within(calibration.budget);
    let text = Text::built_in(&opened, calibration.text.as_deref(), budget)?;
    let moments = moments::measure(&opened, &text, scratch, &Unseen(watch))?;
    Ok(Options { moments: Some(Arc::new(moments)), ..options })
}

/// Both traits have the question; whoever implements them answers both alike.
fn watch_is_cancelled(watch: &dyn Watch) -> bool {
    watch.cancelled()
}

/// The model's chains and the user's text.
fn read<W: Progress + Watch>(
    checkpoint: &Path,
    scratch: &Path,
    options: &Options,
    calibration: &CalibrationOptions,
    watch: &W,
) -> Result<Text, CalibrateError> {
    if let Some(path) = &calibration.text {
        Text::check_file(path)?;
    }
    let folder = tempfile::Builder::new()
        .prefix("wheelwork-chains-")
        .tempdir_in(scratch)
        .map_err(CalibrateError::spill(scratch))?;
    let package = folder.path().join("model.ortpackage");
    let bos = Checkpoint::open_with(checkpoint, options.adapter.as_deref())
        .map_err(QuantizeError::from)?
        .tokens
        .bos;
    let plain = Options { overwrite: false, resume: false, ..options.clone() };
    quantize(checkpoint, &package, &plain, watch)?;
    let model = Model::open(&package)?;
    let budget = calibration.budget;
    let Some(path) = &calibration.text else {
        return Text::written_by(&model, budget, &calibration.cancel, watch);
    };
    let half = TextBudget { tokens: budget.tokens.div_ceil(2), ..budget };
    let own = Text::from_file(path, &model.facts().tokenizer, bos, half)?;
    let rest = TextBudget { tokens: budget.tokens - own.tokens(), ..budget };
    Ok(own.and(Text::written_by(&model, rest, &calibration.cancel, watch)?))
}

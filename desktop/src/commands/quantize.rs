//! `wheelwork quantize`: a checkpoint into a package, with a progress bar.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use indicatif::ProgressBar;
use serde_json::json;
use wheelwork::CancelToken;
use wheelwork::chat::{ChatError, ChatTemplate};
use wheelwork::tokenizer::Tokenizer;
use wheelwork_calibrate::kv_cache::{self, KvOptions, VARIANT};
use wheelwork_calibrate::{
    CalibrateError, CalibrationEstimate, CalibrationOptions, PROMPT_FILES, TextBudget, Watch, moments,
};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::checkpoint::files::Folder;
use wheelwork_quantize::estimate;
use wheelwork_quantize::kv_cache::LayerRange;
use wheelwork_quantize::recipe::{BALANCED, FAST, FLOAT, INT8_THROUGHOUT, Recipe};
use wheelwork_quantize::{Budget, Moments, Options, Progress, QuantizeError, Report, Stage};

use super::static_graph::{Added, CompiledFor};
use super::{dry_run, static_graph};
use crate::arguments::{KvChoice, Quality, QuantizeArguments, Target};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::machine::memory;
use crate::{output, progress};

pub(crate) fn run(arguments: &QuantizeArguments, json: bool) -> Result<(), Failure> {
    let is_best = matches!(arguments.quality, Quality::Best);
    let is_searched = matches!(arguments.quality, Quality::Balanced);
    let calibrates = is_best || is_searched || arguments.static_graphs.has(Target::QnnHtp);
    if let Some(flag) = arguments.calibration.given().filter(|_| !calibrates) {
        return Err(Failure::NeedsBest { flag });
    }
    let recipe = match arguments.quality {
        Quality::Float => FLOAT,
        Quality::Int8 => INT8_THROUGHOUT,
        Quality::Fast => FAST,
        Quality::Balanced | Quality::Best => BALANCED,
    };
    let recipe = Recipe { activations: arguments.activations.into(), ..recipe };
    let options = Options {
        name: arguments.name.clone(),
        adapter: arguments.adapter.clone(),
        recipe: match arguments.block_size {
            Some(block_size) => recipe.with_block_size(block_size),
            None => recipe,
        },
        budget: arguments.bpw.map(Budget::BitsPerWeight).or(arguments.max_size.map(Budget::Bytes)),
        moments: None,
        context_length: arguments.context_length,
        overwrite: arguments.overwrite,
        resume: arguments.resume,
    };
    static_graph::check(&arguments.static_graphs)?;
    probe_template(&arguments.checkpoint)?;
    let start = Instant::now();
    let cancel = Interrupt::install()?.token();
    let bar = Bar::new(json, cancel.clone());
    let moments = if is_searched { importance(arguments, &options, &bar, json) } else { Ok(None) };
    let moments = moments.inspect_err(|_| bar.bar.finish_and_clear())?;
    let options = Options { moments: moments.map(Arc::new), ..options };
    if arguments.dry_run {
        let result = estimate::estimate(&arguments.checkpoint, &options, &bar);
        bar.bar.finish_and_clear();
        let calibration = is_best.then(|| calibration(arguments)).transpose()?;
        return dry_run::tell(&result?, calibration.as_ref(), json);
    }
    if is_best && !json {
        let seconds = calibration(arguments)?.seconds;
        anstream::eprintln!(
            "calibrating: very roughly {} of arithmetic, after the model has written its text; Ctrl-C and --resume go on",
            progress::duration(seconds)
        );
    }
    let result = make(arguments, &options, &bar);
    bar.bar.finish_and_clear();
    match result.map_err(Failure::from) {
        Ok(Made { mut report, ranges }) => {
            add_cache(arguments.kv(), &mut report, ranges, cancel.clone(), json)?;
            let compiled = add_static_graphs(arguments, &mut report, cancel, json)?;
            tell(&report, &arguments.out, &compiled, start.elapsed().as_secs_f64(), json)
        }
        Err(failure) => {
            let goes_on =
                matches!(failure, Failure::Interrupted) && wheelwork_quantize::is_unfinished(&arguments.out);
            if goes_on && !json {
                anstream::eprintln!("the same command with --resume goes on from here");
            }
            Err(failure)
        }
    }
}

/// What the calibration of `--quality best` takes.
fn calibration(arguments: &QuantizeArguments) -> Result<CalibrationEstimate, Failure> {
    let budget = arguments.calibration.budget(TextBudget::default());
    Ok(CalibrationEstimate::of(&arguments.checkpoint, budget)?)
}

/// What the inputs of each matrix count, where that is asked for or soon known; a pass that takes longer is kept beside the
/// output for a run that resumes.
fn importance(
    arguments: &QuantizeArguments,
    options: &Options,
    bar: &Bar,
    json: bool,
) -> Result<Option<Moments>, Failure> {
    let asked = &arguments.calibration;
    if asked.no_calibration {
        return Ok(None);
    }
    let budget = asked.budget(moments::DEFAULT_BUDGET);
    let checkpoint = Checkpoint::open_with(&arguments.checkpoint, options.adapter.as_deref())
        .map_err(QuantizeError::from)?;
    let is_short = moments::is_short(&checkpoint.config, budget.tokens);
    let is_asked = asked.given().is_some();
    if !is_asked && !is_short {
        return Ok(None);
    }
    let temporary = tempfile::tempdir()?;
    let cache = if is_short || arguments.dry_run {
        temporary.path().join("moments")
    } else {
        let mut name = arguments.out.as_os_str().to_owned();
        name.push(".moments");
        PathBuf::from(name)
    };
    let text = asked.calibration_text.as_deref();
    match moments::measure_or_load(&checkpoint, text, budget, &cache, bar) {
        Ok(moments) => Ok(Some(moments)),
        // Making packages needs no ONNX Runtime, and nobody has asked for what does.
        Err(CalibrateError::Library(error)) if !is_asked => {
            if !json {
                let why = error.to_string();
                anstream::eprintln!("not calibrated, as ONNX Runtime is not there: {why}");
            }
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Has the checkpoint's chat template take a few conversations, so that one that can't run is refused before any work is
/// done. It is read as the conversion reads it, links of Hugging Face's cache included. What is wrong with other files of
/// the checkpoint is left to who converts it.
fn probe_template(checkpoint: &Path) -> Result<(), Failure> {
    let source = Folder::open(checkpoint).map_err(QuantizeError::from)?;
    let copy = tempfile::tempdir()?;
    for (name, limit) in PROMPT_FILES {
        if source.has(name) {
            let content = source.read(name, limit).map_err(QuantizeError::from)?;
            fs_err::write(copy.path().join(name), content)?;
        }
    }
    let checkpoint = copy.path();
    let template = match ChatTemplate::from_folder(checkpoint) {
        Err(ChatError::Config(_)) => return Ok(()),
        template => template?,
    };
    match Tokenizer::from_folder(checkpoint) {
        Ok(tokenizer) => Ok(template.probe(&tokenizer)?),
        Err(_) => Ok(()),
    }
}

/// A package, and the ranges of its keys and values with the tokens behind them where calibration measured any.
struct Made {
    report: Report,
    ranges: Option<(Vec<LayerRange>, usize)>,
}

fn make(arguments: &QuantizeArguments, options: &Options, bar: &Bar) -> Result<Made, CalibrateError> {
    let (checkpoint, out) = (&arguments.checkpoint, &arguments.out);
    if !matches!(arguments.quality, Quality::Best) {
        let report = wheelwork_quantize::quantize(checkpoint, out, options, bar)?;
        return Ok(Made { report, ranges: None });
    }
    let asked = &arguments.calibration;
    let calibration = CalibrationOptions {
        budget: asked.budget(TextBudget::default()),
        text: asked.calibration_text.clone(),
        threads: None,
        cancel: bar.cancel.clone(),
    };
    let made = wheelwork_calibrate::quantize_best(checkpoint, out, options, &calibration, bar)?;
    Ok(Made { report: made.report, ranges: Some((made.kv_ranges, made.text.tokens())) })
}

/// Adds the int8 key-value cache where one is asked for. The package is complete without it.
fn add_cache(
    kv: KvChoice,
    report: &mut Report,
    ranges: Option<(Vec<LayerRange>, usize)>,
    cancel: CancelToken,
    json: bool,
) -> Result<(), Failure> {
    let choice = match kv {
        KvChoice::Float => return Ok(()),
        KvChoice::Auto => kv_cache::KvChoice::WherePassed,
        KvChoice::Int8 => kv_cache::KvChoice::Always,
    };
    let options = KvOptions { choice, ranges, cancel, ..KvOptions::default() };
    let bar = progress::Stages::new(json);
    let made = kv_cache::add_int8_cache(&report.package, &options, &bar).map_err(Failure::from);
    drop(bar);
    let cache = made.inspect_err(|failure| complete_without("an int8 cache", failure, report, json))?;
    report.card.kv_cache.insert(VARIANT.to_owned(), cache);
    Ok(())
}

/// Adds the variants for NPUs that are asked for. The package is complete without them.
fn add_static_graphs(
    arguments: &QuantizeArguments,
    report: &mut Report,
    cancel: CancelToken,
    json: bool,
) -> Result<Vec<CompiledFor>, Failure> {
    let bar = Bar::new(json, cancel.clone());
    let begin = |what: &str| bar.bar.set_message(format!("compiling {what}"));
    let made = static_graph::add(arguments, &report.package, &bar, &begin, cancel);
    bar.bar.finish_and_clear();
    let Added { card, compiled } =
        made.inspect_err(|failure| complete_without("a variant for NPUs", failure, report, json))?;
    if let Some(card) = card {
        report.file_bytes = card.variants.values().flatten().map(|file| file.bytes).sum();
        report.card = card;
    }
    Ok(compiled)
}

/// Says that what is there after a Ctrl-C can be used.
fn complete_without(what: &str, failure: &Failure, report: &Report, json: bool) {
    if matches!(failure, Failure::Interrupted) && !json {
        anstream::eprintln!("`{}` is complete, without {what}", report.package.display());
    }
}

/// `out` is the package as it was named, for people.
fn tell(
    report: &Report,
    out: &Path,
    compiled: &[CompiledFor],
    seconds: f64,
    json: bool,
) -> Result<(), Failure> {
    let card = &report.card;
    if json {
        return output::json_line(&json!({
            "package": report.package, "seconds": seconds, "file_bytes": report.file_bytes,
            "bits_per_weight": card.quantization.bits_per_weight,
            "true_bits_per_weight": card.quantization.true_bits_per_weight, "warnings": card.warnings,
            "tensors": card.quantization.tensors, "kv_cache": card.kv_cache,
            "static_graphs": card.static_graphs, "compiled": compiled, "memory": memory(),
        }));
    }
    for warning in &card.warnings {
        anstream::eprintln!("warning: {warning}");
    }
    anstream::println!(
        "{}: {:.1} MB, {:.3} bits a weight, {seconds:.1} s",
        out.display(),
        report.file_bytes as f64 / 1e6,
        card.quantization.bits_per_weight,
    );
    if let (Some(true_bits), false) = (card.quantization.true_bits_per_weight, card.code_bits.is_empty()) {
        anstream::println!(
            "of these, {true_bits:.3} bits say something: that is what `wheelwork pack` stores"
        );
    }
    for (name, graphs) in &card.static_graphs {
        let (context, chunk) = (graphs.context_length, graphs.prefill_tokens);
        anstream::println!("variant `{name}`: {context} tokens of context, prompts by {chunk}");
        for binary in &graphs.context_binaries {
            anstream::println!("  compiled for {} ({})", binary.soc, binary.arch);
        }
    }
    for cache in card.kv_cache.values() {
        let check = &cache.self_check;
        anstream::println!(
            "int8 key-value cache: self-check over {} tokens {}, mean KL {:.5} (limit {}), default {}",
            check.tokens,
            if check.passed { "passed" } else { "not passed" },
            check.mean_kl,
            check.mean_kl_limit,
            cache.default.as_str(),
        );
    }
    anstream::println!("try it: wheelwork chat --model {}", out.display());
    Ok(())
}

struct Bar {
    bar: ProgressBar,
    spoken: progress::Spoken,
    cancel: CancelToken,
}

impl Bar {
    fn new(json: bool, cancel: CancelToken) -> Self {
        Self { bar: progress::bar(json), spoken: progress::Spoken::new(json), cancel }
    }
}

impl Progress for Bar {
    fn stage(&self, stage: Stage) {
        self.bar.set_message(match stage {
            Stage::Reading => "reading the checkpoint",
            Stage::Weights => "weights",
            Stage::Finishing => "hashing",
        });
    }

    fn weights(&self, tensor: &str, done_bytes: u64, total_bytes: u64) {
        self.bar.set_length(total_bytes);
        self.bar.set_position(done_bytes);
        self.bar.set_message(tensor.to_owned());
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// What calibration does between two matrices.
impl Watch for Bar {
    fn text(&self, done: usize, total: usize) {
        self.bar.set_message(self.spoken.part("the model writes calibration text, tokens", done, total));
    }

    fn passes(&self, done: usize, total: usize) {
        self.bar.set_message(self.spoken.part(
            "calibrating, passes of a sequence through a layer",
            done,
            total,
        ));
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

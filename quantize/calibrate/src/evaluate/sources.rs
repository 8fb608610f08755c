//! What each source of error costs alone.
//!
//! ```text
//! v_proj, ..    the float model with the package's matrices of one kind, against the float model
//! weights       with all of the package's matrices, against the float model
//! activations   the package with a float cache, against the float model with its matrices: rounding to int8, and kernels
//! kv_cache      the package with its int8 cache, against the package with a float cache
//! ```
//!
//! Where each is small, they about add up to the package's divergence. Each kind takes another pass of the checkpoint.

use std::path::Path;

use wheelwork::KvForm;
use wheelwork_package::card::{Divergence, SourceOfError};
use wheelwork_quantize::checkpoint::Checkpoint;

use super::divergence::Comparison;
use super::{
    EvaluateError, EvaluateOptions, EvaluateProgress, Passage, Stage, against, open, reference, rows_of,
};
use crate::CalibrateError;
use crate::reference::Watch;
use crate::spill::Spill;
use crate::weights::{StoredMatrices, Weights};

/// Kinds of matrices, by what their names end in.
const KINDS: [(&str, &str); 9] = [
    ("q_proj", "self_attn.q_proj.weight"),
    ("k_proj", "self_attn.k_proj.weight"),
    ("v_proj", "self_attn.v_proj.weight"),
    ("o_proj", "self_attn.o_proj.weight"),
    ("gate_proj", "mlp.gate_proj.weight"),
    ("up_proj", "mlp.up_proj.weight"),
    ("down_proj", "mlp.down_proj.weight"),
    ("embedding", "embed_tokens.weight"),
    ("lm_head", "lm_head.weight"),
];
/// Behind the kinds: all weights, activations, and the cache.
const OTHERS: usize = 3;

/// Measures each against `logits`, which the float model has left on disk, a row for each position that is compared.
pub(super) fn measure(
    package: &Path,
    checkpoint: &Checkpoint,
    passages: &[Passage],
    logits: &mut Spill,
    options: &EvaluateOptions,
    progress: &dyn EvaluateProgress,
) -> Result<Vec<SourceOfError>, EvaluateError> {
    let matrices = StoredMatrices::open(package, &checkpoint.config)?;
    let kinds = KINDS.iter().filter(|(_, ending)| matrices.names().any(|name| name.ends_with(ending)));
    let kinds: Vec<_> = kinds.collect();
    let total = kinds.len() + OTHERS;
    let watch = Quiet(options);
    let mut found = Vec::new();
    for (name, ending) in kinds {
        progress.progress(Stage::Sources, found.len(), total);
        let is_stored = |name: &str| name.ends_with(ending);
        let weights = Weights::stored(checkpoint, &matrices, &is_stored);
        found.push(source(name, &with(weights, passages, logits, options, &watch, |_, _| Ok(()))?));
    }

    progress.progress(Stage::Sources, found.len(), total);
    let mut stored = Spill::create(&options.scratch, checkpoint.config.vocab_size)?;
    let keep = |row, values: &[f32]| stored.write(row, values);
    let weights = Weights::stored(checkpoint, &matrices, &|_| true);
    found.push(source("weights", &with(weights, passages, logits, options, &watch, keep)?));

    progress.progress(Stage::Sources, found.len(), total);
    let model = open(package, Some(KvForm::Float), options.threads)?;
    let float = against(&model, passages, &mut stored, &options.cancel, &())?;
    found.push(source("activations", &float));

    let has_int8 = model.card().is_some_and(|card| card.kv_cache.contains_key(&model.placement().variant));
    if has_int8 {
        progress.progress(Stage::Sources, found.len(), total);
        rows_of(&model, passages, &options.cancel, |row, _, _, values| stored.write(row, values))?;
        drop(model);
        let model = open(package, Some(KvForm::Int8), options.threads)?;
        let int8 = against(&model, passages, &mut stored, &options.cancel, &())?;
        found.push(source("kv_cache", &int8));
    }
    progress.progress(Stage::Sources, total, total);
    Ok(found)
}

/// The float model with these weights against the one whose logits wait; each row goes to `keep`, too.
fn with(
    weights: Weights<'_>,
    passages: &[Passage],
    logits: &mut Spill,
    options: &EvaluateOptions,
    watch: &dyn Watch,
    mut keep: impl FnMut(usize, &[f32]) -> Result<(), CalibrateError>,
) -> Result<Divergence, CalibrateError> {
    let (mut comparison, mut expected) = (Comparison::default(), Vec::new());
    reference(weights, passages, options, watch, |row, passage, position, values| {
        logits.read(row, 1, &mut expected)?;
        comparison.add(&expected, values, position, passage.next(position));
        keep(row, values)
    })?;
    Ok(comparison.finish())
}

fn source(name: &str, found: &Divergence) -> SourceOfError {
    SourceOfError { name: name.to_owned(), mean_kl: found.mean_kl, same_top: found.same_top }
}

/// Can be stopped, and tells nothing: the stage counts sources.
struct Quiet<'a>(&'a EvaluateOptions);

impl Watch for Quiet<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancel.is_cancelled()
    }
}

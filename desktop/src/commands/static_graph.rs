//! The part of `wheelwork quantize` that makes a variant for neural processors.

use std::path::Path;

use wheelwork::CancelToken;
use wheelwork_calibrate::static_graph::{VariantOptions, add_variant};
use wheelwork_calibrate::{CalibrateError, TextBudget, Watch};
use wheelwork_package::Card;

use crate::arguments::{QuantizeArguments, Switch};

/// Adds the variant to a package that is complete without it.
pub(crate) fn add(
    arguments: &QuantizeArguments,
    package: &Path,
    watch: &dyn Watch,
    cancel: CancelToken,
) -> Result<Card, CalibrateError> {
    let asked = &arguments.static_graphs;
    let defaults = VariantOptions::default();
    let given = arguments.calibration.budget();
    let budget = TextBudget {
        tokens: arguments.calibration.calibration_tokens.map_or(defaults.budget.tokens, |_| given.tokens),
        ..given
    };
    let options = VariantOptions {
        context_length: usize::try_from(asked.npu_context).unwrap_or(usize::MAX),
        prefill_tokens: asked.npu_chunk.tokens(),
        weights: asked.npu_weights.scheme(),
        rotate: asked.rotate == Switch::On,
        budget,
        text: arguments.calibration.calibration_text.clone(),
        cancel,
        ..defaults
    };
    add_variant(&arguments.checkpoint, package, &options, watch)
}

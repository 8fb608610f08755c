//! The part of `wheelwork quantize` that makes variants for NPUs.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use wheelwork::CancelToken;
use wheelwork_calibrate::context_binary::{self, Compiler};
use wheelwork_calibrate::static_graph::{VariantOptions, add_variant};
use wheelwork_calibrate::{TextBudget, Watch, static_check};
use wheelwork_package::Card;
use wheelwork_quantize::static_float::{self, StaticShapes};
use wheelwork_quantize::static_graph;

use crate::arguments::{QuantizeArguments, Rounding, StaticArguments, Switch, Target};
use crate::failure::Failure;

/// The relative root mean square difference that half precision may cost: measured, it is 0.0014.
const FLOAT_TOLERANCE: f32 = 0.01;

/// Looks whether what is asked for can be made, before anything is.
pub(crate) fn check(asked: &StaticArguments) -> Result<(), Failure> {
    if asked.socs.is_empty() {
        return Ok(());
    }
    if variants(asked).next().is_none() {
        return Err(Failure::NeedsTarget);
    }
    Ok(Compiler::find()?)
}

/// What was added to a package.
#[derive(Default)]
pub(crate) struct Added {
    /// The card after the last change, if there was any.
    pub(crate) card: Option<Card>,
    pub(crate) compiled: Vec<CompiledFor>,
}

/// How long the compiler took.
#[derive(Serialize)]
pub(crate) struct CompiledFor {
    variant: &'static str,
    soc: &'static str,
    seconds: f64,
}

/// Adds the variants that are asked for to a package that is complete without them.
pub(crate) fn add(
    arguments: &QuantizeArguments,
    package: &Path,
    watch: &dyn Watch,
    begin: &dyn Fn(&str),
    cancel: CancelToken,
) -> Result<Added, Failure> {
    let asked = &arguments.static_graphs;
    let Added { mut card, mut compiled } = Added::default();
    if asked.has(Target::QnnHtp) {
        card = Some(quantized(arguments, package, watch, cancel)?);
    }
    if asked.has(Target::QnnHtpFloat) {
        let shapes =
            StaticShapes { context_length: asked.context_length(), prefill_tokens: asked.npu_chunk.into() };
        static_float::add_to(package, shapes)?;
        card = Some(static_check::add_to(package, static_float::VARIANT, FLOAT_TOLERANCE)?);
    }
    if !asked.socs.is_empty() {
        let compiler = Compiler::open()?;
        let packing = asked.npu_binaries.into();
        for variant in variants(asked) {
            for &soc in &asked.socs {
                let start = Instant::now();
                card = Some(context_binary::add_to(&compiler, package, variant, &[soc], packing, begin)?);
                let seconds = start.elapsed().as_secs_f64();
                compiled.push(CompiledFor { variant, soc: soc.name, seconds });
            }
        }
    }
    Ok(Added { card, compiled })
}

/// The variants of static graphs that are asked for.
fn variants(asked: &StaticArguments) -> impl Iterator<Item = &'static str> {
    let variants = [(Target::QnnHtp, static_graph::VARIANT), (Target::QnnHtpFloat, static_float::VARIANT)];
    variants.into_iter().filter(|(target, _)| asked.has(*target)).map(|(_, variant)| variant)
}

fn quantized(
    arguments: &QuantizeArguments,
    package: &Path,
    watch: &dyn Watch,
    cancel: CancelToken,
) -> Result<Card, Failure> {
    let asked = &arguments.static_graphs;
    let defaults = VariantOptions::default();
    let given = arguments.calibration.budget(TextBudget::default());
    let budget = TextBudget {
        tokens: arguments.calibration.calibration_tokens.map_or(defaults.budget.tokens, |_| given.tokens),
        ..given
    };
    let options = VariantOptions {
        context_length: asked.context_length(),
        prefill_tokens: asked.npu_chunk.into(),
        weights: asked.npu_weights.into(),
        calibrate_weights: asked.npu_rounding == Rounding::Gptq,
        rotate: asked.rotate == Switch::On,
        budget,
        text: arguments.calibration.calibration_text.clone(),
        cancel,
        ..defaults
    };
    Ok(add_variant(&arguments.checkpoint, package, &options, watch)?)
}

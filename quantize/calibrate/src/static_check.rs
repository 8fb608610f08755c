//! What a provider must compute before it is trusted: logits that a variant of static graphs gives on the CPU,
//! written into the package's card.

use std::path::Path;

use wheelwork::{DevicePreference, Model, OpenOptions};
use wheelwork_package::card::StaticSelfCheck;
use wheelwork_package::{Card, PackageError};
use wheelwork_quantize::RequestError;

use crate::evaluate::EvaluateError;

/// What is asked; any text would do.
const QUESTION: &str = "What is 12 + 30?";
/// How many of the best logits are compared.
const LOGITS: usize = 32;

/// Runs a fixed prompt through the static graphs of a variant on the CPU and puts what they give into the card.
/// `tolerance` is the relative root mean square difference that a provider may have.
///
/// # Errors
/// [`EvaluateError`]; the card is then as it was.
pub fn add_to(package: &Path, variant: &str, tolerance: f32) -> Result<Card, EvaluateError> {
    let open = wheelwork_package::open(package)?;
    let Some(mut card) = open.card else {
        let error = RequestError::NotAPackage { path: package.into() };
        return Err(EvaluateError::Checkpoint(error.into()));
    };
    let check = run(package, variant, prompt(package)?, LOGITS, tolerance)?;
    let graphs = card
        .static_graphs
        .get_mut(variant)
        .ok_or_else(|| PackageError::NoSuchVariant { wanted: variant.to_owned(), present: String::new() })?;
    graphs.self_check = Some(check);
    wheelwork_quantize::kv_cache::save(package, &card)?;
    Ok(card)
}

/// The `count` best logits behind a prompt, or as much of it as one call takes.
pub(crate) fn run(
    package: &Path,
    variant: &str,
    mut prompt_ids: Vec<u32>,
    count: usize,
    tolerance: f32,
) -> Result<StaticSelfCheck, wheelwork::Error> {
    let mut decoder = Model::static_reference(package, variant)?;
    prompt_ids.truncate(decoder.chunk_tokens());
    decoder.prefill(&prompt_ids)?;
    let mut best: Vec<(u32, f32)> = (0..).zip(decoder.logits().iter().copied()).collect();
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    best.truncate(count);
    let (token_ids, logits) = best.into_iter().unzip();
    Ok(StaticSelfCheck { prompt_ids, token_ids, logits, tolerance })
}

/// [`QUESTION`] in a conversation of ours.
fn prompt(package: &Path) -> Result<Vec<u32>, EvaluateError> {
    let options = OpenOptions { device: DevicePreference::Cpu, ..OpenOptions::default() };
    let model = Model::open_with(package, &options)?;
    let facts = model.facts();
    let prompt = facts.template.own_question(&facts.tokenizer, QUESTION, facts.tokens.bos);
    Ok(prompt.map_err(wheelwork::Error::from)?.ids)
}

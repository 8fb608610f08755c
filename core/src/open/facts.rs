//! What a package's files say of a model besides its graph.

use wheelwork_package::card::ControlTokens;
use wheelwork_package::generation::TokenIds;
use wheelwork_package::{OpenPackage, OpenVariant};

use super::options::OpenOptions;
use crate::error::Error;
use crate::facts::{COUNTED_CONTEXTS, ModelFacts};
use crate::text::chat::ChatTemplate;
use crate::text::reasoning::{CLOSE_TAG, OPEN_TAG};
use crate::text::tokenizer::Tokenizer;

/// The facts of a variant, with the wanted context length and chat template.
pub(super) fn read(
    package: &OpenPackage,
    variant_name: &str,
    options: &OpenOptions,
    runtime: &str,
) -> Result<ModelFacts, Error> {
    let variant = package.variant(variant_name)?;
    let limit = variant.config.model.context_length;
    let context_length = options.context_length.unwrap_or(limit);
    if context_length == 0 || context_length > limit {
        return Err(Error::ContextOutOfRange { wanted: context_length, limit });
    }
    let tokenizer = Tokenizer::from_folder(&variant.folder)?
        .with_prompt_limit(context_length.saturating_mul(COUNTED_CONTEXTS));
    let own = ChatTemplate::from_folder(&variant.folder)?;
    let template = match &options.chat_template {
        Some(source) => own.with_source(source.clone())?,
        None => own,
    };
    let tokens = match &package.card {
        Some(card) => card.tokens.clone(),
        None => control_tokens(variant, &tokenizer),
    };
    Ok(ModelFacts {
        name: package.name.clone(),
        tokenizer,
        template,
        tokens,
        defaults: variant.generation.clone(),
        context_length,
        closing_phrase: package
            .card
            .as_ref()
            .and_then(|card| card.closing_phrase.clone())
            .unwrap_or_default(),
        fingerprint: package.fingerprint(variant_name)?,
        runtime: runtime.to_owned(),
    })
}

/// The control tokens of a folder without a card: every stop token that any of its files names.
fn control_tokens(variant: &OpenVariant, tokenizer: &Tokenizer) -> ControlTokens {
    let model = &variant.config.model;
    let mut eos = model.eos_token_id.as_slice().to_vec();
    eos.extend(variant.generation.eos_token_id.iter().flat_map(TokenIds::as_slice));
    eos.sort_unstable();
    eos.dedup();
    ControlTokens {
        bos: model.bos_token_id,
        eos,
        reasoning_open: tokenizer.added_token_id(OPEN_TAG),
        reasoning_close: tokenizer.added_token_id(CLOSE_TAG),
    }
}

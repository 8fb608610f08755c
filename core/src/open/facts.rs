//! What a package's files say of a model besides its graph.
//!
//! A tokenizer of 150,000 tokens takes a tenth of a second and one core, so a thread of its own reads it while the graph
//! loads ([`Reading`]).

use std::thread::{self, JoinHandle};

use wheelwork_package::card::ControlTokens;
use wheelwork_package::generation::TokenIds;
use wheelwork_package::{OpenPackage, OpenVariant};

use super::options::OpenOptions;
use crate::error::Error;
use crate::facts::{COUNTED_CONTEXTS, ModelFacts, ModelIdentity};
use crate::text::chat::ChatTemplate;
use crate::text::reasoning::{CLOSE_TAG, OPEN_TAG};
use crate::text::tokenizer::Tokenizer;

/// The facts of a variant, of which tokenizer and template are still read.
pub(super) struct Reading {
    pub(super) context_length: usize,
    pub(super) runtime: String,
    fingerprint: String,
    words: Words,
}

/// Ends with its thread, so that no file is open after an opening that failed.
struct Words(Option<JoinHandle<Read>>);

type Read = Result<(Tokenizer, ChatTemplate), Error>;

impl Reading {
    /// Begins to read a variant's facts, with the wanted context length and chat template.
    pub(super) fn start(
        package: &OpenPackage,
        variant_name: &str,
        options: &OpenOptions,
        runtime: &str,
    ) -> Result<Self, Error> {
        let variant = package.variant(variant_name)?;
        let limit = variant.config.model.context_length;
        let context_length = options.context_length.unwrap_or(limit);
        if context_length == 0 || context_length > limit {
            return Err(Error::ContextOutOfRange { wanted: context_length, limit });
        }
        let fingerprint = package.fingerprint(variant_name)?;
        let (folder, source) = (variant.folder.clone(), options.chat_template.clone());
        let read = move || -> Read {
            let tokenizer = Tokenizer::from_folder(&folder)?
                .with_prompt_limit(context_length.saturating_mul(COUNTED_CONTEXTS));
            let own = ChatTemplate::from_folder(&folder)?;
            let template = match source {
                Some(source) => own.with_source(source)?,
                None => own,
            };
            Ok((tokenizer, template))
        };
        let words = Words(Some(thread::spawn(read)));
        Ok(Self { context_length, runtime: runtime.to_owned(), fingerprint, words })
    }

    /// What keys and values of a variant belong to.
    pub(super) fn identity(&self, variant: &str) -> ModelIdentity {
        ModelIdentity::new(&self.fingerprint, variant, &self.runtime)
    }

    /// Waits for the rest.
    pub(super) fn finish(self, package: &OpenPackage, variant_name: &str) -> Result<ModelFacts, Error> {
        let Self { context_length, runtime, fingerprint, words } = self;
        let variant = package.variant(variant_name)?;
        let (tokenizer, template) = words.wait()?;
        let (tokens, closing_phrase) = match &package.card {
            Some(card) => (card.tokens.clone(), card.closing_phrase.clone()),
            None => (control_tokens(variant, &tokenizer), None),
        };
        Ok(ModelFacts {
            name: package.name.clone(),
            tokenizer,
            template,
            tokens,
            defaults: variant.generation.clone(),
            context_length,
            closing_phrase: closing_phrase.unwrap_or_default(),
            fingerprint,
            runtime,
        })
    }
}

impl Words {
    fn wait(mut self) -> Read {
        let thread = self.0.take().expect("nobody has waited for it yet");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // What it read, or why not, is of no use any longer.
            drop(thread.join());
        }
    }
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

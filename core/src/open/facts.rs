//! What a package's files say of a model besides its graph.
//!
//! A tokenizer of 150,000 tokens takes a tenth of a second and one core, so a thread of its own reads it while the graph
//! loads ([`Reading`]).

use std::path::PathBuf;
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

/// The facts of a variant, of which tokenizer and template are still to be read.
pub(super) struct Reading {
    pub(super) context_length: usize,
    pub(super) runtime: String,
    fingerprint: String,
    words: Words,
    ahead: Ahead,
}

/// Where tokenizer and template are.
#[derive(Clone)]
struct Words {
    folder: PathBuf,
    template: Option<String>,
    prompt_tokens: usize,
}

/// The thread that reads them, if there is one. It goes no further than this, so that no file is open after an opening that failed.
struct Ahead(Option<JoinHandle<Read>>);

type Read = Result<(Tokenizer, ChatTemplate), Error>;

impl Reading {
    /// A variant's facts, with the wanted context length and chat template.
    pub(super) fn of(
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
        let words = Words {
            folder: variant.folder.clone(),
            template: options.chat_template.clone(),
            prompt_tokens: context_length.saturating_mul(COUNTED_CONTEXTS),
        };
        Ok(Self { context_length, runtime: runtime.to_owned(), fingerprint, words, ahead: Ahead(None) })
    }

    /// Begins to read what takes long. Where the system has no thread for it, [`Reading::finish`] reads it.
    pub(super) fn ahead(self) -> Self {
        let words = self.words.clone();
        let thread = thread::Builder::new().name("wheelwork-words".into());
        Self { ahead: Ahead(thread.spawn(move || words.read()).ok()), ..self }
    }

    /// What keys and values of a variant belong to.
    pub(super) fn identity(&self, variant: &str) -> ModelIdentity {
        ModelIdentity::new(&self.fingerprint, variant, &self.runtime)
    }

    /// Reads the rest, or waits for it.
    pub(super) fn finish(&mut self, package: &OpenPackage, variant_name: &str) -> Result<ModelFacts, Error> {
        let variant = package.variant(variant_name)?;
        let (tokenizer, template) = match self.ahead.0.take() {
            Some(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None => self.words.read(),
        }?;
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
            context_length: self.context_length,
            closing_phrase: closing_phrase.unwrap_or_default(),
            fingerprint: self.fingerprint.clone(),
            runtime: self.runtime.clone(),
        })
    }
}

impl Words {
    fn read(&self) -> Read {
        let tokenizer = Tokenizer::from_folder(&self.folder)?.with_prompt_limit(self.prompt_tokens);
        let own = ChatTemplate::from_folder(&self.folder)?;
        let template = match &self.template {
            Some(source) => own.with_source(source.clone())?,
            None => own,
        };
        Ok((tokenizer, template))
    }
}

impl Drop for Ahead {
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

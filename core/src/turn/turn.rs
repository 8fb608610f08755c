//! What a turn starts from: prompt, sampler, splitter and landing, all checked before anything is computed.

use crate::error::Error;
use crate::facts::ModelFacts;
use crate::options::Options;
use crate::sampling::{Sampler, SamplerState};
use crate::session::Dropped;
use crate::session::snapshot::TurnStart;
use crate::text::chat::Prompt;
use crate::text::reasoning::{OPEN_TAG, Splitter};
use crate::turn::answer::AnswerForm;
use crate::turn::landing::{Landing, closing_tokens};

/// A turn whose inputs are all checked.
pub(crate) struct Turn {
    pub(super) prompt: Vec<u32>,
    pub(super) opens_reasoning: bool,
    pub(super) sampler: Sampler,
    pub(super) splitter: Splitter,
    pub(super) form: Option<AnswerForm>,
    pub(super) landing: Landing,
    pub(super) options: Options,
    /// What the history lost, so that the prompt fits.
    pub(crate) dropped: Option<Dropped>,
}

impl Turn {
    pub(crate) fn new(facts: &ModelFacts, mut prompt: Prompt, options: &Options) -> Result<Self, Error> {
        let sampler = Sampler::new(options.sampling(facts)?)?;
        if options.thinking.is_off() {
            skip_reasoning(facts, &mut prompt)?;
        }
        if prompt.ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        // One token must fit behind the prompt.
        let (tokens, limit) = (prompt.ids.len(), facts.context_length);
        if tokens >= limit {
            return Err(Error::PromptTooLong { tokens, limit });
        }
        let (open, close) = (facts.tokens.reasoning_open, facts.tokens.reasoning_close);
        let splitter = Splitter::new(prompt.opens_reasoning, open, close);
        let form = AnswerForm::new(facts, options, prompt.opens_reasoning)?;
        let landing = Landing::new(facts, options)?;
        Ok(Self {
            prompt: prompt.ids,
            opens_reasoning: prompt.opens_reasoning,
            sampler,
            splitter,
            form,
            landing,
            options: options.clone(),
            dropped: None,
        })
    }

    pub(crate) fn prompt_tokens(&self) -> usize {
        self.prompt.len()
    }

    /// A turn that an earlier process began.
    pub(crate) fn again(facts: &ModelFacts, start: TurnStart, sampler: SamplerState) -> Result<Self, Error> {
        let sampler = Sampler::resume(start.options.sampling(facts)?, sampler)?;
        let (open, close) = (facts.tokens.reasoning_open, facts.tokens.reasoning_close);
        let splitter = Splitter::new(start.opens_reasoning, open, close);
        let form = AnswerForm::new(facts, &start.options, start.opens_reasoning)?;
        let landing = Landing::new(facts, &start.options)?;
        Ok(Self {
            prompt: start.prompt,
            opens_reasoning: start.opens_reasoning,
            sampler,
            splitter,
            form,
            landing,
            options: start.options,
            dropped: start.dropped,
        })
    }
}

/// Gives the prompt an empty thought: `<think>\n\n</think>\n\n`, cut into tokens as the model saw it.
fn skip_reasoning(facts: &ModelFacts, prompt: &mut Prompt) -> Result<(), Error> {
    let open = facts.tokens.reasoning_open;
    if let Some(position) = prompt.ids.iter().rposition(|id| prompt.opens_reasoning && Some(*id) == open) {
        prompt.ids.truncate(position);
    }
    match open {
        Some(id) => prompt.ids.push(id),
        None if !prompt.opens_reasoning => prompt.ids.extend(facts.tokenizer.encode_plain(OPEN_TAG)?),
        None => {}
    }
    prompt.ids.extend(closing_tokens(facts, "\n\n")?);
    prompt.opens_reasoning = false;
    Ok(())
}

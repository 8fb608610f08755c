//! What a turn starts from, all checked before anything is computed.

use super::closer::{ReasoningCloser, closing_tokens};
use super::constraint::AnswerConstraint;
use super::record::{Dropped, TurnStart};
use crate::error::Error;
use crate::event::ReasoningStart;
use crate::facts::ModelFacts;
use crate::options::{OpenReasoning, Options};
use crate::sampling::{Sampler, SamplerState};
use crate::text::chat::Prompt;
use crate::text::reasoning::{OPEN_TAG, Splitter};

/// A turn whose inputs are all checked.
pub(crate) struct PreparedTurn {
    pub(super) start: TurnStart,
    pub(super) sampler: Sampler,
    pub(super) splitter: Splitter,
    pub(super) constraint: Option<AnswerConstraint>,
    pub(super) closer: ReasoningCloser,
}

impl PreparedTurn {
    pub(crate) fn new(
        facts: &ModelFacts,
        mut prompt: Prompt,
        options: &Options,
        records_answer: bool,
    ) -> Result<Self, Error> {
        let sampler = Sampler::new(options.sampling(facts)?)?.state();
        let reasoning = begin_reasoning(facts, &mut prompt, options, records_answer)?;
        let start = TurnStart {
            prompt: prompt.ids,
            opens_reasoning: prompt.opens_reasoning,
            reasoning,
            options: options.clone(),
            sampler,
            records_answer,
            dropped: None,
        };
        Self::again(facts, start, sampler)
    }

    /// A turn that was begun before, with its sampler where it stands now.
    pub(super) fn again(facts: &ModelFacts, start: TurnStart, sampler: SamplerState) -> Result<Self, Error> {
        let TurnStart { prompt, options, opens_reasoning, reasoning, .. } = &start;
        if prompt.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        // One token must fit behind the prompt.
        let (tokens, limit) = (prompt.len(), facts.context_length);
        if tokens >= limit {
            return Err(Error::PromptTooLong { tokens, limit });
        }
        let (open, close) = (facts.tokens.reasoning_open, facts.tokens.reasoning_close);
        let splitter = Splitter::new(*opens_reasoning, open, close);
        Ok(Self {
            sampler: Sampler::resume(options.sampling(facts)?, sampler)?,
            splitter: match reasoning {
                ReasoningStart::LeftToModel => splitter.closing_unopened(),
                _ => splitter,
            },
            constraint: AnswerConstraint::new(facts, options, *opens_reasoning)?,
            closer: ReasoningCloser::new(facts, options)?,
            start,
        })
    }

    pub(crate) fn prompt_tokens(&self) -> usize {
        self.start.prompt.len()
    }

    /// Notes what the history lost for it.
    pub(crate) fn with_dropped(mut self, dropped: Dropped) -> Self {
        self.start.dropped = Some(dropped);
        self
    }
}

/// Has the prompt end as the caller wants the reasoning to begin. A prompt that a developer wrote opens it or does not.
fn begin_reasoning(
    facts: &ModelFacts,
    prompt: &mut Prompt,
    options: &Options,
    is_conversation: bool,
) -> Result<ReasoningStart, Error> {
    if !prompt.opens_reasoning && !facts.reasons() {
        return Ok(ReasoningStart::NoReasoning);
    }
    if options.thinking.is_off() {
        skip_reasoning(facts, prompt)?;
        return Ok(ReasoningStart::Skipped);
    }
    if prompt.opens_reasoning {
        return Ok(ReasoningStart::InPrompt);
    }
    if !is_conversation || options.open_reasoning == OpenReasoning::Off {
        return Ok(ReasoningStart::LeftToModel);
    }
    match facts.tokens.reasoning_open {
        Some(id) => prompt.ids.push(id),
        None => prompt.ids.extend(facts.tokenizer.encode_plain(OPEN_TAG)?),
    }
    prompt.ids.extend(facts.tokenizer.encode_plain("\n")?);
    prompt.opens_reasoning = true;
    Ok(ReasoningStart::Opened)
}

/// Gives the prompt empty reasoning: `<think>\n\n</think>\n\n`, cut into tokens as the model saw it.
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

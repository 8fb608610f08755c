//! Closing the reasoning from outside: when, and with which tokens.
//!
//! Reasoning is closed where its budget is used up, where the tokens left are needed for the answer, where the
//! caller wants the answer now, and where it repeats itself. The runtime then puts in a closing phrase, if
//! the package or the caller has one, and the closing tag, and the model goes on with the answer. A phrase that the
//! model knows makes the reasoning end as usual instead of in half a sentence; one that it does
//! not know costs more than it gives, see `docs/reasoning.md`.

use std::time::Duration;

use crate::control::AnswerNow;
use crate::error::Error;
use crate::event::ReasoningEnd;
use crate::facts::ModelFacts;
use crate::options::{Budget, Options, Thinking};
use crate::text::reasoning::CLOSE_TAG;

/// When a turn's reasoning is closed, and how.
pub(super) struct ReasoningCloser {
    /// Closing phrase and tag.
    tokens: Vec<u32>,
    tokens_limit: Option<usize>,
    time_limit: Option<Duration>,
    answer_reserve: usize,
    answer_now: AnswerNow,
}

/// Where the reasoning stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// Tokens of reasoning so far.
    pub(super) tokens: usize,
    /// Since the first token.
    pub(super) elapsed: Duration,
    /// Tokens that may still come before the turn's or the context's end.
    pub(super) tokens_left: usize,
}

impl ReasoningCloser {
    pub(super) fn new(facts: &ModelFacts, options: &Options) -> Result<Self, Error> {
        let before = match options.closing_phrase.as_ref().unwrap_or(&facts.closing_phrase).trim() {
            "" => "\n".to_owned(),
            phrase => format!("\n{phrase}\n"),
        };
        let budget = match options.thinking {
            Thinking::Budget(budget) => budget,
            Thinking::Auto | Thinking::Off => Budget::default(),
        };
        Ok(Self {
            tokens: closing_tokens(facts, &before)?,
            tokens_limit: budget.tokens,
            time_limit: budget.time,
            answer_reserve: options.answer_reserve,
            answer_now: options.answer_now.clone(),
        })
    }

    /// What is put in.
    pub(super) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Why the reasoning must end now, if it must.
    pub(super) fn due(&self, spent: Spent) -> Option<ReasoningEnd> {
        let needed = self.answer_reserve.saturating_add(self.tokens.len());
        let over_budget = self.tokens_limit.is_some_and(|limit| spent.tokens >= limit)
            || self.time_limit.is_some_and(|limit| spent.elapsed >= limit)
            || (self.answer_reserve > 0 && spent.tokens_left <= needed);
        if self.answer_now.is_wanted() {
            Some(ReasoningEnd::AnswerNow)
        } else if over_budget {
            Some(ReasoningEnd::Budget)
        } else {
            None
        }
    }
}

/// A text, the closing tag and an empty line.
pub(super) fn closing_tokens(facts: &ModelFacts, before: &str) -> Result<Vec<u32>, Error> {
    let mut ids = facts.tokenizer.encode_plain(before)?;
    match facts.tokens.reasoning_close {
        Some(id) => ids.push(id),
        None => ids.extend(facts.tokenizer.encode_plain(CLOSE_TAG)?),
    }
    ids.extend(facts.tokenizer.encode_plain("\n\n")?);
    Ok(ids)
}

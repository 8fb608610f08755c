//! What a session file keeps of a turn: how it began, and what it has brought since. Only tokens are kept, with where
//! sampler and closer stand; all other state follows from the tokens and is made again by playing them
//! ([`super::TurnLoop::resume`]).

use serde::{Deserialize, Serialize};

use crate::event::{ReasoningEnd, ReasoningStart};
use crate::options::Options;
use crate::sampling::SamplerState;

/// How a turn began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TurnStart {
    /// The prompt's tokens.
    pub(crate) prompt: Vec<u32>,
    /// The prompt ends inside open reasoning.
    pub(crate) opens_reasoning: bool,
    /// How the reasoning begins; files of earlier versions don't say.
    #[serde(default)]
    pub(crate) reasoning: ReasoningStart,
    /// As the caller gave them.
    pub(crate) options: Options,
    /// Where the sampler stood.
    pub(crate) sampler: SamplerState,
    /// The answer becomes a message.
    pub(crate) records_answer: bool,
    /// What the history lost before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dropped: Option<Dropped>,
}

/// What was dropped from the history before a turn, so that its prompt fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dropped {
    pub(crate) messages: usize,
    /// Tokens by which the prompt got shorter.
    pub(crate) tokens: usize,
}

/// What a turn has brought since the record before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// New tokens.
    pub(crate) tokens: Vec<u32>,
    /// Where the sampler stands.
    pub(crate) sampler: SamplerState,
    /// What is sampled at.
    pub(crate) temperature: f32,
    /// Why the reasoning ends or will.
    pub(crate) ending: ReasoningEnd,
    /// Tokens that the runtime is about to put in.
    pub(crate) forced: Vec<u32>,
}

//! What the records say.

use serde::{Deserialize, Serialize};
use wheelwork_package::card::KvForm;

use crate::event::ReasoningEnd;
use crate::options::Options;
use crate::sampling::SamplerState;
use crate::session::Dropped;

/// Kinds of records, as [`crate::snapshot`] lists them.
pub(super) mod kind {
    pub(in crate::session::snapshot) const BINDING: u8 = 1;
    pub(in crate::session::snapshot) const MESSAGES: u8 = 2;
    pub(in crate::session::snapshot) const CACHE: u8 = 3;
    pub(in crate::session::snapshot) const TURN: u8 = 4;
    pub(in crate::session::snapshot) const PROGRESS: u8 = 5;
    pub(in crate::session::snapshot) const TURN_END: u8 = 6;
}

/// What a cache belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Binding {
    /// [`crate::ModelFacts::fingerprint`].
    pub model: String,
    /// The package's variant.
    pub variant: String,
    /// The form of keys and values.
    pub kv_cache: KvForm,
    /// ONNX Runtime's build.
    pub runtime: String,
}

/// How a turn began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TurnStart {
    /// The prompt's tokens.
    pub prompt: Vec<u32>,
    /// The prompt ends inside an open thought.
    pub opens_reasoning: bool,
    /// As the caller gave them.
    pub options: Options,
    /// Where the sampler stood.
    pub sampler: SamplerState,
    /// The answer becomes a message.
    pub records_answer: bool,
    /// What the history lost before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
}

/// What a turn has brought since the record before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// New tokens.
    pub tokens: Vec<u32>,
    /// Where the sampler stands.
    pub sampler: SamplerState,
    /// What is sampled at.
    pub temperature: f32,
    /// Why the reasoning ends or will.
    pub ending: ReasoningEnd,
    /// Tokens that the runtime is about to put in.
    pub forced: Vec<u32>,
}

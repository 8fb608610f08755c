//! What the records say.

use serde::{Deserialize, Serialize};
use wheelwork_package::card::KvForm;

use crate::sampling::SamplerState;
use crate::session::Dropped;
use crate::{Options, ReasoningEnd};

/// Kinds of records, as [`crate::snapshot`] lists them.
pub(super) mod kind {
    pub(in crate::snapshot) const BINDING: u8 = 1;
    pub(in crate::snapshot) const MESSAGES: u8 = 2;
    pub(in crate::snapshot) const CACHE: u8 = 3;
    pub(in crate::snapshot) const TURN: u8 = 4;
    pub(in crate::snapshot) const PROGRESS: u8 = 5;
    pub(in crate::snapshot) const TURN_END: u8 = 6;
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

/// Tokens with their keys and values, as they stand in a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CachePart<'a> {
    /// Tokens in front of them.
    pub start: usize,
    pub tokens: Vec<u32>,
    /// As [`crate::decoder::Decoder::read_kv`] gives them.
    pub kv: &'a [u8],
}

impl<'a> CachePart<'a> {
    /// `start u32 | count u32 | token u32 * count | keys and values`.
    pub(super) fn encode(start: usize, tokens: &[u32], payload: &mut Vec<u8>) {
        payload.clear();
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        for value in [number(start), number(tokens.len())].iter().chain(tokens) {
            payload.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// None where the payload is too short for what it says.
    pub(super) fn decode(payload: &'a [u8]) -> Option<Self> {
        let (head, rest) = payload.split_first_chunk::<8>()?;
        let [a, b, c, d, e, f, g, h] = *head;
        let start = u32::from_le_bytes([a, b, c, d]) as usize;
        let count = u32::from_le_bytes([e, f, g, h]) as usize;
        let (tokens, kv) = rest.split_at_checked(count.checked_mul(4)?)?;
        let (tokens, _) = tokens.as_chunks::<4>();
        Some(Self { start, tokens: tokens.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect(), kv })
    }
}

//! What a turn tells, one value at a time; see [`wheelwork::Event`].

use crate::convert::{count, mirror};
use crate::{Pace, Placement, ToolFault};

/// One event of a turn.
///
/// Order: one `Started`, then `ReasoningDelta`s and one `ReasoningEnded` where the model reasons, then `AnswerDelta`s
/// and `ToolCall`s, then one `Finished`; `PaceChanged` and `DeviceChanged` may come anywhere in between.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum Event {
    /// The prompt is accepted; computing it starts now.
    Started {
        /// Where the model runs, and why not on a better device.
        placement: Placement,
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens of the prompt that stood in the cache already.
        reused_tokens: u32,
        /// Of these, tokens that another conversation had computed.
        prefix_tokens: u32,
        /// Tokens of this turn that an earlier process generated: their text follows at once.
        resumed_tokens: u32,
        /// How the reasoning begins.
        reasoning: ReasoningStart,
    },
    /// The conversation no longer fitted, and its oldest turns are gone from the history.
    TurnsDropped {
        /// Messages that were dropped.
        messages: u32,
        /// Tokens by which the prompt got shorter.
        tokens: u32,
    },
    /// More reasoning.
    ReasoningDelta {
        /// Complete characters only.
        text: String,
    },
    /// The reasoning is over; what follows is the answer.
    ReasoningEnded {
        /// Tokens of reasoning.
        tokens: u32,
        /// Milliseconds since the first token.
        elapsed_ms: f64,
        /// Why.
        cause: ReasoningEnd,
    },
    /// What came as `AnswerDelta` so far was reasoning: the model closed it without having opened it. What follows is the
    /// answer, and no `ReasoningEnded` comes. Only where `Started` said `LeftToModel`.
    AnswerWasReasoning {
        /// Tokens of reasoning.
        tokens: u32,
        /// Milliseconds since the first token.
        elapsed_ms: f64,
    },
    /// The model went round in circles and samples more freely from here on.
    TemperatureRaised {
        /// The new temperature.
        to: f32,
        /// Tokens of the passage that came again and again.
        period: u32,
    },
    /// The device failed in the middle and the turn goes on elsewhere, from the same tokens: nothing is repeated.
    DeviceChanged {
        /// Where it runs from here on; what failed stands first among what is not used.
        placement: Placement,
    },
    /// The engine computes faster or slower from here on; see [`crate::EngineHandle::set_conditions`].
    PaceChanged {
        /// The new pace.
        pace: Pace,
    },
    /// More of the answer.
    AnswerDelta {
        /// Complete characters only.
        text: String,
    },
    /// The model calls a tool: run it, add its result as a message of the tool's role and have the model respond.
    ToolCall {
        /// Counts the calls of the turn, from 0.
        index: u32,
        /// The function's name.
        name: String,
        /// A JSON object; whether it follows the tool's schema is not looked at.
        arguments: String,
        /// Whether a tool of this name was offered. Run no other.
        known: bool,
    },
    /// What came last as answer looked like a tool call, and is none.
    ToolCallRejected {
        /// Why.
        fault: ToolFault,
    },
    /// The end; nothing follows.
    Finished {
        /// Why.
        reason: FinishReason,
        /// Tokens by kind.
        usage: Usage,
        /// Durations and rates.
        timings: Timings,
        /// Every token that was generated or put in by the runtime, in order, stop token included.
        token_ids: Vec<u32>,
    },
}

mirror! {
    /// How the reasoning of a turn begins.
    ReasoningStart = wheelwork::ReasoningStart {
        /// Not at all: the model does not reason, and limits of reasoning change nothing.
        NoReasoning,
        /// The template opened it.
        InPrompt,
        /// The runtime opened it.
        Opened,
        /// The model opens it, or does not.
        LeftToModel,
        /// The caller asked for none.
        Skipped,
    }
    /// Why reasoning ended.
    ReasoningEnd = wheelwork::ReasoningEnd {
        /// The model closed it.
        Closed,
        /// The budget was used up, or the rest was needed for the answer.
        Budget,
        /// It repeated itself without end.
        Loop,
        /// The caller asked for the answer.
        AnswerNow,
        /// The caller asked for none.
        Skipped,
    }
    /// Why a turn ended.
    FinishReason = wheelwork::FinishReason {
        /// A stop token or a stop text.
        Stop,
        /// The caller's `max_tokens`.
        Length,
        /// The model's context length.
        ContextFull,
        /// The model repeated itself without end.
        Repetition,
        /// The caller cancelled.
        Cancelled,
        /// The caller suspended it: [`crate::ChatHandle::resume`] goes on.
        Suspended,
    }
}

/// Tokens of a turn by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of these, tokens that stood in the cache already.
    pub reused_tokens: u32,
    /// Tokens generated, all kinds together.
    pub completion_tokens: u32,
    /// Of these, reasoning.
    pub reasoning_tokens: u32,
    /// Tokens that were computed ahead.
    pub drafted_tokens: u32,
    /// Of these, tokens that came true.
    pub accepted_tokens: u32,
}

/// Durations in milliseconds and rates in tokens per second.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct Timings {
    /// Computing the part of the prompt that was not in the cache.
    pub prefill_ms: f64,
    /// From the call to the first token.
    pub first_token_ms: f64,
    /// From the first token to the last.
    pub decode_ms: f64,
    /// From the call to the end.
    pub total_ms: f64,
    /// New prompt tokens per second; 0 where there were none.
    pub prefill_tokens_per_s: f64,
    /// Tokens after the first per second; 0 for fewer than two tokens.
    pub decode_tokens_per_s: f64,
}

impl From<wheelwork::Event> for Event {
    fn from(event: wheelwork::Event) -> Self {
        use wheelwork::Event as Core;
        match event {
            Core::Started {
                placement,
                prompt_tokens,
                reused_tokens,
                prefix_tokens,
                resumed_tokens,
                reasoning,
            } => Self::Started {
                placement: placement.into(),
                prompt_tokens: count(prompt_tokens),
                reused_tokens: count(reused_tokens),
                prefix_tokens: count(prefix_tokens),
                resumed_tokens: count(resumed_tokens),
                reasoning: reasoning.into(),
            },
            Core::TurnsDropped { messages, tokens } => {
                Self::TurnsDropped { messages: count(messages), tokens: count(tokens) }
            }
            Core::ReasoningDelta { text } => Self::ReasoningDelta { text },
            Core::ReasoningEnded { tokens, elapsed_ms, cause } => {
                Self::ReasoningEnded { tokens: count(tokens), elapsed_ms, cause: cause.into() }
            }
            Core::AnswerWasReasoning { tokens, elapsed_ms } => {
                Self::AnswerWasReasoning { tokens: count(tokens), elapsed_ms }
            }
            Core::TemperatureRaised { to, period } => Self::TemperatureRaised { to, period: count(period) },
            Core::DeviceChanged { placement } => Self::DeviceChanged { placement: placement.into() },
            Core::PaceChanged { pace } => Self::PaceChanged { pace: pace.into() },
            Core::AnswerDelta { text } => Self::AnswerDelta { text },
            Core::ToolCall { index, name, arguments, known } => {
                Self::ToolCall { index: count(index), name, arguments, known }
            }
            Core::ToolCallRejected { fault } => Self::ToolCallRejected { fault: fault.into() },
            Core::Finished { reason, usage, timings, token_ids } => Self::Finished {
                reason: reason.into(),
                usage: usage.into(),
                timings: timings.into(),
                token_ids,
            },
        }
    }
}

impl From<wheelwork::Usage> for Usage {
    fn from(usage: wheelwork::Usage) -> Self {
        let wheelwork::Usage {
            prompt_tokens,
            reused_tokens,
            completion_tokens,
            reasoning_tokens,
            drafted_tokens,
            accepted_tokens,
        } = usage;
        Self {
            prompt_tokens: count(prompt_tokens),
            reused_tokens: count(reused_tokens),
            completion_tokens: count(completion_tokens),
            reasoning_tokens: count(reasoning_tokens),
            drafted_tokens: count(drafted_tokens),
            accepted_tokens: count(accepted_tokens),
        }
    }
}

impl From<wheelwork::Timings> for Timings {
    fn from(timings: wheelwork::Timings) -> Self {
        let wheelwork::Timings {
            prefill_ms,
            first_token_ms,
            decode_ms,
            total_ms,
            prefill_tokens_per_s,
            decode_tokens_per_s,
        } = timings;
        Self { prefill_ms, first_token_ms, decode_ms, total_ms, prefill_tokens_per_s, decode_tokens_per_s }
    }
}

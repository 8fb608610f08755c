//! What a generation tells, one value at a time; the same in Rust, Kotlin and Swift.

use serde::{Deserialize, Serialize};

use crate::control::pace::Pace;
use crate::device::Placement;
use crate::metrics::{Timings, Usage};
use crate::text::tools::ToolFault;

/// One event of a generation.
///
/// Order: one `Started`, one `TurnsDropped` where turns were, then `ReasoningDelta`s and one `ReasoningEnded` where the
/// model reasons, then `AnswerDelta`s and `ToolCall`s, then one `Finished`; `PaceChanged` and `DeviceChanged` may come
/// anywhere in between. As JSON:
/// `{"event": "AnswerDelta", "text": "734"}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event")]
pub enum Event {
    /// The prompt is accepted; computing it starts now.
    Started {
        /// Which device runs the model, and why not a better one.
        placement: Placement,
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// Tokens of the prompt that stood in the cache already.
        reused_tokens: usize,
        /// Of these, tokens that another session computed ([`crate::Session::share_prefix`]).
        prefix_tokens: usize,
        /// Tokens of this turn that an earlier process generated: their text follows at once, from the start.
        resumed_tokens: usize,
        /// How the reasoning begins.
        reasoning: ReasoningStart,
    },
    /// The conversation no longer fitted, and its oldest turns are gone from the history
    /// ([`crate::OnContextFull::DropOldest`]). Comes right after `Started`.
    TurnsDropped {
        /// Messages that were dropped.
        messages: usize,
        /// Tokens by which the prompt got shorter.
        tokens: usize,
    },
    /// More reasoning.
    ReasoningDelta {
        /// Complete characters only.
        text: String,
    },
    /// The reasoning is over; what follows is the answer.
    ReasoningEnded {
        /// Tokens of reasoning, the closing tag excluded.
        tokens: usize,
        /// Since the first token, in milliseconds.
        elapsed_ms: f64,
        /// Why.
        cause: ReasoningEnd,
    },
    /// What came as [`Event::AnswerDelta`] so far was reasoning: the model closed it without having opened it. What follows is
    /// the answer, and no `ReasoningEnded` comes. Only where `Started` said [`ReasoningStart::LeftToModel`].
    AnswerWasReasoning {
        /// Tokens of reasoning, the closing tag excluded.
        tokens: usize,
        /// Since the first token, in milliseconds.
        elapsed_ms: f64,
    },
    /// The model went round in circles and samples more freely from here on ([`crate::OnLoop::Warm`]).
    TemperatureRaised {
        /// The new temperature.
        to: f32,
        /// Tokens of the passage that came again and again.
        period: usize,
    },
    /// It runs elsewhere or otherwise from here on. The device failed in the middle and the turn goes on elsewhere, from the same tokens: nothing is repeated. Or
    /// the conversation's earlier turns ran on the CPU, and this one runs on the device that was compiled for
    /// meanwhile ([`crate::Compilation`]). Or it goes on with other threads ([`crate::OpenOptions::power_saving_threads`]).
    DeviceChanged {
        /// Where it runs from here on; what failed stands first among what is not used.
        placement: Placement,
    },
    /// The engine computes faster or slower from here on; see [`crate::engine::pace`].
    PaceChanged {
        /// The new pace.
        pace: Pace,
    },
    /// More of the answer.
    AnswerDelta {
        /// Complete characters only.
        text: String,
    },
    /// The model calls a tool: run it, add its result to the session and have it respond.
    ToolCall {
        /// Counts the calls of the turn, from 0.
        index: usize,
        /// The function's name.
        name: String,
        /// A JSON object as text; whether it follows the tool's schema is not looked at.
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

/// How the reasoning of a turn begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningStart {
    /// Not at all: the model does not reason, and limits of reasoning change nothing.
    NoReasoning,
    /// The template opened it at the end of the prompt.
    InPrompt,
    /// The runtime opened it at the end of the prompt ([`crate::OpenReasoning`]).
    Opened,
    /// The model opens it, or does not.
    #[default]
    LeftToModel,
    /// The caller asked for none: the prompt holds empty reasoning.
    Skipped,
}

/// Why reasoning ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningEnd {
    /// The model closed it.
    Closed,
    /// The budget was used up, or the rest was needed for the answer, and the runtime closed it.
    Budget,
    /// It repeated itself without end and the runtime closed it.
    Loop,
    /// The caller asked for the answer and the runtime closed it.
    AnswerNow,
    /// The caller asked for none.
    Skipped,
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// A stop token or a stop string.
    Stop,
    /// The caller's `max_tokens`.
    Length,
    /// The model's context length.
    ContextFull,
    /// The model repeated itself without end.
    Repetition,
    /// The caller cancelled.
    Cancelled,
    /// The caller suspended it: [`crate::Session::resume`] goes on.
    Suspended,
}

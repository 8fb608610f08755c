//! What a caller may choose for one turn.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::{AnswerNow, CancelToken, SaveNow};
use crate::facts::ModelFacts;
use crate::sampling::{SamplingError, SamplingOptions};
use crate::text::output::OutputFormat;
use crate::text::tools::{Tool, ToolChoice};

/// How one turn is generated. `default()` takes the model authors' advice.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The most tokens to generate, reasoning included; `None` goes on to the context's end.
    pub max_tokens: Option<usize>,
    /// Divides the logits; 0 is greedy. `None` takes the model's.
    pub temperature: Option<f32>,
    /// Keep this many tokens. `None` takes the model's.
    pub top_k: Option<u32>,
    /// Keep the fewest tokens that reach this probability. `None` takes the model's.
    pub top_p: Option<f32>,
    /// Keep tokens with this share of the best one's probability. `None` takes the model's.
    pub min_p: Option<f32>,
    /// Makes tokens already seen less likely. `None` takes the model's.
    pub repetition_penalty: Option<f32>,
    /// The same seed, prompt and machine give the same text. `None` draws one from the system.
    pub seed: Option<u64>,
    /// The form that the answer must have; the reasoning is not touched. A turn that ends otherwise than by
    /// [`crate::FinishReason::Stop`], or by a stop text, leaves the answer unfinished.
    pub output: Option<OutputFormat>,
    /// Functions that the model may call; see [`crate::tools`].
    pub tools: Vec<Tool>,
    /// Whether it must.
    pub tool_choice: ToolChoice,
    /// Texts that end the answer; they are not part of it.
    pub stop: Vec<String>,
    /// How much the model may reason.
    pub thinking: Thinking,
    /// Whether the runtime opens the reasoning where the template leaves that to the model.
    pub open_reasoning: OpenReasoning,
    /// What the runtime ends reasoning with before the closing tag; `None` takes the package's, an empty text is none.
    pub closing_phrase: Option<String>,
    /// Reasoning ends while at least this many tokens are left for the answer, of `max_tokens` and of the context;
    /// 0 lets reasoning take all of them.
    pub answer_reserve: usize,
    /// What happens where the model repeats itself without end.
    pub on_loop: OnLoop,
    /// What happens where the conversation no longer fits into the context.
    pub on_context_full: OnContextFull,
    /// Whether tokens are computed ahead that stood in the conversation before.
    pub prompt_lookup: PromptLookup,
    /// Ends the reasoning from elsewhere.
    #[serde(skip)]
    pub answer_now: AnswerNow,
    /// Saves the turn from elsewhere.
    #[serde(skip)]
    pub save_now: SaveNow,
    /// Ends the turn from elsewhere, for good or for later.
    #[serde(skip)]
    pub cancel: CancelToken,
}

/// How much the model may reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// As much as it likes.
    #[default]
    Auto,
    /// Not at all: the prompt holds empty reasoning.
    Off,
    /// Within limits; then the runtime ends the reasoning.
    Budget(Budget),
}

/// Whether the runtime opens the reasoning where the template leaves that to the model. DeepSeek advises it: a model that
/// may open its reasoning itself skips it now and then, or reasons without the opening tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenReasoning {
    /// Where the model reasons and the template does not open.
    #[default]
    Auto,
    /// Never. A closing tag that comes all the same is told by [`crate::Event::AnswerWasReasoning`].
    Off,
}

/// Limits of the reasoning; the one that is reached first counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Tokens of reasoning. 0 is the same as [`Thinking::Off`].
    pub tokens: Option<usize>,
    /// Since the first token.
    pub time: Option<Duration>,
}

/// What happens where the model repeats itself without end; see [`crate::repetition`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLoop {
    /// Ends the reasoning, so that an answer comes; a loop in the answer ends the generation.
    #[default]
    End,
    /// Ends the generation.
    Stop,
    /// Raises the temperature, once in a generation; the next loop is handled as by `End`.
    Warm,
    /// Goes on.
    Ignore,
}

/// What happens where a conversation no longer fits into the context.
///
/// This is about prompts. A context that gets full in the middle of an answer ends the turn with
/// [`crate::FinishReason::ContextFull`], whatever stands here: every later token was computed from the ones that would
/// have to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnContextFull {
    /// The turn is refused with [`crate::Error::PromptTooLong`].
    #[default]
    Stop,
    /// The oldest turns are dropped from the history, and [`crate::Event::TurnsDropped`] says so.
    DropOldest {
        /// Tokens that must be free for reasoning and answer: with fewer, turns are dropped until twice as many are, so
        /// that not every turn from then on drops one and computes the whole prompt anew. `None` is a quarter of the
        /// context. Where only turns that must stay are left, less is free.
        room: Option<usize>,
    },
}

/// Whether tokens are computed ahead that stood in the conversation before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptLookup {
    /// Each token on its own.
    #[default]
    Off,
    /// Where the graphs can and it is quicker by what was measured in the turn.
    Auto,
}

impl Thinking {
    /// At most this many tokens.
    #[must_use]
    pub fn tokens(limit: usize) -> Self {
        Self::Budget(Budget { tokens: Some(limit), time: None })
    }

    /// At most this long.
    #[must_use]
    pub fn time(limit: Duration) -> Self {
        Self::Budget(Budget { tokens: None, time: Some(limit) })
    }

    /// Whether the prompt holds empty reasoning.
    #[must_use]
    pub fn is_off(self) -> bool {
        matches!(self, Self::Off | Self::Budget(Budget { tokens: Some(0), .. }))
    }
}

impl Options {
    /// The options of a turn with the model's defaults filled in.
    ///
    /// # Errors
    /// [`SamplingError`] for values out of range.
    pub fn sampling(&self, facts: &ModelFacts) -> Result<SamplingOptions, SamplingError> {
        let defaults = facts.defaults.sampling();
        let options = SamplingOptions {
            temperature: self.temperature.unwrap_or(defaults.temperature),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            top_p: self.top_p.unwrap_or(defaults.top_p),
            min_p: self.min_p.unwrap_or(defaults.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(defaults.repetition_penalty),
            seed: self.seed,
        };
        options.validate()?;
        Ok(options)
    }
}

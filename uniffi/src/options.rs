//! What a caller may choose for one turn.

use std::time::Duration;

use wheelwork::{AnswerNow, Budget, CancelToken, Error, SaveNow, engine};

use crate::convert::{limit, mirror};
use crate::{OutputFormat, Tool, ToolChoice};

/// How one turn is generated. The defaults take the model authors' advice.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Options {
    /// The most tokens to generate, reasoning included; absent, to the context's end.
    #[uniffi(default = None)]
    pub max_tokens: Option<u32>,
    /// Divides the logits; 0 is greedy. Absent, the model's.
    #[uniffi(default = None)]
    pub temperature: Option<f32>,
    /// Keep this many tokens. Absent, the model's.
    #[uniffi(default = None)]
    pub top_k: Option<u32>,
    /// Keep the fewest tokens that reach this probability. Absent, the model's.
    #[uniffi(default = None)]
    pub top_p: Option<f32>,
    /// Keep tokens with this share of the best one's probability. Absent, the model's.
    #[uniffi(default = None)]
    pub min_p: Option<f32>,
    /// Makes tokens already seen less likely. Absent, the model's.
    #[uniffi(default = None)]
    pub repetition_penalty: Option<f32>,
    /// The same seed, prompt and machine give the same text. Absent, one drawn from the system.
    #[uniffi(default = None)]
    pub seed: Option<u64>,
    /// The form that the answer must have; absent, any.
    #[uniffi(default = None)]
    pub output: Option<OutputFormat>,
    /// Functions that the model may call.
    #[uniffi(default)]
    pub tools: Vec<Tool>,
    /// Whether it must; absent, as it likes.
    #[uniffi(default = None)]
    pub tool_choice: Option<ToolChoice>,
    /// Texts that end the answer; they are not part of it.
    #[uniffi(default)]
    pub stop: Vec<String>,
    /// How much the model may reason; absent, as much as it likes.
    #[uniffi(default = None)]
    pub thinking: Option<Thinking>,
    /// Whether the runtime opens the reasoning where the template leaves that to the model; absent, it does.
    #[uniffi(default = None)]
    pub open_reasoning: Option<OpenReasoning>,
    /// What the runtime ends reasoning with before the closing tag; absent, the package's. An empty text is none.
    #[uniffi(default = None)]
    pub closing_phrase: Option<String>,
    /// Reasoning ends while at least this many tokens are left for the answer; 0 lets reasoning take all of them.
    #[uniffi(default = 0)]
    pub answer_reserve: u32,
    /// What happens where the model repeats itself without end; absent, the reasoning is ended, or else the turn.
    #[uniffi(default = None)]
    pub on_loop: Option<OnLoop>,
    /// What happens where the conversation no longer fits into the context; absent, the turn is refused.
    #[uniffi(default = None)]
    pub on_context_full: Option<OnContextFull>,
    /// Whether tokens are computed ahead that stood in the conversation before; absent, each on its own.
    #[uniffi(default = None)]
    pub prompt_lookup: Option<PromptLookup>,
}

/// How much the model may reason.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Thinking {
    /// As much as it likes.
    Auto,
    /// Not at all.
    Off,
    /// Until the first of these limits; then the runtime ends the reasoning.
    Budget {
        /// Tokens of reasoning.
        #[uniffi(default = None)]
        tokens: Option<u32>,
        /// Milliseconds since the first token.
        #[uniffi(default = None)]
        time_ms: Option<u64>,
    },
}

mirror! {
    /// Whether the runtime opens the reasoning where the template leaves that to the model.
    OpenReasoning = wheelwork::OpenReasoning {
        /// Where the model reasons and the template does not open.
        Auto,
        /// Never; a closing tag that comes all the same is told by `AnswerWasReasoning`.
        Off,
    }
    /// Whether tokens are computed ahead that stood in the conversation before.
    PromptLookup = wheelwork::PromptLookup {
        /// Each token on its own.
        Off,
        /// Where the graphs can and it is quicker by what was measured in the turn.
        Auto,
    }
    /// What happens where the model repeats itself without end.
    OnLoop = wheelwork::OnLoop {
        /// Ends the reasoning, so that an answer comes; a loop in the answer ends the turn.
        End,
        /// Ends the turn.
        Stop,
        /// Raises the temperature, once in a turn.
        Warm,
        /// Goes on.
        Ignore,
    }
}

/// What happens where the conversation no longer fits into the context.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum OnContextFull {
    /// The turn is refused.
    Stop,
    /// The oldest turns are dropped from the history.
    DropOldest {
        /// Tokens that must be free for reasoning and answer; absent, a quarter of the context.
        #[uniffi(default = None)]
        room: Option<u32>,
    },
}

mirror! {
    /// How urgent a turn is; the higher one computes first.
    Priority = engine::Priority {
        /// Nobody waits for it.
        Background,
        /// Somebody will want it.
        Normal,
        /// Somebody reads along.
        Interactive,
    }
}

impl TryFrom<Options> for wheelwork::Options {
    type Error = Error;

    fn try_from(options: Options) -> Result<Self, Error> {
        let Options {
            max_tokens,
            temperature,
            top_k,
            top_p,
            min_p,
            repetition_penalty,
            seed,
            output,
            tools,
            tool_choice,
            stop,
            thinking,
            open_reasoning,
            closing_phrase,
            answer_reserve,
            on_loop,
            on_context_full,
            prompt_lookup,
        } = options;
        Ok(Self {
            max_tokens: max_tokens.map(limit),
            temperature,
            top_k,
            top_p,
            min_p,
            repetition_penalty,
            seed,
            output: output.map(TryInto::try_into).transpose()?,
            tools: tools.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            tool_choice: tool_choice.map_or_else(Default::default, Into::into),
            stop,
            thinking: thinking.map_or_else(Default::default, Into::into),
            open_reasoning: open_reasoning.map_or_else(Default::default, Into::into),
            closing_phrase,
            answer_reserve: limit(answer_reserve),
            on_loop: on_loop.map_or_else(Default::default, Into::into),
            on_context_full: on_context_full.map_or_else(Default::default, Into::into),
            prompt_lookup: prompt_lookup.map_or_else(Default::default, Into::into),
            // A turn's handle has those.
            answer_now: AnswerNow::default(),
            save_now: SaveNow::default(),
            cancel: CancelToken::default(),
        })
    }
}

impl From<Thinking> for wheelwork::Thinking {
    fn from(thinking: Thinking) -> Self {
        match thinking {
            Thinking::Auto => Self::Auto,
            Thinking::Off => Self::Off,
            Thinking::Budget { tokens, time_ms } => {
                Self::Budget(Budget { tokens: tokens.map(limit), time: time_ms.map(Duration::from_millis) })
            }
        }
    }
}

impl From<OnContextFull> for wheelwork::OnContextFull {
    fn from(policy: OnContextFull) -> Self {
        match policy {
            OnContextFull::Stop => Self::Stop,
            OnContextFull::DropOldest { room } => Self::DropOldest { room: room.map(limit) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_the_default_of_core() {
        let absent = Options {
            max_tokens: None,
            temperature: None,
            top_k: None,
            top_p: None,
            min_p: None,
            repetition_penalty: None,
            seed: None,
            output: None,
            tools: vec![],
            tool_choice: None,
            stop: vec![],
            thinking: None,
            open_reasoning: None,
            closing_phrase: None,
            answer_reserve: 0,
            on_loop: None,
            on_context_full: None,
            prompt_lookup: None,
        };
        let (ours, default) = (wheelwork::Options::try_from(absent).unwrap(), wheelwork::Options::default());
        assert_eq!(format!("{ours:?}"), format!("{default:?}"));
    }

    #[test]
    fn a_budget_keeps_both_limits() {
        let budget = Thinking::Budget { tokens: Some(7), time_ms: Some(1500) };
        let expected = Budget { tokens: Some(7), time: Some(Duration::from_millis(1500)) };
        assert_eq!(wheelwork::Thinking::from(budget), wheelwork::Thinking::Budget(expected));
    }
}

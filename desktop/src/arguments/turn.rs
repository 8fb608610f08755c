//! How a turn is generated.

use std::time::Duration;

use clap::Args;
use wheelwork::{Budget, OnContextFull, OnLoop, OpenReasoning, Options, PromptLookup, Thinking};

use super::form::FormArguments;
use crate::failure::Failure;

/// How a turn is generated; what is not given is the model's own advice.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reasoning")]
pub(crate) struct TurnArguments {
    /// How much to reason: auto, off, at most TOKENS, at most SECONDS with an s (30s), or both (500,30s)
    #[arg(long, value_name = "auto|off|LIMITS", default_value = "auto", value_parser = parse_thinking)]
    pub(crate) think: Thinking,
    /// Open the reasoning where the chat template leaves that to the model
    #[arg(long, value_enum, default_value_t = Opening::Auto, hide_short_help = true)]
    pub(crate) open_reasoning: Opening,
    /// What to end reasoning with that is over its limits; empty: the closing tag alone [default: the package's]
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub(crate) closing_phrase: Option<String>,
    /// End reasoning while this many tokens are left for the answer
    #[arg(long, value_name = "TOKENS", default_value_t = 0, hide_short_help = true)]
    pub(crate) answer_reserve: usize,
    /// What to do where the model repeats itself without end
    #[arg(long, value_enum, default_value_t = Loop::End, hide_short_help = true)]
    pub(crate) on_loop: Loop,
    /// What to do where the conversation no longer fits: refuse the question, or forget the oldest turns so that TOKENS
    /// are free for reasoning and answer (drop: a quarter of the context)
    #[arg(long, value_name = "stop|drop|TOKENS", default_value = "stop", value_parser = parse_on_context_full, hide_short_help = true, help_heading = "Sampling and limits")]
    pub(crate) on_context_full: OnContextFull,
    /// The most tokens to generate, reasoning included [default: what fits]
    #[arg(long, value_name = "N", help_heading = "Sampling and limits")]
    pub(crate) max_tokens: Option<usize>,
    /// 0 takes the most likely token; higher is more varied
    #[arg(long, value_name = "T", help_heading = "Sampling and limits")]
    pub(crate) temperature: Option<f32>,
    /// Sample among this many tokens
    #[arg(long, value_name = "K", hide_short_help = true, help_heading = "Sampling and limits")]
    pub(crate) top_k: Option<u32>,
    /// Sample among the fewest tokens that reach this probability
    #[arg(long, value_name = "P", hide_short_help = true, help_heading = "Sampling and limits")]
    pub(crate) top_p: Option<f32>,
    /// Sample among tokens with this share of the best one's probability
    #[arg(long, value_name = "P", hide_short_help = true, help_heading = "Sampling and limits")]
    pub(crate) min_p: Option<f32>,
    /// Above 1 makes tokens already seen less likely
    #[arg(long, value_name = "R", hide_short_help = true, help_heading = "Sampling and limits")]
    pub(crate) repetition_penalty: Option<f32>,
    /// The same seed gives the same text
    #[arg(long, value_name = "N", help_heading = "Sampling and limits")]
    pub(crate) seed: Option<u64>,
    /// Compute tokens ahead that stood in the conversation before, where the graphs can and it is quicker
    #[arg(long, value_enum, default_value_t = Lookup::Off, hide_short_help = true, help_heading = "Sampling and limits")]
    pub(crate) prompt_lookup: Lookup,
    /// A text that ends the answer; may be given several times
    #[arg(long, value_name = "TEXT", hide_short_help = true, help_heading = "Sampling and limits")]
    pub(crate) stop: Vec<String>,
    #[command(flatten)]
    pub(crate) form: FormArguments,
}

choice! {
    pub(crate) enum Opening => OpenReasoning {
        /// Where the model reasons
        Auto => OpenReasoning::Auto,
        /// Never
        Off => OpenReasoning::Off,
    }
}

choice! {
    pub(crate) enum Lookup => PromptLookup {
        /// Each token on its own
        Off => PromptLookup::Off,
        /// Where it is quicker by what is measured
        Auto => PromptLookup::Auto,
    }
}

choice! {
    pub(crate) enum Loop => OnLoop {
        /// End the reasoning; in the answer, end it
        End => OnLoop::End,
        /// End the turn
        Stop => OnLoop::Stop,
        /// Raise the temperature once
        Warm => OnLoop::Warm,
        /// Go on
        Ignore => OnLoop::Ignore,
    }
}

impl TurnArguments {
    /// Reads the files that a form or tools stand in.
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        self.form.options(Options {
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
            stop: self.stop.clone(),
            thinking: self.think,
            open_reasoning: self.open_reasoning.into(),
            closing_phrase: self.closing_phrase.clone(),
            answer_reserve: self.answer_reserve,
            on_loop: self.on_loop.into(),
            on_context_full: self.on_context_full,
            prompt_lookup: self.prompt_lookup.into(),
            ..Options::default()
        })
    }
}

fn parse_on_context_full(text: &str) -> Result<OnContextFull, String> {
    match text {
        "stop" => Ok(OnContextFull::Stop),
        "drop" => Ok(OnContextFull::DropOldest { room: None }),
        tokens => match tokens.parse() {
            Ok(room) => Ok(OnContextFull::DropOldest { room: Some(room) }),
            Err(_) => Err("expected stop, drop or a number of tokens".to_owned()),
        },
    }
}

/// `auto`, `off`, or limits: a number of tokens, seconds that end in `s`, or both with a comma between.
pub(crate) fn parse_thinking(text: &str) -> Result<Thinking, String> {
    match text {
        "auto" => Ok(Thinking::Auto),
        "off" => Ok(Thinking::Off),
        limits => parse_limits(limits).map(Thinking::Budget).ok_or_else(|| {
            "expected auto, off, a number of tokens, a number of seconds like 30s, or 500,30s".to_owned()
        }),
    }
}

fn parse_limits(text: &str) -> Option<Budget> {
    let mut budget = Budget::default();
    for limit in text.split(',').map(str::trim) {
        let repeated = match limit.strip_suffix('s') {
            Some(seconds) => {
                let time = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
                budget.time.replace(time).is_some()
            }
            None => budget.tokens.replace(limit.parse().ok()?).is_some(),
        };
        if repeated {
            return None;
        }
    }
    Some(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_context_stops_or_drops() {
        assert_eq!(parse_on_context_full("stop"), Ok(OnContextFull::Stop));
        assert_eq!(parse_on_context_full("drop"), Ok(OnContextFull::DropOldest { room: None }));
        assert_eq!(parse_on_context_full("512"), Ok(OnContextFull::DropOldest { room: Some(512) }));
        assert!(parse_on_context_full("-1").is_err());
    }

    #[test]
    fn thinking_is_auto_off_or_limits() {
        assert_eq!(parse_thinking("auto"), Ok(Thinking::Auto));
        assert_eq!(parse_thinking("off"), Ok(Thinking::Off));
        assert_eq!(parse_thinking("500"), Ok(Thinking::tokens(500)));
        assert_eq!(parse_thinking("1.5s"), Ok(Thinking::time(Duration::from_millis(1500))));
        let both = Budget { tokens: Some(500), time: Some(Duration::from_secs(30)) };
        assert_eq!(parse_thinking("500,30s"), Ok(Thinking::Budget(both)));
        for wrong in ["some", "-1", "-1s", "NaNs", "", "500,", "1,2", "1s,2s"] {
            assert!(parse_thinking(wrong).is_err(), "{wrong}");
        }
    }
}

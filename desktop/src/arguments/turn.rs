//! How a turn is generated.

use clap::Args;
use wheelwork::{Options, Thinking};

/// How a turn is generated; what is not given is the model's own advice.
#[derive(Debug, Args)]
pub(crate) struct TurnArguments {
    /// How much to reason: auto, off, or at most TOKENS
    #[arg(long, value_name = "auto|off|TOKENS", default_value = "auto", value_parser = parse_thinking)]
    pub(crate) think: Thinking,
    /// The most tokens to generate, reasoning included [default: to the context's end]
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// 0 takes the most likely token; higher is more varied
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f32>,
    /// Sample among this many tokens
    #[arg(long, value_name = "K")]
    pub(crate) top_k: Option<u32>,
    /// Sample among the fewest tokens that reach this probability
    #[arg(long, value_name = "P")]
    pub(crate) top_p: Option<f32>,
    /// Sample among tokens with this share of the best one's probability
    #[arg(long, value_name = "P")]
    pub(crate) min_p: Option<f32>,
    /// Above 1 makes tokens already seen less likely
    #[arg(long, value_name = "R")]
    pub(crate) repetition_penalty: Option<f32>,
    /// The same seed gives the same text
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// A text that ends the answer; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
}

impl TurnArguments {
    pub(crate) fn options(&self) -> Options {
        Options {
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
            stop: self.stop.clone(),
            thinking: self.think,
            ..Options::default()
        }
    }
}

/// `auto`, `off` or a number of tokens.
pub(crate) fn parse_thinking(text: &str) -> Result<Thinking, String> {
    match text {
        "auto" => Ok(Thinking::Auto),
        "off" => Ok(Thinking::Off),
        tokens => tokens
            .parse()
            .map(Thinking::Budget)
            .map_err(|_| "expected auto, off or a number of tokens".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_auto_off_or_a_budget() {
        assert_eq!(parse_thinking("auto"), Ok(Thinking::Auto));
        assert_eq!(parse_thinking("off"), Ok(Thinking::Off));
        assert_eq!(parse_thinking("500"), Ok(Thinking::Budget(500)));
        assert!(parse_thinking("some").is_err());
        assert!(parse_thinking("-1").is_err());
    }
}

//! What a caller may choose for one turn.

use crate::model::ModelFacts;
use crate::sampling::SamplingOptions;
use crate::{CancelToken, Error};

/// How one turn is generated. `default()` takes the model authors' advice.
#[derive(Debug, Clone, Default)]
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
    /// Texts that end the answer; they are not part of it.
    pub stop: Vec<String>,
    /// How much the model may reason.
    pub thinking: Thinking,
    /// Ends the turn from elsewhere.
    pub cancel: CancelToken,
}

/// How much the model may reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Thinking {
    /// As much as it likes.
    #[default]
    Auto,
    /// Not at all: the prompt holds an empty thought.
    Off,
    /// At most this many tokens; then the runtime closes the thought.
    Budget(usize),
}

impl Options {
    /// The options of a turn with the model's defaults filled in.
    ///
    /// # Errors
    /// [`Error::Sampling`] for values out of range.
    pub fn sampling(&self, facts: &ModelFacts) -> Result<SamplingOptions, Error> {
        let defaults = &facts.defaults;
        let neutral = SamplingOptions::default();
        let temperature = if defaults.do_sample == Some(false) { Some(0.0) } else { defaults.temperature };
        let options = SamplingOptions {
            temperature: self.temperature.or(temperature).unwrap_or(neutral.temperature),
            top_k: self.top_k.or(defaults.top_k).unwrap_or(neutral.top_k),
            top_p: self.top_p.or(defaults.top_p).unwrap_or(neutral.top_p),
            min_p: self.min_p.or(defaults.min_p).unwrap_or(neutral.min_p),
            repetition_penalty: self
                .repetition_penalty
                .or(defaults.repetition_penalty)
                .unwrap_or(neutral.repetition_penalty),
            seed: self.seed,
        };
        options.validate()?;
        Ok(options)
    }
}

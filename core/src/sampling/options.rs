//! What a caller may choose about sampling.

use serde::{Deserialize, Serialize};

use super::SamplingError;

/// How the next token is picked; [`super`] says in which order. The default keeps every token as likely as the
/// model says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingOptions {
    /// 0 to 100. Divides the logits: below 1 makes likely tokens likelier; 0 takes the likeliest always.
    pub temperature: f32,
    /// Keeps this many tokens; 0 keeps all.
    pub top_k: u32,
    /// Above 0, at most 1. Keeps the fewest tokens that reach this probability; 1 keeps all.
    pub top_p: f32,
    /// 0 to 1. Keeps tokens with at least this share of the best one's probability; 0 keeps all.
    pub min_p: f32,
    /// 0.01 to 100. Above 1 makes tokens seen before less likely, below 1 likelier; 1 changes nothing.
    pub repetition_penalty: f32,
    /// The same seed gives the same tokens; `None` draws one from the system.
    pub seed: Option<u64>,
}

impl Default for SamplingOptions {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: 0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0, seed: None }
    }
}

impl SamplingOptions {
    /// Checks every range.
    ///
    /// # Errors
    /// [`SamplingError::OutOfRange`] for the first option that is NaN or outside its range.
    pub fn validate(&self) -> Result<(), SamplingError> {
        let checks = [
            ("temperature", self.temperature, (0.0..=100.0).contains(&self.temperature), "0 to 100"),
            ("top_p", self.top_p, self.top_p > 0.0 && self.top_p <= 1.0, "above 0 and at most 1"),
            ("min_p", self.min_p, (0.0..=1.0).contains(&self.min_p), "0 to 1"),
            (
                "repetition_penalty",
                self.repetition_penalty,
                (0.01..=100.0).contains(&self.repetition_penalty),
                "0.01 to 100",
            ),
        ];
        match checks.into_iter().find(|(_, _, in_range, _)| !in_range) {
            Some((option, value, _, expected)) => Err(SamplingError::OutOfRange { option, value, expected }),
            None => Ok(()),
        }
    }
}

//! `generation_config.json`: the sampling defaults and stop tokens that the model's authors recommend.

use serde::{Deserialize, Serialize};

/// What a call uses where the caller says nothing. Hugging Face's field names; absent fields stay absent, and
/// [`GenerationDefaults::sampling`] says what they mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GenerationDefaults {
    /// First token of a prompt, for tokenizers that add one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bos_token_id: Option<TokenIds>,
    /// Generation ends at any of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eos_token_id: Option<TokenIds>,
    /// True means sampling; otherwise the highest logit wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub do_sample: Option<bool>,
    /// Divides the logits; R1's authors recommend 0.6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Keep only this many of the best tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Keep the fewest tokens whose probabilities reach this sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Keep tokens with at least this share of the best token's probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    /// Divides (or multiplies, where negative) the logits of tokens already seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f32>,
}

/// How the next token is picked where the caller says nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplingDefaults {
    /// Divides the logits; 0 is greedy.
    pub temperature: f32,
    /// 0 keeps all tokens.
    pub top_k: u32,
    /// Above 0; 1 keeps all tokens.
    pub top_p: f32,
    /// 0 keeps all tokens.
    pub min_p: f32,
    /// 1 changes nothing.
    pub repetition_penalty: f32,
}

/// What `transformers` keeps where it samples and no `top_k` is given.
const TOP_K: u32 = 50;

impl GenerationDefaults {
    /// What absent fields mean, as in `transformers`: greedy unless `do_sample` says otherwise, and then the 50 best
    /// tokens at temperature 1. Everything that generates asks here: the runtime, genai's description, calibration and
    /// evaluation.
    #[must_use]
    pub fn sampling(&self) -> SamplingDefaults {
        let is_sampled = self.do_sample == Some(true);
        SamplingDefaults {
            temperature: if is_sampled { self.temperature.unwrap_or(1.0) } else { 0.0 },
            top_k: self.top_k.unwrap_or(TOP_K),
            // 0 keeps the best token alone, as every share does that it reaches.
            top_p: self.top_p.map_or(1.0, |share| share.max(f32::MIN_POSITIVE)),
            min_p: self.min_p.unwrap_or(0.0),
            repetition_penalty: self.repetition_penalty.unwrap_or(1.0),
        }
    }
}

/// One id or several: both forms occur in checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TokenIds {
    /// A single id.
    One(u32),
    /// Several ids, any of which counts.
    Several(Vec<u32>),
}

impl TokenIds {
    /// The ids in the order of the file.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(json: &str) -> SamplingDefaults {
        serde_json::from_str::<GenerationDefaults>(json).unwrap().sampling()
    }

    #[test]
    fn absent_fields_mean_what_they_mean_in_transformers() {
        for greedy in
            ["{}", r#"{"temperature": 0.6, "top_p": 0.9}"#, r#"{"do_sample": false, "temperature": 0.6}"#]
        {
            assert_eq!(sampling(greedy).temperature, 0.0, "{greedy}");
        }
        let sampled = sampling(r#"{"do_sample": true}"#);
        assert_eq!((sampled.temperature, sampled.top_k, sampled.top_p), (1.0, 50, 1.0));
        let stated = sampling(r#"{"do_sample": true, "temperature": 0.6, "top_k": 0, "top_p": 0.0}"#);
        assert_eq!((stated.temperature, stated.top_k, stated.top_p), (0.6, 0, f32::MIN_POSITIVE));
    }
}

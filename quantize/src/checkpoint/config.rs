//! `config.json`: the decoder's shapes, checked against [`LIMITS`] before anything is computed from them.

use std::path::Path;

use serde::Deserialize;
use wheelwork_package::generation::TokenIds;

use super::config_error::{ConfigError, Found};
use super::files::{Folder, shortened};
use super::{CheckpointError, OpenError};
use crate::architecture::{FAMILIES, Family};
use crate::rope::{Llama3Scaling, Rope};

/// The file's name.
pub(super) const NAME: &str = "config.json";
const BYTES_LIMIT: u64 = 1 << 20;

/// The decoder's shapes, by Hugging Face's names. Every product of them that this crate forms fits 64 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The details in which families differ.
    pub family: &'static Family,
    /// Elements of the residual stream.
    pub hidden_size: usize,
    /// Elements of the gated layer.
    pub intermediate_size: usize,
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Elements of one head.
    pub head_dim: usize,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Longest sequence in tokens that the model was made for.
    pub max_position_embeddings: usize,
    /// Added to the mean square before the root.
    pub rms_norm_eps: f32,
    /// Rotary positions.
    pub rope: Rope,
    /// The output projection is the embedding table.
    pub tie_word_embeddings: bool,
    /// What the file says; the tokenizer knows better.
    pub bos_token_id: Option<u32>,
    /// What the file says; the tokenizer knows better.
    pub eos_token_id: Vec<u32>,
}

/// The range of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The field in `config.json`.
    pub field: &'static str,
    /// The smallest value accepted.
    pub least: u64,
    /// The largest value accepted.
    pub greatest: u64,
}

/// The ranges of all sizes. Their upper ends leave room above the largest models that exist, and keep every later
/// product below 2^63.
pub const LIMITS: [Limit; 8] = [
    Limit { field: "hidden_size", least: 16, greatest: 1 << 16 },
    Limit { field: "intermediate_size", least: 16, greatest: 1 << 19 },
    Limit { field: "num_hidden_layers", least: 1, greatest: 1 << 10 },
    Limit { field: "num_attention_heads", least: 1, greatest: 1 << 10 },
    Limit { field: "num_key_value_heads", least: 1, greatest: 1 << 10 },
    Limit { field: "head_dim", least: 16, greatest: 1 << 10 },
    Limit { field: "vocab_size", least: 2, greatest: 1 << 20 },
    Limit { field: "max_position_embeddings", least: 1, greatest: 1 << 24 },
];
/// The range of `rms_norm_eps`.
pub const EPS_RANGE: (f64, f64) = (1e-12, 1e-2);
/// The range of `rope_theta`.
pub const THETA_RANGE: (f64, f64) = (1.0, 1e12);
/// The range of the factors of `rope_scaling`.
pub const SCALING_RANGE: (f64, f64) = (1e-3, 1e6);
/// The runtime's rotary kernel takes heads of a multiple of this many elements.
const HEAD_DIM_STEP: usize = 16;

/// `config.json` as far as it matters here. Absent and `null` are the same.
#[derive(Deserialize)]
struct RawConfig {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
    hidden_size: Option<i64>,
    intermediate_size: Option<i64>,
    num_hidden_layers: Option<i64>,
    num_attention_heads: Option<i64>,
    num_key_value_heads: Option<i64>,
    head_dim: Option<i64>,
    vocab_size: Option<i64>,
    max_position_embeddings: Option<i64>,
    rms_norm_eps: Option<f64>,
    rope_theta: Option<f64>,
    /// Until 2025.
    rope_scaling: Option<RawRope>,
    /// Since then, with `rope_theta` inside.
    rope_parameters: Option<RawRope>,
    tie_word_embeddings: Option<bool>,
    hidden_act: Option<String>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    use_sliding_window: Option<bool>,
    quantization_config: Option<RawQuantization>,
    bos_token_id: Option<u32>,
    eos_token_id: Option<TokenIds>,
}

#[derive(Deserialize)]
struct RawRope {
    rope_theta: Option<f64>,
    #[serde(alias = "type")]
    rope_type: Option<String>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
}

#[derive(Deserialize)]
struct RawQuantization {
    quant_method: Option<String>,
}

/// Reads and checks the file.
///
/// # Errors
/// [`ConfigError`], or [`CheckpointError`] if it cannot be read or the checkpoint is quantised already.
pub(super) fn read(folder: &Folder) -> Result<Config, OpenError> {
    let raw: RawConfig = folder.read_json(NAME, BYTES_LIMIT)?;
    let path = folder.path().join(NAME);
    if let Some(quantization) = &raw.quantization_config {
        let method = quantization.quant_method.as_deref().map_or_else(|| "no method named".into(), shortened);
        return Err(CheckpointError::AlreadyQuantized { path, method }.into());
    }
    Ok(check(&path, &raw)?)
}

impl Config {
    /// Elements of all query heads.
    #[must_use]
    pub fn query_size(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }

    /// Elements of all key heads, and of all value heads.
    #[must_use]
    pub fn key_size(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }
}

fn check(path: &Path, raw: &RawConfig) -> Result<Config, ConfigError> {
    let family = family(path, raw)?;
    check_features(path, raw)?;

    let hidden_size = size(path, "hidden_size", raw.hidden_size)?;
    let num_attention_heads = size(path, "num_attention_heads", raw.num_attention_heads)?;
    let num_key_value_heads =
        size(path, "num_key_value_heads", raw.num_key_value_heads.or(raw.num_attention_heads))?;
    if num_attention_heads % num_key_value_heads != 0 {
        return Err(ConfigError::Contradiction {
            path: path.into(),
            field: "num_attention_heads",
            value: num_attention_heads.to_string(),
            rule: "a multiple of num_key_value_heads",
            other: num_key_value_heads.to_string(),
        });
    }
    let head_dim = match raw.head_dim.or(family.default_head_dim.and_then(|size| i64::try_from(size).ok())) {
        Some(head_dim) => size(path, "head_dim", Some(head_dim))?,
        None if hidden_size % num_attention_heads == 0 => {
            size(path, "head_dim", i64::try_from(hidden_size / num_attention_heads).ok())?
        }
        None => {
            return Err(ConfigError::Contradiction {
                path: path.into(),
                field: "hidden_size",
                value: hidden_size.to_string(),
                rule: "a multiple of num_attention_heads, as there is no head_dim",
                other: num_attention_heads.to_string(),
            });
        }
    };
    if head_dim % HEAD_DIM_STEP != 0 {
        return Err(ConfigError::Unsupported {
            path: path.into(),
            field: "head_dim",
            found: head_dim.to_string(),
            supported: "multiples of 16",
        });
    }
    #[allow(clippy::cast_possible_truncation)] // rounding to the runtime's precision is the purpose
    let rms_norm_eps = number(path, "rms_norm_eps", raw.rms_norm_eps.unwrap_or(1e-6), EPS_RANGE)? as f32;
    Ok(Config {
        family,
        hidden_size,
        intermediate_size: size(path, "intermediate_size", raw.intermediate_size)?,
        num_hidden_layers: size(path, "num_hidden_layers", raw.num_hidden_layers)?,
        num_attention_heads,
        num_key_value_heads,
        head_dim,
        vocab_size: size(path, "vocab_size", raw.vocab_size)?,
        max_position_embeddings: size(path, "max_position_embeddings", raw.max_position_embeddings)?,
        rms_norm_eps,
        rope: rope(path, raw)?,
        tie_word_embeddings: raw.tie_word_embeddings.unwrap_or(false),
        bos_token_id: raw.bos_token_id,
        eos_token_id: raw.eos_token_id.as_ref().map(|ids| ids.as_slice().to_vec()).unwrap_or_default(),
    })
}

fn family(path: &Path, raw: &RawConfig) -> Result<&'static Family, ConfigError> {
    let found = match (raw.architectures.as_slice(), &raw.model_type) {
        ([class], _) => class,
        (_, Some(model_type)) => model_type,
        _ => return Err(ConfigError::Missing { path: path.into(), field: "architectures" }),
    };
    FAMILIES
        .iter()
        .find(|family| family.class == found || family.model_type == found)
        .ok_or_else(|| ConfigError::UnknownArchitecture { path: path.into(), found: shortened(found) })
}

/// Features that would change the graph and that none of the families' distilled models use.
fn check_features(path: &Path, raw: &RawConfig) -> Result<(), ConfigError> {
    let unsupported = |field, found: &str, supported| {
        Err(ConfigError::Unsupported { path: path.into(), field, found: shortened(found), supported })
    };
    if let Some(activation) = raw.hidden_act.as_deref().filter(|&name| name != "silu") {
        return unsupported("hidden_act", activation, "silu");
    }
    for (field, value) in [
        ("attention_bias", raw.attention_bias),
        ("mlp_bias", raw.mlp_bias),
        ("use_sliding_window", raw.use_sliding_window),
    ] {
        if value == Some(true) {
            return unsupported(field, "true", "false");
        }
    }
    Ok(())
}

fn rope(path: &Path, raw: &RawConfig) -> Result<Rope, ConfigError> {
    let parameters = raw.rope_parameters.as_ref().or(raw.rope_scaling.as_ref());
    let theta = parameters.and_then(|rope| rope.rope_theta).or(raw.rope_theta).unwrap_or(10_000.0);
    let theta = number(path, "rope_theta", theta, THETA_RANGE)?;
    let scaling = match parameters.map(|rope| (rope, rope.rope_type.as_deref())) {
        None | Some((_, None | Some("default"))) => None,
        Some((rope, Some("llama3"))) => {
            let factor = |field, value: Option<f64>, range| {
                let value = value.ok_or(ConfigError::Missing { path: path.into(), field })?;
                number(path, field, value, range)
            };
            let low = factor("rope_scaling.low_freq_factor", rope.low_freq_factor, SCALING_RANGE)?;
            let high = factor("rope_scaling.high_freq_factor", rope.high_freq_factor, SCALING_RANGE)?;
            if low >= high {
                return Err(ConfigError::Contradiction {
                    path: path.into(),
                    field: "rope_scaling.low_freq_factor",
                    value: low.to_string(),
                    rule: "less than high_freq_factor",
                    other: high.to_string(),
                });
            }
            Some(Llama3Scaling {
                factor: factor("rope_scaling.factor", rope.factor, SCALING_RANGE)?,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: factor(
                    "rope_scaling.original_max_position_embeddings",
                    rope.original_max_position_embeddings,
                    (1.0, 1e8),
                )?,
            })
        }
        Some((_, Some(other))) => {
            return Err(ConfigError::Unsupported {
                path: path.into(),
                field: "rope_scaling.rope_type",
                found: shortened(other),
                supported: "default, llama3",
            });
        }
    };
    Ok(Rope { theta, scaling })
}

/// A size within its [`Limit`].
fn size(path: &Path, field: &'static str, value: Option<i64>) -> Result<usize, ConfigError> {
    let value = value.ok_or(ConfigError::Missing { path: path.into(), field })?;
    let limit = LIMITS.into_iter().find(|limit| limit.field == field);
    let (least, greatest) = limit.map_or((1, u64::from(u32::MAX)), |limit| (limit.least, limit.greatest));
    let within = u64::try_from(value).ok().filter(|value| (least..=greatest).contains(value));
    within.and_then(|value| usize::try_from(value).ok()).ok_or_else(|| ConfigError::OutOfRange {
        path: path.into(),
        field,
        found: Found::Integer(value),
        least: Found::Integer(i64::try_from(least).unwrap_or(i64::MAX)),
        greatest: Found::Integer(i64::try_from(greatest).unwrap_or(i64::MAX)),
    })
}

fn number(path: &Path, field: &'static str, value: f64, range: (f64, f64)) -> Result<f64, ConfigError> {
    // Written so that NaN is outside.
    if value >= range.0 && value <= range.1 {
        return Ok(value);
    }
    Err(ConfigError::OutOfRange {
        path: path.into(),
        field,
        found: Found::Number(value),
        least: Found::Number(range.0),
        greatest: Found::Number(range.1),
    })
}

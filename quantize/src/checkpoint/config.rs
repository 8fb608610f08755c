//! `config.json`: the decoder's shapes, checked against [`LIMITS`] before anything is computed from them.

use super::config_error::{ConfigError, Found};
use super::fields::Fields;
use super::files::{Folder, shortened};
use super::{CheckpointError, OpenError, rope_config};
use crate::architecture::{FAMILIES, Family};
use crate::rope::Rope;

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
/// The range of the factors of a scaling.
pub const SCALING_RANGE: (f64, f64) = (1e-3, 1e6);
/// The runtime's rotary kernel takes heads of a multiple of this many elements.
const HEAD_DIM_STEP: usize = 16;

/// Reads and checks the file.
///
/// # Errors
/// [`ConfigError`], or [`CheckpointError`] if it cannot be read or the checkpoint is quantised already.
pub(super) fn read(folder: &Folder) -> Result<Config, OpenError> {
    let values = folder.read_json(NAME, BYTES_LIMIT)?;
    let path = folder.path().join(NAME);
    let fields = Fields::of(&path, &values);
    if let Some(quantization) = fields.section("quantization_config")? {
        let method = quantization.text("quant_method")?.map_or_else(|| "no method named".into(), shortened);
        return Err(CheckpointError::AlreadyQuantized { path, method }.into());
    }
    Ok(check(&fields)?)
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

fn check(fields: &Fields<'_>) -> Result<Config, ConfigError> {
    let family = family(fields)?;
    check_features(fields)?;

    let hidden_size = size(fields, "hidden_size")?;
    let num_attention_heads = size(fields, "num_attention_heads")?;
    let num_key_value_heads = optional_size(fields, "num_key_value_heads")?.unwrap_or(num_attention_heads);
    if num_attention_heads % num_key_value_heads != 0 {
        return Err(ConfigError::Contradiction {
            path: fields.path().into(),
            field: "num_attention_heads".into(),
            value: num_attention_heads.to_string(),
            rule: "a multiple of num_key_value_heads",
            other: num_key_value_heads.to_string(),
        });
    }
    let head_dim = match optional_size(fields, "head_dim")?.or(family.default_head_dim) {
        Some(head_dim) => head_dim,
        None if hidden_size % num_attention_heads == 0 => {
            let size = i64::try_from(hidden_size / num_attention_heads).unwrap_or(i64::MAX);
            in_limit(fields, "head_dim", size)?
        }
        None => {
            return Err(ConfigError::Contradiction {
                path: fields.path().into(),
                field: "hidden_size".into(),
                value: hidden_size.to_string(),
                rule: "a multiple of num_attention_heads, as there is no head_dim",
                other: num_attention_heads.to_string(),
            });
        }
    };
    if head_dim % HEAD_DIM_STEP != 0 {
        return Err(ConfigError::Unsupported {
            path: fields.path().into(),
            field: "head_dim".into(),
            found: head_dim.to_string(),
            supported: "multiples of 16",
        });
    }
    let eps = in_range(fields, "rms_norm_eps", fields.number("rms_norm_eps")?.unwrap_or(1e-6), EPS_RANGE)?;
    #[allow(clippy::cast_possible_truncation)] // rounding to the runtime's precision is the purpose
    let rms_norm_eps = eps as f32;
    let max_position_embeddings = size(fields, "max_position_embeddings")?;
    Ok(Config {
        family,
        hidden_size,
        intermediate_size: size(fields, "intermediate_size")?,
        num_hidden_layers: size(fields, "num_hidden_layers")?,
        num_attention_heads,
        num_key_value_heads,
        head_dim,
        vocab_size: size(fields, "vocab_size")?,
        max_position_embeddings,
        rms_norm_eps,
        rope: rope_config::read(fields, max_position_embeddings)?,
        tie_word_embeddings: fields.flag("tie_word_embeddings")?.unwrap_or(false),
        bos_token_id: fields.ids("bos_token_id")?.first().copied(),
        eos_token_id: fields.ids("eos_token_id")?,
    })
}

/// The family of `architectures`, or of `model_type` where that is no list of one; both name one family where both
/// name any.
fn family(fields: &Fields<'_>) -> Result<&'static Family, ConfigError> {
    let path = || fields.path().into();
    let model_type = fields.text("model_type")?;
    let classes = fields.texts("architectures")?;
    let found = match (classes.as_slice(), model_type) {
        ([class], _) => class,
        (_, Some(model_type)) => model_type,
        _ => return Err(ConfigError::Missing { path: path(), field: "architectures".into() }),
    };
    let family = FAMILIES
        .iter()
        .find(|family| family.class == found || family.model_type == found)
        .ok_or_else(|| ConfigError::UnknownArchitecture { path: path(), found: shortened(found) })?;
    match model_type {
        Some(other) if other != family.model_type => Err(ConfigError::ContradictsItself {
            path: path(),
            field: "architectures".into(),
            value: shortened(found).into(),
            other_field: "model_type".into(),
            other: shortened(other).into(),
        }),
        _ => Ok(family),
    }
}

/// Features that would change the graph and that none of the families' distilled models use.
fn check_features(fields: &Fields<'_>) -> Result<(), ConfigError> {
    let unsupported = |field: &str, found: &str, supported| {
        let found = shortened(found);
        Err(ConfigError::Unsupported { path: fields.path().into(), field: field.into(), found, supported })
    };
    // Two names of one function.
    if let Some(activation) = fields.text("hidden_act")?.filter(|&name| !matches!(name, "silu" | "swish")) {
        return unsupported("hidden_act", activation, "silu");
    }
    for field in ["attention_bias", "mlp_bias", "use_sliding_window"] {
        if fields.flag(field)? == Some(true) {
            return unsupported(field, "true", "false");
        }
    }
    let layers = fields.texts("layer_types")?;
    match layers.into_iter().find(|&kind| kind != "full_attention") {
        Some(kind) => unsupported("layer_types", kind, "full_attention"),
        None => Ok(()),
    }
}

/// A size within its [`Limit`].
fn size(fields: &Fields<'_>, field: &str) -> Result<usize, ConfigError> {
    let missing = || ConfigError::Missing { path: fields.path().into(), field: field.into() };
    optional_size(fields, field)?.ok_or_else(missing)
}

fn optional_size(fields: &Fields<'_>, field: &str) -> Result<Option<usize>, ConfigError> {
    fields.integer(field)?.map(|value| in_limit(fields, field, value)).transpose()
}

fn in_limit(fields: &Fields<'_>, field: &str, value: i64) -> Result<usize, ConfigError> {
    let limit = LIMITS.into_iter().find(|limit| limit.field == field);
    let (least, greatest) = limit.map_or((1, u64::from(u32::MAX)), |limit| (limit.least, limit.greatest));
    let within = u64::try_from(value).ok().filter(|value| (least..=greatest).contains(value));
    within.and_then(|value| usize::try_from(value).ok()).ok_or_else(|| ConfigError::OutOfRange {
        path: fields.path().into(),
        field: fields.name(field),
        found: Found::Integer(value),
        least: Found::Integer(i64::try_from(least).unwrap_or(i64::MAX)),
        greatest: Found::Integer(i64::try_from(greatest).unwrap_or(i64::MAX)),
    })
}

/// A number within a range.
pub(super) fn in_range(
    fields: &Fields<'_>,
    field: &str,
    value: f64,
    range: (f64, f64),
) -> Result<f64, ConfigError> {
    // Written so that NaN is outside.
    if value >= range.0 && value <= range.1 {
        return Ok(value);
    }
    Err(ConfigError::OutOfRange {
        path: fields.path().into(),
        field: fields.name(field),
        found: Found::Number(value),
        least: Found::Number(range.0),
        greatest: Found::Number(range.1),
    })
}

//! `generation_config.json`: how the next token is picked. Where there is none, `transformers` takes the same fields of
//! `config.json`.
//!
//! Every value means here what it means in `transformers`, or is refused by file and field: a package must not say
//! something else than the checkpoint, and nobody looks for the reason in a sampling default.

use serde_json::Value;
use wheelwork_package::GenerationDefaults;
use wheelwork_package::files::names;
use wheelwork_package::generation::TokenIds;

use super::config_error::ConfigError;
use super::fields::Fields;
use super::files::Folder;
use super::{OpenError, config};

const BYTES_LIMIT: u64 = 1 << 20;

/// Settings that change which token comes next and that the runtime does not have, with the number that changes
/// nothing. `null`, false and empty lists change nothing either.
const UNSUPPORTED: [(&str, f64); 28] = [
    ("num_beams", 1.0),
    ("num_beam_groups", 1.0),
    ("num_return_sequences", 1.0),
    ("penalty_alpha", 0.0),
    ("min_length", 0.0),
    ("min_new_tokens", 0.0),
    ("no_repeat_ngram_size", 0.0),
    ("encoder_no_repeat_ngram_size", 0.0),
    ("encoder_repetition_penalty", 1.0),
    ("typical_p", 1.0),
    ("top_h", f64::NAN),
    ("epsilon_cutoff", 0.0),
    ("eta_cutoff", 0.0),
    ("diversity_penalty", 0.0),
    ("guidance_scale", 1.0),
    ("bad_words_ids", f64::NAN),
    ("force_words_ids", f64::NAN),
    ("constraints", f64::NAN),
    ("sequence_bias", f64::NAN),
    ("suppress_tokens", f64::NAN),
    ("begin_suppress_tokens", f64::NAN),
    ("forced_bos_token_id", f64::NAN),
    ("forced_eos_token_id", f64::NAN),
    ("forced_decoder_ids", f64::NAN),
    ("exponential_decay_length_penalty", f64::NAN),
    ("watermarking_config", f64::NAN),
    ("stop_strings", f64::NAN),
    ("dola_layers", f64::NAN),
];

/// # Errors
/// [`ConfigError::WrongValue`] with file and field.
pub(super) fn read(folder: &Folder) -> Result<GenerationDefaults, OpenError> {
    let has_own_file = folder.has(names::GENERATION_CONFIG);
    let name = if has_own_file { names::GENERATION_CONFIG } else { config::NAME };
    let values = folder.read_json(name, BYTES_LIMIT)?;
    let path = folder.path().join(name);
    let fields = Fields::of(&path, &values);
    let mut generation = sampling(&fields)?;
    if has_own_file {
        generation.bos_token_id = ids(&fields, "bos_token_id")?;
        generation.eos_token_id = ids(&fields, "eos_token_id")?;
    }
    Ok(generation)
}

fn ids(fields: &Fields<'_>, field: &str) -> Result<Option<TokenIds>, ConfigError> {
    let ids = fields.ids(field)?;
    Ok((!ids.is_empty()).then_some(TokenIds::Several(ids)))
}

fn sampling(fields: &Fields<'_>) -> Result<GenerationDefaults, ConfigError> {
    for (field, neutral) in UNSUPPORTED {
        fields
            .typed(field, "a value that changes nothing, such as null", |value| is_neutral(value, neutral))?;
    }
    let do_sample = fields.flag("do_sample")?;
    let share = |field| number(fields, field, "0 to 1", |share| (0.0..=1.0).contains(&share));
    let temperature = if do_sample == Some(true) {
        number(fields, "temperature", "more than 0 and at most 100, as do_sample is true", |value| {
            value > 0.0 && value <= 100.0
        })
    } else {
        number(fields, "temperature", "0 to 100", |value| (0.0..=100.0).contains(&value))
    };
    Ok(GenerationDefaults {
        bos_token_id: None,
        eos_token_id: None,
        do_sample,
        temperature: temperature?,
        top_k: fields.typed("top_k", "the number of tokens to keep, or 0 for all", |value| {
            value.as_u64().and_then(|count| u32::try_from(count).ok())
        })?,
        top_p: share("top_p")?,
        min_p: share("min_p")?,
        repetition_penalty: number(fields, "repetition_penalty", "0.01 to 100", |penalty| {
            (0.01..=100.0).contains(&penalty)
        })?,
    })
}

/// `null`, false, nothing in a list or an object, or that number.
pub(super) fn is_neutral(value: &Value, neutral: f64) -> Option<()> {
    let is_neutral = match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(neutral),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::String(_) => false,
    };
    is_neutral.then_some(())
}

fn number(
    fields: &Fields<'_>,
    field: &str,
    expected: &'static str,
    is_allowed: impl Fn(f64) -> bool,
) -> Result<Option<f32>, ConfigError> {
    #[allow(clippy::cast_possible_truncation)] // rounding to the runtime's precision is the purpose
    fields.typed(field, expected, |value| {
        value.as_f64().filter(|&value| is_allowed(value)).map(|value| value as f32)
    })
}

//! How `config.json` says where positions turn, in two spellings that may stand beside each other.
//!
//! Until 2025 `rope_scaling` held the kind of scaling beside a `rope_theta` of its own; since then `rope_parameters`
//! holds both. Inside, the kind is `rope_type` or, older, `type`. Model cards tell people to add `rope_scaling` to
//! whatever stands in the file, and `transformers` then ignores `rope_parameters`. Here all that a file says must
//! agree: a person who wrote two different things finds out now.

use super::config::{SCALING_RANGE, THETA_RANGE, in_range};
use super::config_error::ConfigError;
use super::fields::Fields;
use super::files::shortened;
use crate::rope::{Llama3Scaling, Rope};

/// The sections, the newer one first.
const SECTIONS: [&str; 2] = ["rope_parameters", "rope_scaling"];
const KINDS: [&str; 2] = ["rope_type", "type"];
const THETA: &str = "rope_theta";
const ORIGINAL: &str = "original_max_position_embeddings";
const PART: &str = "partial_rotary_factor";
/// `rope_theta` where nothing says it.
const DEFAULT_THETA: f64 = 10_000.0;

/// What one section says.
struct Section<'a> {
    fields: Fields<'a>,
    kind: &'a str,
    scaling: Option<Llama3Scaling>,
}

/// Reads every spelling and checks that they agree.
///
/// # Errors
/// [`ConfigError::Unsupported`] for kinds of scaling other than `llama3`, by name;
/// [`ConfigError::ContradictsItself`] where two spellings differ; those of single fields.
pub(super) fn read(config: &Fields<'_>, max_position_embeddings: usize) -> Result<Rope, ConfigError> {
    check_whole_head(config)?;
    let mut sections = Vec::new();
    for name in SECTIONS {
        if let Some(fields) = config.section(name)?.filter(|fields| !fields.is_empty()) {
            sections.push(section(config, fields, max_position_embeddings)?);
        }
    }
    if let [first, second] = sections.as_slice() {
        agree((&first.fields, "rope_type", first.kind), (&second.fields, "rope_type", second.kind))?;
        if let (Some(one), Some(other)) = (&first.scaling, &second.scaling) {
            for ((field, one), (_, other)) in numbers(one).into_iter().zip(numbers(other)) {
                agree((&first.fields, field, one), (&second.fields, field, other))?;
            }
        }
    }
    let scaling = sections.first().and_then(|section| section.scaling);
    Ok(Rope { theta: theta(config, &sections)?, scaling })
}

/// The kind, and the numbers that go with it.
fn section<'a>(
    config: &Fields<'a>,
    fields: Fields<'a>,
    max_position_embeddings: usize,
) -> Result<Section<'a>, ConfigError> {
    let unsupported = |field: &str, found: &str, supported| ConfigError::Unsupported {
        path: fields.path().into(),
        field: fields.name(field),
        found: shortened(found),
        supported,
    };
    check_whole_head(&fields)?;
    let [new, old] = [fields.text(KINDS[0])?, fields.text(KINDS[1])?];
    if let (Some(new), Some(old)) = (new, old) {
        agree((&fields, KINDS[0], new), (&fields, KINDS[1], old))?;
    }
    let kind = new.or(old).unwrap_or("default");
    let scaling = match kind {
        "default" => match fields.nested() {
            Some(layers) => {
                return Err(unsupported(layers, "values of its own", "one setting for all layers"));
            }
            None => None,
        },
        "llama3" => Some(llama3(config, &fields, max_position_embeddings)?),
        other => {
            let field = if new.is_some() { KINDS[0] } else { KINDS[1] };
            return Err(unsupported(field, other, "default, llama3"));
        }
    };
    Ok(Section { fields, kind, scaling })
}

fn llama3(
    config: &Fields<'_>,
    fields: &Fields<'_>,
    max_position_embeddings: usize,
) -> Result<Llama3Scaling, ConfigError> {
    let factor = |field: &str| {
        let missing = || ConfigError::Missing { path: fields.path().into(), field: fields.name(field) };
        in_range(fields, field, fields.number(field)?.ok_or_else(missing)?, SCALING_RANGE)
    };
    let [low, high] = [factor("low_freq_factor")?, factor("high_freq_factor")?];
    if low >= high {
        return Err(ConfigError::Contradiction {
            path: fields.path().into(),
            field: fields.name("low_freq_factor"),
            value: low.to_string(),
            rule: "less than high_freq_factor",
            other: high.to_string(),
        });
    }
    let inside = fields.number(ORIGINAL)?;
    let outside = config.number(ORIGINAL)?;
    if let (Some(inside), Some(outside)) = (inside, outside) {
        agree((fields, ORIGINAL, inside), (config, ORIGINAL, outside))?;
    }
    #[allow(clippy::cast_precision_loss)] // below 2^24
    let original = inside.or(outside).unwrap_or(max_position_embeddings as f64);
    Ok(Llama3Scaling {
        factor: factor("factor")?,
        low_freq_factor: low,
        high_freq_factor: high,
        original_max_position_embeddings: in_range(fields, ORIGINAL, original, (1.0, 1e8))?,
    })
}

fn numbers(scaling: &Llama3Scaling) -> [(&'static str, f64); 4] {
    let &Llama3Scaling { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } =
        scaling;
    [
        ("factor", factor),
        ("low_freq_factor", low_freq_factor),
        ("high_freq_factor", high_freq_factor),
        (ORIGINAL, original_max_position_embeddings),
    ]
}

/// `rope_theta` of all places. Where both sections stand, `transformers` reads `rope_scaling` alone, and without a
/// theta there or outside of them takes the default: a theta in `rope_parameters` must be that one.
fn theta(config: &Fields<'_>, sections: &[Section<'_>]) -> Result<f64, ConfigError> {
    let mut stated = Vec::new();
    if let Some(theta) = config.number(THETA)? {
        stated.push((config, theta));
    }
    let implied = [None, stated.is_empty().then_some(DEFAULT_THETA)];
    for (section, implied) in sections.iter().zip(implied) {
        if let Some(theta) = section.fields.number(THETA)?.or(implied) {
            stated.push((&section.fields, theta));
        }
    }
    let Some(&(first, theta)) = stated.first() else { return Ok(DEFAULT_THETA) };
    for &(fields, other) in &stated {
        agree((first, THETA, theta), (fields, THETA, other))?;
    }
    in_range(first, THETA, theta, THETA_RANGE)
}

/// Every element of a head turns.
fn check_whole_head(fields: &Fields<'_>) -> Result<(), ConfigError> {
    match fields.number(PART)?.filter(|&factor| factor != 1.0) {
        None => Ok(()),
        Some(factor) => Err(ConfigError::Unsupported {
            path: fields.path().into(),
            field: fields.name(PART),
            found: factor.to_string(),
            supported: "1",
        }),
    }
}

/// Two fields that mean one setting have one value.
fn agree<T: PartialEq + ToString>(
    (fields, field, value): (&Fields<'_>, &str, T),
    (other_fields, other_field, other): (&Fields<'_>, &str, T),
) -> Result<(), ConfigError> {
    if value == other {
        return Ok(());
    }
    Err(ConfigError::ContradictsItself {
        path: fields.path().into(),
        field: fields.name(field),
        value: shortened(&value.to_string()).into(),
        other_field: other_fields.name(other_field),
        other: shortened(&other.to_string()).into(),
    })
}

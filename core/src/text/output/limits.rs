//! What is looked at before llguidance sees a form: it descends into what it reads, and a stack that is used up would end
//! the process. Its own limits bound the work that remains.

use llguidance::api::ParserLimits;
use serde_json::Value;
use wheelwork_package::budget::{Exhausted, OUTPUT_PROPERTIES};

use super::error::OutputError;
use super::weight;

/// The longest form, in bytes.
pub const FORM_BYTES_LIMIT: usize = 256 << 10;
/// The deepest nesting of brackets.
pub const NESTING_LIMIT: usize = 64;
/// The most rules and terminals of a grammar, counted by colons wherever they stand. A rule that names a rule that names
/// a rule is followed to its end.
pub const DEFINITIONS_LIMIT: usize = 500;

/// The work that is granted, in llguidance's units; times are its authors' figures.
pub(super) fn parser_limits() -> ParserLimits {
    ParserLimits {
        // Of a whole mask: 7 ms and 2.5 ms. A mask of an ordinary schema takes a hundredth of it.
        step_lexer_fuel: 100_000,
        step_max_items: 50_000,
        // Of compiling: 20 ms, and some megabytes.
        initial_lexer_fuel: 1_000_000,
        max_grammar_size: 500_000,
        max_items_in_row: 2_000,
        // 1 to 2 kB each.
        max_lexer_states: 50_000,
        precompute_large_lexemes: true,
        // They would hold the answer.
        verbose_errors: false,
    }
}

/// Looks at a grammar.
pub(super) fn check_grammar(text: &str) -> Result<(), OutputError> {
    check_text(text)?;
    let (definitions, limit) = (definitions_of(text), DEFINITIONS_LIMIT);
    if definitions > limit {
        return Err(OutputError::TooManyDefinitions { definitions, limit });
    }
    // Schemas may stand in a grammar.
    for (start, name) in text.match_indices("%json") {
        let schema =
            serde_json::Deserializer::from_str(&text[start + name.len()..]).into_iter::<Value>().next();
        if let Some(Ok(schema)) = schema {
            check_schemas(std::iter::once(&schema))?;
        }
    }
    weight::check_intersections(text)
}

/// Looks at schemas, which together are a form.
pub(super) fn check_schemas<'s>(schemas: impl Iterator<Item = &'s Value>) -> Result<(), OutputError> {
    let (mut bytes, mut properties) = (0_usize, 0_usize);
    for schema in schemas {
        check_depth(depth_of(schema))?;
        properties = properties.saturating_add(weight::properties_of(schema));
        if properties as u64 > OUTPUT_PROPERTIES.number {
            return Err(OutputError::Compiling(Exhausted::Limit(OUTPUT_PROPERTIES)));
        }
        weight::check_multiples(schema)?;
        weight::check(schema)?;
        bytes = bytes.saturating_add(schema.to_string().len());
        check_bytes(bytes)?;
    }
    Ok(())
}

/// Looks at a form as text.
pub(super) fn check_text(text: &str) -> Result<(), OutputError> {
    check_bytes(text.len())?;
    // Brackets within strings count as well: a text that closes fewer than it opens is refused for it early.
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        check_depth(depth)?;
    }
    Ok(())
}

fn check_bytes(bytes: usize) -> Result<(), OutputError> {
    let limit = FORM_BYTES_LIMIT;
    if bytes > limit { Err(OutputError::TooLarge { bytes, limit }) } else { Ok(()) }
}

fn check_depth(depth: usize) -> Result<(), OutputError> {
    let limit = NESTING_LIMIT;
    if depth > limit { Err(OutputError::TooDeep { depth, limit }) } else { Ok(()) }
}

/// How deep a value is nested, or one more than the limit: it is not looked at further.
fn depth_of(value: &Value) -> usize {
    let mut level: Vec<&Value> = vec![value];
    let mut depth = 0;
    while !level.is_empty() && depth <= NESTING_LIMIT {
        depth += 1;
        level = level.into_iter().flat_map(children_of).collect();
    }
    depth
}

fn children_of(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

/// At least as many as the grammar has rules and terminals: each has a colon.
fn definitions_of(text: &str) -> usize {
    text.matches(':').count()
}

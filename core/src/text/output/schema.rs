//! Schemas as llguidance gets them.

use serde_json::{Value, json};

/// Between two parts of JSON: a space, or a line's end and the next one's indentation. Without a bound a model that has
/// lost its way writes spaces until its tokens run out.
const JSON_WHITESPACE: &str = " |\\r?\\n[ \\t]{0,20}";
/// Where a schema says how llguidance is to treat it.
const LIBRARY_OPTIONS: &str = "x-guidance";

/// A schema with our bound on whitespace, unless it sets options of its own.
pub(crate) fn with_options(schema: &Value) -> Value {
    let mut fields = match schema {
        Value::Object(fields) => fields.clone(),
        Value::Bool(true) => serde_json::Map::new(),
        other => return other.clone(),
    };
    fields.entry(LIBRARY_OPTIONS).or_insert_with(|| json!({ "whitespace_pattern": JSON_WHITESPACE }));
    let mut schema = Value::Object(fields);
    bound_numbers(&mut schema);
    schema
}

/// The least bound of whole numbers that llguidance can negate: schemas of 64 bits name one below it. A bound that is
/// tighter holds the answer to the schema as well.
const LEAST: f64 = -9.2e18;

/// Raises bounds below [`LEAST`] to it, except in data.
fn bound_numbers(value: &mut Value) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                for (field, value) in fields {
                    match (field.as_str(), value.as_f64()) {
                        ("minimum" | "exclusiveMinimum", Some(bound)) if bound < LEAST => {
                            *value = json!(LEAST);
                        }
                        ("const" | "enum" | "default" | "examples", _) => {}
                        _ => open.push(value),
                    }
                }
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_64_bits_are_kept_and_data_stays_as_it_is() {
        let schema = json!({"properties": {"a": {"minimum": i64::MIN}, "b": {"const": {"minimum": -1e300}}}});
        let bound = with_options(&schema);
        assert_eq!(bound["properties"]["a"]["minimum"], json!(LEAST));
        assert_eq!(bound["properties"]["b"], schema["properties"]["b"]);
        assert_eq!(with_options(&json!({"minimum": -1e300}))["minimum"], json!(LEAST));
    }
}

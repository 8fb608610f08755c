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
    Value::Object(fields)
}

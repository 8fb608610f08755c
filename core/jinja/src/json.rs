//! JSON to values and back, as Python's `json.dumps` writes it.

use std::fmt::Write as _;
use std::sync::Arc;

use wheelwork_package::budget::Budget;

use crate::compare::sorted;
use crate::error::{Failure, Outcome};
use crate::print::{float, is_stand_in, push};
use crate::value::{SequenceKind, Value, take_text};

/// A value of JSON.
pub(crate) fn from_json(budget: &Budget, json: &serde_json::Value) -> Outcome<Value> {
    use serde_json::Value as Json;
    Ok(match json {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(float)) if !number.is_u64() => Value::Float(float),
            _ => return Err(Failure::unsupported("an integer beyond 64 bits")),
        },
        // The caller pays for the texts that it brings.
        Json::String(text) => Value::Text(Arc::from(text.as_str())),
        Json::Array(items) => {
            let items: Outcome<_> = items.iter().map(|item| from_json(budget, item)).collect();
            Value::list(budget, items?)?
        }
        Json::Object(fields) => {
            let entry = |(key, value): (&String, _)| Ok((Value::word(key), from_json(budget, value)?));
            let entries: Outcome<_> = fields.iter().map(entry).collect();
            Value::map(budget, entries?)?
        }
    })
}

/// The options of `json.dumps`.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) ascii: bool,
    /// What a level is indented by; without, all stands in one line.
    pub(crate) indent: Option<String>,
    pub(crate) item_separator: String,
    pub(crate) key_separator: String,
    pub(crate) sort_keys: bool,
}

/// `json.dumps(value)`.
pub(crate) fn to_json(budget: &Budget, style: &Style, value: &Value) -> Outcome<String> {
    let mut output = String::new();
    write(budget, style, value, 0, &mut output)?;
    Ok(output)
}

fn write(budget: &Budget, style: &Style, value: &Value, depth: usize, output: &mut String) -> Outcome<()> {
    match value {
        Value::None => push(budget, "null", output),
        Value::Bool(value) => push(budget, if *value { "true" } else { "false" }, output),
        Value::Integer(number) => push(budget, &number.to_string(), output),
        Value::Float(number) => push(budget, &json_float(*number), output),
        Value::Text(text) | Value::Markup(text) => {
            // An escaped character takes six bytes for one.
            take_text(budget, text.len())?;
            let before = output.len();
            quote(text, style.ascii, output);
            take_text(budget, (output.len() - before).saturating_sub(text.len()))
        }
        Value::Sequence(sequence)
            if matches!(sequence.kind, SequenceKind::List | SequenceKind::Tuple | SequenceKind::Group) =>
        {
            push(budget, "[", output)?;
            for (index, item) in sequence.items.iter().enumerate() {
                separate(budget, style, index, depth, output)?;
                write(budget, style, item, depth + 1, output)?;
            }
            close(budget, style, sequence.items.is_empty(), depth, "]", output)
        }
        Value::Map(map) => {
            push(budget, "{", output)?;
            let order = if style.sort_keys {
                let keys: Vec<_> = map.entries.iter().map(|(key, _)| key.clone()).collect();
                sorted(budget, &keys, false)?
            } else {
                (0..map.entries.len()).collect()
            };
            let entries = order.iter().filter_map(|index| map.entries.get(*index));
            for (index, (key, value)) in entries.enumerate() {
                separate(budget, style, index, depth, output)?;
                quote_key(budget, style, key, output)?;
                push(budget, &style.key_separator, output)?;
                write(budget, style, value, depth + 1, output)?;
            }
            close(budget, style, map.entries.is_empty(), depth, "}", output)
        }
        _ => Err(Failure::failed(format!("a value of type {} can't be written as JSON", value.type_name()))),
    }
}

fn separate(budget: &Budget, style: &Style, index: usize, depth: usize, output: &mut String) -> Outcome<()> {
    if index > 0 {
        push(budget, &style.item_separator, output)?;
    }
    new_line(budget, style, depth + 1, output)
}

fn close(
    budget: &Budget,
    style: &Style,
    is_empty: bool,
    depth: usize,
    end: &str,
    output: &mut String,
) -> Outcome<()> {
    if !is_empty {
        new_line(budget, style, depth, output)?;
    }
    push(budget, end, output)
}

fn new_line(budget: &Budget, style: &Style, depth: usize, output: &mut String) -> Outcome<()> {
    let Some(indent) = &style.indent else { return Ok(()) };
    push(budget, "\n", output)?;
    (0..depth).try_for_each(|_| push(budget, indent, output))
}

fn quote_key(budget: &Budget, style: &Style, key: &Value, output: &mut String) -> Outcome<()> {
    match key {
        Value::Text(_) | Value::Markup(_) => write(budget, style, key, 0, output),
        Value::None | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
            push(budget, "\"", output)?;
            write(budget, style, key, 0, output)?;
            push(budget, "\"", output)
        }
        _ => Err(Failure::failed(format!("a key of type {} can't be written as JSON", key.type_name()))),
    }
}

fn json_float(number: f64) -> String {
    match float(number).as_str() {
        "nan" => "NaN".to_owned(),
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        plain => plain.to_owned(),
    }
}

fn quote(text: &str, ascii: bool, output: &mut String) {
    output.push('"');
    for char in text.chars() {
        match char {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            '\x08' => output.push_str("\\b"),
            '\x0c' => output.push_str("\\f"),
            '\0'..='\x1f' => escape(char, output),
            _ if ascii && !(' '..='~').contains(&char) && !is_stand_in(char) => escape(char, output),
            _ => output.push(char),
        }
    }
    output.push('"');
}

fn escape(char: char, output: &mut String) {
    for unit in char.encode_utf16(&mut [0; 2]) {
        // Writing to a text can't fail.
        let _ = write!(output, "\\u{unit:04x}");
    }
}

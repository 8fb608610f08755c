//! Values as text, as Python's `str` and `repr` write them.

use wheelwork_package::budget::Budget;

use crate::error::{Failure, Outcome};
use crate::value::{Object, SequenceKind, Value, take_text};

/// `str(value)`.
pub(crate) fn print(budget: &Budget, value: &Value, output: &mut String) -> Outcome<()> {
    match value {
        Value::Undefined(_) => Ok(()),
        Value::Text(text) | Value::Markup(text) => push(budget, text, output),
        _ => represent(budget, value, output),
    }
}

/// `str(value)` as a text of its own.
pub(crate) fn printed(budget: &Budget, value: &Value) -> Outcome<String> {
    let mut output = String::new();
    print(budget, value, &mut output)?;
    Ok(output)
}

/// `repr(value)`.
pub(crate) fn represent(budget: &Budget, value: &Value, output: &mut String) -> Outcome<()> {
    match value {
        Value::Undefined(_) => push(budget, "Undefined", output),
        Value::None => push(budget, "None", output),
        Value::Bool(true) => push(budget, "True", output),
        Value::Bool(false) => push(budget, "False", output),
        Value::Integer(number) => push(budget, &number.to_string(), output),
        Value::Float(number) => push(budget, &float(*number), output),
        Value::Text(text) => {
            take_text(budget, text.len())?;
            let before = output.len();
            quote(text, output);
            // An escaped character takes up to four bytes for one.
            take_text(budget, (output.len() - before).saturating_sub(text.len()))
        }
        Value::Markup(text) => {
            push(budget, "Markup(", output)?;
            represent(budget, &Value::Text(text.clone()), output)?;
            push(budget, ")", output)
        }
        Value::Sequence(sequence) => {
            let (open, close) = match sequence.kind {
                SequenceKind::List => ("[", "]"),
                SequenceKind::Tuple | SequenceKind::Group if sequence.items.len() == 1 => ("(", ",)"),
                SequenceKind::Tuple | SequenceKind::Group => ("(", ")"),
                SequenceKind::Keys => ("dict_keys([", "])"),
                SequenceKind::Values => ("dict_values([", "])"),
                SequenceKind::Items => ("dict_items([", "])"),
                SequenceKind::Range => return Err(Failure::unsupported("printing a range")),
            };
            push(budget, open, output)?;
            for (index, item) in sequence.items.iter().enumerate() {
                push(budget, if index == 0 { "" } else { ", " }, output)?;
                represent(budget, item, output)?;
            }
            push(budget, close, output)
        }
        Value::Map(map) => {
            push(budget, "{", output)?;
            for (index, (key, value)) in map.entries.iter().enumerate() {
                push(budget, if index == 0 { "" } else { ", " }, output)?;
                represent(budget, key, output)?;
                push(budget, ": ", output)?;
                represent(budget, value, output)?;
            }
            push(budget, "}", output)
        }
        Value::Object(Object::Namespace(_)) => Err(Failure::unsupported("printing a namespace")),
        Value::Generator(_) | Value::Object(_) | Value::Method(_) => {
            Err(Failure::unsupported(format!("printing a {}", value.type_name())))
        }
    }
}

/// A text with what HTML reads as its own replaced.
pub(crate) fn escaped(budget: &Budget, text: &str) -> Outcome<String> {
    take_text(budget, text.len().saturating_mul(5))?;
    let mut output = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => output.push_str("&amp;"),
            '<' => output.push_str("&lt;"),
            '>' => output.push_str("&gt;"),
            '"' => output.push_str("&#34;"),
            '\'' => output.push_str("&#39;"),
            _ => output.push(char),
        }
    }
    Ok(output)
}

/// Appends a text that is paid for.
pub(crate) fn push(budget: &Budget, text: &str, output: &mut String) -> Outcome<()> {
    take_text(budget, text.len())?;
    output.push_str(text);
    Ok(())
}

/// `repr` of a floating-point number: the shortest digits that mean it, with an exponent below 1e-4 and from 1e16 on.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if number != 0.0 && !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => {
            let plain = number.to_string();
            if plain.contains('.') { plain } else { plain + ".0" }
        }
    }
}

fn quote(text: &str, output: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    output.push(quote);
    for char in text.chars() {
        match char {
            '\\' => output.push_str("\\\\"),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            _ if char == quote => output.extend(['\\', char]),
            _ if is_printable(char) => output.push(char),
            _ => output.push_str(&match u32::from(char) {
                code @ 0..=0xff => format!("\\x{code:02x}"),
                code @ 0x100..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    output.push(quote);
}

/// Characters of the two planes of private use are never escaped: the caller may have put them in for others, and takes
/// them out again.
pub(crate) fn is_stand_in(char: char) -> bool {
    char >= '\u{f_0000}'
}

/// As Python's `isprintable`. Rust escapes the same characters, but for some that combine where a text starts with them.
pub(crate) fn is_printable(char: char) -> bool {
    if char.is_ascii() {
        return !char.is_ascii_control();
    }
    let mut text = *b"a\0\0\0\0";
    let bytes = 1 + char.encode_utf8(&mut text[1..]).len();
    is_stand_in(char)
        || std::str::from_utf8(&text[..bytes]).is_ok_and(|text| text.escape_debug().count() == 2)
}

//! Filters for HTML and for addresses.

use wheelwork_package::budget::Budget;

use crate::arguments::Given;
use crate::error::{Failure, Outcome};
use crate::print::{escaped, printed};
use crate::spaces::is_space;
use crate::value::{Value, take_text};

pub(super) fn escape(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    match &value {
        Value::Markup(_) => Ok(value),
        _ => Ok(Value::Markup(escaped(budget, &printed(budget, &value)?)?.into())),
    }
}

pub(super) fn safe(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    Ok(Value::Markup(printed(budget, &value)?.into()))
}

pub(super) fn striptags(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    let text = printed(budget, &value)?;
    if text.contains('&') || text.contains("<!--") {
        return Err(Failure::unsupported("a text with entities or comments"));
    }
    let mut stripped = String::new();
    let mut rest = text.as_str();
    while let Some((before, tag)) = rest.split_once('<') {
        stripped += before;
        match tag.split_once('>') {
            Some((_, after)) => rest = after,
            None => {
                stripped.push('<');
                rest = tag;
                break;
            }
        }
    }
    stripped += rest;
    let words: Vec<&str> = stripped.split(is_space).filter(|word| !word.is_empty()).collect();
    Value::text(budget, words.join(" "))
}

pub(super) fn urlencode(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    if value.as_text().is_some() || !value.is_iterable() {
        return Value::text(budget, quoted(budget, &value, false)?);
    }
    let pairs = match &value {
        Value::Map(map) => map.entries.clone(),
        _ => {
            let mut pairs = Vec::new();
            for pair in &value.iterate(budget)?.items {
                match pair.iterate(budget)?.items.as_slice() {
                    [key, value] => pairs.push((key.clone(), value.clone())),
                    _ => return Err(Failure::failed("an item that is no pair")),
                }
            }
            pairs
        }
    };
    let mut query = String::new();
    for (key, value) in &pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query += &quoted(budget, key, true)?;
        query.push('=');
        query += &quoted(budget, value, true)?;
    }
    Value::text(budget, query)
}

fn quoted(budget: &Budget, value: &Value, is_query: bool) -> Outcome<String> {
    let text = printed(budget, value)?;
    take_text(budget, text.len().saturating_mul(3))?;
    let mut output = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                output.push(char::from(byte));
            }
            b'/' if !is_query => output.push('/'),
            b' ' if is_query => output.push('+'),
            _ => output.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(output)
}

pub(super) fn urlize(_: &Budget, _: Value, _: Given) -> Outcome<Value> {
    Err(Failure::unsupported("making links"))
}

pub(super) fn xmlattr(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [autospace] = given.bind(["autospace"])?;
    let Value::Map(map) = &value else { return Err(Failure::failed("a value that is no dictionary")) };
    let mut attributes = Vec::new();
    for (key, value) in &map.entries {
        if matches!(value, Value::None | Value::Undefined(_)) {
            continue;
        }
        let key = key.as_text().ok_or_else(|| Failure::failed("a key that is no text"))?;
        if key.contains([' ', '\t', '\n', '\r', '\x0b', '\x0c', '/', '>', '=']) {
            return Err(Failure::failed("a character that no attribute's name has"));
        }
        let value = escaped(budget, &printed(budget, value)?)?;
        attributes.push(format!("{}=\"{value}\"", escaped(budget, key)?));
    }
    let has_space = autospace.is_none_or(|autospace| autospace.is_true()) && !attributes.is_empty();
    Value::text(budget, format!("{}{}", if has_space { " " } else { "" }, attributes.join(" ")))
}

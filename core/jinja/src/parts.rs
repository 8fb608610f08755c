//! Parts of a text: found, cut out, taken off its ends, replaced.

use std::collections::HashSet;
use std::sync::Arc;

use wheelwork_package::budget::Budget;

use crate::arguments::{Given, integer, not_none, required, text};
use crate::error::{Failure, Outcome};
use crate::spaces::is_space;
use crate::value::{Value, take_slots, take_text};

/// A text that is not empty.
pub(crate) fn filled(value: &Value) -> Outcome<Arc<str>> {
    let text = text(value)?;
    if text.is_empty() { Err(Failure::failed("an empty separator")) } else { Ok(text) }
}

/// The text without white space, or without these characters, at its ends.
pub(crate) fn trimmed<'t>(text: &'t str, chars: Option<&str>, at_start: bool, at_end: bool) -> &'t str {
    // Each character of the text is looked for in a set, because the characters may be as many as the text's.
    let chars: Option<HashSet<char>> = chars.map(|chars| chars.chars().collect());
    let is_trimmed =
        |char: char| chars.as_ref().map_or_else(|| is_space(char), |chars| chars.contains(&char));
    let text = if at_start { text.trim_start_matches(is_trimmed) } else { text };
    if at_end { text.trim_end_matches(is_trimmed) } else { text }
}

/// `text.replace(old, new, count)`; all where the count is negative.
pub(crate) fn replaced(budget: &Budget, text: &str, old: &str, new: &str, count: i64) -> Outcome<Value> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    // The places are counted before anything grows. An empty text is found before each character and at the end.
    let found = text.matches(old).take(count).count();
    take_text(budget, text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(Value::Text(text.replacen(old, new, count).into()))
}

pub(crate) fn split(budget: &Budget, subject: &str, from_end: bool, given: Given) -> Outcome<Value> {
    let [separator, limit] = given.bind(["sep", "maxsplit"])?;
    let separator = not_none(separator).map(|separator| filled(&separator)).transpose()?;
    let limit = limit.map_or(Ok(-1), |limit| integer(&limit))?;
    // So many parts at most.
    let count = usize::try_from(limit).map_or(usize::MAX, |limit| limit.saturating_add(1));
    // The parts are counted before there is a list of them.
    let places = match &separator {
        Some(separator) => subject.matches(&**separator).count(),
        None => subject.matches(is_space).count(),
    };
    take_slots(budget, places)?;
    let parts: Vec<&str> = match (&separator, from_end) {
        (Some(separator), false) => subject.splitn(count, &**separator).collect(),
        (Some(separator), true) => {
            let mut parts: Vec<_> = subject.rsplitn(count, &**separator).collect();
            parts.reverse();
            parts
        }
        (None, false) => words(subject, count),
        (None, true) => words_from_end(subject, count),
    };
    let parts: Outcome<_> = parts.into_iter().map(|part| Value::text(budget, part.to_owned())).collect();
    Value::list(budget, parts?)
}

/// Words with white space between them; the last has all that is left.
fn words(text: &str, count: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        if words.len() + 1 == count {
            words.push(rest);
            break;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(is_space);
    }
    words
}

fn words_from_end(text: &str, count: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_end_matches(is_space);
    while !rest.is_empty() {
        if words.len() + 1 == count {
            words.push(rest);
            break;
        }
        let start = rest.char_indices().rev().find(|(_, char)| is_space(*char));
        let start = start.map_or(0, |(place, char)| place + char.len_utf8());
        words.push(&rest[start..]);
        rest = rest[..start].trim_end_matches(is_space);
    }
    words.reverse();
    words
}

/// The part of a text between two positions in characters, and where it starts; nothing where the positions are beyond it.
pub(crate) fn part(text: &str, start: Option<Value>, end: Option<Value>) -> Outcome<Option<(usize, &str)>> {
    let (start, end) = (not_none(start), not_none(end));
    if start.is_none() && end.is_none() {
        return Ok(Some((0, text)));
    }
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let bound = |value: Option<Value>, default: i64| {
        let bound = value.map_or(Ok(default), |value| integer(&value))?;
        Ok::<_, Failure>(if bound < 0 { bound.saturating_add(length).max(0) } else { bound })
    };
    let (start, end) = (bound(start, 0)?, bound(end, length)?.min(length));
    if start > end {
        return Ok(None);
    }
    let (start, end) = (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0));
    let byte = |place: usize| text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte);
    Ok(text.get(byte(start)..byte(end)).map(|part| (start, part)))
}

pub(crate) fn search(subject: &str, name: &str, given: Given) -> Outcome<Value> {
    let [wanted, start, end] = given.bind(["sub", "start", "end"])?;
    let wanted = text(&required(wanted)?)?;
    let part = part(subject, start, end)?;
    let number = |number: usize| {
        i64::try_from(number).map(Value::Integer).map_err(|_| Failure::failed("a text that is too long"))
    };
    if name == "count" {
        return number(part.map_or(0, |(_, part)| part.matches(&*wanted).count()));
    }
    let found = part.and_then(|(start, part)| {
        let byte = if name.starts_with('r') { part.rfind(&*wanted) } else { part.find(&*wanted) };
        byte.map(|byte| start + part[..byte].chars().count())
    });
    match found {
        Some(place) => number(place),
        None if name.ends_with("find") => Ok(Value::Integer(-1)),
        None => Err(Failure::failed("the text lacks the part")),
    }
}

//! Methods of texts, lists and dictionaries, as Python's.

use std::sync::Arc;

use wheelwork_package::budget::Budget;

use crate::arguments::{Given, integer, is_on, not_none, pay, required, size, text, within};
use crate::compare::{equal, get};
use crate::error::{Failure, Outcome};
use crate::format::format;
use crate::parts::{filled, part, replaced, search, split, trimmed};
use crate::predicates::is_cased;
use crate::print::{is_printable, push};
use crate::spaces::{capitalized, centered, is_space, lines};
use crate::value::{Map, Sequence, SequenceKind, Value, take_look, take_slots, take_text};

/// Calls a method that was looked up before.
pub(crate) fn call(budget: &Budget, receiver: &Value, name: &str, given: Given) -> Outcome<Value> {
    pay(budget, receiver)?;
    given.pay(budget)?;
    let result = match receiver {
        Value::Text(text) => text_method(budget, text, name, given),
        Value::Sequence(sequence) => sequence_method(budget, sequence, name, given),
        Value::Map(map) => map_method(budget, map, name, given),
        _ => Err(Failure::failed("a value without methods")),
    };
    result.map_err(|failure| within(failure, name))
}

fn map_method(budget: &Budget, map: &Map, name: &str, given: Given) -> Outcome<Value> {
    if name == "get" {
        let [key, default] = given.bind(["key", "default"])?;
        let found = get(budget, map, &required(key)?)?.cloned();
        return Ok(found.or(default).unwrap_or(Value::None));
    }
    given.none()?;
    let entries = map.entries.iter();
    match name {
        "items" => {
            let pair = |(key, value): &(Value, Value)| Value::tuple(budget, vec![key.clone(), value.clone()]);
            let pairs: Outcome<_> = entries.map(pair).collect();
            Value::sequence(budget, SequenceKind::Items, pairs?)
        }
        "keys" => Value::sequence(budget, SequenceKind::Keys, entries.map(|(key, _)| key.clone()).collect()),
        "values" => {
            Value::sequence(budget, SequenceKind::Values, entries.map(|(_, value)| value.clone()).collect())
        }
        _ => Value::map(budget, map.entries.clone()),
    }
}

fn sequence_method(budget: &Budget, sequence: &Sequence, name: &str, given: Given) -> Outcome<Value> {
    if name == "copy" {
        given.none()?;
        return Value::list(budget, sequence.items.clone());
    }
    let [item] = given.bind(["value"])?;
    let item = required(item)?;
    let mut count = 0;
    for (place, found) in (0..).zip(&sequence.items) {
        if equal(budget, found, &item)? {
            if name == "index" {
                return Ok(Value::Integer(place));
            }
            count += 1;
        }
    }
    if name == "index" { Err(Failure::failed("the list lacks the item")) } else { Ok(Value::Integer(count)) }
}

fn text_method(budget: &Budget, subject: &Arc<str>, name: &str, given: Given) -> Outcome<Value> {
    let made = |made: String| Value::text(budget, made);
    let without = |given: Given, value: Value| given.none().map(|()| value);
    let all = |given: Given, is: fn(char) -> bool| {
        without(given, Value::Bool(!subject.is_empty() && subject.chars().all(is)))
    };
    match name {
        "strip" | "lstrip" | "rstrip" => {
            let [chars] = given.bind(["chars"])?;
            let chars = not_none(chars).map(|chars| text(&chars)).transpose()?;
            made(trimmed(subject, chars.as_deref(), name != "rstrip", name != "lstrip").to_owned())
        }
        "split" | "rsplit" => split(budget, subject, name == "rsplit", given),
        "splitlines" => {
            let [keep] = given.bind(["keepends"])?;
            take_slots(budget, subject.matches(char::is_control).count())?;
            let found: Outcome<_> =
                lines(subject, is_on(keep)).into_iter().map(|line| made(line.to_owned())).collect();
            Value::list(budget, found?)
        }
        "partition" | "rpartition" => {
            let [separator] = given.bind(["sep"])?;
            let separator = filled(&required(separator)?)?;
            let found = if name == "partition" {
                subject.split_once(&*separator)
            } else {
                subject.rsplit_once(&*separator)
            };
            let parts = match found {
                Some((before, after)) => [before, &separator, after],
                None if name == "partition" => [subject, "", ""],
                None => ["", "", subject],
            };
            let parts: Outcome<_> = parts.into_iter().map(|part| made(part.to_owned())).collect();
            Value::tuple(budget, parts?)
        }
        "startswith" | "endswith" => {
            let [affix, start, end] = given.bind(["affix", "start", "end"])?;
            let part = part(subject, start, end)?;
            let affixes = match required(affix)? {
                Value::Sequence(affixes) if affixes.kind == SequenceKind::Tuple => affixes.items.clone(),
                affix => vec![affix],
            };
            for affix in affixes {
                let affix = text(&affix)?;
                take_look(budget, affix.len())?;
                let has = part.is_some_and(|(_, part)| {
                    if name == "startswith" { part.starts_with(&*affix) } else { part.ends_with(&*affix) }
                });
                if has {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        "find" | "rfind" | "index" | "rindex" | "count" => search(subject, name, given),
        "replace" => {
            let [old, new, count] = given.bind(["old", "new", "count"])?;
            let count = count.map_or(Ok(-1), |count| integer(&count))?;
            replaced(budget, subject, &text(&required(old)?)?, &text(&required(new)?)?, count)
        }
        "removeprefix" | "removesuffix" => {
            let [affix] = given.bind(["affix"])?;
            let affix = text(&required(affix)?)?;
            let rest = if name == "removeprefix" {
                subject.strip_prefix(&*affix)
            } else {
                subject.strip_suffix(&*affix)
            };
            made(rest.unwrap_or(subject).to_owned())
        }
        "join" => {
            let [items] = given.bind(["iterable"])?;
            let mut output = String::new();
            for (index, item) in required(items)?.iterate(budget)?.items.iter().enumerate() {
                push(budget, if index == 0 { "" } else { subject }, &mut output)?;
                push(budget, &text(item)?, &mut output)?;
            }
            Ok(Value::Text(output.into()))
        }
        "format" => made(format(budget, subject, &given)?),
        "format_map" => {
            let [map] = given.bind(["mapping"])?;
            let Value::Map(map) = required(map)? else { return Err(Failure::failed("needs a dictionary")) };
            let named =
                map.entries.iter().filter_map(|(key, value)| Some((key.as_text()?.clone(), value.clone())));
            made(format(budget, subject, &Given { positional: Vec::new(), named: named.collect() })?)
        }
        "center" | "ljust" | "rjust" => {
            let [width, fill] = given.bind(["width", "fillchar"])?;
            let width = size(&required(width)?)?;
            let fill = fill.map_or(Ok(" ".into()), |fill| text(&fill))?;
            let mut fills = fill.chars();
            let (Some(fill), None) = (fills.next(), fills.next()) else {
                return Err(Failure::failed("fills with one character"));
            };
            take_text(budget, width.saturating_mul(fill.len_utf8()))?;
            let missing = width.saturating_sub(subject.chars().count());
            let filling: String = std::iter::repeat_n(fill, missing).collect();
            made(match name {
                "center" => centered(subject, width, fill),
                "ljust" => format!("{subject}{filling}"),
                _ => format!("{filling}{subject}"),
            })
        }
        "zfill" => {
            let [width] = given.bind(["width"])?;
            let width = size(&required(width)?)?;
            take_text(budget, width)?;
            let zeros = "0".repeat(width.saturating_sub(subject.chars().count()));
            let unsigned = subject.strip_prefix(['-', '+']).unwrap_or(subject);
            made(format!("{}{zeros}{unsigned}", &subject[..subject.len() - unsigned.len()]))
        }
        "expandtabs" => {
            let [width] = given.bind(["tabsize"])?;
            let width = width.map_or(Ok(8), |width| size(&width))?;
            take_text(budget, subject.matches('\t').count().saturating_mul(width))?;
            made(expanded(subject, width))
        }
        "upper" => without(given, made(subject.to_uppercase())?),
        "lower" | "casefold" if name == "lower" || subject.is_ascii() => {
            without(given, made(subject.to_lowercase())?)
        }
        "capitalize" => without(given, made(capitalized(subject))?),
        "title" => without(given, made(titled(subject))?),
        "swapcase" => {
            let swap = |char: char| -> String {
                if char.is_uppercase() {
                    char.to_lowercase().collect()
                } else {
                    char.to_uppercase().collect()
                }
            };
            without(given, made(subject.chars().map(swap).collect())?)
        }
        "isspace" => all(given, is_space),
        "isalpha" => all(given, char::is_alphabetic),
        "isalnum" => all(given, char::is_alphanumeric),
        "isnumeric" => all(given, char::is_numeric),
        "isdigit" | "isdecimal" if subject.is_ascii() => all(given, |char| char.is_ascii_digit()),
        "isascii" => without(given, Value::Bool(subject.is_ascii())),
        "isprintable" => without(given, Value::Bool(subject.chars().all(is_printable))),
        "islower" => without(given, Value::Bool(is_cased(subject, char::is_lowercase))),
        "isupper" => without(given, Value::Bool(is_cased(subject, char::is_uppercase))),
        "istitle" => {
            let has_case = subject.chars().any(|char| char.is_lowercase() || char.is_uppercase());
            without(given, Value::Bool(has_case && titled(subject) == **subject))
        }
        "isidentifier" if subject.is_ascii() => {
            let starts = subject.chars().next().is_some_and(|first| first == '_' || first.is_alphabetic());
            let is_word = subject.chars().all(|char| char == '_' || char.is_alphanumeric());
            without(given, Value::Bool(starts && is_word))
        }
        _ => Err(Failure::unsupported("this method, with this text")),
    }
}

/// Words start behind what has no case.
fn titled(text: &str) -> String {
    let mut titled = String::new();
    let mut is_inside = false;
    for char in text.chars() {
        if is_inside {
            titled.extend(char.to_lowercase());
        } else {
            titled += &capitalized(char.encode_utf8(&mut [0; 4]));
        }
        is_inside = char.is_lowercase() || char.is_uppercase();
    }
    titled
}

fn expanded(text: &str, width: usize) -> String {
    let mut output = String::new();
    let mut column = 0;
    for char in text.chars() {
        match char {
            '\t' => {
                let count = if width == 0 { 0 } else { width - column % width };
                output.extend(std::iter::repeat_n(' ', count));
                column += count;
            }
            _ => {
                output.push(char);
                column = if matches!(char, '\n' | '\r') { 0 } else { column + 1 };
            }
        }
    }
    output
}

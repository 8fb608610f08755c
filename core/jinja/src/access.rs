//! `value.name`, `value[key]` and `value[from:to:step]`, as Jinja's sandbox looks them up.

use wheelwork_package::budget::Budget;

use crate::compare::get;
use crate::error::{Failure, Outcome};
use crate::value::{Object, SequenceKind, Value, take_look, take_slots, take_text};

/// What `methods.rs` does for texts.
const TEXT_METHODS: [&str; 47] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];
const MAP_METHODS: [&str; 5] = ["copy", "get", "items", "keys", "values"];
const LIST_METHODS: [&str; 3] = ["copy", "count", "index"];
/// What would change a value, which templates may not; and what Python has and nobody misses here.
const MAP_REFUSED: [&str; 6] = ["clear", "fromkeys", "pop", "popitem", "setdefault", "update"];
const LIST_REFUSED: [&str; 8] = ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"];
const NUMBER_METHODS: [&str; 9] = [
    "as_integer_ratio",
    "bit_count",
    "bit_length",
    "conjugate",
    "denominator",
    "imag",
    "is_integer",
    "numerator",
    "real",
];

/// An attribute of a value that the renderer does not keep; else an item of that name.
pub(crate) fn attribute(budget: &Budget, value: &Value, name: &str) -> Outcome<Value> {
    if let Some(found) = own_attribute(budget, value, name)? {
        return Ok(found);
    }
    if let Value::Map(map) = value
        && let Some(found) = get(budget, map, &Value::word(name))?
    {
        return Ok(found.clone());
    }
    Ok(missing(value))
}

/// An item; else, where the key is a text, an attribute of that name.
pub(crate) fn item(budget: &Budget, value: &Value, key: &Value) -> Outcome<Value> {
    let found = match value {
        Value::Undefined(words) => return Err(Failure::failed(&**words)),
        Value::Map(map) => match key {
            // Python has the key hashed, and Jinja takes its refusal for a missing item.
            Value::Map(_) => None,
            _ => get(budget, map, key).or_else(|failure| match failure {
                Failure::Failed(_) => Ok(None),
                other => Err(other),
            })?,
        }
        .cloned(),
        Value::Sequence(sequence)
            if !matches!(sequence.kind, SequenceKind::Keys | SequenceKind::Values | SequenceKind::Items) =>
        {
            let place = key.as_integer().and_then(|index| place(index, sequence.items.len()));
            place.and_then(|place| sequence.items.get(place)).cloned()
        }
        Value::Text(text) | Value::Markup(text) => match key.as_integer() {
            Some(index) => {
                take_look(budget, text.len())?;
                let found = place(index, text.chars().count()).and_then(|place| text.chars().nth(place));
                found.map(|char| Value::word(char.encode_utf8(&mut [0; 4])))
            }
            None => None,
        },
        _ => None,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    match key.as_text() {
        Some(name) => Ok(own_attribute(budget, value, name)?.unwrap_or_else(|| missing(value))),
        None => Ok(missing(value)),
    }
}

/// What Python's class of the value has.
pub(crate) fn own_attribute(budget: &Budget, value: &Value, name: &str) -> Outcome<Option<Value>> {
    let method = |known: &[&'static str]| {
        let known = known.iter().find(|known| **known == name);
        known.map(|known| Value::method(budget, value, known)).transpose()
    };
    let refused = |names: &[&str]| names.contains(&name);
    let unsafe_method =
        || Value::undefined(format!("`{name}` would change a value, which a template may not"));
    match value {
        Value::Undefined(words) => Err(Failure::failed(&**words)),
        Value::Map(_) if refused(&MAP_REFUSED) => Ok(Some(unsafe_method())),
        Value::Map(_) => method(&MAP_METHODS),
        Value::Sequence(sequence) => match (sequence.kind, name) {
            (SequenceKind::List, _) if refused(&LIST_REFUSED) => Ok(Some(unsafe_method())),
            (SequenceKind::List, _) => method(&LIST_METHODS),
            (SequenceKind::Group, "grouper") => Ok(sequence.items.first().cloned()),
            (SequenceKind::Group, "list") => Ok(sequence.items.get(1).cloned()),
            (SequenceKind::Tuple | SequenceKind::Group | SequenceKind::Range, _) => {
                method(&["count", "index"])
            }
            _ => Ok(None),
        },
        Value::Text(_) => method(&TEXT_METHODS),
        Value::Markup(_) if TEXT_METHODS.contains(&name) => {
            Err(Failure::unsupported(format!("the method `{name}` of escaped text")))
        }
        Value::Object(Object::Cycler(_)) => method(&["next", "reset"]),
        Value::Object(Object::Loop(_)) => method(&["cycle", "changed"]),
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) if NUMBER_METHODS.contains(&name) => {
            Err(Failure::unsupported(format!("`{name}` of a number")))
        }
        _ => Ok(None),
    }
}

/// Says nothing of the key, which may be text of a message.
fn missing(value: &Value) -> Value {
    Value::undefined(format!("a value of type {} lacks an item", value.type_name()))
}

/// Where an index points, counted from the end where it is negative.
pub(crate) fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let place = if index < 0 { index.checked_add(length)? } else { index };
    if (0..length).contains(&place) { usize::try_from(place).ok() } else { None }
}

/// `value[from:to:step]`; each bound is a value or was left out.
pub(crate) fn slice(budget: &Budget, value: &Value, bounds: &[Option<Value>; 3]) -> Outcome<Value> {
    if let Value::Undefined(words) = value {
        return Err(Failure::failed(&**words));
    }
    let mut numbers = [None; 3];
    for (number, bound) in numbers.iter_mut().zip(bounds) {
        match bound {
            None | Some(Value::None) => {}
            Some(bound) => match bound.as_integer() {
                Some(found) => *number = Some(found),
                None => return Err(Failure::failed("a slice whose bounds are no whole numbers")),
            },
        }
    }
    let step = numbers[2].unwrap_or(1);
    if step == 0 {
        return Err(Failure::failed("a slice with steps of zero"));
    }
    match value {
        Value::Text(text) | Value::Markup(text) => {
            take_text(budget, text.len().saturating_mul(4))?;
            let chars: Vec<char> = text.chars().collect();
            let sliced = places(chars.len(), numbers, step).filter_map(|place| chars.get(place));
            Value::text(budget, sliced.collect())
        }
        Value::Sequence(sequence) if matches!(sequence.kind, SequenceKind::List | SequenceKind::Tuple) => {
            take_slots(budget, sequence.items.len())?;
            let items = &sequence.items;
            let sliced = places(items.len(), numbers, step).filter_map(|place| items.get(place).cloned());
            Value::sequence(budget, sequence.kind, sliced.collect())
        }
        Value::Sequence(sequence) if matches!(sequence.kind, SequenceKind::Range | SequenceKind::Group) => {
            Err(Failure::unsupported(format!("a slice of a {}", value.type_name())))
        }
        _ => Err(Failure::failed(format!("a slice of a value of type {}", value.type_name()))),
    }
}

/// The positions that a slice takes.
fn places(length: usize, [from, to, _]: [Option<i64>; 3], step: i64) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    // The range of positions that a bound can be, which lies one lower for steps back.
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |bound: i64| {
        let place = if bound < 0 { bound.saturating_add(length) } else { bound };
        place.clamp(low, high)
    };
    let (first, end) = if step > 0 { (low, high) } else { (high, low) };
    let (start, end) = (from.map_or(first, bound), to.map_or(end, bound));
    let next = move |place: &i64| place.checked_add(step);
    std::iter::successors(Some(start), next)
        .take_while(move |place| if step > 0 { *place < end } else { *place > end })
        .filter_map(|place| usize::try_from(place).ok())
}

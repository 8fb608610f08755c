//! Functions of the environment, and attributes and methods of the objects that the renderer keeps.

use std::sync::Arc;

use crate::arguments::{Given, integer, required, text};
use crate::compare::{equal, insert};
use crate::date::strftime;
use crate::error::{Failure, Outcome};
use crate::scope::{Kept, Loop, Renderer};
use crate::value::{Object, SequenceKind, Value, take_look, take_slots, take_text};

const FUNCTIONS: [&str; 8] =
    ["cycler", "dict", "joiner", "lipsum", "namespace", "raise_exception", "range", "strftime_now"];

/// As Jinja's sandbox limits ranges.
const MAX_RANGE: i64 = 100_000;

pub(crate) fn function(name: &str) -> Option<Value> {
    let known = FUNCTIONS.iter().find(|known| **known == name);
    known.map(|known| Value::Object(Object::Function(known)))
}

/// `name(given)` for a function of the environment.
pub(crate) fn call(renderer: &mut Renderer<'_>, name: &str, given: Given) -> Outcome<Value> {
    let budget = renderer.budget;
    match name {
        "range" => range(renderer, given),
        "dict" => {
            let mut entries = Vec::new();
            fill(renderer, &mut entries, given)?;
            Value::map(budget, entries)
        }
        "namespace" => {
            let mut entries = Vec::new();
            fill(renderer, &mut entries, given)?;
            let mut attributes = std::collections::BTreeMap::new();
            for (name, value) in entries {
                attributes.insert(attribute_name(&text(&name)?)?, value);
            }
            Ok(Value::Object(Object::Namespace(renderer.keep(Kept::Namespace(attributes))?)))
        }
        "cycler" => {
            let items = given.positional;
            if items.is_empty() || !given.named.is_empty() {
                return Err(Failure::failed("`cycler` needs items"));
            }
            take_slots(budget, items.len())?;
            Ok(Value::Object(Object::Cycler(renderer.keep(Kept::Cycler { items, next: 0 })?)))
        }
        "joiner" => {
            let [separator] = given.bind(["sep"])?;
            let separator = separator.unwrap_or_else(|| Value::word(", "));
            Ok(Value::Object(Object::Joiner(renderer.keep(Kept::Joiner { separator, is_used: false })?)))
        }
        "raise_exception" => {
            let [message] = given.bind(["message"])?;
            let message = required(message)?;
            Err(Failure::Raised(message.as_text().map_or_else(String::new, ToString::to_string)))
        }
        "strftime_now" => {
            let [format] = given.bind(["format"])?;
            let format = text(&required(format)?)?;
            // A letter stands for a date of some twenty.
            take_text(budget, format.len().saturating_mul(32))?;
            Value::text(budget, strftime(renderer.now, &format)?)
        }
        _ => Err(Failure::unsupported(format!("the function `{name}`"))),
    }
}

/// Entries of a dictionary or of pairs, then the named ones.
fn fill(renderer: &Renderer<'_>, entries: &mut Vec<(Value, Value)>, given: Given) -> Outcome<()> {
    let budget = renderer.budget;
    let mut positional = given.positional.into_iter();
    match positional.next() {
        Some(Value::Map(map)) => {
            take_slots(budget, map.entries.len())?;
            entries.clone_from(&map.entries);
        }
        Some(pairs) => {
            for pair in &pairs.iterate(budget)?.items {
                match pair.iterate(budget)?.items.as_slice() {
                    [key, value] => insert(budget, entries, key.clone(), value.clone())?,
                    _ => return Err(Failure::failed("an entry that is no pair")),
                }
            }
        }
        None => {}
    }
    if positional.next().is_some() {
        return Err(Failure::failed("too many arguments"));
    }
    given.named.into_iter().try_for_each(|(name, value)| insert(budget, entries, Value::Text(name), value))
}

/// transformers refuses names that start with an underscore.
pub(crate) fn attribute_name(name: &Arc<str>) -> Outcome<Arc<str>> {
    if name.starts_with('_') {
        return Err(Failure::failed("an attribute of a namespace that starts with `_`"));
    }
    Ok(Arc::clone(name))
}

fn range(renderer: &Renderer<'_>, given: Given) -> Outcome<Value> {
    if !given.named.is_empty() {
        return Err(Failure::failed("`range` has no named arguments"));
    }
    let numbers: Outcome<Vec<_>> = given.positional.iter().map(integer).collect();
    let (start, end, step) = match numbers?.as_slice() {
        [end] => (0, *end, 1),
        [start, end] => (*start, *end, 1),
        [start, end, step] if *step != 0 => (*start, *end, *step),
        _ => return Err(Failure::failed("`range` needs an end, and a start and steps that are not zero")),
    };
    // How many steps fit, in numbers that can't overflow.
    let (distance, step_size) = (i128::from(end) - i128::from(start), i128::from(step));
    let count = if (distance > 0) == (step > 0) && distance != 0 {
        (distance.abs() + step_size.abs() - 1) / step_size.abs()
    } else {
        0
    };
    if count > i128::from(MAX_RANGE) {
        return Err(Failure::failed("a range of more than 100000 numbers"));
    }
    let number = |index: i64| index.checked_mul(step).and_then(|offset| start.checked_add(offset));
    let count = i64::try_from(count).unwrap_or(0);
    let numbers = (0..count).map_while(number).map(Value::Integer).collect();
    Value::sequence(renderer.budget, SequenceKind::Range, numbers)
}

/// An attribute of a kept object. The name may be text of a message, of any length, so it is not told.
pub(crate) fn attribute(renderer: &mut Renderer<'_>, object: Object, name: &str) -> Outcome<Value> {
    let budget = renderer.budget;
    take_look(budget, name.len())?;
    let method = |name| Value::method(budget, &Value::Object(object), name);
    let missing = || Value::undefined("an object lacks an attribute");
    let number = match object {
        Object::Function(_) | Object::Macro(_) | Object::Joiner(_) => {
            return Err(Failure::unsupported("an attribute of a function"));
        }
        Object::Namespace(number) | Object::Loop(number) | Object::Cycler(number) => number,
    };
    match renderer.kept(number)? {
        Kept::Namespace(attributes) => Ok(attributes.get(name).cloned().unwrap_or_else(missing)),
        Kept::Cycler { items, next } => match name {
            "current" => Ok(items.get(*next).cloned().unwrap_or(Value::None)),
            "next" => method("next"),
            "reset" => method("reset"),
            _ => Ok(missing()),
        },
        Kept::Loop(state) => match name {
            "cycle" => method("cycle"),
            "changed" => method("changed"),
            _ => loop_attribute(state, name).map(|found| found.unwrap_or_else(missing)),
        },
        Kept::Macro(..) | Kept::Joiner { .. } => Ok(missing()),
    }
}

fn loop_attribute(state: &Loop<'_>, name: &str) -> Outcome<Option<Value>> {
    let (index, length) = (state.index, state.items.items.len());
    let number = |number: usize| {
        let number = i64::try_from(number).map_err(|_| Failure::failed("a loop that is too long"));
        number.map(|number| Some(Value::Integer(number)))
    };
    let item = |place: Option<usize>| {
        let item = place.and_then(|place| state.items.items.get(place)).cloned();
        Ok(Some(item.unwrap_or_else(|| Value::undefined("there is no such item"))))
    };
    match name {
        "index" => number(index + 1),
        "index0" => number(index),
        "revindex" => number(length - index),
        "revindex0" => number(length - index - 1),
        "first" => Ok(Some(Value::Bool(index == 0))),
        "last" => Ok(Some(Value::Bool(index + 1 == length))),
        "length" => number(length),
        "depth" => number(state.depth + 1),
        "depth0" => number(state.depth),
        "previtem" => item(index.checked_sub(1)),
        "nextitem" => item(index.checked_add(1)),
        _ => Ok(None),
    }
}

/// A method of a kept object.
pub(crate) fn method(
    renderer: &mut Renderer<'_>,
    object: Object,
    name: &str,
    given: Given,
) -> Outcome<Value> {
    let budget = renderer.budget;
    let (Object::Loop(number) | Object::Cycler(number)) = object else {
        return Err(Failure::failed("an object without methods"));
    };
    match (renderer.kept(number)?, name) {
        (Kept::Cycler { items, next }, _) => {
            given.none()?;
            let current = items.get(*next).cloned().unwrap_or(Value::None);
            let is_next = name == "next";
            *next = if is_next { (*next + 1) % items.len().max(1) } else { 0 };
            Ok(if is_next { current } else { Value::None })
        }
        (Kept::Loop(state), "cycle") => {
            let place = state.index.checked_rem(given.positional.len());
            let item = place.and_then(|place| given.positional.get(place)).cloned();
            item.ok_or_else(|| Failure::failed("`cycle` needs items"))
        }
        (Kept::Loop(state), _) => {
            let values = Value::tuple(budget, given.positional)?;
            let is_changed = !state.last.as_ref().map_or(Ok(false), |last| equal(budget, last, &values))?;
            if is_changed {
                state.last = Some(values);
            }
            Ok(Value::Bool(is_changed))
        }
        _ => Err(Failure::failed("an object without methods")),
    }
}

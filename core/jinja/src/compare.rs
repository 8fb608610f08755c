//! Equality, order and membership, each paid for by what it looks at.

use std::cmp::Ordering;
use std::rc::Rc;

use wheelwork_package::budget::Budget;

use crate::error::{Failure, Outcome};
use crate::value::{BYTES_A_STEP, Map, Sequence, SequenceKind, Value, take_items, take_look};

/// `left == right`.
pub(crate) fn equal(budget: &Budget, left: &Value, right: &Value) -> Outcome<bool> {
    budget.take_steps(1)?;
    if let (Some(left), Some(right)) = (left.as_text(), right.as_text()) {
        if left.len() == right.len() {
            take_look(budget, left.len())?;
        }
        return Ok(left == right);
    }
    if let Some(order) = number_order(left, right) {
        return Ok(order == Some(Ordering::Equal));
    }
    match (left, right) {
        (Value::Undefined(_), Value::Undefined(_)) | (Value::None, Value::None) => Ok(true),
        (Value::Sequence(left), Value::Sequence(right)) => equal_sequences(budget, left, right),
        (Value::Map(left), Value::Map(right)) => {
            if left.entries.len() != right.entries.len() {
                return Ok(false);
            }
            for (key, value) in &left.entries {
                let other = get(budget, right, key)?;
                if !other.map_or(Ok(false), |other| equal(budget, value, other))? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Generator(left), Value::Generator(right)) => Ok(Rc::ptr_eq(left, right)),
        (Value::Object(left), Value::Object(right)) => Ok(left == right),
        (Value::Method(left), Value::Method(right)) => {
            Ok(left.1 == right.1 && equal(budget, &left.0, &right.0)?)
        }
        _ => Ok(false),
    }
}

fn equal_sequences(budget: &Budget, left: &Sequence, right: &Sequence) -> Outcome<bool> {
    let kind = |sequence: &Sequence| match sequence.kind {
        SequenceKind::Group => SequenceKind::Tuple,
        kind => kind,
    };
    if kind(left) != kind(right) || left.items.len() != right.items.len() {
        return Ok(false);
    }
    if matches!(left.kind, SequenceKind::Keys | SequenceKind::Items | SequenceKind::Values) {
        return Err(Failure::unsupported("comparing views of dictionaries"));
    }
    for (left, right) in left.items.iter().zip(&right.items) {
        if !equal(budget, left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The order of two numbers: `None` where a value is no number, `Some(None)` where one is NaN.
fn number_order(left: &Value, right: &Value) -> Option<Option<Ordering>> {
    match (left.as_integer(), right.as_integer()) {
        (Some(left), Some(right)) => Some(Some(left.cmp(&right))),
        _ => Some(left.as_float()?.partial_cmp(&right.as_float()?)),
    }
}

/// The order of two values; `None` where neither stands first, as with NaN.
pub(crate) fn order(budget: &Budget, left: &Value, right: &Value) -> Outcome<Option<Ordering>> {
    budget.take_steps(1)?;
    if let (Some(left), Some(right)) = (left.as_text(), right.as_text()) {
        take_look(budget, left.len().min(right.len()))?;
        return Ok(Some(left.cmp(right)));
    }
    if let Some(order) = number_order(left, right) {
        return Ok(order);
    }
    if let Value::Undefined(words) = left {
        return Err(Failure::failed(&**words));
    }
    if let Value::Undefined(words) = right {
        return Err(Failure::failed(&**words));
    }
    match (left, right) {
        (Value::Sequence(left), Value::Sequence(right))
            if left.kind == right.kind && matches!(left.kind, SequenceKind::List | SequenceKind::Tuple) =>
        {
            for (left, right) in left.items.iter().zip(&right.items) {
                if !equal(budget, left, right)? {
                    return order(budget, left, right);
                }
            }
            Ok(Some(left.items.len().cmp(&right.items.len())))
        }
        _ => Err(Failure::failed(format!(
            "values of types {} and {} have no order",
            left.type_name(),
            right.type_name()
        ))),
    }
}

/// `item in container`.
pub(crate) fn contains(budget: &Budget, container: &Value, item: &Value) -> Outcome<bool> {
    match container {
        Value::Text(text) | Value::Markup(text) => {
            let Some(part) = item.as_text() else {
                return Err(Failure::failed(format!("a value of type {} in a text", item.type_name())));
            };
            take_look(budget, text.len().saturating_add(part.len()))?;
            Ok(text.contains(&**part))
        }
        Value::Map(map) => Ok(get(budget, map, item)?.is_some()),
        Value::Generator(generator) => {
            while let Some(found) = generator.next() {
                if equal(budget, &found, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Sequence(sequence) => {
            for found in &sequence.items {
                if equal(budget, found, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Undefined(_) => Ok(false),
        _ => Err(Failure::failed(format!("a value of type {} holds nothing", container.type_name()))),
    }
}

/// The value of a key.
pub(crate) fn get<'m>(budget: &Budget, map: &'m Map, key: &Value) -> Outcome<Option<&'m Value>> {
    take_items(budget, map.entries.len())?;
    check_key(budget, key)?;
    for (found, value) in &map.entries {
        if is_key(budget, found, key)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Sets a key's value, whether it is there or not.
pub(crate) fn insert(
    budget: &Budget,
    entries: &mut Vec<(Value, Value)>,
    key: Value,
    value: Value,
) -> Outcome<()> {
    check_key(budget, &key)?;
    take_items(budget, entries.len())?;
    for (found, old) in entries.iter_mut() {
        if is_key(budget, found, &key)? {
            *old = value;
            return Ok(());
        }
    }
    entries.push((key, value));
    Ok(())
}

/// Whether a key of a dictionary is the one that is looked for. That it is looked at is paid for, not what is in a short
/// text.
fn is_key(budget: &Budget, found: &Value, key: &Value) -> Outcome<bool> {
    match (found.as_text(), key.as_text()) {
        (Some(found), Some(key)) if found.len() == key.len() => {
            budget.take_steps(u64::try_from(key.len()).unwrap_or(u64::MAX) / BYTES_A_STEP)?;
            Ok(found == key)
        }
        (None, None) => equal(budget, found, key),
        _ => Ok(false),
    }
}

/// Refuses what Python can't hash.
pub(crate) fn check_key(budget: &Budget, key: &Value) -> Outcome<()> {
    budget.take_steps(1)?;
    match key {
        Value::Map(_) => Err(Failure::failed("a dictionary can't be a key")),
        Value::Sequence(sequence) => match sequence.kind {
            SequenceKind::Tuple | SequenceKind::Group => {
                sequence.items.iter().try_for_each(|item| check_key(budget, item))
            }
            SequenceKind::Range => Ok(()),
            _ => Err(Failure::failed("a list can't be a key")),
        },
        _ => Ok(()),
    }
}

/// The positions of the keys in their order; stable. A merge sort of our own, because comparing may fail and need not be
/// an order (NaN), at which Rust's may panic.
pub(crate) fn sorted(budget: &Budget, keys: &[Value], is_reversed: bool) -> Outcome<Vec<usize>> {
    let mut places: Vec<usize> = (0..keys.len()).collect();
    let mut width = 1;
    while width < places.len() {
        let mut merged = Vec::with_capacity(places.len());
        for run in places.chunks(width.saturating_mul(2)) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let ([first, ..], [second, ..]) = (left, right) {
                let (before, after) = if is_reversed { (first, second) } else { (second, first) };
                let is_second = order(budget, &keys[*before], &keys[*after])? == Some(Ordering::Less);
                let from = if is_second { &mut right } else { &mut left };
                merged.push(from[0]);
                *from = &from[1..];
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        places = merged;
        width = width.saturating_mul(2);
    }
    Ok(places)
}

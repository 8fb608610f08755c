//! Filters that take items, or values as they are.

use wheelwork_package::budget::Budget;

use crate::access::own_attribute;
use crate::arguments::{Given, is_on, not_none, required, size, text};
use crate::compare::sorted;
use crate::error::{Failure, Outcome};
use crate::value::{Value, take_slots};

pub(super) fn attr(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [name] = given.bind(["name"])?;
    let name = text(&required(name)?)?;
    if let Value::Object(_) = value {
        return Err(Failure::unsupported("an attribute of an object"));
    }
    let found = own_attribute(budget, &value, &name)?;
    Ok(found.unwrap_or_else(|| Value::undefined("an attribute that does not exist")))
}

pub(super) fn default(_: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [default, boolean] = given.bind(["default_value", "boolean"])?;
    let is_default = value.is_undefined() || (is_on(boolean) && !value.is_true());
    Ok(if is_default { default.unwrap_or_else(|| Value::word("")) } else { value })
}

pub(super) fn length(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    let length = i64::try_from(value.length(budget)?);
    length.map(Value::Integer).map_err(|_| Failure::failed("a value that is too long"))
}

pub(super) fn list(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    Value::list(budget, value.iterate(budget)?.items.clone())
}

pub(super) fn first(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    let first = match &value {
        Value::Generator(generator) => generator.next(),
        _ => value.iterate(budget)?.items.first().cloned(),
    };
    Ok(first.unwrap_or_else(|| Value::undefined("the first of nothing")))
}

pub(super) fn last(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    if let Value::Generator(_) = value {
        return Err(Failure::failed("a generator has no last item"));
    }
    let last = value.iterate(budget)?.items.last().cloned();
    Ok(last.unwrap_or_else(|| Value::undefined("the last of nothing")))
}

/// Any item is as random as another; the first makes a prompt that is the same each time.
pub(super) fn random(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    match &value {
        Value::Sequence(_) | Value::Text(_) => first(budget, value, Given::default()),
        _ => Err(Failure::failed(format!("a value of type {}", value.type_name()))),
    }
}

pub(super) fn reverse(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    if let Some(text) = value.as_text() {
        return Value::text(budget, text.chars().rev().collect());
    }
    let items = value.iterate(budget)?.items.iter().rev().cloned().collect();
    if let Value::Generator(_) = value { Value::list(budget, items) } else { Value::generator(budget, items) }
}

pub(super) fn items(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    let entries = match &value {
        Value::Undefined(_) => &[][..],
        Value::Map(map) => &map.entries,
        _ => return Err(Failure::failed("a value that is no dictionary")),
    };
    let pair = |(key, value): &(Value, Value)| Value::tuple(budget, vec![key.clone(), value.clone()]);
    let pairs: Outcome<_> = entries.iter().map(pair).collect();
    Value::generator(budget, pairs?)
}

pub(super) fn dictsort(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [case_sensitive, by, reverse] = given.bind(["case_sensitive", "by", "reverse"])?;
    let by_value = match by.map(|by| text(&by)).transpose()?.as_deref() {
        None | Some("key") => false,
        Some("value") => true,
        Some(_) => return Err(Failure::failed("sorts by `key` or `value`")),
    };
    let Value::Map(map) = &value else { return Err(Failure::failed("a value that is no dictionary")) };
    let ignores_case = !is_on(case_sensitive);
    let mut keys = Vec::new();
    for (key, value) in &map.entries {
        let key = if by_value { value } else { key };
        keys.push(if ignores_case { lower(budget, key)? } else { key.clone() });
    }
    let order = sorted(budget, &keys, is_on(reverse))?;
    let entries = order.into_iter().filter_map(|place| map.entries.get(place));
    let pairs: Outcome<_> =
        entries.map(|(key, value)| Value::tuple(budget, vec![key.clone(), value.clone()])).collect();
    Value::list(budget, pairs?)
}

/// A text in lower case; other values as they are.
pub(super) fn lower(budget: &Budget, value: &Value) -> Outcome<Value> {
    match value.as_text() {
        Some(text) => Value::text(budget, text.to_lowercase()),
        None => Ok(value.clone()),
    }
}

pub(super) fn batch(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [count, fill] = given.bind(["linecount", "fill_with"])?;
    let (count, fill) = (size(&required(count)?)?, not_none(fill));
    let items = value.iterate(budget)?;
    // Python makes one list of all where the count is zero or less, after an empty one.
    if count == 0 {
        return Err(Failure::unsupported("lists of no items"));
    }
    let mut batches = Vec::new();
    for batch in items.items.chunks(count) {
        let mut batch = batch.to_vec();
        if let Some(fill) = &fill {
            take_slots(budget, count - batch.len())?;
            batch.resize(count, fill.clone());
        }
        batches.push(Value::list(budget, batch)?);
    }
    Value::generator(budget, batches)
}

pub(super) fn slice(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [count, fill] = given.bind(["slices", "fill_with"])?;
    let (count, fill) = (size(&required(count)?)?, not_none(fill));
    let sequence = value.iterate(budget)?;
    let mut rest = sequence.items.as_slice();
    if count == 0 {
        return Err(Failure::failed("no slices"));
    }
    take_slots(budget, count)?;
    let (each, longer) = (rest.len() / count, rest.len() % count);
    let mut slices = Vec::new();
    for index in 0..count {
        let (slice, after) = rest.split_at((each + usize::from(index < longer)).min(rest.len()));
        rest = after;
        let mut slice = slice.to_vec();
        if let Some(fill) = fill.as_ref().filter(|_| index >= longer) {
            slice.push(fill.clone());
        }
        slices.push(Value::list(budget, slice)?);
    }
    Value::generator(budget, slices)
}

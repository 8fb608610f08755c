//! Filters that look at an attribute of each item, or call a filter or a test for each.

use std::cmp::Ordering;
use std::sync::Arc;

use wheelwork_package::budget::Budget;

use super::lists::lower;
use crate::access::item;
use crate::arguments::{Given, is_on, not_none, required, text};
use crate::compare::{check_key, equal, order, sorted};
use crate::error::{Failure, Outcome};
use crate::operators::arithmetic;
use crate::predicates;
use crate::print::{print, printed, push};
use crate::syntax::Operator;
use crate::value::{SequenceKind, Value, take_slots};

/// Which attribute of an item is meant, and what is made of it.
struct Getter<'b> {
    budget: &'b Budget,
    parts: Vec<Value>,
    default: Option<Value>,
    ignores_case: bool,
}

impl<'b> Getter<'b> {
    /// An attribute is a name, a path of names and numbers with dots, a number, or nothing: the item itself.
    fn new(budget: &'b Budget, attribute: Option<&Value>, ignores_case: bool) -> Outcome<Self> {
        let part = |part: &str| match part.parse() {
            Ok(number) if part.bytes().all(|byte| byte.is_ascii_digit()) => Value::Integer(number),
            _ => Value::word(part),
        };
        let parts = match attribute {
            None | Some(Value::None) => Vec::new(),
            Some(value) => match value.as_text() {
                Some(path) => {
                    // Each part is a value with a text of its own.
                    take_slots(budget, path.matches('.').count().saturating_add(1).saturating_mul(2))?;
                    path.split('.').map(part).collect()
                }
                None => vec![value.clone()],
            },
        };
        Ok(Self { budget, parts, default: None, ignores_case })
    }

    fn get(&self, value: &Value) -> Outcome<Value> {
        let mut found = value.clone();
        for part in &self.parts {
            if let Value::Object(_) = found {
                return Err(Failure::unsupported("an attribute of an object"));
            }
            found = item(self.budget, &found, part)?;
            if let Some(default) = self.default.as_ref().filter(|_| found.is_undefined()) {
                found = default.clone();
            }
        }
        if self.ignores_case { lower(self.budget, &found) } else { Ok(found) }
    }
}

pub(super) fn map(budget: &Budget, value: Value, mut given: Given) -> Outcome<Value> {
    if !value.is_true() {
        return Value::generator(budget, Vec::new());
    }
    let is_attribute =
        given.positional.is_empty() && given.named.iter().any(|(name, _)| &**name == "attribute");
    let mut mapped = Vec::new();
    if is_attribute {
        let [attribute, default] = given.bind(["attribute", "default"])?;
        let default = not_none(default);
        let getter = Getter { default, ..Getter::new(budget, attribute.as_ref(), false)? };
        for item in &value.iterate(budget)?.items {
            mapped.push(getter.get(item)?);
        }
        return Value::generator(budget, mapped);
    }
    let name = first(&mut given)?;
    for item in &value.iterate(budget)?.items {
        let given = Given { positional: given.positional.clone(), named: given.named.clone() };
        // The name may be text of a message.
        let missing = || "a filter that does not exist".to_owned();
        mapped.push(super::call(budget, &name, item.clone(), given, missing)?);
    }
    Value::generator(budget, mapped)
}

/// Takes the first argument, a name.
fn first(given: &mut Given) -> Outcome<Arc<str>> {
    if given.positional.is_empty() {
        return Err(Failure::failed("needs the name of a filter or an attribute"));
    }
    text(&given.positional.remove(0))
}

/// The items whose test, or whose attribute's, gives `wanted`.
pub(super) fn chosen(
    budget: &Budget,
    value: Value,
    mut given: Given,
    has_attribute: bool,
    wanted: bool,
) -> Outcome<Value> {
    if !value.is_true() {
        return Value::generator(budget, Vec::new());
    }
    let attribute = if has_attribute {
        if given.positional.is_empty() {
            return Err(Failure::failed("needs the name of an attribute"));
        }
        Some(given.positional.remove(0))
    } else {
        None
    };
    let getter = Getter::new(budget, attribute.as_ref(), false)?;
    let test = if given.positional.is_empty() { None } else { Some(first(&mut given)?) };
    let mut found = Vec::new();
    for item in &value.iterate(budget)?.items {
        let subject = getter.get(item)?;
        let passes = match &test {
            None => subject.is_true(),
            Some(test) => {
                let given = Given { positional: given.positional.clone(), named: given.named.clone() };
                let missing = || "a test that does not exist".to_owned();
                predicates::call(budget, test, &subject, given, super::exists, missing)?
            }
        };
        if passes == wanted {
            found.push(item.clone());
        }
    }
    Value::generator(budget, found)
}

pub(super) fn join(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [separator, attribute] = given.bind(["d", "attribute"])?;
    let separator = separator.map_or(Ok(String::new()), |separator| printed(budget, &separator))?;
    let getter = Getter::new(budget, attribute.as_ref(), false)?;
    let mut output = String::new();
    for (index, item) in value.iterate(budget)?.items.iter().enumerate() {
        push(budget, if index == 0 { "" } else { &separator }, &mut output)?;
        print(budget, &getter.get(item)?, &mut output)?;
    }
    Ok(Value::Text(output.into()))
}

pub(super) fn sort(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [reverse, case_sensitive, attribute] = given.bind(["reverse", "case_sensitive", "attribute"])?;
    let ignores_case = !is_on(case_sensitive);
    let attributes = match attribute.as_ref().and_then(Value::as_text) {
        Some(paths) => {
            take_slots(budget, paths.matches(',').count().saturating_add(1).saturating_mul(4))?;
            paths.split(',').map(|path| Some(Value::word(path))).collect()
        }
        None => vec![attribute],
    };
    let getters: Outcome<Vec<_>> =
        attributes.iter().map(|it| Getter::new(budget, it.as_ref(), ignores_case)).collect();
    let getters = getters?;
    let items = value.iterate(budget)?;
    let mut keys = Vec::new();
    for item in &items.items {
        let key: Outcome<_> = getters.iter().map(|getter| getter.get(item)).collect();
        keys.push(Value::list(budget, key?)?);
    }
    let order = sorted(budget, &keys, is_on(reverse))?;
    Value::list(budget, order.into_iter().filter_map(|place| items.items.get(place).cloned()).collect())
}

pub(super) fn unique(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [case_sensitive, attribute] = given.bind(["case_sensitive", "attribute"])?;
    let getter = Getter::new(budget, attribute.as_ref(), !is_on(case_sensitive))?;
    let (mut seen, mut found) = (Vec::<Value>::new(), Vec::new());
    'items: for item in &value.iterate(budget)?.items {
        let key = getter.get(item)?;
        check_key(budget, &key)?;
        for other in &seen {
            if equal(budget, other, &key)? {
                continue 'items;
            }
        }
        seen.push(key);
        found.push(item.clone());
    }
    Value::generator(budget, found)
}

/// The first item that no other one is `wanted` of.
pub(super) fn extreme(budget: &Budget, value: Value, given: Given, wanted: Ordering) -> Outcome<Value> {
    let [case_sensitive, attribute] = given.bind(["case_sensitive", "attribute"])?;
    let getter = Getter::new(budget, attribute.as_ref(), !is_on(case_sensitive))?;
    let mut best: Option<(Value, Value)> = None;
    for item in &value.iterate(budget)?.items {
        let key = getter.get(item)?;
        let is_better = match &best {
            Some((best, _)) => order(budget, &key, best)? == Some(wanted),
            None => true,
        };
        if is_better {
            best = Some((key, item.clone()));
        }
    }
    Ok(best.map_or_else(|| Value::undefined("the least or largest of nothing"), |(_, item)| item))
}

pub(super) fn sum(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [attribute, start] = given.bind(["attribute", "start"])?;
    let getter = Getter::new(budget, attribute.as_ref(), false)?;
    let mut total = start.unwrap_or(Value::Integer(0));
    if total.as_text().is_some() {
        return Err(Failure::failed("can't sum texts"));
    }
    for item in &value.iterate(budget)?.items {
        total = arithmetic(budget, Operator::Add, &total, &getter.get(item)?)?;
    }
    Ok(total)
}

pub(super) fn groupby(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [attribute, default, case_sensitive] = given.bind(["attribute", "default", "case_sensitive"])?;
    let attribute = Some(required(attribute)?);
    let default = not_none(default);
    let getter = |ignores_case| {
        let getter = Getter::new(budget, attribute.as_ref(), ignores_case)?;
        Ok::<_, Failure>(Getter { default: default.clone(), ..getter })
    };
    let (sorting, naming) = (getter(!is_on(case_sensitive))?, getter(false)?);
    let items = value.iterate(budget)?;
    let keys: Outcome<Vec<_>> = items.items.iter().map(|item| sorting.get(item)).collect();
    let keys = keys?;
    let mut groups: Vec<(&Value, Vec<Value>)> = Vec::new();
    for place in sorted(budget, &keys, false)? {
        let (key, item) = (&keys[place], items.items[place].clone());
        match groups.last_mut() {
            Some((last, group)) if equal(budget, last, key)? => group.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    let mut found = Vec::new();
    for (_, group) in groups {
        let name = group.first().map_or(Ok(Value::None), |first| naming.get(first))?;
        let group = Value::list(budget, group)?;
        found.push(Value::sequence(budget, SequenceKind::Group, vec![name, group])?);
    }
    Value::list(budget, found)
}

//! Jinja's tests: what may stand behind `is`.

use std::cmp::Ordering;

use wheelwork_package::budget::Budget;

use crate::arguments::{Given, integer, pay, required, within};
use crate::compare::{check_key, contains, equal, order};
use crate::error::{Failure, Outcome};
use crate::operators::arithmetic;
use crate::print::printed;
use crate::syntax::Operator;
use crate::value::{Object, SequenceKind, Value};

/// What a name behind `is` asks of a value.
enum Test {
    /// How it stands to an argument of this name.
    Beside(&'static str, fn(&Budget, &Value, &Value) -> Outcome<bool>),
    /// Its order beside another value; `None` where there is none.
    Ordered(fn(Option<Ordering>) -> bool),
    /// What it is by itself.
    Alone(fn(&Value) -> bool),
    /// The same, where looking costs more or may fail.
    Examined(fn(&Budget, &Value) -> Outcome<bool>),
    /// Whether a filter has it as a name.
    NamesFilter,
}

fn find(name: &str) -> Option<Test> {
    use Ordering::{Equal, Greater, Less};
    use Test::{Alone, Beside, Examined, NamesFilter, Ordered};
    Some(match name {
        "==" | "eq" | "equalto" => Beside("other", equal),
        "!=" | "ne" => Beside("other", |budget, value, other| Ok(!equal(budget, value, other)?)),
        "<" | "lt" | "lessthan" => Ordered(|order| order == Some(Less)),
        "<=" | "le" => Ordered(|order| matches!(order, Some(Less | Equal))),
        ">" | "gt" | "greaterthan" => Ordered(|order| order == Some(Greater)),
        ">=" | "ge" => Ordered(|order| matches!(order, Some(Greater | Equal))),
        "in" => Beside("other", |budget, value, container| contains(budget, container, value)),
        "sameas" => Beside("other", |_, value, other| same(other, value)),
        "divisibleby" => Beside("num", |budget, value, number| {
            let rest = arithmetic(budget, Operator::Remainder, value, number)?;
            Ok(rest.as_float() == Some(0.0))
        }),
        "defined" => Alone(|value| !value.is_undefined()),
        "undefined" => Alone(Value::is_undefined),
        "none" => Alone(|value| matches!(value, Value::None)),
        "boolean" => Alone(|value| matches!(value, Value::Bool(_))),
        "true" => Alone(|value| matches!(value, Value::Bool(true))),
        "false" => Alone(|value| matches!(value, Value::Bool(false))),
        "integer" => Alone(|value| matches!(value, Value::Integer(_))),
        "float" => Alone(|value| matches!(value, Value::Float(_))),
        "number" => Alone(|value| value.as_float().is_some()),
        "odd" => Examined(|_, value| Ok(!is_even(value)?)),
        "even" => Examined(|_, value| is_even(value)),
        "string" => Alone(|value| value.as_text().is_some()),
        "escaped" => Alone(|value| matches!(value, Value::Markup(_))),
        "mapping" => Alone(|value| matches!(value, Value::Map(_))),
        "sequence" => Alone(|value| match value {
            Value::Sequence(sequence) => {
                !matches!(sequence.kind, SequenceKind::Keys | SequenceKind::Values | SequenceKind::Items)
            }
            Value::Map(_) | Value::Text(_) | Value::Markup(_) | Value::Undefined(_) => true,
            _ => false,
        }),
        "iterable" => Alone(|value| value.is_iterable() || matches!(value, Value::Object(Object::Loop(_)))),
        "callable" => Alone(|value| match value {
            Value::Object(object) => !matches!(object, Object::Namespace(_) | Object::Cycler(_)),
            _ => matches!(value, Value::Method(_) | Value::Undefined(_)),
        }),
        "lower" => Examined(|budget, value| Ok(is_cased(&printed(budget, value)?, char::is_lowercase))),
        "upper" => Examined(|budget, value| Ok(is_cased(&printed(budget, value)?, char::is_uppercase))),
        "filter" => NamesFilter,
        "test" => Examined(|budget, value| is_name(budget, value, exists)),
        _ => return None,
    })
}

pub(crate) fn exists(name: &str) -> bool {
    find(name).is_some()
}

/// `value is name(given)`. Filters use tests, so which filters there are is told by the caller. Where no test has the
/// name, `missing` says what is not supported.
pub(crate) fn call(
    budget: &Budget,
    name: &str,
    value: &Value,
    given: Given,
    is_filter: fn(&str) -> bool,
    missing: impl FnOnce() -> String,
) -> Outcome<bool> {
    let test = find(name).ok_or_else(|| Failure::unsupported(missing()))?;
    pay(budget, value)?;
    given.pay(budget)?;
    let beside = |argument, given: Given| given.bind([argument]).and_then(|[other]| required(other));
    let result = match test {
        Test::Beside(argument, holds) => {
            beside(argument, given).and_then(|other| holds(budget, value, &other))
        }
        Test::Ordered(holds) => {
            beside("other", given).and_then(|other| order(budget, value, &other)).map(holds)
        }
        Test::Alone(holds) => given.none().map(|()| holds(value)),
        Test::Examined(holds) => given.none().and_then(|()| holds(budget, value)),
        Test::NamesFilter => given.none().and_then(|()| is_name(budget, value, is_filter)),
    };
    result.map_err(|failure| within(failure, name))
}

fn is_even(value: &Value) -> Outcome<bool> {
    match value {
        Value::Float(_) => Err(Failure::unsupported("a floating-point number")),
        _ => Ok(integer(value)? % 2 == 0),
    }
}

fn is_name(budget: &Budget, value: &Value, exists: fn(&str) -> bool) -> Outcome<bool> {
    check_key(budget, value)?;
    Ok(value.as_text().is_some_and(|text| exists(text)))
}

/// `islower` or `isupper`: all characters that have a case have this one, and one has.
pub(crate) fn is_cased(text: &str, case: fn(char) -> bool) -> bool {
    let is_cased = |char: &char| char.is_lowercase() || char.is_uppercase();
    let mut cased = text.chars().filter(is_cased).peekable();
    cased.peek().is_some() && cased.all(case)
}

/// The same object, which small numbers and short texts are in Python where they are equal.
fn same(left: &Value, right: &Value) -> Outcome<bool> {
    Ok(match (left, right) {
        (Value::None, Value::None) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Integer(left), Value::Integer(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Sequence(left), Value::Sequence(right)) => std::rc::Rc::ptr_eq(left, right),
        (Value::Map(left), Value::Map(right)) => std::rc::Rc::ptr_eq(left, right),
        (Value::Object(left), Value::Object(right)) => left == right,
        (Value::Float(_), Value::Float(_)) | (Value::Undefined(_), Value::Undefined(_)) => {
            return Err(Failure::unsupported("this type"));
        }
        _ => false,
    })
}

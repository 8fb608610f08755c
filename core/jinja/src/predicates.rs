//! Jinja's tests: what may stand behind `is`.

use wheelwork_package::budget::Budget;

use crate::arguments::{Given, integer, pay, required, within};
use crate::compare::{check_key, contains, equal, order};
use crate::error::{Failure, Outcome};
use crate::operators::arithmetic;
use crate::print::printed;
use crate::syntax::Operator;
use crate::value::{Object, SequenceKind, Value};

const TESTS: [&str; 39] = [
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

pub(crate) fn exists(name: &str) -> bool {
    TESTS.contains(&name)
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
    if !exists(name) {
        return Err(Failure::unsupported(missing()));
    }
    pay(budget, value)?;
    given.pay(budget)?;
    test(budget, name, value, given, is_filter).map_err(|failure| within(failure, name))
}

fn test(
    budget: &Budget,
    name: &str,
    value: &Value,
    given: Given,
    is_filter: fn(&str) -> bool,
) -> Outcome<bool> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let other = |given: Given| given.bind(["other"]).and_then(|[other]| required(other));
    let ordered = |given: Given| order(budget, value, &other(given)?);
    match name {
        "==" | "eq" | "equalto" => return equal(budget, value, &other(given)?),
        "!=" | "ne" => return Ok(!equal(budget, value, &other(given)?)?),
        "<" | "lt" | "lessthan" => return Ok(ordered(given)? == Some(Less)),
        "<=" | "le" => return Ok(matches!(ordered(given)?, Some(Less | Equal))),
        ">" | "gt" | "greaterthan" => return Ok(ordered(given)? == Some(Greater)),
        ">=" | "ge" => return Ok(matches!(ordered(given)?, Some(Greater | Equal))),
        "in" => return contains(budget, &other(given)?, value),
        "sameas" => return same(&other(given)?, value),
        "divisibleby" => {
            let [number] = given.bind(["num"])?;
            let rest = arithmetic(budget, Operator::Remainder, value, &required(number)?)?;
            return Ok(rest.as_float() == Some(0.0));
        }
        _ => given.none()?,
    }
    Ok(match name {
        "defined" => !value.is_undefined(),
        "undefined" => value.is_undefined(),
        "none" => matches!(value, Value::None),
        "boolean" => matches!(value, Value::Bool(_)),
        "true" => matches!(value, Value::Bool(true)),
        "false" => matches!(value, Value::Bool(false)),
        "integer" => matches!(value, Value::Integer(_)),
        "float" => matches!(value, Value::Float(_)),
        "number" => value.as_float().is_some(),
        "odd" | "even" => {
            if let Value::Float(_) = value {
                return Err(Failure::unsupported("a floating-point number"));
            }
            (integer(value)? % 2 == 0) == (name == "even")
        }
        "string" => value.as_text().is_some(),
        "escaped" => matches!(value, Value::Markup(_)),
        "mapping" => matches!(value, Value::Map(_)),
        "sequence" => match value {
            Value::Sequence(sequence) => {
                !matches!(sequence.kind, SequenceKind::Keys | SequenceKind::Values | SequenceKind::Items)
            }
            Value::Map(_) | Value::Text(_) | Value::Markup(_) | Value::Undefined(_) => true,
            _ => false,
        },
        "iterable" => value.is_iterable() || matches!(value, Value::Object(Object::Loop(_))),
        "callable" => {
            let is_object = matches!(value, Value::Object(_) | Value::Method(_) | Value::Undefined(_));
            is_object && !matches!(value, Value::Object(Object::Namespace(_) | Object::Cycler(_)))
        }
        "lower" => is_cased(&printed(budget, value)?, char::is_lowercase),
        "upper" => is_cased(&printed(budget, value)?, char::is_uppercase),
        "filter" | "test" => {
            check_key(budget, value)?;
            let exists = if name == "filter" { is_filter } else { exists };
            value.as_text().is_some_and(|text| exists(text))
        }
        _ => return Err(Failure::unsupported("a test that does not exist")),
    })
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

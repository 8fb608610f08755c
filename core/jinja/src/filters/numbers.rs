//! Filters that make numbers, or text of them.

use wheelwork_package::budget::Budget;

use crate::arguments::{Given, integer, is_on, required, text};
use crate::error::{Failure, Outcome};
use crate::numbers::{parse_float, parse_integer, round_to, truncated};
use crate::value::Value;

pub(super) fn abs(_: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    match &value {
        Value::Float(number) => Ok(Value::Float(number.abs())),
        Value::Undefined(words) => Err(Failure::failed(&**words)),
        _ => {
            let number = integer(&value)?.checked_abs();
            number.map(Value::Integer).ok_or_else(|| Failure::unsupported("an integer beyond 64 bits"))
        }
    }
}

pub(super) fn int(_: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [default, base] = given.bind(["default", "base"])?;
    let default = default.unwrap_or(Value::Integer(0));
    let base = base.map_or(Ok(10), |base| integer(&base))?;
    let number = match &value {
        Value::Undefined(words) => return Err(Failure::failed(&**words)),
        Value::Float(number) => truncated(*number)?,
        _ => match value.as_text() {
            Some(text) => match parse_integer(text, base)? {
                Some(number) => Some(number),
                None => parse_float(text).map_or(Ok(None), truncated)?,
            },
            None => value.as_integer(),
        },
    };
    Ok(number.map_or(default, Value::Integer))
}

pub(super) fn float(_: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [default] = given.bind(["default"])?;
    let number = match (&value, value.as_text()) {
        (Value::Undefined(words), _) => return Err(Failure::failed(&**words)),
        (_, Some(text)) => parse_float(text),
        _ => value.as_float(),
    };
    Ok(number.map_or(default.unwrap_or(Value::Float(0.0)), Value::Float))
}

pub(super) fn round(_: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [precision, method] = given.bind(["precision", "method"])?;
    let precision = precision.map_or(Ok(0), |precision| integer(&precision))?;
    let method = method.map_or(Ok("common".into()), |method| text(&method))?;
    if let Value::Undefined(words) = &value {
        return Err(Failure::failed(&**words));
    }
    let number = required(value.as_float().map(Value::Float))?.as_float().unwrap_or(f64::NAN);
    let is_whole = value.as_integer().filter(|_| precision >= 0);
    match (&*method, is_whole) {
        ("common", Some(whole)) => Ok(Value::Integer(whole)),
        ("common", None) if matches!(value, Value::Float(_)) => round_to(number, precision).map(Value::Float),
        ("common", None) => Err(Failure::unsupported("rounding a whole number to tens")),
        ("ceil" | "floor", _) => {
            let scale = 10f64.powi(i32::try_from(precision.clamp(-400, 400)).unwrap_or(0));
            let scaled = number * scale;
            Ok(Value::Float(if &*method == "ceil" { scaled.ceil() } else { scaled.floor() } / scale))
        }
        _ => Err(Failure::failed("the method must be common, ceil or floor")),
    }
}

pub(super) fn filesizeformat(_: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [binary] = given.bind(["binary"])?;
    let is_binary = is_on(binary);
    let number = match value.as_text() {
        Some(text) => parse_float(text),
        None => value.as_float(),
    };
    let bytes = number.ok_or_else(|| Failure::failed("a value that is no number"))?;
    let base = if is_binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::word("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::word(&format!("{bytes:.0} Bytes", bytes = bytes.trunc())));
    }
    let (mut unit, mut prefix) = (base * base, 'k');
    for next in ['M', 'G', 'T', 'P', 'E', 'Z', 'Y'] {
        if bytes < unit {
            break;
        }
        (unit, prefix) = (unit * base, next);
    }
    let prefix = if is_binary { format!("{}i", prefix.to_ascii_uppercase()) } else { prefix.to_string() };
    Ok(Value::word(&format!("{:.1} {prefix}B", base * bytes / unit)))
}

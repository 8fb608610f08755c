//! Arithmetic, as Python's.

use wheelwork_package::budget::Budget;

use crate::error::{Failure, Outcome};
use crate::percent::percent_format;
use crate::print::escaped;
use crate::syntax::Operator;
use crate::value::{SequenceKind, Value, take_slots, take_text};

/// `left operator right`.
pub(crate) fn arithmetic(budget: &Budget, operator: Operator, left: &Value, right: &Value) -> Outcome<Value> {
    if let (Operator::Remainder, Value::Text(format)) = (operator, left) {
        return percent_format(budget, format, right);
    }
    for value in [left, right] {
        match value {
            Value::Undefined(words) => return Err(Failure::failed(&**words)),
            Value::Markup(_) => return with_markup(budget, operator, left, right),
            _ => {}
        }
    }
    match (operator, left, right) {
        (Operator::Add, Value::Text(left), Value::Text(right)) => {
            take_text(budget, left.len().saturating_add(right.len()))?;
            return Ok(Value::Text([&**left, &**right].concat().into()));
        }
        (Operator::Add, Value::Sequence(left), Value::Sequence(right)) if left.kind == right.kind => {
            if matches!(left.kind, SequenceKind::List | SequenceKind::Tuple) {
                take_slots(budget, left.items.len().saturating_add(right.items.len()))?;
                let items = left.items.iter().chain(&right.items).cloned().collect();
                return Value::sequence(budget, left.kind, items);
            }
        }
        (Operator::Multiply, Value::Text(_) | Value::Sequence(_), times) => {
            if let Some(times) = times.as_integer() {
                return repeat(budget, left, times);
            }
        }
        (Operator::Multiply, times, Value::Text(_) | Value::Sequence(_)) => {
            if let Some(times) = times.as_integer() {
                return repeat(budget, right, times);
            }
        }
        _ => {}
    }
    if let (Some(left), Some(right)) = (left.as_integer(), right.as_integer()) {
        return integers(operator, left, right);
    }
    if let (Some(left), Some(right)) = (left.as_float(), right.as_float()) {
        return floats(operator, left, right);
    }
    let (left, right) = (left.type_name(), right.type_name());
    Err(Failure::failed(format!("an operator on values of types {left} and {right}")))
}

/// What meets escaped text is escaped.
fn with_markup(budget: &Budget, operator: Operator, left: &Value, right: &Value) -> Outcome<Value> {
    let part = |value: &Value| match value {
        Value::Markup(text) => Ok(text.to_string()),
        Value::Text(text) => escaped(budget, text),
        _ => Err(Failure::failed(format!("an operator on escaped text and a {}", value.type_name()))),
    };
    if operator != Operator::Add {
        return Err(Failure::unsupported("an operator other than `+` on escaped text"));
    }
    let text = part(left)? + &part(right)?;
    take_text(budget, text.len())?;
    Ok(Value::Markup(text.into()))
}

/// `-value` or `+value`.
pub(crate) fn sign(sign: char, value: &Value) -> Outcome<Value> {
    match value {
        Value::Undefined(words) => Err(Failure::failed(&**words)),
        Value::Float(number) => Ok(Value::Float(if sign == '-' { -number } else { *number })),
        _ => {
            let number = value.as_integer().ok_or_else(|| {
                Failure::failed(format!("a sign before a value of type {}", value.type_name()))
            })?;
            let signed = if sign == '-' { number.checked_neg() } else { Some(number) };
            signed.map(Value::Integer).ok_or_else(too_large)
        }
    }
}

fn repeat(budget: &Budget, value: &Value, times: i64) -> Outcome<Value> {
    // Python takes what is negative as zero.
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    match value {
        Value::Text(text) => {
            take_text(budget, text.len().saturating_mul(times))?;
            Ok(Value::Text(text.repeat(times).into()))
        }
        Value::Sequence(sequence) if matches!(sequence.kind, SequenceKind::List | SequenceKind::Tuple) => {
            take_slots(budget, sequence.items.len().saturating_mul(times))?;
            let items = std::iter::repeat_n(&sequence.items, times).flatten().cloned().collect();
            Value::sequence(budget, sequence.kind, items)
        }
        _ => Err(Failure::failed(format!("a value of type {} can't be repeated", value.type_name()))),
    }
}

fn integers(operator: Operator, left: i64, right: i64) -> Outcome<Value> {
    let whole = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide | Operator::FloorDivide | Operator::Remainder if right == 0 => {
            return Err(divided_by_zero());
        }
        #[allow(clippy::cast_precision_loss)] // as Python, but for the last digit of huge numbers
        Operator::Divide => return Ok(Value::Float(left as f64 / right as f64)),
        // Rounds to below, and a remainder has the sign of the divisor.
        Operator::FloorDivide => left.checked_div(right).and_then(|quotient| {
            let is_inexact = left.wrapping_rem(right) != 0;
            quotient.checked_sub(i64::from(is_inexact && (left < 0) != (right < 0)))
        }),
        Operator::Remainder => {
            let rest = left.wrapping_rem(right);
            Some(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest })
        }
        #[allow(clippy::cast_precision_loss)]
        Operator::Power if right < 0 => return floats(operator, left as f64, right as f64),
        Operator::Power => u32::try_from(right).ok().and_then(|right| left.checked_pow(right)),
    };
    whole.map(Value::Integer).ok_or_else(too_large)
}

fn floats(operator: Operator, left: f64, right: f64) -> Outcome<Value> {
    if right == 0.0 && matches!(operator, Operator::Divide | Operator::FloorDivide | Operator::Remainder) {
        return Err(divided_by_zero());
    }
    let remainder = || {
        let rest = left % right;
        if rest != 0.0 && (rest < 0.0) != (right < 0.0) { rest + right } else { rest }
    };
    let number = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::FloorDivide => ((left - remainder()) / right).round(),
        Operator::Remainder => remainder(),
        Operator::Power if left == 0.0 && right < 0.0 => return Err(divided_by_zero()),
        Operator::Power if left < 0.0 && right.fract() != 0.0 => {
            return Err(Failure::unsupported("a complex number"));
        }
        Operator::Power => {
            let power = left.powf(right);
            if power.is_infinite() && left.is_finite() && right.is_finite() {
                return Err(Failure::failed("a number is too large"));
            }
            power
        }
    };
    Ok(Value::Float(number))
}

fn divided_by_zero() -> Failure {
    Failure::failed("a division by zero")
}

fn too_large() -> Failure {
    Failure::unsupported("an integer beyond 64 bits")
}

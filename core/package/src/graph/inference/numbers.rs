//! Operators that compute with the whole numbers that shapes come from.

use super::super::GraphError;
use super::super::tensors;
use super::node::Operation;
use super::span::Span;
use super::value::{INT32, INT64, Numbers, Value, broadcast};

/// What an arithmetic node gives.
pub(super) fn infer(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let x = op.input(0)?;
    match op.node.operator {
        "Cast" => cast(op, x),
        "Where" => {
            let (yes, no) = (op.input(1)?, op.input(2)?);
            let value = broadcast(&[x, yes, no]).typed(yes.data_type.or(no.data_type));
            Ok(value.with(both(&yes.numbers, &no.numbers, Span::hull)))
        }
        "Neg" => {
            Ok(x.alike().with(both(&Numbers::Each(vec![Span::exactly(0)]), &x.numbers, |zero, span| {
                zero.corners(span, i64::checked_sub)
            })))
        }
        "Abs" => Ok(x.alike().with(Numbers::All(match x.numbers.hull() {
            span if span.least >= 0 => span,
            // The least number stays what it is.
            span => match span.least.checked_neg() {
                Some(most) => Span { least: 0, most: span.most.max(most) },
                None => Span::ANY,
            },
        }))),
        "Floor" => Ok(x.alike()),
        "Clip" => {
            let limits = [(1, i64::max as fn(i64, i64) -> i64), (2, i64::min)];
            let clipped = limits.into_iter().fold(x.numbers.clone(), |numbers, (index, limit)| {
                let Some(value) = op.given(index) else { return numbers };
                both(&numbers, &value.numbers, |a, b| a.corners(b, |a, b| Some(limit(a, b))))
            });
            Ok(x.alike().with(clipped))
        }
        operator => {
            let all = op.all()?;
            if matches!(operator, "Div" | "Mod") {
                check_divisor(op)?;
            }
            let apply = |a: Span, b: Span| match operator {
                "Add" => a.corners(b, i64::checked_add),
                "Sub" => a.corners(b, i64::checked_sub),
                "Mul" => a.corners(b, i64::checked_mul),
                "Div" if b.is_safe_divisor() => a.corners(b, i64::checked_div),
                // The sign is the divisor's, or the dividend's with `fmod`.
                "Mod" if b.least >= 1 => {
                    Span { least: if a.least < 0 { 1 - b.most } else { 0 }, most: b.most - 1 }
                }
                "Min" => a.corners(b, |a, b| Some(a.min(b))),
                "Max" => a.corners(b, |a, b| Some(a.max(b))),
                _ => Span::ANY,
            };
            let numbers = all.iter().map(|value| value.numbers.clone());
            let numbers = numbers.reduce(|a, b| both(&a, &b, apply)).unwrap_or(Numbers::All(Span::ANY));
            Ok(broadcast(&all).with(numbers))
        }
    }
}

/// Dividing whole numbers ends a process by a signal where the divisor is 0, or -1 below the least number.
fn check_divisor(op: &Operation<'_, '_>) -> Result<(), GraphError> {
    let (dividend, divisor) = (op.input(0)?, op.input(1)?);
    if dividend.is_float() || divisor.is_float() || divisor.numbers.hull().is_safe_divisor() {
        return Ok(());
    }
    let Span { least, most } = divisor.numbers.hull();
    Err(GraphError::Divisor { node: op.node.label(), least, most })
}

fn cast(op: &Operation<'_, '_>, x: &Value) -> Result<Value, GraphError> {
    let to = op.given_int("to").filter(|to| tensors::bits(*to).is_some());
    let to = to.ok_or_else(|| GraphError::Range {
        node: op.node.label(),
        attribute: "to",
        found: op.given_int("to").map_or_else(|| "none".to_owned(), |to| to.to_string()),
        expected: "a type of numbers of 2 to 64 bits",
    })?;
    let hull = x.numbers.hull();
    let fits = match to {
        INT64 => true,
        INT32 => i32::try_from(hull.least).is_ok() && i32::try_from(hull.most).is_ok(),
        _ => (0..=1).contains(&hull.least) && (0..=1).contains(&hull.most),
    };
    let value = x.alike().typed(Some(to));
    Ok(if fits && !x.is_float() { value.with(x.numbers.clone()) } else { value })
}

/// The numbers of two tensors, pair by pair; one number stands for all.
fn both(a: &Numbers, b: &Numbers, apply: impl Fn(Span, Span) -> Span) -> Numbers {
    match (a, b) {
        (Numbers::Each(a), Numbers::Each(b)) if a.len() == b.len() => {
            Numbers::Each(a.iter().zip(b).map(|(a, b)| apply(*a, *b)).collect())
        }
        (Numbers::Each(a), Numbers::Each(b)) if b.len() == 1 => {
            Numbers::Each(a.iter().map(|a| apply(*a, b.first().copied().unwrap_or(Span::ANY))).collect())
        }
        (Numbers::Each(a), Numbers::Each(b)) if a.len() == 1 => {
            Numbers::Each(b.iter().map(|b| apply(a.first().copied().unwrap_or(Span::ANY), *b)).collect())
        }
        _ => Numbers::All(apply(a.hull(), b.hull())),
    }
}

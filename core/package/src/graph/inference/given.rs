//! What is known of a graph before its first node: initialisers, and what a caller binds to inputs.

use super::super::proto::{Inline, Input, Tensor};
use super::span::Span;
use super::value::{FOLLOWED, INT32, INT64, Numbers, Value};

/// What stands in the graph or beside it. Numbers are read where shapes may come from them.
pub(super) fn of_tensor(tensor: &Tensor<'_>) -> Value {
    let dims = tensor.dims.iter().copied().map(Span::exactly).collect();
    let value = Value::new(Some(tensor.data_type), dims);
    let numbers = numbers(tensor).filter(|numbers| numbers.len() as u64 == value.elements);
    let numbers = numbers.map(|numbers| Numbers::each(numbers.into_iter().map(Span::exactly).collect()));
    value.with(numbers.unwrap_or(Numbers::All(Span::ANY)))
}

/// What is bound to an input: a batch of one, and whatever else is free is at most `free`.
pub(super) fn of_input(input: &Input<'_>, free: usize) -> Value {
    let Some(dims) = &input.dims else { return Value::of(input.data_type, u64::MAX) };
    let free = Span::up_to(i64::try_from(free).unwrap_or(i64::MAX));
    let dims = dims.iter().enumerate().map(|(index, dim)| match (dim, index) {
        (Some(dim), _) => Span::exactly(*dim),
        (None, 0) => Span::exactly(1),
        (None, _) => free,
    });
    Value::new(input.data_type, dims.collect())
}

/// The numbers of a small tensor of whole numbers within the graph.
fn numbers(tensor: &Tensor<'_>) -> Option<Vec<i64>> {
    let numbers: Vec<i64> = match (tensor.data_type, &tensor.inline[..]) {
        (INT64, [Inline::Raw(raw)]) if raw.len() <= 8 * FOLLOWED => {
            raw.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
        }
        (INT32, [Inline::Raw(raw)]) if raw.len() <= 4 * FOLLOWED => {
            raw.as_chunks().0.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes))).collect()
        }
        (INT32 | INT64, _) if !tensor.is_external => tensor.ints.clone()?,
        _ => return None,
    };
    Some(numbers)
}

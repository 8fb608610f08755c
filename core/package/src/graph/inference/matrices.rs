//! Products, lookups in quantised tables, and attention.

use super::super::GraphError;
use super::node::Operation;
use super::shapes::gather;
use super::span::Span;
use super::value::{UINT8, Value, broadcast};

/// `MatMul`, and what multiplies two matrices under other names.
pub(super) fn matmul(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let turned = |input: &Value, name: &str| {
        let dims = input.dims.clone().map(|mut dims| {
            let rank = dims.len();
            if op.int(name, 0) != 0 && rank >= 2 {
                dims.swap(rank - 1, rank - 2);
            }
            dims
        });
        input.shaped(dims)
    };
    let (a, b) = (turned(op.input(0)?, "transA"), turned(op.input(1)?, "transB"));
    let any = || Ok(Value::of(a.data_type, a.elements.saturating_mul(b.elements)));
    let is_batched = op.int("transBatchA", 0) != 0 || op.int("transBatchB", 0) != 0;
    let Some([b_batch @ .., b_depth, n]) = b.dims.as_deref().filter(|_| !is_batched) else { return any() };
    // Rows, where the other side is one matrix: all but the depth.
    let depth = b_depth.least.max(a.dim(-1).map_or(1, |dim| dim.least)).max(1).unsigned_abs();
    let rows = (a.elements / depth).saturating_mul(n.size());
    match a.dims.as_deref() {
        Some([batch @ .., _, _]) if b_batch.is_empty() => {
            let m = a.dim(-2).into_iter();
            let dims = batch.iter().copied().chain(m).chain([*n]).collect();
            Ok(Value::of(a.data_type, rows).shaped(Some(dims)))
        }
        Some([batch @ .., m, _]) => {
            let batch = Value::new(None, batch.to_vec());
            let batch = broadcast(&[&batch, &Value::new(None, b_batch.to_vec())]);
            let dims = batch.dims.into_iter().flatten().chain([*m, *n]).collect();
            Ok(Value::new(a.data_type, dims))
        }
        None if b_batch.is_empty() => Ok(Value::of(a.data_type, rows)),
        _ => any(),
    }
}

/// How long the sums of a product are.
pub(super) fn depth(op: &Operation<'_, '_>) -> u64 {
    let axis = if op.int("transA", 0) == 0 { -1 } else { -2 };
    op.given(0).map_or(0, |a| a.dim(axis).map_or(a.elements, Span::size))
}

/// `MatMulNBits`; its attributes are checked by [`super::super::weights`].
pub(super) fn quantized_product(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let x = op.input(0)?;
    let (k, n) = (op.int("K", 1).max(1), op.int("N", 1).max(0));
    let rows = x.elements / k.unsigned_abs();
    let dims = x.dims.as_deref().and_then(|dims| {
        let (_, batch) = dims.split_last()?;
        Some([batch, &[Span::exactly(n)]].concat())
    });
    Ok(Value::of(x.data_type, rows.saturating_mul(n.unsigned_abs())).shaped(dims))
}

/// `GatherBlockQuantized` of a table `[rows, columns]`, whose codes may stand several in a byte.
pub(super) fn quantized_lookup(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let (codes, indices, scales) = (op.input(0)?, op.input(1)?, op.input(2)?);
    let in_a_byte = if codes.data_type == Some(UINT8) { 8 / op.int("bits", 4).clamp(1, 8) } else { 1 };
    let columns = codes.dim(-1).unwrap_or(Span::ANY).corners(Span::exactly(in_a_byte), i64::checked_mul);
    let table = Value::new(scales.data_type, vec![codes.dim(0).unwrap_or(Span::ANY), columns]);
    Ok(gather(&table, indices, 0))
}

/// `GroupQueryAttention`: the cache's tensors are its inputs and outputs at once.
pub(super) fn attention_with_cache(op: &Operation<'_, '_>) -> Result<Vec<Value>, GraphError> {
    let (query, keys, values) = (op.input(0)?, op.input(3)?, op.input(4)?);
    let dims = match op.given(1) {
        Some(_) => query.dims.clone(),
        // Queries, keys and values side by side.
        None => query.dims.as_deref().and_then(|dims| {
            let (packed, rows) = dims.split_last()?;
            let heads = op.int("num_heads", 1).checked_add(op.int("kv_num_heads", 1).checked_mul(2)?)?;
            let head = packed.exact()?.checked_div(heads)?;
            Some([rows, &[Span::exactly(head.checked_mul(op.int("num_heads", 1))?)]].concat())
        }),
    };
    Ok(vec![query.alike().shaped(dims), keys.alike(), values.alike()])
}

/// `MultiHeadAttention`
pub(super) fn attention(op: &Operation<'_, '_>) -> Result<Vec<Value>, GraphError> {
    let query = op.input(0)?;
    let (keys, values) = (op.given(1).unwrap_or(query), op.given(2).unwrap_or(query));
    let out = match (query.dims.as_deref(), values.dim(-1)) {
        (Some([rows @ .., _]), Some(width)) if rows.len() == 2 => {
            Value::new(query.data_type, [rows, &[width]].concat())
        }
        _ => Value::of(query.data_type, query.elements.saturating_mul(values.elements.max(1))),
    };
    let joined = |new: &Value, past: usize| {
        let past = op.given(past).map_or(0, |past| past.elements);
        Value::of(new.data_type, new.elements.saturating_add(past))
    };
    Ok(vec![out, joined(keys, 6), joined(values, 7)])
}

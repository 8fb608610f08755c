//! Operators that give other dimensions than they are given.

use super::super::GraphError;
use super::super::proto::Kind;
use super::given::of_tensor;
use super::node::Operation;
use super::span::Span;
use super::value::{FLOAT, INT64, Numbers, Value, broadcast, place, product};

/// `Shape`
pub(super) fn shape(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let Some(dims) = op.input(0)?.dims.as_deref() else {
        let most = i64::try_from(super::super::limits::DIMENSIONS).unwrap_or(i64::MAX);
        return Ok(Value::new(Some(INT64), vec![Span::up_to(most)]).with(Numbers::All(Span::up_to(i64::MAX))));
    };
    let rank = i64::try_from(dims.len()).unwrap_or(i64::MAX);
    let edge = |name, default| {
        let given = op.int(name, default);
        usize::try_from(if given < 0 { given.saturating_add(rank) } else { given }.clamp(0, rank))
            .unwrap_or(0)
    };
    let kept = dims.get(edge("start", 0)..edge("end", rank)).unwrap_or_default().to_vec();
    let count = i64::try_from(kept.len()).unwrap_or(i64::MAX);
    Ok(Value::new(Some(INT64), vec![Span::exactly(count)]).with(Numbers::each(kept)))
}

/// `Constant`: a tensor, a number or numbers.
pub(super) fn constant(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let [attribute] = &op.node.attributes[..] else { return Err(op.unbounded()) };
    let list = |count: usize| vec![Span::exactly(i64::try_from(count).unwrap_or(i64::MAX))];
    let ints = attribute.ints.iter().copied().map(Span::exactly).collect::<Vec<_>>();
    // ONNX Runtime makes an initialiser of it by its type alone, before it compares that with the name.
    Ok(match (attribute.name, attribute.kind, &attribute.tensor, attribute.int) {
        ("value", Kind::TENSOR, Some(tensor), _) => of_tensor(tensor),
        ("value_int", Kind::INT, _, Some(int)) => {
            Value::new(Some(INT64), Vec::new()).with(Numbers::each(vec![Span::exactly(int)]))
        }
        ("value_ints", Kind::INTS, ..) => Value::new(Some(INT64), list(ints.len())).with(Numbers::each(ints)),
        ("value_float", Kind::FLOAT, ..) => Value::new(Some(FLOAT), Vec::new()),
        ("value_floats", Kind::FLOATS, ..) => Value::new(Some(FLOAT), list(attribute.floats)),
        _ => return Err(op.unbounded()),
    })
}

/// `ConstantOfShape`
pub(super) fn constant_of_shape(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let dims = op.input(0)?.as_list().ok_or_else(|| op.unbounded())?;
    let filled = match op.attribute("value").and_then(|attribute| attribute.tensor.as_ref()) {
        Some(tensor) => of_tensor(tensor),
        None => Value::new(Some(FLOAT), Vec::new()),
    };
    Ok(Value::new(filled.data_type, dims).with(Numbers::All(filled.numbers.hull())))
}

/// `Expand`
pub(super) fn expand(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let (x, shape) = (op.input(0)?, op.input(1)?);
    let dims = shape.as_list().ok_or_else(|| op.unbounded())?;
    let value = broadcast(&[x, &Value::new(x.data_type, dims)]);
    Ok(value.with(Numbers::All(x.numbers.hull())))
}

/// `Tile`
pub(super) fn tile(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let (x, repeats) = (op.input(0)?, op.input(1)?);
    let repeats = repeats.as_list().ok_or_else(|| op.unbounded())?;
    let value = match &x.dims {
        Some(dims) if dims.len() == repeats.len() => {
            let dims = dims.iter().zip(&repeats).map(|(dim, times)| dim.corners(*times, i64::checked_mul));
            Value::new(x.data_type, dims.collect())
        }
        _ => Value::of(x.data_type, x.elements.saturating_mul(product(&repeats))),
    };
    Ok(value.with(Numbers::All(x.numbers.hull())))
}

/// `Range`: `⌈(limit - start) / delta⌉` numbers.
pub(super) fn range(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let (start, limit, delta) = (op.input(0)?, op.input(1)?, op.input(2)?);
    let [first, end, step] = [start, limit, delta].map(|value| value.numbers.hull());
    let distance = if step.least >= 1 {
        end.corners(first, i64::checked_sub)
    } else if step.most <= -1 {
        first.corners(end, i64::checked_sub)
    } else {
        return Err(op.unbounded());
    };
    // The shortest step makes the most of them.
    let shortest =
        if step.least >= 1 { step.least } else { step.most.checked_neg().ok_or_else(|| op.unbounded())? };
    let count = |distance: i64| div_ceil(distance.max(0), shortest);
    let exact = step.exact().is_some();
    let counts = Span { least: if exact { count(distance.least) } else { 0 }, most: count(distance.most) };
    Ok(Value::new(start.data_type, vec![counts]).with(Numbers::All(first.hull(end))))
}

/// Of numbers that are not negative.
fn div_ceil(number: i64, divisor: i64) -> i64 {
    number / divisor + i64::from(number % divisor != 0)
}

/// `Reshape`: 0 copies a dimension, -1 takes what is left.
pub(super) fn reshape(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let (x, shape) = (op.input(0)?, op.input(1)?);
    let Some(wanted) = shape.as_list() else { return Ok(x.shaped(None)) };
    let copies = op.int("allowzero", 0) == 0;
    let mut dims = Vec::with_capacity(wanted.len());
    // What -1 stands for: the input's dimensions that are not copied, divided by the other new ones.
    let mut left = x.dims.clone().unwrap_or_default();
    let (mut divisor, mut is_exact, mut free) = (1_u64, x.dims.is_some(), None);
    for (index, span) in wanted.iter().enumerate() {
        match span.exact() {
            Some(0) if copies => {
                let Some(dim) = x.dims.as_ref().and_then(|dims| dims.get(index).copied()) else {
                    return Ok(x.shaped(None));
                };
                if let Some(copied) = left.get_mut(index) {
                    *copied = Span::exactly(1);
                }
                dims.push(dim);
            }
            Some(-1) => {
                free = Some(index);
                dims.push(Span::exactly(1));
            }
            // It may be -1 or 0 when it runs.
            _ if span.least < 1 => return Ok(x.shaped(None)),
            _ => {
                divisor = divisor.saturating_mul(span.least.unsigned_abs());
                is_exact &= span.exact().is_some();
                dims.push(*span);
            }
        }
    }
    if let Some(free) = free.and_then(|index| dims.get_mut(index)) {
        let elements = if x.dims.is_some() { product(&left) } else { x.elements };
        *free = match elements / divisor {
            rest if is_exact && left.iter().all(|dim| dim.exact().is_some()) => {
                Span::exactly(i64::try_from(rest).unwrap_or(i64::MAX))
            }
            rest => Span::up_to(i64::try_from(rest).unwrap_or(i64::MAX)),
        };
    }
    Ok(x.shaped(Some(dims)))
}

/// `Squeeze`
pub(super) fn squeeze(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let x = op.input(0)?;
    let Some(dims) = &x.dims else { return Ok(x.shaped(None)) };
    let kept = match op.list("axes", 1) {
        None if dims.iter().all(|dim| dim.exact().is_some()) => {
            Some(dims.iter().copied().filter(|dim| dim.exact() != Some(1)).collect())
        }
        Some(Some(axes)) => {
            let gone: Option<Vec<_>> = axes.iter().map(|axis| place(*axis, dims.len())).collect();
            gone.map(|gone| {
                let kept = dims.iter().enumerate().filter(|(index, _)| !gone.contains(index));
                kept.map(|(_, dim)| *dim).collect()
            })
        }
        _ => None,
    };
    Ok(x.shaped(kept))
}

/// `Unsqueeze`
pub(super) fn unsqueeze(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let x = op.input(0)?;
    let (Some(dims), Some(Some(axes))) = (&x.dims, op.list("axes", 1)) else { return Ok(x.shaped(None)) };
    let rank = dims.len() + axes.len();
    let Some(mut new) = axes.iter().map(|axis| place(*axis, rank)).collect::<Option<Vec<_>>>() else {
        return Ok(x.shaped(None));
    };
    new.sort_unstable();
    let mut widened = dims.clone();
    for index in new {
        if index > widened.len() {
            return Ok(x.shaped(None));
        }
        widened.insert(index, Span::exactly(1));
    }
    Ok(x.shaped(Some(widened)))
}

/// `Transpose`
pub(super) fn transpose(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let x = op.input(0)?;
    let turned = x.dims.as_ref().and_then(|dims| match op.attribute("perm") {
        None => Some(dims.iter().rev().copied().collect()),
        Some(perm) => perm.ints.iter().map(|axis| dims.get(place(*axis, dims.len())?).copied()).collect(),
    });
    Ok(x.shaped(turned).with(Numbers::All(x.numbers.hull())))
}

/// `Concat`
pub(super) fn concat(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let all = op.all()?;
    let axis = op.int("axis", 0);
    let elements = all.iter().fold(0_u64, |sum, value| sum.saturating_add(value.elements));
    let mut joined: Option<Vec<Span>> = None;
    for value in &all {
        let (Some(dims), so_far) = (&value.dims, joined.take()) else { break };
        joined = Some(match so_far {
            None => dims.clone(),
            Some(so_far) => {
                let Some(at) = place(axis, dims.len()).filter(|_| so_far.len() == dims.len()) else { break };
                let pairs = so_far.iter().zip(dims).enumerate();
                let dim = |(index, (a, b)): (usize, (&Span, &Span))| match index == at {
                    true => a.corners(*b, i64::checked_add),
                    false if a.exact().is_some() => *a,
                    false => *b,
                };
                pairs.map(dim).collect()
            }
        });
    }
    if !all.iter().all(|value| value.dims.is_some()) {
        joined = None;
    }
    let mut numbers = Some(Vec::new());
    for value in &all {
        numbers = numbers.zip(value.as_list()).map(|(mut numbers, list)| {
            numbers.extend(list);
            numbers
        });
    }
    let hull = all.iter().map(|value| value.numbers.hull()).reduce(Span::hull).unwrap_or(Span::ANY);
    let data_type = all.iter().find_map(|value| value.data_type);
    Ok(Value::of(data_type, elements).shaped(joined).with(numbers.map_or(Numbers::All(hull), Numbers::each)))
}

/// `Split`
pub(super) fn split(op: &Operation<'_, '_>) -> Result<Vec<Value>, GraphError> {
    let x = op.input(0)?;
    let count = op.node.outputs.len();
    let axis = op.int("axis", 0);
    let sizes = op.given(1).map(|sizes| sizes.as_list().filter(|sizes| sizes.len() == count));
    let whole = x.dim(axis);
    Ok((0..count)
        .map(|index| {
            let size = match &sizes {
                Some(sizes) => sizes.as_ref().and_then(|sizes| sizes.get(index).copied()),
                None => whole.and_then(Span::exact).map(|whole| {
                    Span::up_to(div_ceil(whole.max(0), i64::try_from(count).unwrap_or(1).max(1)))
                }),
            };
            let dims = x.dims.as_ref().and_then(|dims| {
                let mut dims = dims.clone();
                let at = place(axis, dims.len())?;
                let dim = dims.get_mut(at)?;
                *dim = match size {
                    Some(size) => Span { least: size.least.max(0), most: size.most.min(dim.most) },
                    None => Span::up_to(dim.most),
                };
                Some(dims)
            });
            x.shaped(dims).with(Numbers::All(x.numbers.hull()))
        })
        .collect())
}

/// `Slice`
pub(super) fn slice(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let x = op.input(0)?;
    let Some(dims) = &x.dims else { return Ok(x.shaped(None)) };
    let list = |index| op.given(index).and_then(Value::as_numbers);
    let (starts, ends) = (list(1), list(2));
    let axes = match op.given(3) {
        None => starts.as_ref().map(|starts| (0..).take(starts.len()).collect()),
        Some(axes) => axes.as_numbers(),
    };
    let steps = match op.given(4) {
        None => starts.as_ref().map(|starts| vec![1; starts.len()]),
        Some(steps) => steps.as_numbers(),
    };
    let (Some(starts), Some(ends), Some(axes), Some(steps)) = (starts, ends, axes, steps) else {
        let shrunk = dims.iter().map(|dim| Span::up_to(dim.most)).collect();
        return Ok(x.shaped(Some(shrunk)).with(Numbers::All(x.numbers.hull())));
    };
    let mut shrunk = dims.clone();
    let mut numbers = x.numbers.clone();
    for (((start, end), axis), step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let Some(dim) = place(*axis, dims.len()).and_then(|at| shrunk.get_mut(at)) else { continue };
        let range = dim.exact().filter(|_| *step == 1).map(|size| {
            let at = |edge: i64| if edge < 0 { edge.saturating_add(size) } else { edge }.clamp(0, size);
            (at(*start), at(*end).max(at(*start)))
        });
        *dim = range.map_or(Span::up_to(dim.most), |(from, to)| Span::exactly(to - from));
        let range = range.and_then(|(from, to)| Some(usize::try_from(from).ok()?..usize::try_from(to).ok()?));
        numbers = match (&numbers, range) {
            (Numbers::Each(each), Some(range)) => Numbers::each(each.get(range).unwrap_or_default().to_vec()),
            _ => Numbers::All(numbers.hull()),
        };
    }
    Ok(x.shaped(Some(shrunk)).with(numbers))
}

/// `Gather`: `indices` rows of `data` along an axis.
pub(super) fn gather(data: &Value, indices: &Value, axis: i64) -> Value {
    let picked = match (&data.numbers, indices.as_numbers().as_deref()) {
        (Numbers::Each(each), Some(indices)) => {
            let pick = |index: &i64| each.get(place(*index, each.len())?).copied();
            indices.iter().map(pick).collect::<Option<Vec<_>>>().map(Numbers::each)
        }
        _ => None,
    };
    let numbers = picked.unwrap_or(Numbers::All(data.numbers.hull()));
    let at = data.dims.as_ref().and_then(|dims| place(axis, dims.len()));
    let (Some(at), Some(dims)) = (at, &data.dims) else {
        return Value::of(data.data_type, data.elements.saturating_mul(indices.elements)).with(numbers);
    };
    let others = dims.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, dim)| *dim);
    let row = product(&others.collect::<Vec<_>>());
    let elements = row.saturating_mul(indices.elements);
    let dims = indices.dims.as_ref().map(|indices| {
        let (before, after) = dims.split_at(at);
        [before, indices, after.get(1..).unwrap_or_default()].concat()
    });
    Value::of(data.data_type, elements).shaped(dims).with(numbers)
}

/// `ReduceSum` and its like.
pub(super) fn reduce(op: &Operation<'_, '_>) -> Result<Value, GraphError> {
    let x = op.input(0)?;
    if op.node.operator == "ReduceMean" && !x.is_float() {
        // It divides by the number of elements, which may be none.
        return Err(GraphError::Divisor { node: op.node.label(), least: 0, most: i64::MAX });
    }
    let keeps = op.int("keepdims", 1) != 0;
    let axes = match op.list("axes", 1) {
        None => Some(Vec::new()),
        Some(axes) => axes,
    };
    let dims = x.dims.as_ref().zip(axes).and_then(|(dims, axes)| {
        if axes.is_empty() && op.int("noop_with_empty_axes", 0) != 0 {
            return Some(dims.clone());
        }
        let gone: Vec<_> = axes.iter().map(|axis| place(*axis, dims.len())).collect::<Option<_>>()?;
        let is_gone = |index: &usize| gone.is_empty() || gone.contains(index);
        let kept = dims.iter().enumerate().filter(|(index, _)| keeps || !is_gone(index));
        Some(kept.map(|(index, dim)| if is_gone(&index) { Span::exactly(1) } else { *dim }).collect())
    });
    let hull = x.numbers.hull();
    let numbers = match op.node.operator {
        // Of nothing, ONNX Runtime gives the least or largest number that there is.
        "ReduceMax" | "ReduceMin"
            if x.dims.as_ref().is_some_and(|dims| dims.iter().all(|dim| dim.least >= 1)) =>
        {
            hull
        }
        "ReduceSum" => {
            let count = Span::up_to(i64::try_from(x.elements).unwrap_or(i64::MAX));
            hull.corners(count, i64::checked_mul)
        }
        _ => Span::ANY,
    };
    // An empty tensor is reduced to what was not reduced.
    let value = match dims {
        Some(dims) => Value::new(x.data_type, dims),
        None => Value::of(x.data_type, x.elements.max(1)),
    };
    Ok(value.with(Numbers::All(numbers)))
}

/// The same tensor with a shorter axis.
pub(super) fn up_to(x: &Value, axis: i64) -> Value {
    let dims = x.dims.as_ref().map(|dims| {
        let mut dims = dims.clone();
        if let Some(dim) = place(axis, dims.len()).and_then(|at| dims.get_mut(at)) {
            *dim = Span::up_to(dim.most);
        }
        dims
    });
    x.alike().shaped(dims)
}

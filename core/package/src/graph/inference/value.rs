//! What is known of a tensor without computing it: type, dimensions, number of elements, and the whole numbers in it as far
//! as shapes may be computed from them.

use super::super::tensors;
use super::span::Span;

/// Numbers that are followed one by one; of longer tensors only their hull is.
pub(super) const FOLLOWED: usize = super::super::limits::FEW;
/// The most dimensions that are followed.
const RANK: usize = 16;

/// A tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// ONNX's number of its type; `None` where it is not known.
    pub(super) data_type: Option<i64>,
    /// `None` where not even their number is known.
    pub(super) dims: Option<Vec<Span>>,
    /// At most so many.
    pub(super) elements: u64,
    pub(super) numbers: Numbers,
    /// It follows from initialisers alone, so ONNX Runtime computes it when the graph is loaded.
    pub(super) is_constant: bool,
}

/// The elements of a tensor of whole numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    /// One by one, in order.
    Each(Vec<Span>),
    /// All of them lie in it.
    All(Span),
}

impl Numbers {
    pub(super) fn each(numbers: Vec<Span>) -> Self {
        if numbers.len() <= FOLLOWED {
            return Self::Each(numbers);
        }
        Self::All(numbers.into_iter().reduce(Span::hull).unwrap_or(Span::ANY))
    }

    pub(super) fn hull(&self) -> Span {
        match self {
            Self::Each(numbers) => numbers.iter().copied().reduce(Span::hull).unwrap_or(Span::exactly(0)),
            Self::All(span) => *span,
        }
    }
}

impl Value {
    /// Of known dimensions.
    pub(super) fn new(data_type: Option<i64>, dims: Vec<Span>) -> Self {
        Self::of(data_type, u64::MAX).shaped(Some(dims))
    }

    /// Of so many elements in unknown dimensions.
    pub(super) fn of(data_type: Option<i64>, elements: u64) -> Self {
        Self { data_type, dims: None, elements, numbers: Numbers::All(Span::ANY), is_constant: false }
    }

    /// With these elements: one by one only in a list or a scalar that has as many. What a number of 64 bits would be is
    /// known of whole numbers of 64 bits, of 32 as long as they fit, and of truth values; others wrap around or round.
    pub(super) fn with(self, numbers: Numbers) -> Self {
        let fits = |span: Span| match self.data_type {
            Some(INT64) => true,
            Some(INT32) => i32::try_from(span.least).is_ok() && i32::try_from(span.most).is_ok(),
            Some(BOOL) => span.least >= 0 && span.most <= 1,
            _ => false,
        };
        let fitting = |span: Span| if fits(span) { span } else { Span::ANY };
        let numbers = match numbers {
            Numbers::Each(each) => Numbers::Each(each.into_iter().map(fitting).collect()),
            Numbers::All(span) => Numbers::All(fitting(span)),
        };
        let is_list = self.dims.as_ref().is_some_and(|dims| dims.len() <= 1);
        let numbers = match numbers {
            Numbers::Each(each) if !is_list || each.len() as u64 != self.elements => {
                Numbers::All(Numbers::Each(each).hull())
            }
            numbers => numbers,
        };
        Self { numbers, ..self }
    }

    pub(super) fn typed(self, data_type: Option<i64>) -> Self {
        let numbers = self.numbers.clone();
        Self { data_type, ..self }.with(numbers)
    }

    /// The same elements, at most, in other dimensions.
    pub(super) fn shaped(&self, dims: Option<Vec<Span>>) -> Self {
        let elements = dims.as_deref().map_or(self.elements, |dims| product(dims).min(self.elements));
        let dims = dims.filter(|dims| dims.len() <= RANK);
        Self { dims, elements, ..self.clone() }.with(self.numbers.clone())
    }

    /// The same shape with other elements.
    pub(super) fn alike(&self) -> Self {
        self.clone().with(Numbers::All(Span::ANY))
    }

    pub(super) fn bytes(&self) -> u64 {
        // What has no known type is not smaller than the widest.
        let bits = self.data_type.and_then(tensors::bits).unwrap_or(64);
        self.elements.saturating_mul(bits).div_ceil(8)
    }

    /// Whether it holds floating-point numbers.
    pub(super) fn is_float(&self) -> bool {
        matches!(self.data_type, Some(FLOAT | 10 | 11 | 16..=20))
    }

    /// Its numbers as a shape, or as axes: one by one.
    pub(super) fn as_list(&self) -> Option<Vec<Span>> {
        match (&self.numbers, self.dims.as_deref()) {
            (Numbers::Each(numbers), _) => Some(numbers.clone()),
            (Numbers::All(span), Some([count])) => {
                let count = usize::try_from(count.exact()?).ok().filter(|count| *count <= FOLLOWED)?;
                Some(vec![*span; count])
            }
            _ => None,
        }
    }

    /// As [`Value::as_list`], where every number is known.
    pub(super) fn as_numbers(&self) -> Option<Vec<i64>> {
        self.as_list()?.into_iter().map(Span::exact).collect()
    }

    /// The dimension at an axis that may count from the end.
    pub(super) fn dim(&self, axis: i64) -> Option<Span> {
        let dims = self.dims.as_ref()?;
        dims.get(place(axis, dims.len())?).copied()
    }
}

/// ONNX's numbers of types.
pub(super) const FLOAT: i64 = 1;
pub(super) const UINT8: i64 = 2;
pub(super) const INT32: i64 = 6;
pub(super) const INT64: i64 = 7;
pub(super) const BOOL: i64 = 9;

/// The index of an axis that may count from the end.
pub(super) fn place(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis.checked_add(rank)? } else { axis };
    (axis < rank).then(|| usize::try_from(axis).ok())?
}

/// Elements of dimensions, at most.
pub(super) fn product(dims: &[Span]) -> u64 {
    dims.iter().fold(1, |product: u64, dim| product.saturating_mul(dim.size()))
}

/// The shape that tensors have together: dimensions from the last on are equal, or one of them is 1.
pub(super) fn broadcast(values: &[&Value]) -> Value {
    let Some((first, rest)) = values.split_first() else { return Value::of(None, 0) };
    let mut result = first.alike();
    for other in rest {
        result = broadcast_two(&result, other);
    }
    result
}

fn broadcast_two(a: &Value, b: &Value) -> Value {
    let shape = match (&a.dims, &b.dims) {
        (Some(one), Some(two)) if covers(one, two) => a.shaped(Some(one.clone())),
        (Some(one), Some(two)) if covers(two, one) => b.shaped(Some(two.clone())),
        (Some(one), Some(two)) => {
            let rank = one.len().max(two.len());
            let at = |dims: &[Span], index: usize| {
                (index + dims.len()).checked_sub(rank).and_then(|place| dims.get(place)).copied()
            };
            let dims = (0..rank).map(|index| match (at(one, index), at(two, index)) {
                (Some(dim), None) | (None, Some(dim)) => dim,
                (Some(dim), Some(other)) if other == Span::exactly(1) => dim,
                (Some(other), Some(dim)) if other == Span::exactly(1) => dim,
                (Some(dim), Some(other)) => match (dim.exact(), other.exact()) {
                    (Some(_), _) => dim,
                    (None, Some(_)) => other,
                    (None, None) => dim.hull(other),
                },
                (None, None) => Span::exactly(1),
            });
            Value::new(None, dims.collect())
        }
        _ if b.elements == 1 => a.shaped(None),
        _ if a.elements == 1 => b.shaped(None),
        _ => Value::of(None, a.elements.saturating_mul(b.elements)),
    };
    shape.alike().typed(a.data_type.or(b.data_type))
}

/// Whether broadcasting with `b` leaves `a` as it is.
fn covers(a: &[Span], b: &[Span]) -> bool {
    b.len() <= a.len()
        && a.iter()
            .rev()
            .zip(b.iter().rev())
            .all(|(one, other)| *other == Span::exactly(1) || (one.exact().is_some() && one == other))
}

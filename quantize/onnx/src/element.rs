//! Element types and dimensions of tensors.

use crate::proto::tensor_proto::DataType;
use crate::proto::tensor_shape_proto::{Dimension as DimensionProto, dimension};
use crate::proto::{TensorShapeProto, TypeProto, ValueInfoProto, type_proto};

/// The element types that our graphs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floating point.
    Float32,
    /// Unsigned bytes: quantised codes and zero points.
    Uint8,
    /// Signed bytes: quantised keys and values.
    Int8,
    /// Signed half bytes, two a byte, the first in the low half.
    Int4,
    /// 16-bit unsigned integers: quantised activations.
    Uint16,
    /// 32-bit signed integers.
    Int32,
    /// 64-bit signed integers.
    Int64,
}

impl ElementType {
    /// Size of a tensor in bytes; `None` past the end of addresses.
    #[must_use]
    pub fn bytes(self, elements: usize) -> Option<usize> {
        match self {
            Self::Int4 => Some(elements.div_ceil(2)),
            Self::Uint8 | Self::Int8 => Some(elements),
            Self::Uint16 => elements.checked_mul(2),
            Self::Float32 | Self::Int32 => elements.checked_mul(4),
            Self::Int64 => elements.checked_mul(8),
        }
    }

    pub(crate) fn code(self) -> i32 {
        let data_type = match self {
            Self::Float32 => DataType::Float,
            Self::Uint8 => DataType::Uint8,
            Self::Int8 => DataType::Int8,
            Self::Int4 => DataType::Int4,
            Self::Uint16 => DataType::Uint16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
        };
        data_type.into()
    }
}

/// One dimension of a graph input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension<'a> {
    /// Known when the graph is written.
    Size(usize),
    /// Known at run time; equal names mean equal sizes.
    Named(&'a str),
}

/// Name, element type and shape as a graph input or output declares them.
pub(crate) fn value_info(name: &str, element: ElementType, shape: &[Dimension<'_>]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|dimension| DimensionProto {
            denotation: None,
            value: Some(match dimension {
                Dimension::Size(size) => dimension::Value::DimValue(dim_value(*size)),
                Dimension::Named(name) => dimension::Value::DimParam((*name).to_owned()),
            }),
        })
        .collect();
    let tensor =
        type_proto::Tensor { elem_type: Some(element.code()), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { denotation: None, value: Some(type_proto::Value::TensorType(tensor)) }),
        ..ValueInfoProto::default()
    }
}

/// A size as ONNX stores it; sizes beyond `i64` do not exist on any machine.
pub(crate) fn dim_value(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

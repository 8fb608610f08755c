//! Attributes of nodes: the constants that an operator is configured with.

use crate::proto::AttributeProto;
use crate::proto::attribute_proto::AttributeType;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A signed integer; also switches, as 0 and 1.
    Int(i64),
    /// A number.
    Float(f32),
    /// A word.
    Text(&'static str),
    /// Signed integers, such as an order of axes.
    Ints(Vec<i64>),
}

impl Attribute {
    pub(crate) fn into_proto(self, name: &str) -> AttributeProto {
        let mut proto = AttributeProto { name: Some(name.to_owned()), ..AttributeProto::default() };
        match self {
            Self::Int(value) => {
                proto.set_type(AttributeType::Int);
                proto.i = Some(value);
            }
            Self::Float(value) => {
                proto.set_type(AttributeType::Float);
                proto.f = Some(value);
            }
            Self::Text(value) => {
                proto.set_type(AttributeType::String);
                proto.s = Some(value.as_bytes().to_vec());
            }
            Self::Ints(values) => {
                proto.set_type(AttributeType::Ints);
                proto.ints = values;
            }
        }
        proto
    }
}

impl From<i64> for Attribute {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// A size or a count.
impl From<usize> for Attribute {
    fn from(value: usize) -> Self {
        Self::Int(crate::element::dim_value(value))
    }
}

impl From<f32> for Attribute {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<&'static str> for Attribute {
    fn from(value: &'static str) -> Self {
        Self::Text(value)
    }
}

impl<const COUNT: usize> From<[i64; COUNT]> for Attribute {
    fn from(values: [i64; COUNT]) -> Self {
        Self::Ints(values.to_vec())
    }
}

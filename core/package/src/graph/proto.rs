//! ONNX's messages, as far as decoders use them. Field numbers are those of `onnx.proto` (`quantize/onnx/proto`).
//!
//! A field that decoders do not use is refused, not skipped: what a verifier skips it has not verified. Fields that
//! only describe (names of producers, documentation, inferred shapes, metadata) are read over.

use super::GraphError;
use super::limits;
use super::wire::{Field, Fields, Value};

/// `ModelProto`.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub(super) graph: Graph<'a>,
}

/// `GraphProto`.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) initializers: Vec<Tensor<'a>>,
    pub(super) inputs: Vec<Input<'a>>,
    pub(super) outputs: Vec<Input<'a>>,
}

/// `ValueInfoProto`: an input or output of the graph.
#[derive(Debug, Default)]
pub(super) struct Input<'a> {
    pub(super) name: &'a str,
    pub(super) data_type: Option<i64>,
    pub(super) dims: Option<Dims>,
}

/// Dimensions of an input or output; `None` for a free one.
type Dims = Vec<Option<i64>>;

/// `NodeProto`.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) domain: &'a str,
    pub(super) operator: &'a str,
    /// An empty name is an input that is not given.
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// `AttributeProto`.
#[derive(Debug, Default)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    /// One of [`Kind`]'s; 0 where none is given, which ONNX Runtime refuses.
    pub(super) kind: u64,
    /// Of an attribute that is one integer.
    pub(super) int: Option<i64>,
    /// Of an attribute that is one floating-point number.
    pub(super) float: Option<f32>,
    /// Of an attribute that is several.
    pub(super) ints: Vec<i64>,
    /// How many numbers one has that is several floating-point ones.
    pub(super) floats: usize,
    /// Of an attribute that is a string.
    pub(super) text: Option<&'a [u8]>,
    /// Of `Constant` and `ConstantOfShape`.
    pub(super) tensor: Option<Tensor<'a>>,
}

/// Numbers of `AttributeProto.type`.
#[derive(Debug)]
pub(super) struct Kind;

impl Kind {
    pub(super) const FLOAT: u64 = 1;
    pub(super) const INT: u64 = 2;
    pub(super) const TENSOR: u64 = 4;
    pub(super) const FLOATS: u64 = 6;
    pub(super) const INTS: u64 = 7;
}

/// `TensorProto`.
#[derive(Debug, Default)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    pub(super) data_type: i64,
    pub(super) dims: Vec<i64>,
    /// Bytes of elements within the graph, by the field that holds them.
    pub(super) inline: Vec<Inline<'a>>,
    /// The whole numbers of typed fields, where they are few.
    pub(super) ints: Option<Vec<i64>>,
    pub(super) external: Vec<(&'a str, &'a str)>,
    pub(super) is_external: bool,
}

/// Elements within the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inline<'a> {
    /// `raw_data`.
    Raw(&'a [u8]),
    /// A typed field with so many numbers; the field's number.
    Numbers(u64, u64),
}

impl<'a> Model<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, GraphError> {
        let mut graph = None;
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                // Versions, producer, documentation, operator sets, metadata.
                1..=6 | 8 | 14 => {}
                7 => once(&mut graph, "model", "graph", Graph::read(field.bytes()?)?)?,
                _ => return Err(unsupported("model", "", &field)),
            }
        }
        Ok(Self { graph: needed(graph, "model", "graph")? })
    }
}

impl<'a> Graph<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, GraphError> {
        let mut graph = Self::default();
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => push(&mut graph.nodes, Node::read(field.bytes()?)?, "nodes", limits::NODES)?,
                5 => {
                    let tensor = Tensor::read(field.bytes()?)?;
                    push(&mut graph.initializers, tensor, "initialisers", limits::INITIALIZERS)?;
                }
                11 => push(&mut graph.inputs, Input::read(&field)?, "inputs", limits::VALUES)?,
                12 => push(&mut graph.outputs, Input::read(&field)?, "outputs", limits::VALUES)?,
                // Name, documentation, inferred shapes, metadata.
                2 | 10 | 13 | 16 => {}
                _ => return Err(unsupported("graph", "", &field)),
            }
        }
        Ok(graph)
    }
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, GraphError> {
        let mut node = Self::default();
        let (mut name, mut operator, mut domain) = (None, None, None);
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => push(&mut node.inputs, text(&field)?, "inputs of a node", limits::NODE_VALUES)?,
                2 => push(&mut node.outputs, text(&field)?, "outputs of a node", limits::NODE_VALUES)?,
                3 => once(&mut name, "node", "name", text(&field)?)?,
                4 => once(&mut operator, "node", "op_type", text(&field)?)?,
                5 => {
                    let attribute = Attribute::read(field.bytes()?)?;
                    push(&mut node.attributes, attribute, "attributes of a node", limits::ATTRIBUTES)?;
                }
                7 => once(&mut domain, "node", "domain", text(&field)?)?,
                // Documentation, metadata.
                6 | 9 => {}
                _ => return Err(unsupported("node", name.unwrap_or(""), &field)),
            }
        }
        node.name = name.unwrap_or("");
        node.operator = operator.unwrap_or("");
        node.domain = domain.unwrap_or("");
        // The two names of ONNX's own domain.
        if node.domain == "ai.onnx" {
            node.domain = "";
        }
        Ok(node)
    }

    /// For messages: its name, or that of its first output where it has none.
    pub(super) fn label(&self) -> String {
        if self.name.is_empty() { self.outputs.first().copied().unwrap_or_default() } else { self.name }
            .to_owned()
    }

    pub(super) fn int(&self, attribute: &str) -> Option<i64> {
        self.attributes.iter().find(|found| found.name == attribute)?.int
    }

    pub(super) fn float(&self, attribute: &str) -> Option<f32> {
        self.attributes.iter().find(|found| found.name == attribute)?.float
    }
}

impl<'a> Attribute<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, GraphError> {
        let mut attribute = Self::default();
        let (mut name, mut kind) = (None, None);
        // An attribute has one value: the number of the field that holds it, which lists repeat.
        let mut value = None;
        for field in Fields::new(bytes) {
            let field = field?;
            if let 2..=9 = field.number {
                let before = value.replace(field.number);
                let is_more = before == Some(field.number) && matches!(field.number, 7..=9);
                if before.is_some() && !is_more {
                    return Err(GraphError::NotOne { message: "attribute", field: "value", found: "two" });
                }
            }
            match (field.number, field.value) {
                (1, _) => once(&mut name, "attribute", "name", text(&field)?)?,
                (3, _) => attribute.int = Some(field.int()?),
                (5, _) => attribute.tensor = Some(Tensor::read(field.bytes()?)?),
                (8, _) => field.ints(&mut attribute.ints, limits::NUMBERS)?,
                (4, _) => attribute.text = Some(field.bytes()?),
                (7, Value::Bytes(floats)) => attribute.floats += floats.len() / 4,
                (7, Value::Fixed32(_)) => attribute.floats += 1,
                (20, Value::Varint(found)) => once(&mut kind, "attribute", "type", found)?,
                (2, Value::Fixed32(bits)) => attribute.float = Some(f32::from_bits(bits)),
                // Strings; documentation.
                (9 | 13, Value::Bytes(_)) => {}
                (2 | 7 | 9 | 13 | 20, _) => return Err(GraphError::Encoding),
                _ => return Err(unsupported("attribute", name.unwrap_or(""), &field)),
            }
        }
        attribute.name = needed(name, "attribute", "name")?;
        attribute.kind = kind.unwrap_or(0);
        // An integer that is not written is 0, not the operator's default.
        if attribute.kind == Kind::INT {
            attribute.int.get_or_insert(0);
        }
        Ok(attribute)
    }
}

/// ONNX's number of a type.
const INT32: i64 = 6;

impl<'a> Tensor<'a> {
    #[allow(clippy::cast_possible_truncation)] // it is what protobuf does
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, GraphError> {
        let mut tensor = Self { ints: Some(Vec::new()), ..Self::default() };
        let (mut data_type, mut name, mut location) = (None, None, None);
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => field.ints(&mut tensor.dims, limits::DIMENSIONS).map_err(|_| GraphError::TooMany {
                    what: "dimensions of a tensor",
                    limit: limits::DIMENSIONS,
                })?,
                2 => once(&mut data_type, "tensor", "data_type", field.int()?)?,
                4 | 5 | 7 | 10 | 11 => {
                    if let (5 | 7, Some(ints)) = (field.number, &mut tensor.ints)
                        && field.ints(ints, limits::FEW).is_err()
                    {
                        tensor.ints = None;
                    }
                    let inline = Inline::Numbers(field.number, numbers(&field)?);
                    push(&mut tensor.inline, inline, "elements of a tensor", limits::NUMBERS)?;
                }
                8 => once(&mut name, "tensor", "name", text(&field)?)?,
                9 => push(&mut tensor.inline, Inline::Raw(field.bytes()?), "raw data", 1)?,
                13 => {
                    let entry = entry(field.bytes()?)?;
                    push(&mut tensor.external, entry, "external data entries", limits::EXTERNAL_ENTRIES)?;
                }
                14 => {
                    let is_external = match field.varint()? {
                        0 => false,
                        1 => true,
                        _ => return Err(unsupported("tensor", name.unwrap_or(""), &field)),
                    };
                    once(&mut location, "tensor", "data_location", is_external)?;
                }
                // Documentation, metadata.
                12 | 16 => {}
                _ => return Err(unsupported("tensor", name.unwrap_or(""), &field)),
            }
        }
        // Protobuf keeps the low half of what is too large for a field of 32 bits.
        if data_type == Some(INT32) {
            tensor.ints.iter_mut().flatten().for_each(|int| *int = i64::from(*int as i32));
        }
        tensor.name = name.unwrap_or("");
        tensor.is_external = location.unwrap_or(false);
        tensor.data_type = needed(data_type, "tensor", "data_type")?;
        Ok(tensor)
    }
}

/// `StringStringEntryProto`.
fn entry(bytes: &[u8]) -> Result<(&str, &str), GraphError> {
    let (mut key, mut value) = (None, None);
    for field in Fields::new(bytes) {
        let field = field?;
        match field.number {
            1 => once(&mut key, "external data entry", "key", text(&field)?)?,
            2 => once(&mut value, "external data entry", "value", text(&field)?)?,
            _ => return Err(unsupported("external data entry", key.unwrap_or(""), &field)),
        }
    }
    Ok((key.unwrap_or(""), value.unwrap_or("")))
}

impl<'a> Input<'a> {
    fn read(field: &Field<'a>) -> Result<Self, GraphError> {
        let (mut name, mut tensor) = (None, None);
        for field in Fields::new(field.bytes()?) {
            let field = field?;
            match field.number {
                1 => once(&mut name, MESSAGE, "name", text(&field)?)?,
                2 => once(&mut tensor, MESSAGE, "type", tensor_type(field.bytes()?)?)?,
                3..=4 => {}
                _ => return Err(unsupported(MESSAGE, name.unwrap_or(""), &field)),
            }
        }
        let (data_type, dims) = tensor.unwrap_or_default();
        Ok(Self { name: needed(name, MESSAGE, "name")?, data_type, dims })
    }
}

const MESSAGE: &str = "graph input or output";

/// Element type and dimensions of a `TypeProto`; neither where it is that of no tensor.
fn tensor_type(bytes: &[u8]) -> Result<(Option<i64>, Option<Dims>), GraphError> {
    let (mut tensor, mut data_type, mut dims) = (None, None, None);
    for field in Fields::new(bytes) {
        let field = field?;
        match field.number {
            1 => once(&mut tensor, MESSAGE, "tensor type", field.bytes()?)?,
            6 => {}
            _ => return Err(unsupported(MESSAGE, "", &field)),
        }
    }
    for field in Fields::new(tensor.unwrap_or_default()) {
        let field = field?;
        match field.number {
            1 => once(&mut data_type, MESSAGE, "elem_type", field.int()?)?,
            2 => once(&mut dims, MESSAGE, "shape", shape(field.bytes()?)?)?,
            _ => return Err(unsupported(MESSAGE, "", &field)),
        }
    }
    Ok((data_type, dims))
}

/// The dimensions of a `TensorShapeProto`; `None` for those that have a name or nothing.
fn shape(bytes: &[u8]) -> Result<Dims, GraphError> {
    let mut dims = Vec::new();
    for field in Fields::new(bytes) {
        let field = field?;
        if field.number != 1 {
            return Err(unsupported(MESSAGE, "", &field));
        }
        let mut dim = None;
        for field in Fields::new(field.bytes()?) {
            let field = field?;
            match field.number {
                1 => once(&mut dim, MESSAGE, "dim_value", Some(field.int()?))?,
                2 => once(&mut dim, MESSAGE, "dim_value", None)?,
                3 => {}
                _ => return Err(unsupported(MESSAGE, "", &field)),
            }
        }
        // ONNX Runtime takes what is negative for a free one.
        let dim = dim.flatten().filter(|dim| *dim >= 0);
        push(&mut dims, dim, "dimensions of a tensor", limits::DIMENSIONS)?;
    }
    Ok(dims)
}

/// How many numbers a repeated field of a tensor holds.
fn numbers(field: &Field<'_>) -> Result<u64, GraphError> {
    match (field.value, field.number) {
        (Value::Bytes(packed), 4) => Ok(packed.len() as u64 / 4),
        (Value::Bytes(packed), 10) => Ok(packed.len() as u64 / 8),
        // In packed varints, the bytes without a sign that more follow end a number.
        (Value::Bytes(packed), _) => Ok(packed.iter().filter(|byte| **byte < 0x80).count() as u64),
        _ => Ok(1),
    }
}

fn text<'a>(field: &Field<'a>) -> Result<&'a str, GraphError> {
    let bytes = field.bytes()?;
    if bytes.len() > limits::NAME_BYTES {
        return Err(GraphError::TooMany { what: "bytes in a name", limit: limits::NAME_BYTES });
    }
    std::str::from_utf8(bytes).map_err(|_| GraphError::Encoding)
}

fn push<T>(list: &mut Vec<T>, item: T, what: &'static str, limit: usize) -> Result<(), GraphError> {
    if list.len() == limit {
        return Err(GraphError::TooMany { what, limit });
    }
    list.push(item);
    Ok(())
}

fn once<T>(
    slot: &mut Option<T>,
    message: &'static str,
    field: &'static str,
    value: T,
) -> Result<(), GraphError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(GraphError::NotOne { message, field, found: "two" }),
    }
}

fn needed<T>(value: Option<T>, message: &'static str, field: &'static str) -> Result<T, GraphError> {
    value.ok_or(GraphError::NotOne { message, field, found: "no" })
}

fn unsupported(message: &'static str, name: &str, field: &Field<'_>) -> GraphError {
    GraphError::Unsupported {
        message,
        name: GraphError::text(name.as_bytes()),
        part: format!("field {}", field.number),
    }
}

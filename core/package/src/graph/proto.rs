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
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
}

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
    /// Of an attribute that is one integer.
    pub(super) int: Option<i64>,
    /// Of an attribute that is a string.
    pub(super) text: Option<&'a [u8]>,
    /// Of `Constant` and `ConstantOfShape`.
    pub(super) tensor: Option<Tensor<'a>>,
}

/// `TensorProto`.
#[derive(Debug, Default)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    pub(super) data_type: i64,
    pub(super) dims: Vec<i64>,
    /// Bytes of elements within the graph, by the field that holds them.
    pub(super) inline: Vec<Inline>,
    pub(super) external: Vec<(&'a str, &'a str)>,
    pub(super) is_external: bool,
}

/// Elements within the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inline {
    /// `raw_data` of so many bytes.
    Raw(u64),
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
                11 => push(&mut graph.inputs, value_name(&field)?, "inputs", limits::VALUES)?,
                12 => push(&mut graph.outputs, value_name(&field)?, "outputs", limits::VALUES)?,
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
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => push(&mut node.inputs, text(&field)?, "inputs of a node", limits::NODE_VALUES)?,
                2 => push(&mut node.outputs, text(&field)?, "outputs of a node", limits::NODE_VALUES)?,
                3 => node.name = text(&field)?,
                4 => node.operator = text(&field)?,
                5 => {
                    let attribute = Attribute::read(field.bytes()?)?;
                    push(&mut node.attributes, attribute, "attributes of a node", limits::ATTRIBUTES)?;
                }
                7 => node.domain = text(&field)?,
                // Documentation, metadata.
                6 | 9 => {}
                _ => return Err(unsupported("node", node.name, &field)),
            }
        }
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
}

impl<'a> Attribute<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, GraphError> {
        let mut attribute = Self::default();
        let mut numbers = Vec::new();
        for field in Fields::new(bytes) {
            let field = field?;
            match (field.number, field.value) {
                (1, _) => attribute.name = text(&field)?,
                (3, _) => once(&mut attribute.int, "attribute", "i", field.int()?)?,
                (5, _) => {
                    once(&mut attribute.tensor, "attribute", "t", Tensor::read(field.bytes()?)?)?;
                }
                (8, _) => field.ints(&mut numbers, limits::NUMBERS)?,
                (4, _) => once(&mut attribute.text, "attribute", "s", field.bytes()?)?,
                // Float, floats, strings; documentation, type.
                (2, Value::Fixed32(_)) | (7 | 9 | 13, Value::Bytes(_)) | (7, Value::Fixed32(_)) => {}
                (20, Value::Varint(_)) => {}
                (2 | 7 | 9 | 13 | 20, _) => return Err(GraphError::Encoding),
                _ => return Err(unsupported("attribute", attribute.name, &field)),
            }
        }
        Ok(attribute)
    }
}

impl<'a> Tensor<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, GraphError> {
        let mut tensor = Self::default();
        let mut data_type = None;
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => field.ints(&mut tensor.dims, limits::DIMENSIONS).map_err(|_| GraphError::TooMany {
                    what: "dimensions of a tensor",
                    limit: limits::DIMENSIONS,
                })?,
                2 => once(&mut data_type, "tensor", "data_type", field.int()?)?,
                4 | 5 | 7 | 10 | 11 => {
                    let inline = Inline::Numbers(field.number, numbers(&field)?);
                    push(&mut tensor.inline, inline, "elements of a tensor", limits::NUMBERS)?;
                }
                8 => tensor.name = text(&field)?,
                9 => push(&mut tensor.inline, Inline::Raw(field.bytes()?.len() as u64), "raw data", 1)?,
                13 => {
                    let entry = entry(field.bytes()?)?;
                    push(&mut tensor.external, entry, "external data entries", limits::ATTRIBUTES)?;
                }
                14 => {
                    tensor.is_external = match field.varint()? {
                        0 => false,
                        1 => true,
                        _ => return Err(unsupported("tensor", tensor.name, &field)),
                    }
                }
                // Documentation, metadata.
                12 | 16 => {}
                _ => return Err(unsupported("tensor", tensor.name, &field)),
            }
        }
        tensor.data_type = needed(data_type, "tensor", "data_type")?;
        Ok(tensor)
    }
}

/// `StringStringEntryProto`.
fn entry(bytes: &[u8]) -> Result<(&str, &str), GraphError> {
    let (mut key, mut value) = ("", "");
    for field in Fields::new(bytes) {
        let field = field?;
        match field.number {
            1 => key = text(&field)?,
            2 => value = text(&field)?,
            _ => return Err(unsupported("external data entry", key, &field)),
        }
    }
    Ok((key, value))
}

/// The name in a `ValueInfoProto`. ONNX Runtime infers the types anew, and the decoder compares those that matter.
fn value_name<'a>(field: &Field<'a>) -> Result<&'a str, GraphError> {
    let mut name = None;
    for field in Fields::new(field.bytes()?) {
        let field = field?;
        match field.number {
            1 => once(&mut name, "graph input or output", "name", text(&field)?)?,
            2..=4 => {}
            _ => return Err(unsupported("graph input or output", name.unwrap_or_default(), &field)),
        }
    }
    needed(name, "graph input or output", "name")
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

//! A second graph made of a finished one: other attributes, nodes, inputs and outputs. The external data stays as it
//! is, so both graphs read one data file.
//!
//! [`Edit::read`], then any of the changes, then [`Edit::to_bytes`].

mod nodes;

use std::collections::HashSet;

use prost::Message as _;

pub use self::nodes::EditNode;
use crate::element::value_info;
use crate::graph::tensor;
use crate::proto::{ModelProto, NodeProto, ValueInfoProto, type_proto};
use crate::{Attribute, Dimension, ElementType, GraphError};

/// A graph while it is changed.
#[derive(Debug)]
pub struct Edit {
    proto: ModelProto,
}

/// An input or output of a graph, with a fixed shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphValue {
    /// The name.
    pub name: String,
    /// The element type.
    pub element: ElementType,
    /// The shape; empty for a scalar.
    pub shape: Vec<usize>,
}

impl Edit {
    /// Takes the bytes of an `.onnx` file.
    ///
    /// # Errors
    /// [`GraphError::Unreadable`].
    pub fn read(bytes: &[u8]) -> Result<Self, GraphError> {
        let proto = ModelProto::decode(bytes).map_err(|error| GraphError::Unreadable(error.to_string()))?;
        Ok(Self { proto })
    }

    /// Adds attributes to every node of an operator.
    pub fn attributes(&mut self, operator: &str, attributes: &[(&str, Attribute)]) {
        for node in self.nodes(operator) {
            let added = attributes.iter().map(|(name, value)| value.clone().into_proto(name));
            node.attribute.extend(added);
        }
    }

    /// Lets input `index` of the `nth` node of an operator read `value`; inputs up to there that it lacks are absent.
    ///
    /// # Errors
    /// [`GraphError::Missing`] where there is no such node.
    pub fn set_input(
        &mut self,
        operator: &str,
        nth: usize,
        index: usize,
        value: &str,
    ) -> Result<(), GraphError> {
        let missing = || GraphError::Missing(format!("node {nth} of `{operator}`"));
        let node = self.nodes(operator).nth(nth).ok_or_else(missing)?;
        if node.input.len() <= index {
            node.input.resize(index + 1, String::new());
        }
        if let Some(input) = node.input.get_mut(index) {
            value.clone_into(input);
        }
        Ok(())
    }

    /// Adds a float32 initializer whose data stands in the graph itself.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        if let Some(graph) = &mut self.proto.graph {
            let mut proto = tensor(name, ElementType::Float32, shape);
            proto.raw_data = Some(values.iter().flat_map(|value| value.to_le_bytes()).collect());
            graph.initializer.push(proto);
        }
    }

    /// Changes the element type of a graph input or output.
    ///
    /// # Errors
    /// [`GraphError::Missing`] where the graph has none of that name.
    pub fn set_element(&mut self, name: &str, element: ElementType) -> Result<(), GraphError> {
        let missing = || GraphError::Missing(format!("input or output `{name}`"));
        let graph = self.proto.graph.as_mut().ok_or_else(missing)?;
        let value = graph
            .input
            .iter_mut()
            .chain(&mut graph.output)
            .find(|value| value.name() == name)
            .ok_or_else(missing)?;
        let tensor = tensor_type(value).ok_or_else(missing)?;
        tensor.elem_type = Some(element.code());
        Ok(())
    }

    /// Takes all nodes out, in order; [`Edit::put_nodes`] puts the changed ones back.
    pub fn take_nodes(&mut self) -> Vec<EditNode> {
        let nodes = self.proto.graph.as_mut().map(|graph| std::mem::take(&mut graph.node));
        nodes.unwrap_or_default().into_iter().map(EditNode::from_proto).collect()
    }

    /// Puts nodes in, in the order in which they run, and forgets the initializers that none of them reads.
    pub fn put_nodes(&mut self, nodes: Vec<EditNode>) {
        if let Some(graph) = &mut self.proto.graph {
            graph.node = nodes.into_iter().map(EditNode::into_proto).collect();
            let used: HashSet<&str> =
                graph.node.iter().flat_map(|node| &node.input).map(String::as_str).collect();
            graph.initializer.retain(|initializer| used.contains(initializer.name()));
        }
    }

    /// Gives the graph other inputs and outputs, as name, element type and shape.
    pub fn set_inputs_and_outputs(&mut self, inputs: &[GraphValue], outputs: &[GraphValue]) {
        if let Some(graph) = &mut self.proto.graph {
            let info = |value: &GraphValue| {
                let shape: Vec<_> = value.shape.iter().map(|&size| Dimension::Size(size)).collect();
                value_info(&value.name, value.element, &shape)
            };
            graph.input = inputs.iter().map(info).collect();
            graph.output = outputs.iter().map(info).collect();
        }
    }

    /// Leaves only the first `rows` of an initializer whose data stands in the data file.
    ///
    /// # Errors
    /// [`GraphError::Missing`] where the graph has none of that name with so many rows.
    pub fn shorten(&mut self, name: &str, rows: usize) -> Result<(), GraphError> {
        let missing = || GraphError::Missing(format!("initializer `{name}` of {rows} rows"));
        let graph = self.proto.graph.as_mut().ok_or_else(missing)?;
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name() == name).ok_or_else(missing)?;
        let length =
            tensor.external_data.iter_mut().find(|entry| entry.key() == "length").ok_or_else(missing)?;
        let bytes: u64 = length.value().parse().map_err(|_| missing())?;
        let first = tensor.dims.first_mut().ok_or_else(missing)?;
        let (old, new) = (u64::try_from(*first).unwrap_or(0), rows as u64);
        if new == 0 || new > old || !bytes.is_multiple_of(old) {
            return Err(missing());
        }
        length.value = Some((bytes / old * new).to_string());
        *first = i64::try_from(rows).map_err(|_| missing())?;
        Ok(())
    }

    /// An initializer whose data stands in the data file: shape, offset and bytes.
    #[must_use]
    pub fn external(&self, name: &str) -> Option<(Vec<i64>, crate::Extent)> {
        let tensor = self.proto.graph.as_ref()?.initializer.iter().find(|tensor| tensor.name() == name)?;
        let number = |key: &str| {
            tensor.external_data.iter().find(|entry| entry.key() == key)?.value().parse::<u64>().ok()
        };
        let extent = crate::Extent { offset: number("offset")?, bytes: number("length")? };
        Some((tensor.dims.clone(), extent))
    }

    /// A description beside the graph, as compilers leave them.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.proto.metadata_props.iter().find(|entry| entry.key() == key)?.value.as_deref()
    }

    /// The bytes of the changed graph.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.proto.encode_to_vec()
    }

    fn nodes<'a>(&'a mut self, operator: &'a str) -> impl Iterator<Item = &'a mut NodeProto> {
        let nodes = self.proto.graph.iter_mut().flat_map(|graph| &mut graph.node);
        nodes.filter(move |node| node.op_type() == operator)
    }
}

fn tensor_type(value: &mut ValueInfoProto) -> Option<&mut type_proto::Tensor> {
    match value.r#type.as_mut()?.value.as_mut()? {
        type_proto::Value::TensorType(tensor) => Some(tensor),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dimension, Graph, Node};

    fn bytes() -> Vec<u8> {
        let mut graph = Graph::new("test", "test.data");
        let x = graph.input("x", ElementType::Float32, &[Dimension::Size(8)]);
        let y = graph.add(Node::microsoft("Op", "y").input(&x));
        graph.output(&y, ElementType::Float32, &[Dimension::Size(8)]);
        graph.finish("", "").unwrap().to_bytes()
    }

    #[test]
    fn changes_arrive_in_the_bytes() {
        let mut edit = Edit::read(&bytes()).unwrap();
        edit.attributes("Op", &[("mode", "WORD".into()), ("bits", 8_i64.into())]);
        edit.floats("scale", &[2], &[0.5, 2.0]);
        edit.set_input("Op", 0, 3, "scale").unwrap();
        edit.set_element("x", ElementType::Int8).unwrap();
        let proto = Edit::read(&edit.to_bytes()).unwrap().proto;
        let graph = proto.graph.unwrap();
        assert_eq!(graph.node[0].input, ["x", "", "", "scale"]);
        assert_eq!(graph.node[0].attribute[0].s(), b"WORD");
        assert_eq!(graph.node[0].attribute[1].i(), 8);
        assert_eq!(graph.initializer[0].raw_data(), [0.5_f32.to_le_bytes(), 2_f32.to_le_bytes()].concat());
        let mut input = graph.input[0].clone();
        assert_eq!(tensor_type(&mut input).unwrap().elem_type, Some(ElementType::Int8.code()));
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(matches!(Edit::read(b"\xff\xff\xff"), Err(GraphError::Unreadable(_))));
        let mut edit = Edit::read(&bytes()).unwrap();
        assert!(matches!(edit.set_input("Op", 1, 0, "x"), Err(GraphError::Missing(_))));
        assert!(matches!(edit.set_element("z", ElementType::Int8), Err(GraphError::Missing(_))));
    }
}

//! Nodes: an operator with its name, inputs and attributes. [`crate::Graph::add`] gives it outputs.

use crate::graph::Value;
use crate::proto::NodeProto;
use crate::{Attribute, ElementType, graph};

/// A node under construction.
#[derive(Debug, Clone)]
pub struct Node {
    proto: NodeProto,
}

impl Node {
    /// A node of an operator that the ONNX standard defines.
    #[must_use]
    pub fn standard(operator: &str, name: &str) -> Self {
        Self::new("", operator, name)
    }

    /// A node of ONNX Runtime's own operators, domain `com.microsoft`.
    #[must_use]
    pub fn microsoft(operator: &str, name: &str) -> Self {
        Self::new(graph::MICROSOFT, operator, name)
    }

    /// Appends an input.
    #[must_use]
    pub fn input(mut self, value: &Value) -> Self {
        self.proto.input.push(value.name().to_owned());
        self
    }

    /// Appends inputs.
    #[must_use]
    pub fn inputs<'v>(self, values: impl IntoIterator<Item = &'v Value>) -> Self {
        values.into_iter().fold(self, Self::input)
    }

    /// Appends an input that may be absent; an absent one keeps its place.
    #[must_use]
    pub fn optional_input(mut self, value: Option<&Value>) -> Self {
        self.proto.input.push(value.map_or_else(String::new, |value| value.name().to_owned()));
        self
    }

    /// Sets an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: impl Into<Attribute>) -> Self {
        self.proto.attribute.push(value.into().into_proto(name));
        self
    }

    /// Sets an attribute that names an element type, such as `Cast`'s `to`.
    #[must_use]
    pub fn element(self, name: &str, element: ElementType) -> Self {
        self.attribute(name, i64::from(element.code()))
    }

    /// Its name, which is also that of its output where it has one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.proto.name()
    }

    /// The node as the file holds it. Absent inputs at the end are left out, as the format asks.
    pub(crate) fn into_proto(mut self, outputs: &[&str]) -> NodeProto {
        while self.proto.input.last().is_some_and(String::is_empty) {
            self.proto.input.pop();
        }
        self.proto.output = outputs.iter().map(|&output| output.to_owned()).collect();
        self.proto
    }

    fn new(domain: &str, operator: &str, name: &str) -> Self {
        let proto = NodeProto {
            domain: (!domain.is_empty()).then(|| domain.to_owned()),
            op_type: Some(operator.to_owned()),
            name: Some(name.to_owned()),
            ..NodeProto::default()
        };
        Self { proto }
    }
}

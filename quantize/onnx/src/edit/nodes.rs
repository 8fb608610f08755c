//! Nodes of an existing graph, to be changed, replaced or left out.

use crate::Attribute;
use crate::proto::{AttributeProto, NodeProto};

/// A node that was taken out of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct EditNode {
    /// Empty for ONNX's own operators.
    pub domain: String,
    /// The operator.
    pub operator: String,
    /// The node's name.
    pub name: String,
    /// Names of values; an empty one is an input that is not given.
    pub inputs: Vec<String>,
    /// Names of values; an empty one is an output that nobody wants.
    pub outputs: Vec<String>,
    attributes: Vec<AttributeProto>,
}

impl EditNode {
    /// A new node of one of ONNX's own operators with one output, which takes its name.
    #[must_use]
    pub fn standard(operator: &str, name: &str, inputs: &[&str]) -> Self {
        Self {
            domain: String::new(),
            operator: operator.to_owned(),
            name: name.to_owned(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![name.to_owned()],
            attributes: Vec::new(),
        }
    }

    /// Sets an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Attribute>) -> Self {
        self.without(name);
        self.attributes.push(value.into().into_proto(name));
        self
    }

    /// Removes an attribute, if it is there.
    pub fn without(&mut self, name: &str) {
        self.attributes.retain(|attribute| attribute.name() != name);
    }

    /// The value of an attribute that is a number with a fraction.
    #[must_use]
    pub fn float(&self, name: &str) -> Option<f32> {
        self.attributes.iter().find(|attribute| attribute.name() == name)?.f
    }

    /// The value of an attribute that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let attribute = self.attributes.iter().find(|attribute| attribute.name() == name)?;
        std::str::from_utf8(attribute.s.as_deref()?).ok()
    }

    /// The value of an attribute that is a whole number.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attributes.iter().find(|attribute| attribute.name() == name)?.i
    }

    /// Takes an input away; those behind it keep their places. Empty where there is none.
    pub fn remove_input(&mut self, index: usize) -> String {
        let removed = self.inputs.get_mut(index).map(std::mem::take).unwrap_or_default();
        while self.inputs.last().is_some_and(String::is_empty) {
            self.inputs.pop();
        }
        removed
    }

    pub(super) fn from_proto(proto: NodeProto) -> Self {
        Self {
            domain: proto.domain.unwrap_or_default(),
            operator: proto.op_type.unwrap_or_default(),
            name: proto.name.unwrap_or_default(),
            inputs: proto.input,
            outputs: proto.output,
            attributes: proto.attribute,
        }
    }

    pub(super) fn into_proto(self) -> NodeProto {
        NodeProto {
            domain: (!self.domain.is_empty()).then_some(self.domain),
            op_type: Some(self.operator),
            name: Some(self.name),
            input: self.inputs,
            output: self.outputs,
            attribute: self.attributes,
            ..NodeProto::default()
        }
    }
}

//! A node with what is known of its inputs.

use super::super::GraphError;
use super::super::proto::{Attribute, Node};
use super::value::Value;

/// What computing a node takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Additions, multiplications or elements touched.
    pub(super) steps: u64,
    /// Memory besides inputs and outputs.
    pub(super) scratch_bytes: u64,
}

/// A node with what is known of its inputs.
pub(super) struct Operation<'n, 'a> {
    pub(super) node: &'n Node<'a>,
    /// `None` for one that is not given.
    pub(super) inputs: &'n [Option<&'n Value>],
}

impl<'n, 'a> Operation<'n, 'a> {
    /// An input that the operator cannot do without.
    pub(super) fn input(&self, index: usize) -> Result<&'n Value, GraphError> {
        self.given(index).ok_or_else(|| GraphError::Undefined {
            node: self.node.label(),
            value: format!("its input {index}"),
        })
    }

    /// An input, where it is given.
    pub(super) fn given(&self, index: usize) -> Option<&'n Value> {
        self.inputs.get(index).copied().flatten()
    }

    /// All inputs; at least one.
    pub(super) fn all(&self) -> Result<Vec<&'n Value>, GraphError> {
        self.input(0)?;
        Ok(self.inputs.iter().copied().flatten().collect())
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.given_int(name).unwrap_or(default)
    }

    pub(super) fn given_int(&self, name: &str) -> Option<i64> {
        self.node.int(name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'n Attribute<'a>> {
        self.node.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Axes, sizes or repeats: an attribute up to some version of an operator, an input since. The outer `None` is one
    /// that is not given, the inner one that is not known.
    pub(super) fn list(&self, name: &str, input: usize) -> Option<Option<Vec<i64>>> {
        match (self.attribute(name), self.given(input)) {
            (Some(attribute), _) => Some(Some(attribute.ints.clone())),
            (None, Some(value)) => Some(value.as_numbers()),
            (None, None) => None,
        }
    }

    /// The graph computes a size that does not follow from the graph.
    pub(super) fn unbounded(&self) -> GraphError {
        GraphError::Unbounded { node: self.node.label(), operator: self.node.operator.to_owned() }
    }
}

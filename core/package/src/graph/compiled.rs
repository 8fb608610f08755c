//! Graphs that an execution provider has compiled: a single `EPContext` node that names a file with the binary.
//!
//! Nothing in the binary can be verified here; the file must be one of the package, whose digest is checked before it is
//! loaded (drivers load damaged ones). ONNX Runtime: "EP context design".

use super::GraphError;
use super::proto::{Attribute, Graph};
use super::rules::MICROSOFT;
use crate::files::is_plain_name;

/// The operator.
pub(super) const OPERATOR: &str = "EPContext";
/// What the one provider that we compile for writes.
pub(super) const ATTRIBUTES: &[&str] = &[
    "embed_mode",
    "ep_cache_context",
    "ep_sdk_version",
    "hardware_architecture",
    "is_multi_soc_ep_context",
    "main_context",
    "max_size",
    "notes",
    "partition_name",
    "source",
];
const SOURCE: &[u8] = b"QNNExecutionProvider";

/// The file with the binary, if the graph is a compiled one.
///
/// # Errors
/// [`GraphError::Compiled`] for anything but one node whose binary stands in a plain file.
pub(super) fn binary<'a>(graph: &Graph<'a>) -> Result<Option<&'a str>, GraphError> {
    let Some(node) = graph.nodes.iter().find(|node| (node.domain, node.operator) == (MICROSOFT, OPERATOR))
    else {
        return Ok(None);
    };
    let refused = |found: String, expected| GraphError::Compiled { node: node.label(), found, expected };
    if graph.nodes.len() != 1 || !graph.initializers.is_empty() {
        let others = graph.nodes.len() - 1 + graph.initializers.len();
        return Err(refused(format!("{others} other nodes and tensors beside it"), "none"));
    }
    let attribute = |name: &str| -> Option<&Attribute<'a>> {
        let mut found = node.attributes.iter().filter(|attribute| attribute.name == name);
        found.next().filter(|_| found.next().is_none())
    };
    for (name, expected, description) in
        [("main_context", 1, "`main_context` = 1"), ("embed_mode", 0, "`embed_mode` = 0")]
    {
        let found = attribute(name).and_then(|attribute| attribute.int);
        if found != Some(expected) {
            return Err(refused(format!("`{name}` = {found:?}"), description));
        }
    }
    let text = |name: &str| attribute(name).and_then(|attribute| attribute.text).unwrap_or_default();
    if text("source") != SOURCE {
        return Err(refused(
            format!("the source `{}`", GraphError::text(text("source"))),
            "QNNExecutionProvider",
        ));
    }
    let file = text("ep_cache_context");
    match std::str::from_utf8(file) {
        Ok(name) if is_plain_name(name) => Ok(Some(name)),
        _ => Err(refused(format!("its binary in `{}`", GraphError::text(file)), "a plain file name")),
    }
}

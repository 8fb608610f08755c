//! Why a graph is not given to ONNX Runtime.

use std::borrow::Cow;

use crate::diagnostic::{Class, Diagnostic};

/// Why a graph is not given to ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// More bytes than any graph without its weights has.
    #[error("the graph has {bytes} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The largest size accepted.
        limit: u64,
    },
    /// Not protobuf, or a field of another type than ONNX gives it.
    #[error("the graph is not encoded as ONNX")]
    Encoding,
    /// Too many of something.
    #[error("the graph has more than {limit} {what}")]
    TooMany {
        /// Of what, as in `nodes`.
        what: &'static str,
        /// The largest number accepted.
        limit: usize,
    },
    /// A part of ONNX that decoders do not use: functions, subgraphs, sparse tensors, fields from the future.
    #[error("the {message} `{name}` has {part}, which no decoder needs")]
    Unsupported {
        /// Model, graph, node, attribute or tensor.
        message: &'static str,
        /// Its name, as far as it was read.
        name: String,
        /// What it has, as in `field 25`.
        part: String,
    },
    /// A field stands twice that may stand once, or is missing.
    #[error("the {message} has {found} `{field}`, expected one")]
    NotOne {
        /// Model, graph, node, attribute or tensor.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// `no` or `two`.
        found: &'static str,
    },
    /// An operator that is not on the list.
    #[error("the node `{node}` has the operator `{domain}:{operator}`, which is not one of a decoder")]
    Operator {
        /// The node.
        node: String,
        /// Its domain, empty for ONNX's own.
        domain: String,
        /// The operator.
        operator: String,
    },
    /// An attribute that the operator does not have.
    #[error("the node `{node}` has the attribute `{attribute}`, which `{operator}` does not know")]
    Attribute {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
        /// The attribute.
        attribute: String,
    },
    /// A node reads what nothing before it has written.
    #[error("the node `{node}` reads `{value}`, which nothing before it gives")]
    Undefined {
        /// The node, or the graph's output.
        node: String,
        /// The name.
        value: String,
    },
    /// Two things have one name.
    #[error("`{value}` is defined twice")]
    Twice {
        /// The name.
        value: String,
    },
    /// A tensor's shape or type.
    #[error("the tensor `{tensor}` has {what}, expected {expected}")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// What was found, as in `data type 8`.
        what: String,
        /// What a decoder has.
        expected: &'static str,
    },
    /// A tensor's bytes are not those of its shape.
    #[error("the tensor `{tensor}` has {found} bytes, its shape and type need {expected}")]
    TensorBytes {
        /// The tensor.
        tensor: String,
        /// Bytes that stand there.
        found: u64,
        /// Bytes that its shape and type need.
        expected: u64,
    },
    /// Weights outside the graph's folder, or said to be in no plain file.
    #[error("the tensor `{tensor}` lies in `{location}`, expected a plain file name")]
    Location {
        /// The tensor.
        tensor: String,
        /// What the graph says.
        location: String,
    },
    /// An entry of the external data that we do not know, or a number that is none.
    #[error("the tensor `{tensor}` has the external data entry `{key}` = `{value}`")]
    ExternalEntry {
        /// The tensor.
        tensor: String,
        /// The entry's key.
        key: String,
        /// Its value, shortened.
        value: String,
    },
    /// A file beside the graph is missing, too short, or not the package's.
    #[error(
        "the weights file `{file}` has {found}, expected at least {expected} bytes in a file of the package"
    )]
    File {
        /// The file's name.
        file: String,
        /// What is there, as in `12 bytes`.
        found: String,
        /// Bytes that the graph needs.
        expected: u64,
    },
    /// A graph that an execution provider has compiled, in another form than one node and one file.
    #[error("the compiled graph of the node `{node}` has {found}, expected {expected}")]
    Compiled {
        /// The node.
        node: String,
        /// What was found.
        found: String,
        /// What a compiled graph has.
        expected: &'static str,
    },
    /// The weights of a quantised matrix do not have the size that its attributes say.
    #[error(
        "the node `{node}` has {found} elements in its {input}, expected {expected} by K, N, bits and block size"
    )]
    Weights {
        /// The node.
        node: String,
        /// Which input.
        input: &'static str,
        /// Elements of the initialiser.
        found: u64,
        /// Elements by the attributes.
        expected: u64,
    },
    /// An attribute of a quantised matrix is missing or out of range.
    #[error("the node `{node}` has {attribute} = {found}, expected {expected}")]
    Range {
        /// The node.
        node: String,
        /// The attribute.
        attribute: &'static str,
        /// Its value; `none` where it is missing.
        found: String,
        /// The range.
        expected: &'static str,
    },
}

impl GraphError {
    pub(super) fn text(bytes: &[u8]) -> String {
        const SHOWN: usize = 120;
        let shown = bytes.get(..SHOWN).unwrap_or(bytes);
        String::from_utf8_lossy(shown).escape_debug().to_string()
    }
}

impl Diagnostic for GraphError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => "graph_too_large",
            Self::Encoding | Self::NotOne { .. } => "graph_encoding",
            Self::Unsupported { .. } => "graph_unsupported",
            Self::Operator { .. } | Self::Attribute { .. } => "graph_operator",
            Self::Undefined { .. } | Self::Twice { .. } => "graph_names",
            Self::Tensor { .. } | Self::TensorBytes { .. } => "graph_tensor",
            Self::Location { .. } | Self::ExternalEntry { .. } | Self::File { .. } => "graph_external_data",
            Self::Compiled { .. } => "graph_compiled",
            Self::Weights { .. } | Self::Range { .. } => "graph_weights",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Operator { .. } | Self::Attribute { .. } | Self::Unsupported { .. } => Class::Unsupported,
            _ => Class::Reinstall,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self.class() {
            Class::Unsupported => {
                "use a graph made by `wheelwork quantize` or by onnxruntime-genai's model builder".into()
            }
            _ => "install the package again from its source, or quantise the checkpoint again".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Operator { node, .. }
            | Self::Attribute { node, .. }
            | Self::Undefined { node, .. }
            | Self::Compiled { node, .. }
            | Self::Weights { node, .. }
            | Self::Range { node, .. } => Some(node.clone()),
            Self::Tensor { tensor, .. }
            | Self::TensorBytes { tensor, .. }
            | Self::Location { tensor, .. }
            | Self::ExternalEntry { tensor, .. } => Some(tensor.clone()),
            Self::File { file, .. } => Some(file.clone()),
            Self::Twice { value } => Some(value.clone()),
            Self::Unsupported { name, .. } => Some(name.clone()),
            Self::TooLarge { .. } | Self::Encoding | Self::TooMany { .. } | Self::NotOne { .. } => None,
        }
    }
}

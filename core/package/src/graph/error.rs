//! Why a graph is not given to ONNX Runtime.

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, give, reinstall, unsupported};

use crate::budget::Limit;

/// Why a graph is not given to ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum GraphError {
    /// More bytes than any graph without its weights has.
    #[error("the graph has {bytes} bytes, more than the {limit} allowed")]
    TooLarge { bytes: u64, limit: u64 },
    /// Not protobuf, or a field of another type than ONNX gives it.
    #[error("the graph is not encoded as ONNX")]
    Encoding,
    /// Too many of something.
    #[error("the graph has more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    /// A part of ONNX that decoders do not use: functions, subgraphs, sparse tensors, fields from the future.
    #[error("the {message} `{name}` has {part}, which no decoder needs")]
    Unsupported { message: &'static str, name: String, part: String },
    /// A field stands twice that may stand once, or is missing.
    #[error("the {message} has {found} `{field}`, expected one")]
    NotOne { message: &'static str, field: &'static str, found: &'static str },
    /// An operator that is not on the list.
    #[error("the node `{node}` has the operator `{domain}:{operator}`, which is not one of a decoder")]
    Operator { node: String, domain: String, operator: String },
    /// An attribute that the operator does not have.
    #[error("the node `{node}` has the attribute `{attribute}`, which `{operator}` does not know")]
    Attribute { node: String, operator: String, attribute: String },
    /// An attribute stands twice in a node: readers differ in which one they take.
    #[error("the node `{node}` has the attribute `{attribute}` twice, expected once")]
    AttributeTwice { node: String, attribute: String },
    /// A node reads what nothing before it has written.
    #[error("the node `{node}` reads `{value}`, which nothing before it gives")]
    Undefined { node: String, value: String },
    /// Two things have one name.
    #[error("`{value}` is defined twice")]
    Twice { value: String },
    /// A tensor's shape or type.
    #[error("the tensor `{tensor}` has {what}, expected {expected}")]
    Tensor { tensor: String, what: String, expected: &'static str },
    /// A tensor's bytes are not those of its shape.
    #[error("the tensor `{tensor}` has {found} bytes, its shape and type need {expected}")]
    TensorBytes { tensor: String, found: u64, expected: u64 },
    /// Weights outside the graph's folder, or said to be in no plain file.
    #[error("the tensor `{tensor}` lies in `{location}`, expected a plain file name")]
    Location { tensor: String, location: String },
    /// An entry of the external data that we do not know, or a number that is none.
    #[error("the tensor `{tensor}` has the external data entry `{key}` = `{value}`")]
    ExternalEntry { tensor: String, key: String, value: String },
    /// A file beside the graph is missing, too short, or not the package's.
    #[error(
        "the weights file `{file}` has {found}, expected at least {expected} bytes in a file of the package"
    )]
    File { file: String, found: String, expected: u64 },
    /// A graph that an execution provider has compiled, in another form than one node and one file.
    #[error("the compiled graph of the node `{node}` has {found}, expected {expected}")]
    Compiled { node: String, found: String, expected: &'static str },
    /// The weights of a quantised matrix do not have the size that its attributes say.
    #[error(
        "the node `{node}` has {found} elements in its {input}, expected {expected} by K, N, bits and block size"
    )]
    Weights { node: String, input: &'static str, found: u64, expected: u64 },
    /// Whole numbers are divided by what may be 0 or -1: some processors end the process for that.
    #[error(
        "the node `{node}` divides whole numbers by {least} to {most}, expected numbers without 0 and -1"
    )]
    Divisor { node: String, least: i64, most: i64 },
    /// The size of a tensor is computed from what the graph does not tell.
    #[error("the node `{node}` makes a tensor with `{operator}` whose size does not follow from the graph")]
    Unbounded { node: String, operator: String },
    /// A cache that no caller keeps.
    #[error("the node `{node}` has the cache `{output}`, expected one of the graph's outputs")]
    Cache { node: String, output: String },
    /// More memory or time than any decoder with so many weights needs.
    #[error("the graph needs {found} {} for {}, expected at most {}", .limit.unit, .limit.name, .limit.number)]
    Costs { limit: Limit, found: u64 },
    /// The card states bits that the codes of this graph cannot have.
    #[error("the package card states {bits} bits for `{tensor}`, expected {expected}")]
    StatedBits { tensor: String, bits: u32, expected: &'static str },
    /// A code or zero point uses more bits than the card states.
    #[error(
        "`{tensor}` has a code of more than the {bits} bits that the package card states, at byte {at} of `{file}`"
    )]
    Code { tensor: String, bits: u32, file: String, at: u64 },
    /// An attribute of a quantised matrix is missing or out of range.
    #[error("the node `{node}` has {attribute} = {found}, expected {expected}")]
    Range { node: String, attribute: &'static str, found: String, expected: &'static str },
}

impl GraphError {
    pub(super) fn text(bytes: &[u8]) -> String {
        const SHOWN: usize = 120;
        let shown = bytes.get(..SHOWN).unwrap_or(bytes);
        String::from_utf8_lossy(shown).escape_debug().to_string()
    }
}

impl Diagnostic for GraphError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::Costs { .. } => {
                reinstall("graph_too_large", Remedy::Reinstall)
            }
            Self::Encoding | Self::NotOne { .. } => reinstall("graph_encoding", Remedy::Reinstall),
            Self::Unsupported { name, .. } => unsupported("graph_unsupported", give(A_GRAPH)).at(name),
            Self::Operator { node, .. } | Self::Attribute { node, .. } => {
                unsupported("graph_operator", give(A_GRAPH)).at(node)
            }
            Self::AttributeTwice { node, .. } => reinstall("graph_encoding", Remedy::Reinstall).at(node),
            Self::Divisor { node, .. } => unsupported("graph_division", give(A_GRAPH)).at(node),
            Self::Unbounded { node, .. } | Self::Cache { node, .. } => {
                unsupported("graph_shapes", give(A_GRAPH)).at(node)
            }
            Self::Undefined { node: name, .. } | Self::Twice { value: name } => {
                reinstall("graph_names", Remedy::Reinstall).at(name)
            }
            Self::Tensor { tensor, .. } | Self::TensorBytes { tensor, .. } => {
                reinstall("graph_tensor", Remedy::Reinstall).at(tensor)
            }
            Self::Location { tensor: name, .. }
            | Self::ExternalEntry { tensor: name, .. }
            | Self::File { file: name, .. } => reinstall("graph_external_data", Remedy::Reinstall).at(name),
            Self::Compiled { node, .. } => reinstall("graph_compiled", Remedy::Reinstall).at(node),
            Self::StatedBits { tensor, .. } | Self::Code { tensor, .. } => {
                reinstall("graph_code_bits", Remedy::Reinstall).at(tensor)
            }
            Self::Weights { node, .. } | Self::Range { node, .. } => {
                reinstall("graph_weights", Remedy::Reinstall).at(node)
            }
        }
    }
}

const A_GRAPH: &str = "a graph made by Wheelwork or by onnxruntime-genai's model builder";

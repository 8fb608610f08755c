//! Errors of building a graph: all of them defects of the code that builds it.

/// Why a graph is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum GraphError {
    /// Every value is written once.
    #[error("the graph names two values `{0}`")]
    DuplicateValue(String),
    /// A size does not fit the machine.
    #[error("the initializer `{name}` with shape {shape:?} is too large to address")]
    TooLarge { name: String, shape: Vec<usize> },
    /// Two names for the same bytes must need the same number of bytes.
    #[error(
        "the initializer `{name}` needs {needed} bytes, `{original}`, whose data it shares, has {present}"
    )]
    AliasSize { name: String, original: String, needed: u64, present: u64 },
    /// A constant's bytes are those of its type and shape.
    #[error("the constant `{name}` needs {needed} bytes and has {present}")]
    ConstantSize { name: String, needed: u64, present: u64 },
    /// The bytes of an existing graph are not ONNX.
    #[error("the bytes are no ONNX graph: {0}")]
    Unreadable(String),
    /// An existing graph lacks something that is to be changed.
    #[error("the graph has no {0}")]
    Missing(String),
}

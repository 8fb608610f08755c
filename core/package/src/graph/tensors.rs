//! Initialisers: `bytes = ⌈elements × bits / 8⌉`, within the graph or in a plain file beside it.

use std::collections::{BTreeMap, HashMap};

use super::GraphError;
use super::limits;
use super::proto::{Inline, Tensor};
use crate::files::is_plain_name;

/// What later rules want to know of an initialiser.
#[derive(Debug, Clone, Copy)]
pub(super) struct Initializer<'a> {
    pub(super) data_type: i64,
    pub(super) dims: &'a [i64],
    pub(super) elements: u64,
}

/// Initialisers by name.
pub(super) type Initializers<'a> = HashMap<&'a str, Initializer<'a>>;

/// Where the bytes of an initialiser stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a file beside the graph.
    File {
        /// Its name.
        name: String,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        bytes: u64,
    },
    /// In the graph.
    Graph(Vec<u8>),
}

/// Checks every initialiser, notes in `files` how far each file is used, and counts the bytes of all.
pub(super) fn check<'a>(
    tensors: &'a [Tensor<'a>],
    files: &mut BTreeMap<String, u64>,
) -> Result<(Initializers<'a>, u64), GraphError> {
    let mut initializers = HashMap::with_capacity(tensors.len());
    let mut bytes = 0_u64;
    for tensor in tensors {
        let elements = elements(tensor)?;
        let expected = byte_len(tensor, elements)?;
        bytes = bytes.saturating_add(expected);
        if tensor.is_external {
            let (file, end) = external(tensor, expected)?;
            let needed = files.entry(file.to_owned()).or_default();
            *needed = end.max(*needed);
        } else {
            inline(tensor, elements, expected)?;
        }
        let initializer = Initializer { data_type: tensor.data_type, dims: &tensor.dims, elements };
        if tensor.name.is_empty() || initializers.insert(tensor.name, initializer).is_some() {
            return Err(GraphError::Twice { value: label(tensor) });
        }
    }
    Ok((initializers, bytes))
}

/// Checks the value of a `Constant`, which has to stand in the graph.
pub(super) fn check_constant(tensor: &Tensor<'_>) -> Result<(), GraphError> {
    let elements = elements(tensor)?;
    let expected = byte_len(tensor, elements)?;
    if tensor.is_external {
        return Err(tensor_error(tensor, "external data".into(), "a constant within the graph"));
    }
    inline(tensor, elements, expected)
}

pub(super) fn elements(tensor: &Tensor<'_>) -> Result<u64, GraphError> {
    let product = tensor.dims.iter().try_fold(1_u64, |product, &dim| {
        let dim = u64::try_from(dim).ok().filter(|dim| *dim <= limits::DIMENSION)?;
        product.checked_mul(dim)
    });
    product.ok_or_else(|| tensor_error(tensor, format!("shape {:?}", tensor.dims), "a shape that exists"))
}

/// Bits of an element, by ONNX's numbers of data types; text and complex numbers are none of ours.
pub(super) fn bits(data_type: i64) -> Option<u64> {
    Some(match data_type {
        1 | 6 | 12 => 32,
        2 | 3 | 9 | 17..=20 => 8,
        4 | 5 | 10 | 16 => 16,
        7 | 11 | 13 => 64,
        21 | 22 => 4,
        25 | 26 => 2,
        _ => return None,
    })
}

pub(super) fn byte_len(tensor: &Tensor<'_>, elements: u64) -> Result<u64, GraphError> {
    let bits = bits(tensor.data_type).ok_or_else(|| {
        tensor_error(tensor, format!("data type {}", tensor.data_type), "numbers of 2 to 64 bits")
    })?;
    elements
        .checked_mul(bits)
        .map(|bits| bits.div_ceil(8))
        .ok_or_else(|| tensor_error(tensor, format!("shape {:?}", tensor.dims), "a shape that exists"))
}

fn inline(tensor: &Tensor<'_>, elements: u64, expected: u64) -> Result<(), GraphError> {
    if !tensor.external.is_empty() {
        return Err(tensor_error(tensor, "external data and data in the graph".into(), "one of them"));
    }
    let size = |found| GraphError::TensorBytes { tensor: label(tensor), found, expected };
    if let [Inline::Raw(found)] = tensor.inline[..] {
        let found = found.len() as u64;
        return if found == expected { Ok(()) } else { Err(size(found)) };
    }
    let field = match tensor.data_type {
        1 => 4,
        7 => 7,
        11 => 10,
        12 | 13 => 11,
        _ => 5,
    };
    let mut found = 0;
    for inline in &tensor.inline {
        match *inline {
            Inline::Numbers(number, count) if number == field => found += count,
            _ => return Err(tensor_error(tensor, "elements of another type".into(), "those of its type")),
        }
    }
    // Types below a byte stand several in one number.
    let expected_numbers = if bits(tensor.data_type) < Some(8) { expected } else { elements };
    if found == expected_numbers {
        Ok(())
    } else {
        Err(tensor_error(tensor, format!("{found} elements"), "as many as its shape has"))
    }
}

/// The file of a tensor and where it ends in it.
fn external<'a>(tensor: &Tensor<'a>, expected: u64) -> Result<(&'a str, u64), GraphError> {
    if !tensor.inline.is_empty() {
        return Err(tensor_error(tensor, "external data and data in the graph".into(), "one of them"));
    }
    let (mut location, mut offset, mut length) = (None, None, None);
    for &(key, value) in &tensor.external {
        let refused = || GraphError::ExternalEntry {
            tensor: label(tensor),
            key: GraphError::text(key.as_bytes()),
            value: GraphError::text(value.as_bytes()),
        };
        let number = || parse(value).ok_or_else(refused);
        // Whatever else ONNX Runtime knows, packed weights above all, makes it read memory by numbers in the file.
        let was_there = match key {
            "location" => location.replace(value).is_some(),
            "offset" => offset.replace(number()?).is_some(),
            "length" => length.replace(number()?).is_some(),
            // ONNX's own, which ONNX Runtime does not read.
            "checksum" => false,
            _ => true,
        };
        if was_there {
            return Err(refused());
        }
    }
    let location = location.unwrap_or_default();
    if !is_plain_name(location) {
        let location = GraphError::text(location.as_bytes());
        return Err(GraphError::Location { tensor: label(tensor), location });
    }
    let found = length.unwrap_or(expected);
    if found != expected {
        return Err(GraphError::TensorBytes { tensor: label(tensor), found, expected });
    }
    let end = offset.unwrap_or(0).checked_add(expected).filter(|end| i64::try_from(*end).is_ok());
    let end = end.ok_or_else(|| tensor_error(tensor, "an offset past 64 bits".into(), "one in the file"))?;
    Ok((location, end))
}

/// The file of an external tensor and its first byte there; `None` for one in the graph.
pub(super) fn place<'a>(tensor: &Tensor<'a>) -> Option<(&'a str, u64)> {
    let value = |wanted| tensor.external.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    tensor.is_external.then_some(())?;
    Some((value("location")?, value("offset").map_or(Some(0), parse)?))
}

/// Where its bytes stand; `None` of values that are not raw, or of a place that does not read.
pub(super) fn source(tensor: &Tensor<'_>) -> Option<Source> {
    let bytes = byte_len(tensor, elements(tensor).ok()?).ok()?;
    if tensor.is_external {
        let (name, offset) = place(tensor)?;
        return Some(Source::File { name: name.to_owned(), offset, bytes });
    }
    let [Inline::Raw(raw)] = tensor.inline[..] else { return None };
    Some(Source::Graph(raw.to_vec()))
}

/// Digits only: `str::parse` would take a sign as well.
pub(super) fn parse(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn label(tensor: &Tensor<'_>) -> String {
    GraphError::text(tensor.name.as_bytes())
}

fn tensor_error(tensor: &Tensor<'_>, what: String, expected: &'static str) -> GraphError {
    GraphError::Tensor { tensor: label(tensor), what, expected }
}

//! Packed weights beside a graph: what ONNX Runtime saves, brought into a form that stores nothing twice.
//!
//! With `session.save_external_prepacked_constant_initializers` ONNX Runtime 1.32 writes a new graph and one file that
//! holds every initialiser as it was *and* packed. The packed ones stand in the graph as external data entries
//! `prepacked_0`, ... = `KEY|OFFSET;LENGTH;PADDING|...`, one range a buffer. When such a graph is loaded, ONNX Runtime
//! packs each weight again, looks the result up by KEY (operator and hash), finds the mapped range and drops its own
//! copy. So the weights as they were have to stay readable: without them the key differs and the packed copy that
//! is used is one of nothing. But it looks in one table for the whole graph, whichever initialiser an entry came with.
//!
//! So [`plan`] keeps the original graph and its original weights file, and hangs all entries on one small initialiser,
//! the carrier, which moves into the new file with the packed ranges:
//!
//! ```text
//! new file: carrier | packed ranges, each from a page on
//! ```

use super::proto::{Graph, Model, Tensor};
use super::tensors;
use super::wire::{Field, Fields, Value, put, put_bytes, replace};
use super::{GraphError, verify};

/// A packed range begins at a page, so that it can be mapped by itself.
const PAGE_BYTES: u64 = 4096;
const ENTRY: &str = "prepacked_";

/// How to make a graph that finds its packed weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The new graph.
    pub graph: Vec<u8>,
    /// What the new file consists of, in order; zeros between.
    pub ranges: Vec<Range>,
    /// Bytes of the new file.
    pub file_bytes: u64,
}

/// A range of the new file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Where it comes from.
    pub from: From,
    /// First byte there.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
    /// First byte in the new file.
    pub to: u64,
}

/// Where a range comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The file that ONNX Runtime has written.
    Saved,
    /// A weights file of the original graph.
    Original(String),
}

/// Plans the new graph from the original and the one that ONNX Runtime has saved. `file` is the new file's name.
/// `None` where ONNX Runtime packed nothing.
///
/// # Errors
/// [`GraphError`], also for an original that does not pass [`verify`].
pub fn plan(original: &[u8], saved: &[u8], file: &str) -> Result<Option<Plan>, GraphError> {
    verify(original)?;
    let saved = Model::read(saved)?.graph;
    let model = Model::read(original)?.graph;
    let Some(carrier) = Carrier::in_graph(&model) else { return Ok(None) };

    let mut ranges = vec![Range {
        from: From::Original(carrier.location.to_owned()),
        offset: carrier.offset,
        bytes: carrier.bytes,
        to: 0,
    }];
    let mut end = carrier.bytes;
    let mut entries = Vec::new();
    for tensor in &saved.initializers {
        for (key, value) in tensor.external.iter().filter(|(key, _)| key.starts_with(ENTRY)) {
            let refused = || GraphError::ExternalEntry {
                tensor: GraphError::text(tensor.name.as_bytes()),
                key: GraphError::text(key.as_bytes()),
                value: GraphError::text(value.as_bytes()),
            };
            let mut parts = value.split('|');
            let mut moved = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let (range, padding) = range(part, end).ok_or_else(refused)?;
                moved.push_str(&format!("|{};{};{padding}", range.to, range.bytes));
                end = range.to.checked_add(range.bytes).ok_or_else(refused)?;
                ranges.push(range);
            }
            entries.push(moved);
        }
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let graph = with_entries(original, &carrier, file, &entries)?;
    Ok(Some(Plan { graph, ranges, file_bytes: end }))
}

/// Whether `prepared` is what [`plan`] makes of a graph: the original, byte for byte, but for the carrier's place and its
/// entries, whose ranges lie one behind the other in the `file_bytes` bytes of the new file.
///
/// # Errors
/// As [`plan`].
pub fn is_plan_of(original: &[u8], prepared: &[u8], file: &str, file_bytes: u64) -> Result<bool, GraphError> {
    verify(original)?;
    let model = Model::read(original)?.graph;
    let Some(carrier) = Carrier::in_graph(&model) else { return Ok(false) };
    let prepared_graph = Model::read(prepared)?.graph;
    let moved = prepared_graph.initializers.iter().find(|tensor| tensor.name == carrier.name);
    let entries = moved.into_iter().flat_map(|tensor| &tensor.external);
    let entries: Vec<String> =
        entries.filter(|(key, _)| key.starts_with(ENTRY)).map(|(_, value)| (*value).to_owned()).collect();
    let mut end = carrier.bytes;
    for part in entries.iter().flat_map(|entry| entry.split('|').skip(1)) {
        let Some((placed, padding)) = range(part, end) else { return Ok(false) };
        let behind = placed.to.checked_add(placed.bytes).filter(|behind| *behind <= file_bytes);
        let (true, Some(behind)) = (placed.offset == placed.to && tensors::parse(padding).is_some(), behind)
        else {
            return Ok(false);
        };
        end = behind;
    }
    Ok(!entries.is_empty()
        && end <= file_bytes
        && with_entries(original, &carrier, file, &entries)? == prepared)
}

/// The range `OFFSET;LENGTH;PADDING` of the saved file, placed behind `end`.
fn range(part: &str, end: u64) -> Option<(Range, &str)> {
    let mut numbers = part.splitn(3, ';');
    let offset = tensors::parse(numbers.next()?)?;
    let bytes = tensors::parse(numbers.next()?)?;
    let padding = numbers.next()?;
    let to = end.checked_next_multiple_of(PAGE_BYTES)?;
    Some((Range { from: From::Saved, offset, bytes, to }, padding))
}

struct Carrier<'a> {
    name: &'a str,
    location: &'a str,
    offset: u64,
    bytes: u64,
}

impl<'a> Carrier<'a> {
    /// The smallest one.
    fn in_graph(graph: &Graph<'a>) -> Option<Self> {
        graph.initializers.iter().filter_map(Self::of).min_by_key(|carrier| carrier.bytes)
    }

    /// An initialiser in a file of its own kind; `None` for those in the graph and for empty ones.
    fn of(tensor: &Tensor<'a>) -> Option<Self> {
        let bytes = tensors::byte_len(tensor, tensors::elements(tensor).ok()?).ok()?;
        let (location, offset) = tensors::place(tensor).filter(|_| bytes > 0)?;
        Some(Self { name: tensor.name, location, offset, bytes })
    }
}

/// The same model with the carrier in `file` and with all entries.
fn with_entries(
    model: &[u8],
    carrier: &Carrier<'_>,
    file: &str,
    entries: &[String],
) -> Result<Vec<u8>, GraphError> {
    replace(model, 7, |graph| {
        replace(graph, 5, |tensor| {
            if Tensor::read(tensor)?.name != carrier.name {
                return Ok(tensor.to_vec());
            }
            let mut moved = Vec::new();
            for field in Fields::new(tensor) {
                let field = field?;
                if field.number != 13 {
                    put(&mut moved, &field);
                }
            }
            let numbers = (0..).map(|number| format!("{ENTRY}{number}"));
            let place = [
                ("location".to_owned(), file.to_owned()),
                ("offset".to_owned(), "0".to_owned()),
                ("length".to_owned(), carrier.bytes.to_string()),
            ];
            for (key, value) in place.into_iter().chain(numbers.zip(entries.iter().cloned())) {
                put_bytes(&mut moved, 13, &entry(&key, &value));
            }
            Ok(moved)
        })
    })
}

/// The same model with every external tensor where `locate` says, which is given its file and its first byte there.
///
/// # Errors
/// [`GraphError`] for what is no graph.
pub fn with_places(model: &[u8], locate: impl Fn(&str, u64) -> (String, u64)) -> Result<Vec<u8>, GraphError> {
    replace(model, 7, |graph| {
        replace(graph, 5, |tensor| {
            let read = Tensor::read(tensor)?;
            let Some((name, offset)) = tensors::place(&read) else { return Ok(tensor.to_vec()) };
            let (new_name, new_offset) = locate(name, offset);
            let mut moved = replace(tensor, 13, |entry| {
                let is = |key: &[u8]| {
                    let value = Value::Bytes(key);
                    Fields::new(entry).flatten().any(|field| field == Field { number: 1, value })
                };
                replace(entry, 2, |value| {
                    Ok(match value {
                        _ if is(b"location") => new_name.clone().into_bytes(),
                        _ if is(b"offset") && new_offset != offset => new_offset.to_string().into_bytes(),
                        other => other.to_vec(),
                    })
                })
            })?;
            if new_offset != offset && !read.external.iter().any(|(key, _)| *key == "offset") {
                put_bytes(&mut moved, 13, &entry("offset", &new_offset.to_string()));
            }
            Ok(moved)
        })
    })
}

/// `StringStringEntryProto`.
pub(super) fn entry(key: &str, value: &str) -> Vec<u8> {
    let mut entry = Vec::new();
    put_bytes(&mut entry, 1, key.as_bytes());
    put_bytes(&mut entry, 2, value.as_bytes());
    entry
}

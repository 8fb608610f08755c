//! The header of a safetensors file.
//!
//! ```text
//! u64, little-endian   length of the header in bytes
//! header               JSON: tensor name -> { dtype, shape, data_offsets: [begin, end) }, and "__metadata__"
//! data                 the tensors back to back, without gaps
//! ```
//!
//! Source: the `safetensors` repository, `README.md`, "Format". The crate of that name reads a whole file from memory
//! and keeps the last of two tensors with one name; here the header alone is read, and refused on the first rule
//! that it breaks, before anything is allocated by its numbers.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use wheelwork_package::json::from_bytes;

use super::dtype::Dtype;
use super::files::{RegularFile, shortened};
use super::{CheckpointError, HeaderFault};

/// The longest header that is read, in bytes; 70B checkpoints have about 10 kB a shard.
pub const HEADER_BYTES_LIMIT: u64 = 16 << 20;
/// The most tensors in one file.
pub const TENSORS_LIMIT: usize = 200_000;
/// The most dimensions of a tensor.
const RANK_LIMIT: usize = 8;

/// A tensor as the header describes it; every number was checked against the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// First byte in the file.
    pub offset: u64,
}

/// The header's tensors in the order of the file, equal names included.
struct RawHeader {
    tensors: Vec<(String, RawEntry)>,
    /// Counts on where `tensors` stops, at the limit.
    count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    dtype: String,
    shape: Shape,
    data_offsets: (u64, u64),
}

/// At most [`RANK_LIMIT`] dimensions.
struct Shape(Vec<u64>);

/// Reads and checks the header.
///
/// # Errors
/// [`CheckpointError::Header`] with the first rule that the file breaks, or [`CheckpointError::Io`].
pub(super) fn read(file: &RegularFile) -> Result<Vec<Entry>, CheckpointError> {
    let fault = |fault| CheckpointError::Header { path: file.path().into(), fault };
    let (text, data_start) = read_text(file)?;
    let data_bytes = file.bytes() - data_start;
    parse(&text, data_start, data_bytes).map_err(fault)
}

/// The header's JSON, and where the data begins.
fn read_text(file: &RegularFile) -> Result<(Vec<u8>, u64), CheckpointError> {
    let fault = |fault| CheckpointError::Header { path: file.path().into(), fault };
    let mut length = [0; 8];
    if file.bytes() < 8 {
        return Err(fault(HeaderFault::InvalidHeaderLength { length: 0, file: file.bytes() }));
    }
    file.read_at(&mut length, 0)?;
    let length = u64::from_le_bytes(length);
    if length > file.bytes() - 8 {
        return Err(fault(HeaderFault::InvalidHeaderLength { length, file: file.bytes() }));
    }
    if length > HEADER_BYTES_LIMIT {
        return Err(fault(HeaderFault::HeaderTooLarge { length, limit: HEADER_BYTES_LIMIT }));
    }
    let mut text = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_at(&mut text, 8)?;
    Ok((text, 8 + length))
}

fn parse(text: &[u8], data_start: u64, data_bytes: u64) -> Result<Vec<Entry>, HeaderFault> {
    let RawHeader { tensors, count } = from_bytes(text)
        .map_err(|error| HeaderFault::NotAHeader { detail: shortened(&error.to_string()) })?;
    if count > TENSORS_LIMIT {
        return Err(HeaderFault::TooManyTensors { tensors: count, limit: TENSORS_LIMIT });
    }
    let mut names = HashSet::with_capacity(tensors.len());
    let mut spans = Vec::with_capacity(tensors.len());
    for (name, raw) in tensors {
        if !names.insert(name.clone()) {
            return Err(HeaderFault::DuplicateTensor { tensor: shortened(&name) });
        }
        spans.push(check_entry(name, raw, data_bytes)?);
    }
    check_offsets(&mut spans, data_bytes)?;
    Ok(spans
        .into_iter()
        .map(|Span { mut entry, begin, .. }| {
            entry.offset = data_start + begin;
            entry
        })
        .collect())
}

/// An entry and its bytes, counted from the start of the data.
struct Span {
    entry: Entry,
    begin: u64,
    end: u64,
}

fn check_entry(name: String, raw: RawEntry, data_bytes: u64) -> Result<Span, HeaderFault> {
    let RawEntry { dtype, shape: Shape(shape), data_offsets: (begin, end) } = raw;
    let tensor = shortened(&name);
    let Some(dtype) = Dtype::named(&dtype) else {
        return Err(HeaderFault::UnknownDtype { tensor, dtype: shortened(&dtype) });
    };
    let needed = shape.iter().try_fold(dtype.bytes, |product, &size| product.checked_mul(size));
    let sizes = shape.iter().map(|&size| usize::try_from(size)).collect::<Result<Vec<_>, _>>();
    let (Some(needed), Ok(sizes)) = (needed, sizes) else {
        return Err(HeaderFault::ValidationOverflow { tensor, shape });
    };
    if end > data_bytes {
        return Err(HeaderFault::PastEnd { tensor, end, data: data_bytes });
    }
    let present = end.checked_sub(begin).ok_or_else(|| HeaderFault::BackwardOffsets {
        tensor: tensor.clone(),
        begin,
        end,
    })?;
    if present != needed {
        return Err(HeaderFault::ShapeMismatch { tensor, dtype: dtype.name, shape, needed, present });
    }
    Ok(Span { entry: Entry { name, dtype, shape: sizes, offset: 0 }, begin, end })
}

/// The tensors fill the data without gap, overlap or rest: a file has one meaning, and nothing hides in it.
fn check_offsets(spans: &mut [Span], data_bytes: u64) -> Result<(), HeaderFault> {
    spans.sort_by_key(|span| (span.begin, span.end));
    let mut filled = 0;
    for span in spans.iter() {
        let tensor = || shortened(&span.entry.name);
        if span.begin < filled {
            return Err(HeaderFault::OverlappingOffsets { tensor: tensor(), begin: span.begin, filled });
        }
        if span.begin > filled {
            return Err(HeaderFault::IncompleteBuffer { from: filled, to: span.begin });
        }
        filled = span.end;
    }
    if filled < data_bytes {
        return Err(HeaderFault::IncompleteBuffer { from: filled, to: data_bytes });
    }
    Ok(())
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tensors;

        impl<'de> Visitor<'de> for Tensors {
            type Value = RawHeader;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut header = RawHeader { tensors: Vec::new(), count: 0 };
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" || header.count >= TENSORS_LIMIT {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        header.tensors.push((name.clone(), map.next_value()?));
                    }
                    header.count += usize::from(name != "__metadata__");
                }
                Ok(header)
            }
        }

        deserializer.deserialize_map(Tensors)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sizes;

        impl<'de> Visitor<'de> for Sizes {
            type Value = Shape;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "at most {RANK_LIMIT} sizes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
                let mut sizes = Vec::new();
                while let Some(size) = sequence.next_element()? {
                    if sizes.len() == RANK_LIMIT {
                        return Err(A::Error::invalid_length(RANK_LIMIT + 1, &self));
                    }
                    sizes.push(size);
                }
                Ok(Shape(sizes))
            }
        }

        deserializer.deserialize_seq(Sizes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}"#;
    const DATA_BYTES: u64 = 32;

    /// Whatever a header says: if it is accepted, its tensors fill the data exactly.
    fn refused_or_exact(text: &[u8]) {
        let Ok(entries) = parse(text, 100, DATA_BYTES) else { return };
        let mut end = 100;
        for entry in entries {
            assert_eq!(entry.offset, end);
            end += entry.shape.iter().product::<usize>() as u64 * entry.dtype.bytes;
        }
        assert_eq!(end, 100 + DATA_BYTES);
    }

    #[test]
    fn a_valid_header_parses() {
        let entries = parse(VALID.as_bytes(), 100, DATA_BYTES).unwrap();
        let found: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.offset)).collect();
        assert_eq!(found, [("a", 100), ("b", 124)]);
        assert!(parse(b"{}", 8, 0).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_exact(text in prop::collection::vec(any::<u8>(), 0..200)) {
            refused_or_exact(&text);
        }

        #[test]
        fn a_changed_header_is_refused_or_exact(
            changes in prop::collection::vec((0..VALID.len(), prop::sample::select(b"0123456789-.e\"[]{},:ab".to_vec())), 1..4),
        ) {
            let mut text = VALID.as_bytes().to_vec();
            for (position, byte) in changes {
                text[position] = byte;
            }
            refused_or_exact(&text);
        }
    }
}

//! The head of a container: prelude, index, signature. Everything that is needed to decide whether to trust the rest.

use std::fmt;
use std::io::{self, Read};

use super::limits::{INDEX_BYTES, SIGNATURE_BYTES};
use super::{ContainerError, Digest, Index, Source};

/// Begins every container of every version.
pub(crate) const MAGIC: [u8; 8] = *b"\x89WWPKG\r\n";
/// The major version that this build reads and writes.
const MAJOR: u16 = 1;
/// Required feature: chunks have a filter, and segments before their frame.
const FILTER: u32 = 1;
/// The required features that this build knows.
const KNOWN_FEATURES: u32 = FILTER;
/// The minor version without and with a filter: a container says no more than it needs.
const MINORS: (u16, u16) = (0, 1);
/// The oldest Wheelwork that reads what this build writes.
const NEEDS: Needs = Needs { major: 0, minor: 1, patch: 0 };
const PRELUDE_BYTES: usize = 32;
const FEATURES_AT: usize = 12;
const DIGEST_BYTES: usize = 32;

/// The head of a container, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Files and chunks.
    pub index: Index,
    /// The package's identity: the digest of prelude and index.
    pub id: Digest,
    /// The signature bundle, JSON in the OpenSSF model-signing form; not verified by reading it.
    pub signature: Option<Vec<u8>>,
    /// Prelude and index as they were read.
    prelude_and_index: Vec<u8>,
}

/// A version of Wheelwork.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needs {
    /// Before the first dot.
    pub major: u16,
    /// Between the dots.
    pub minor: u16,
    /// After the second dot.
    pub patch: u16,
}

impl fmt::Display for Needs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Head {
    /// Reads the head of a container and leaves the reader at the first chunk.
    ///
    /// Takes memory for what arrives, never for what a length field claims.
    ///
    /// # Errors
    /// [`ContainerError`]: [`ContainerError::Truncated`] where the bytes end early, else the broken rule.
    pub fn read(reader: &mut (impl Read + ?Sized)) -> Result<Self, ContainerError> {
        let mut reader = Section { reader, end: 0 };
        let mut bytes = reader.read("prelude", PRELUDE_BYTES)?;
        let index_bytes = check_prelude(&bytes)?;
        bytes.extend(reader.read("index", index_bytes)?);
        let id = reader.digest_of("index", &bytes)?;
        let mut signature = reader.read("length of the signature", 4)?;
        let signature_bytes = length_field(&signature, 0);
        if signature_bytes > SIGNATURE_BYTES {
            return Err(ContainerError::SignatureTooLarge { bytes: signature_bytes });
        }
        signature.extend(reader.read("signature", signature_bytes as usize)?);
        reader.digest_of("signature", &signature)?;
        let index = Index::decode(bytes.get(PRELUDE_BYTES..).unwrap_or_default())?;
        let signature = (signature_bytes > 0).then(|| signature.split_off(4));
        Ok(Self { index, id, signature, prelude_and_index: bytes })
    }

    /// As [`Head::read`], and refuses a source of known length that goes on behind the last chunk.
    pub(crate) fn read_of_file(source: &mut dyn Source) -> Result<Self, ContainerError> {
        let head = Self::read(source)?;
        let stored_bytes = head.index.stored_bytes();
        let left = source.bytes_left().map_err(|source| ContainerError::Source { source })?;
        if left.is_some_and(|left| left > stored_bytes) {
            return Err(ContainerError::Trailing { at: head.byte_len() + stored_bytes });
        }
        Ok(head)
    }

    /// The head of a new, unsigned container, as a writer begins.
    ///
    /// # Errors
    /// [`ContainerError`] if the index breaks a rule.
    pub fn new(index: &Index) -> Result<Self, ContainerError> {
        Self::with_features(index, 0)
    }

    /// As [`Head::new`], of a container whose chunks have a filter (`docs/package-format.md`, "Filter").
    ///
    /// # Errors
    /// As [`Head::new`].
    pub fn filtered(index: &Index) -> Result<Self, ContainerError> {
        Self::with_features(index, FILTER)
    }

    /// Whether chunks have a filter.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        length_field(&self.prelude_and_index, FEATURES_AT) & FILTER != 0
    }

    fn with_features(index: &Index, features: u32) -> Result<Self, ContainerError> {
        let encoded = index.encode();
        let index = Index::decode(&encoded)?;
        let mut prelude_and_index = prelude(encoded.len(), features);
        prelude_and_index.extend(&encoded);
        let id = Digest::of(&prelude_and_index);
        Ok(Self { index, id, signature: None, prelude_and_index })
    }

    /// The bytes of this head: what [`Head::read`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let signature = self.signature.as_deref().unwrap_or_default();
        let mut block = u32::try_from(signature.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        block.extend(signature);
        let digest = Digest::of(&block);
        let mut bytes = self.prelude_and_index.clone();
        bytes.extend(self.id.as_bytes());
        bytes.extend(block);
        bytes.extend(digest.as_bytes());
        bytes
    }

    /// Length of [`Head::to_bytes`]: where the first chunk begins.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        let signature = self.signature.as_ref().map_or(0, Vec::len);
        (self.prelude_and_index.len() + DIGEST_BYTES + 4 + signature + DIGEST_BYTES) as u64
    }
}

fn prelude(index_bytes: usize, features: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PRELUDE_BYTES + index_bytes);
    bytes.extend(MAGIC);
    let minor = if features & FILTER != 0 { MINORS.1 } else { MINORS.0 };
    bytes.extend([MAJOR, minor].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend([features, 0].into_iter().flat_map(u32::to_le_bytes));
    // An index too long for the field is refused when it is decoded.
    bytes.extend(u32::try_from(index_bytes).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend([NEEDS.major, NEEDS.minor, NEEDS.patch, 0].into_iter().flat_map(u16::to_le_bytes));
    bytes
}

/// Checks a prelude and returns the length of the index.
fn check_prelude(bytes: &[u8]) -> Result<usize, ContainerError> {
    if !bytes.starts_with(&MAGIC) {
        let found = bytes.get(..MAGIC.len()).unwrap_or_default();
        return Err(ContainerError::NotAContainer { found: crate::files::hex(found) });
    }
    let needs =
        Needs { major: short_field(bytes, 24), minor: short_field(bytes, 26), patch: short_field(bytes, 28) };
    let (major, minor) = (short_field(bytes, 8), short_field(bytes, 10));
    if major != MAJOR {
        return Err(ContainerError::Version { major, minor, needs });
    }
    let unknown = length_field(bytes, FEATURES_AT) & !KNOWN_FEATURES;
    if unknown != 0 {
        return Err(ContainerError::Features { unknown, needs });
    }
    let reserved = short_field(bytes, 30);
    if reserved != 0 {
        return Err(ContainerError::Reserved { found: reserved });
    }
    let index_bytes = length_field(bytes, 20);
    if !(1..=INDEX_BYTES).contains(&index_bytes) {
        return Err(ContainerError::IndexSize { bytes: index_bytes });
    }
    Ok(index_bytes as usize)
}

fn short_field(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |field| u16::from_le_bytes(*field))
}

fn length_field(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |field| u32::from_le_bytes(*field))
}

/// A reader that knows where it is.
struct Section<'a, R: ?Sized> {
    reader: &'a mut R,
    end: u64,
}

impl<R: Read + ?Sized> Section<'_, R> {
    fn read(&mut self, part: &'static str, length: usize) -> Result<Vec<u8>, ContainerError> {
        let start = self.end;
        self.end += length as u64;
        read_exactly(self.reader, length).map_err(|source| ContainerError::Source { source })?.map_err(
            |have| ContainerError::Truncated { part: part.into(), need: self.end, have: start + have },
        )
    }

    /// Reads a digest and compares it with that of `bytes`.
    fn digest_of(&mut self, part: &'static str, bytes: &[u8]) -> Result<Digest, ContainerError> {
        let expected = self.read("digest", DIGEST_BYTES)?;
        let found = Digest::of(bytes);
        if *found.as_bytes() == *expected {
            Ok(found)
        } else {
            Err(ContainerError::Damaged { part, found, expected: crate::files::hex(&expected) })
        }
    }
}

/// Reads `length` bytes, or says how many there were.
pub(super) fn read_exactly(
    reader: &mut (impl Read + ?Sized),
    length: usize,
) -> io::Result<Result<Vec<u8>, u64>> {
    let mut bytes = Vec::new();
    reader.take(length as u64).read_to_end(&mut bytes)?;
    Ok(if bytes.len() == length { Ok(bytes) } else { Err(bytes.len() as u64) })
}

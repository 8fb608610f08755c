//! Errors of reading and writing a container.

use std::io;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, get, reinstall, retry, unsupported};

use super::index::IndexError;
use super::limits::{INDEX_BYTES, SIGNATURE_BYTES};
use super::{Digest, FrameError, Needs};

/// Why bytes are not a container that can be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum ContainerError {
    /// The source could not be read.
    #[error("the source cannot be read: {source}")]
    Source { source: io::Error },
    /// A container could not be written.
    #[error("the package cannot be written: {source}")]
    Sink { source: io::Error },
    /// The bytes end early.
    #[error("the package ends within its {part}: {need} bytes are needed, there are {have}")]
    Truncated { part: String, need: u64, have: u64 },
    /// Another magic number.
    #[error("this is no .wwpkg file: it begins with {found}")]
    NotAContainer { found: String },
    /// Another major version.
    #[error("the package has format {major}.{minor} and needs Wheelwork >= {needs}")]
    Version { major: u16, minor: u16, needs: Needs },
    /// A required feature that this build does not know.
    #[error(
        "the package uses features that this build does not know ({unknown:#010x}) and needs Wheelwork >= {needs}"
    )]
    Features { unknown: u32, needs: Needs },
    /// The reserved field is set.
    #[error("the reserved field of the prelude is {found}, expected 0")]
    Reserved { found: u16 },
    /// An index that is empty or too long.
    #[error("the index has {bytes} bytes, expected 1 to {INDEX_BYTES}")]
    IndexSize { bytes: u32 },
    /// A signature that is too long.
    #[error("the signature has {bytes} bytes, more than the {SIGNATURE_BYTES} allowed")]
    SignatureTooLarge { bytes: u32 },
    /// Index or signature do not have their digest.
    #[error("the {part} is damaged: its SHA-256 is {found}, expected {expected}")]
    Damaged { part: &'static str, found: Digest, expected: String },
    /// The index breaks a rule.
    #[error("the index is not valid: {0}")]
    Index(#[from] IndexError),
    /// A chunk is not what the index says.
    #[error("chunk {chunk}, at byte {at} of the package and part of `{file}`, is damaged: {error}")]
    Chunk { chunk: usize, at: u64, file: String, error: ChunkError },
    /// A file is not what the index says although its chunks are.
    #[error("`{file}` has the SHA-256 {found}, the index says {expected}")]
    FileDigest { file: String, found: Digest, expected: Digest },
    /// Bytes after the last chunk.
    #[error("bytes follow the last chunk, at byte {at} of the package")]
    Trailing { at: u64 },
}

/// What is wrong with a chunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum ChunkError {
    /// The bytes in the container have another digest: they were changed on the way.
    #[error("its bytes have the SHA-256 {found}, expected {expected}")]
    Stored { found: Digest, expected: Digest },
    /// The bytes are no frame that is allowed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The content has another digest.
    #[error("its content has the SHA-256 {found}, expected {expected}")]
    Content { found: Digest, expected: Digest },
}

impl Diagnostic for ContainerError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Source { .. } => retry("container_source", Remedy::Continue),
            Self::Sink { .. } => retry("container_sink", Remedy::CheckStorage),
            Self::Truncated { part, .. } => {
                retry("container_truncated", get("the rest of the file, or copy it again")).at(part)
            }
            Self::NotAContainer { .. } => retry("not_a_container", Remedy::GivePackageFile),
            Self::Version { needs, .. } => {
                unsupported("container_version", Remedy::Update { version: needs.to_string() })
            }
            Self::Features { needs, .. } => {
                unsupported("container_features", Remedy::Update { version: needs.to_string() })
            }
            Self::Reserved { .. } => reinstall("container_reserved", get(AGAIN)),
            Self::IndexSize { .. } => reinstall("container_index_size", get(AGAIN)),
            Self::SignatureTooLarge { .. } => reinstall("container_signature_size", get(AGAIN)),
            Self::Damaged { part, .. } => reinstall("container_damaged", get(AGAIN)).at(part),
            Self::Index(_) => reinstall("container_index", get(AGAIN)).at("index"),
            Self::Chunk { chunk, file, .. } => {
                reinstall("container_chunk", get(format!("the file again: chunk {chunk} changed on the way")))
                    .at(format_args!("chunk {chunk} of {file}"))
            }
            Self::FileDigest { file, .. } => {
                reinstall("container_file_digest", Remedy::ReportToPublisher).at(file)
            }
            Self::Trailing { .. } => reinstall("container_trailing", get(AGAIN)),
        }
    }
}

const AGAIN: &str = "the file again: it changed on the way";

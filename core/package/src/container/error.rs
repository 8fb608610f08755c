//! Errors of reading and writing a container.

use std::borrow::Cow;
use std::io;

use super::index::IndexError;
use super::limits::{INDEX_BYTES, SIGNATURE_BYTES};
use super::{Digest, FrameError, Needs};
use crate::diagnostic::{Class, Diagnostic};

/// Why bytes are not a container that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// The source could not be read.
    #[error("the source cannot be read: {source}")]
    Source {
        /// What the system or the transport said.
        source: io::Error,
    },
    /// A container could not be written.
    #[error("the package cannot be written: {source}")]
    Sink {
        /// What the system said.
        source: io::Error,
    },
    /// The bytes end early.
    #[error("the package ends within its {part}: {need} bytes are needed, there are {have}")]
    Truncated {
        /// What was being read.
        part: String,
        /// Bytes from the start that this part needs.
        need: u64,
        /// Bytes that there are.
        have: u64,
    },
    /// Another magic number.
    #[error("this is no .wwpkg file: it begins with {found}")]
    NotAContainer {
        /// The first bytes in hexadecimal.
        found: String,
    },
    /// Another major version.
    #[error("the package has format {major}.{minor} and needs Wheelwork >= {needs}")]
    Version {
        /// The major version in the file.
        major: u16,
        /// The minor version in the file.
        minor: u16,
        /// The oldest Wheelwork that reads it.
        needs: Needs,
    },
    /// A required feature that this build does not know.
    #[error(
        "the package uses features that this build does not know ({unknown:#010x}) and needs Wheelwork >= {needs}"
    )]
    Features {
        /// The unknown bits.
        unknown: u32,
        /// The oldest Wheelwork that knows them.
        needs: Needs,
    },
    /// The reserved field is set.
    #[error("the reserved field of the prelude is {found}, expected 0")]
    Reserved {
        /// Its value.
        found: u16,
    },
    /// An index that is empty or too long.
    #[error("the index has {bytes} bytes, expected 1 to {INDEX_BYTES}")]
    IndexSize {
        /// Its length.
        bytes: u32,
    },
    /// A signature that is too long.
    #[error("the signature has {bytes} bytes, more than the {SIGNATURE_BYTES} allowed")]
    SignatureTooLarge {
        /// Its length.
        bytes: u32,
    },
    /// Index or signature do not have their digest.
    #[error("the {part} is damaged: its SHA-256 is {found}, expected {expected}")]
    Damaged {
        /// `index` or `signature`.
        part: &'static str,
        /// The digest of the bytes.
        found: Digest,
        /// The digest that follows them.
        expected: String,
    },
    /// The index breaks a rule.
    #[error("the index is not valid: {0}")]
    Index(#[from] IndexError),
    /// A chunk is not what the index says.
    #[error("chunk {chunk}, at byte {at} of the package and part of `{file}`, is damaged: {error}")]
    Chunk {
        /// Its number.
        chunk: usize,
        /// Where it begins in the package, in bytes.
        at: u64,
        /// The first file that it is part of.
        file: String,
        /// What is wrong.
        error: ChunkError,
    },
    /// A file is not what the index says although its chunks are.
    #[error("`{file}` has the SHA-256 {found}, the index says {expected}")]
    FileDigest {
        /// The file.
        file: String,
        /// The digest of its content.
        found: Digest,
        /// The digest in the index.
        expected: Digest,
    },
    /// Bytes after the last chunk.
    #[error("bytes follow the last chunk, at byte {at} of the package")]
    Trailing {
        /// Where they begin.
        at: u64,
    },
}

/// What is wrong with a chunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The bytes in the container have another digest: they were changed on the way.
    #[error("its bytes have the SHA-256 {found}, expected {expected}")]
    Stored {
        /// Theirs.
        found: Digest,
        /// The index's.
        expected: Digest,
    },
    /// The bytes are no frame that is allowed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The content has another digest.
    #[error("its content has the SHA-256 {found}, expected {expected}")]
    Content {
        /// Its.
        found: Digest,
        /// The index's.
        expected: Digest,
    },
}

impl Diagnostic for ContainerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Source { .. } => "container_source",
            Self::Sink { .. } => "container_sink",
            Self::Truncated { .. } => "container_truncated",
            Self::NotAContainer { .. } => "not_a_container",
            Self::Version { .. } => "container_version",
            Self::Features { .. } => "container_features",
            Self::Reserved { .. } => "container_reserved",
            Self::IndexSize { .. } => "container_index_size",
            Self::SignatureTooLarge { .. } => "container_signature_size",
            Self::Damaged { .. } => "container_damaged",
            Self::Index(_) => "container_index",
            Self::Chunk { .. } => "container_chunk",
            Self::FileDigest { .. } => "container_file_digest",
            Self::Trailing { .. } => "container_trailing",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Source { .. } | Self::Sink { .. } | Self::Truncated { .. } | Self::NotAContainer { .. } => {
                Class::Retry
            }
            Self::Version { .. } | Self::Features { .. } => Class::Unsupported,
            _ => Class::Reinstall,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Source { .. } => "try again: what has arrived is kept".into(),
            Self::Sink { .. } => "check that the folder can be written and the disk is not full".into(),
            Self::Truncated { .. } => "get the rest of the file, or copy it again".into(),
            Self::NotAContainer { .. } => "give a .wwpkg file, as `wheelwork pack` writes it".into(),
            Self::Version { needs, .. } | Self::Features { needs, .. } => {
                format!("update Wheelwork to {needs} or newer").into()
            }
            Self::Chunk { chunk, .. } => {
                format!("copy the file again: chunk {chunk} changed on the way").into()
            }
            Self::FileDigest { .. } => "report this to the maker of the package".into(),
            _ => "copy the file again: it changed on the way".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Truncated { part, .. } => Some(part.clone()),
            Self::Damaged { part, .. } => Some((*part).to_owned()),
            Self::Index(_) => Some("index".to_owned()),
            Self::Chunk { chunk, file, .. } => Some(format!("chunk {chunk} of {file}")),
            Self::FileDigest { file, .. } => Some(file.clone()),
            _ => None,
        }
    }
}

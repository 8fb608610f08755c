//! Errors of opening and reading a package.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::GraphError;
use crate::diagnostic::{Class, Diagnostic};
use crate::vfs::DiskError;

/// Why a package or one of its files could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// Neither `manifest.json` nor `genai_config.json` stands in the folder.
    #[error(
        "`{path}` is neither a package nor a genai model folder: it has no manifest.json and no genai_config.json"
    )]
    NotAPackage {
        /// The folder that was given.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON file is larger than any honest one.
    #[error("`{path}` has {bytes} bytes, more than the {limit} allowed for this file")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The largest size accepted, in bytes.
        limit: u64,
    },
    /// A JSON file does not parse, or lacks a field.
    #[error("`{path}` is not valid: {detail}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The parser's words, or the broken rule with the values.
        detail: String,
    },
    /// The package was written by a newer Wheelwork with another format.
    #[error("`{path}` has format version {found}, this build reads {supported}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that stands in it.
        found: String,
        /// The versions that can be read.
        supported: &'static str,
    },
    /// The package has no variant for what was asked.
    #[error("the package has no variant `{wanted}`; it has: {present}")]
    NoSuchVariant {
        /// The variant asked for.
        wanted: String,
        /// The variants that exist, separated by commas.
        present: String,
    },
    /// The graph is not given to ONNX Runtime.
    #[error("`{path}` is refused: {source}")]
    Graph {
        /// The graph's file.
        path: PathBuf,
        /// Why.
        source: GraphError,
    },
    /// A file differs in size from what the card says.
    #[error("`{path}` has {found} bytes, the package card says {expected}")]
    SizeMismatch {
        /// The file.
        path: PathBuf,
        /// Bytes on disk.
        found: u64,
        /// Bytes according to the card.
        expected: u64,
    },
    /// A file differs in content from what the card says.
    #[error(
        "`{path}` does not have the content that the package card says (SHA-256 {found}, expected {expected})"
    )]
    HashMismatch {
        /// The file.
        path: PathBuf,
        /// The digest of the bytes on disk, in hexadecimal.
        found: String,
        /// The digest according to the card.
        expected: String,
    },
    /// A part of an installed file is not what was installed.
    #[error("`{path}` is damaged: its {bytes} bytes from {offset} on are not those that were installed")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the part begins, in bytes.
        offset: u64,
        /// Its length in bytes.
        bytes: u32,
    },
}

impl PackageError {
    pub(crate) fn invalid(path: impl Into<PathBuf>, detail: impl std::fmt::Display) -> Self {
        Self::Invalid { path: path.into(), detail: detail.to_string() }
    }
}

impl From<DiskError> for PackageError {
    fn from(DiskError { path, source, .. }: DiskError) -> Self {
        Self::Io { path, source }
    }
}

impl Diagnostic for PackageError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotAPackage { .. } => "not_a_package",
            Self::Io { .. } => "package_io",
            Self::TooLarge { .. } => "package_file_too_large",
            Self::Invalid { .. } => "package_invalid",
            Self::Version { .. } => "package_version",
            Self::NoSuchVariant { .. } => "no_such_variant",
            Self::Graph { source, .. } => source.code(),
            Self::SizeMismatch { .. } => "package_size_mismatch",
            Self::HashMismatch { .. } => "package_hash_mismatch",
            Self::Damaged { .. } => "package_damaged",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::NotAPackage { .. } | Self::Io { .. } => Class::Retry,
            Self::Version { .. } | Self::NoSuchVariant { .. } => Class::Unsupported,
            Self::TooLarge { .. } | Self::Invalid { .. } => Class::Reinstall,
            Self::Graph { source, .. } => source.class(),
            Self::SizeMismatch { .. } | Self::HashMismatch { .. } | Self::Damaged { .. } => Class::Reinstall,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::NotAPackage { .. } => {
                "give an .ortpackage folder, or make one with `wheelwork quantize CHECKPOINT --out NAME.ortpackage`".into()
            }
            Self::Io { .. } => "check that the path exists and can be read".into(),
            Self::Version { .. } => "use the Wheelwork version that wrote the package, or quantise it again".into(),
            Self::NoSuchVariant { .. } => "choose one of the variants that exist, or quantise with that target".into(),
            Self::Graph { source, .. } => source.remedy(),
            Self::Damaged { .. } => {
                "see what else is damaged with `wheelwork verify NAME`, and mend it with `wheelwork repair NAME`".into()
            }
            Self::TooLarge { .. } | Self::Invalid { .. } | Self::SizeMismatch { .. } | Self::HashMismatch { .. } => {
                "the package is damaged: quantise or install it again".into()
            }
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::NotAPackage { path }
            | Self::Io { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Invalid { path, .. }
            | Self::Version { path, .. }
            | Self::SizeMismatch { path, .. }
            | Self::HashMismatch { path, .. }
            | Self::Damaged { path, .. } => Some(path.display().to_string()),
            Self::Graph { path, source } => {
                let place = path.display().to_string();
                Some(source.place().map_or_else(|| place.clone(), |inner| format!("{place}: {inner}")))
            }
            Self::NoSuchVariant { .. } => None,
        }
    }
}

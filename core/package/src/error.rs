//! Errors of opening and reading a package.

use std::path::PathBuf;

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, check, choose, give, reinstall, retry, unsupported,
};

use crate::GraphError;
use crate::vfs::{DiskError, FileError, FileFault};

/// Why a package or one of its files could not be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum PackageError {
    /// Neither `manifest.json` nor `genai_config.json` stands in the folder.
    #[error(
        "`{path}` is neither a package nor a genai model folder: it has no manifest.json and no genai_config.json"
    )]
    NotAPackage { path: PathBuf },
    /// The operating system refused.
    #[error("cannot read `{path}`: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    /// A link, a folder, a pipe, a socket or a device.
    #[error("`{path}` is {found}, expected a file")]
    NotAFile { path: PathBuf, found: &'static str },
    /// A variant's folder is a link, or none.
    #[error("`{path}` is no folder of the package: {why}")]
    NotAFolder { path: PathBuf, why: String },
    /// A file is larger than any honest one.
    #[error("`{path}` has {bytes} bytes, more than the {limit} allowed for this file")]
    TooLarge { path: PathBuf, bytes: u64, limit: u64 },
    /// A JSON file does not parse, or lacks a field.
    #[error("`{path}` is not valid: {detail}")]
    Invalid { path: PathBuf, detail: String },
    /// The package was written by a newer Wheelwork with another format.
    #[error("`{path}` has format version {found}, this build reads {supported}")]
    Version { path: PathBuf, found: String, supported: &'static str },
    /// The package has no variant for what was asked.
    #[error("the package has no variant `{wanted}`; it has: {present}")]
    NoSuchVariant { wanted: String, present: String },
    /// The graph is not given to ONNX Runtime.
    #[error("`{path}` is refused: {source}")]
    Graph { path: PathBuf, source: GraphError },
    /// A file differs in size from what the card says.
    #[error("`{path}` has {found} bytes, the package card says {expected}")]
    SizeMismatch { path: PathBuf, found: u64, expected: u64 },
    /// A file differs in content from what the card says.
    #[error(
        "`{path}` does not have the content that the package card says (SHA-256 {found}, expected {expected})"
    )]
    HashMismatch { path: PathBuf, found: String, expected: String },
    /// A part of an installed file is not what was installed.
    #[error("`{path}` is damaged: its {bytes} bytes from {offset} on are not those that were installed")]
    Damaged { path: PathBuf, offset: u64, bytes: u32 },
}

impl PackageError {
    pub(crate) fn invalid(path: impl Into<PathBuf>, detail: impl std::fmt::Display) -> Self {
        Self::Invalid { path: path.into(), detail: detail.to_string() }
    }
}

impl From<FileError> for PackageError {
    fn from(FileError { path, fault }: FileError) -> Self {
        match fault {
            FileFault::Io(source) => Self::Io { path, source },
            FileFault::NotAFile { found } => Self::NotAFile { path, found },
            FileFault::TooLarge { bytes, limit } => Self::TooLarge { path, bytes, limit },
            FileFault::NotOurs { why } => Self::NotAFolder { path, why },
            fault @ FileFault::Exposed { .. } => Self::Io { path, source: fault.into() },
        }
    }
}

impl From<DiskError> for PackageError {
    fn from(DiskError { path, source, .. }: DiskError) -> Self {
        Self::Io { path, source }
    }
}

impl Diagnostic for PackageError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::NotAPackage { path } => retry("not_a_package", Remedy::GivePackage).file(path),
            Self::Io { path, .. } => {
                retry("package_io", check("that the path exists and can be read")).file(path)
            }
            Self::NotAFile { path, .. } => reinstall("package_not_a_file", give(COPIES)).file(path),
            Self::NotAFolder { path, .. } => reinstall("package_not_a_folder", give(COPIES)).file(path),
            Self::TooLarge { path, .. } => reinstall("package_file_too_large", Remedy::Reinstall).file(path),
            Self::Invalid { path, .. } => reinstall("package_invalid", Remedy::Reinstall).file(path),
            Self::Version { path, .. } => unsupported("package_version", Remedy::UseItsVersion).file(path),
            Self::NoSuchVariant { .. } => unsupported(
                "no_such_variant",
                choose("one of the variants that exist, or quantise the checkpoint for this one"),
            ),
            Self::Graph { path, source } => {
                let inner = source.diagnosis();
                let place = inner.place.as_ref().map_or(String::new(), |place| format!(": {place}"));
                inner.at(format_args!("{}{place}", path.display()))
            }
            Self::SizeMismatch { path, .. } => {
                reinstall("package_size_mismatch", Remedy::Reinstall).file(path)
            }
            Self::HashMismatch { path, .. } => {
                reinstall("package_hash_mismatch", Remedy::Reinstall).file(path)
            }
            Self::Damaged { path, .. } => reinstall("package_damaged", Remedy::Repair).file(path),
        }
    }
}

const COPIES: &str = "a folder that holds files themselves, not links to them";

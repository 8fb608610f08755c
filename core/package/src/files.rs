//! Files of a package: sizes and digests.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::PackageError;
use crate::vfs::{Links, file_bytes, open_file};

/// File names inside a package.
pub mod names {
    /// At the package's root: the variants.
    pub const MANIFEST: &str = "manifest.json";
    /// At the package's root: recipe, hashes, token ids.
    pub const CARD: &str = "wheelwork.json";
    /// In a variant: genai's description.
    pub const GENAI_CONFIG: &str = "genai_config.json";
    /// In a variant: the graph without its weights.
    pub const GRAPH: &str = "model.onnx";
    /// In a variant, where the card says so: the graph with an int8 key-value cache, over the same weights.
    pub const INT8_KV_GRAPH: &str = "model.kv8.onnx";
    /// In a variant: the weights.
    pub const WEIGHTS: &str = "model.onnx.data";
    /// In a variant of static float graphs: which operators Qualcomm's provider must not leave to the CPU.
    pub const OP_AFFINITY: &str = "op_affinity.json";
    /// In a variant: the tokenizer.
    pub const TOKENIZER: &str = "tokenizer.json";
    /// In a variant: chat template and special tokens.
    pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
    /// In a variant, from older checkpoints: more names of special tokens.
    pub const SPECIAL_TOKENS_MAP: &str = "special_tokens_map.json";
    /// In a variant, from older checkpoints: more added tokens.
    pub const ADDED_TOKENS: &str = "added_tokens.json";
    /// Beside it: a chat template, which wins over that in the configuration.
    pub const CHAT_TEMPLATE: &str = "chat_template.jinja";
    /// In a variant: sampling defaults.
    pub const GENERATION_CONFIG: &str = "generation_config.json";
}

/// A file as the card records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The name in its folder; no path.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in lowercase hexadecimal.
    pub sha256: String,
}

impl FileRecord {
    /// Reads a file and records it.
    ///
    /// # Errors
    /// [`PackageError::Io`] or [`PackageError::NotAFile`].
    pub fn of(folder: &Path, name: &str) -> Result<Self, PackageError> {
        let (bytes, sha256) = digest(&folder.join(name))?;
        Ok(Self { name: name.to_owned(), bytes, sha256 })
    }

    /// Compares the size on disk with the record; reads no content.
    ///
    /// # Errors
    /// [`PackageError::Io`], [`PackageError::NotAFile`] or [`PackageError::SizeMismatch`].
    pub fn check_size(&self, folder: &Path) -> Result<(), PackageError> {
        let path = folder.join(&self.name);
        let found = file_bytes(&path)?;
        if found == self.bytes {
            Ok(())
        } else {
            Err(PackageError::SizeMismatch { path, found, expected: self.bytes })
        }
    }

    /// Reads the file and compares size and digest with the record.
    ///
    /// # Errors
    /// As [`FileRecord::check_size`], and [`PackageError::HashMismatch`].
    pub fn check_content(&self, folder: &Path) -> Result<(), PackageError> {
        self.check_size(folder)?;
        let path = folder.join(&self.name);
        let (_, found) = digest(&path)?;
        self.check_digest(path, found)
    }

    /// Compares a digest of what was read at `path` with the record.
    pub(crate) fn check_digest(&self, path: PathBuf, found: String) -> Result<(), PackageError> {
        if found == self.sha256 {
            Ok(())
        } else {
            Err(PackageError::HashMismatch { path, found, expected: self.sha256.clone() })
        }
    }
}

/// Size in bytes and SHA-256 of a file, read in pieces of 1 MiB.
fn digest(path: &Path) -> Result<(u64, String), PackageError> {
    let mut file = open_file(path, Links::Refused)?;
    digest_of(|piece| file.read(piece)).map_err(|source| PackageError::Io { path: path.into(), source })
}

/// The same of whatever `read` puts into a piece, until it puts nothing.
pub(crate) fn digest_of(mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = read(&mut piece)?;
        if read == 0 {
            return Ok((bytes, hex(&hasher.finalize())));
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

/// `[A-Za-z0-9._-]{1,64}`, and not only dots: it can't leave its folder on any file system.
pub(crate) fn is_plain_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        && !name.bytes().all(|byte| byte == b'.')
}

/// Lowercase hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from two lowercase hexadecimal digits each, as [`hex`] writes them.
#[must_use]
pub fn from_hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

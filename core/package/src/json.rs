//! Reading and writing small JSON files: bounded, and with errors that name the file.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::PackageError;
use crate::budget::JSON_VALUES;
use crate::vfs::{self, Links};

mod values;

pub use values::check_values;
pub(crate) use values::{at_most, few};

/// The largest JSON file of a package that is read, except `tokenizer.json`, in bytes.
pub const JSON_BYTES_LIMIT: u64 = 16 << 20;

/// Reads and parses a JSON file of at most [`JSON_BYTES_LIMIT`] bytes and [`JSON_VALUES`] values.
///
/// # Errors
/// As [`read_bytes`], and [`PackageError::Invalid`].
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, PackageError> {
    let bytes = read_bytes(path, JSON_BYTES_LIMIT)?;
    parse(&bytes).map_err(|error| PackageError::invalid(path, error))
}

/// Parses the bytes of a JSON file of at most [`JSON_VALUES`] values.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    check_values(bytes, JSON_VALUES).map_err(<serde_json::Error as serde::de::Error>::custom)?;
    from_bytes(without_bom(bytes))
}

/// Parses JSON that is UTF-8 throughout, as RFC 8259 wants it. `serde_json` alone skips what nobody asks for unread, so that
/// we would accept files that others refuse.
///
/// # Errors
/// What is wrong with it, and where.
pub fn from_bytes<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, serde_json::Error> {
    let text = str::from_utf8(bytes).map_err(<serde_json::Error as serde::de::Error>::custom)?;
    serde_json::from_str(text)
}

/// The bytes without the mark that some editors put before UTF-8.
#[must_use]
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Reads a file of a package of at most `limit` bytes: a regular one, and no link to one.
///
/// # Errors
/// [`PackageError::Io`], [`PackageError::NotAFile`] or [`PackageError::TooLarge`].
pub fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, PackageError> {
    Ok(vfs::read_file(path, Links::Refused, limit)?)
}

/// Writes a value as indented JSON that ends in a newline.
///
/// # Errors
/// [`PackageError::Io`], or [`PackageError::Invalid`] for a value that JSON cannot hold.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), PackageError> {
    let bytes = to_bytes(path, value)?;
    fs_err::write(path, bytes).map_err(|source| PackageError::Io { path: path.into(), source })
}

/// As [`write()`], but whatever happens the file holds the old value or the new one, complete.
///
/// # Errors
/// As [`write()`].
pub fn replace<T: Serialize>(path: &Path, value: &T) -> Result<(), PackageError> {
    replace_bytes(path, &to_bytes(path, value)?)
}

/// Gives a file new content by one rename, after the content has reached the disk; returns when the rename has too.
///
/// # Errors
/// [`PackageError::Io`]; the file is then as it was, or complete with the new content where only the last sync failed.
pub fn replace_bytes(path: &Path, bytes: &[u8]) -> Result<(), PackageError> {
    Ok(vfs::replace(path, bytes)?)
}

/// A value as indented JSON that ends in a newline; `path` is for the error.
///
/// # Errors
/// [`PackageError::Invalid`] for a value that JSON cannot hold.
pub fn to_bytes<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, PackageError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| PackageError::invalid(path, error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asks_for_is_utf_8_too() {
        #[derive(Debug, serde::Deserialize)]
        struct Asked {
            a: u8,
        }
        assert_eq!(from_bytes::<Asked>(br#"{"a":1,"b":"x"}"#).unwrap().a, 1);
        let error = from_bytes::<Asked>(b"{\"a\":1,\"b\":\"\xff\"}").unwrap_err();
        assert!(error.to_string().contains("utf-8"), "{error}");
    }
}

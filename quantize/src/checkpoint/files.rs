//! Files of a checkpoint folder: only regular files that stand in it themselves, read by position.
//!
//! A checkpoint comes from a stranger. A file name in it must not lead anywhere else: names have no path in them,
//! symbolic links are not followed, and pipes and devices, which could block or never end, are refused. The rules are
//! checked before a file is opened, in this crate's words, and again by [`open_file`], because the folder may change in between.
//!
//! One kind of link is followed, because that is where checkpoints are: in Hugging Face's cache every file of
//! `snapshots/REVISION` is a link to a file of `blobs`, named by its digest, in the same model's folder. A file with
//! several hard links is as good as any: it is a copy that takes no room.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use wheelwork_package::json::{from_bytes, without_bom};
use wheelwork_package::vfs::{FileFault, Links, open_file};

use super::{CheckpointError, formats};
use crate::positioned::read_exact_at;

/// The longest file name that is read.
const NAME_BYTES_LIMIT: usize = 128;

/// A checkpoint's folder.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// An open regular file.
#[derive(Debug)]
pub struct RegularFile {
    /// Where it stands in the folder, whatever a link there leads to.
    path: PathBuf,
    file: fs_err::File,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Folder {
    /// # Errors
    /// [`CheckpointError::HubName`], [`CheckpointError::OtherFormat`] or [`CheckpointError::NotAFolder`] where it is no
    /// folder, or [`CheckpointError::Io`].
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        match fs_err::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { path: path.into() }),
            Ok(_) => Err(formats::other_format(path)
                .unwrap_or_else(|| CheckpointError::NotAFolder { path: path.into() })),
            Err(error) if error.kind() == ErrorKind::NotFound && formats::is_hub_name(path) => {
                Err(CheckpointError::HubName { name: shortened(&path.to_string_lossy()) })
            }
            Err(source) => Err(CheckpointError::io(path, source)),
        }
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file of this folder.
    ///
    /// # Errors
    /// [`CheckpointError::NotAFileName`], [`CheckpointError::MissingFile`], [`CheckpointError::NotARegularFile`],
    /// [`CheckpointError::NotTheFile`] or [`CheckpointError::Io`].
    pub fn file(&self, name: &str) -> Result<RegularFile, CheckpointError> {
        if !is_file_name(name) {
            return Err(CheckpointError::NotAFileName { folder: self.path.clone(), name: shortened(name) });
        }
        let path = self.path.join(name);
        let io = |source: std::io::Error| match source.kind() {
            ErrorKind::NotFound => CheckpointError::MissingFile { path: path.clone() },
            _ => CheckpointError::io(&path, source),
        };
        let mut target = path.clone();
        let mut metadata = fs_err::symlink_metadata(&path).map_err(io)?;
        if metadata.is_symlink()
            && let Some(blob) = self.blob(&path)
        {
            metadata = fs_err::symlink_metadata(&blob).map_err(io)?;
            target = blob;
        }
        check_regular(&path, &metadata)?;
        let file = open_file(&target, Links::Refused).map_err(|error| match error.fault {
            FileFault::NotAFile { found } => {
                CheckpointError::NotARegularFile { path: path.clone(), kind: found }
            }
            fault => io(fault.into()),
        })?;
        let metadata = file.metadata().map_err(io)?;
        let file = RegularFile { path, file, bytes: metadata.len(), modified: metadata.modified().ok() };
        let mut start = vec![0; usize::try_from(file.bytes).unwrap_or(usize::MAX).min(formats::START_BYTES)];
        file.read_at(&mut start, 0)?;
        match formats::stand_in(&file.path, &start) {
            Some(error) => Err(error),
            None => Ok(file),
        }
    }

    /// Where a link in a snapshot of Hugging Face's cache leads: into the `blobs` beside `snapshots`, and nowhere else
    /// on the way.
    fn blob(&self, link: &Path) -> Option<PathBuf> {
        let folder = fs_err::canonicalize(&self.path).ok()?;
        let snapshots = folder.parent().filter(|parent| parent.ends_with("snapshots"))?;
        let blob = fs_err::canonicalize(link).ok()?;
        let is_beside = blob.parent()? == snapshots.parent()?.join("blobs");
        let digest = blob.file_name()?.to_str()?;
        // SHA-1 of Git, or SHA-256 of Git LFS.
        let is_digest =
            matches!(digest.len(), 40 | 64) && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_beside && is_digest).then_some(blob)
    }

    /// Whether something of that name stands in the folder, of whatever kind.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        fs_err::symlink_metadata(self.path.join(name)).is_ok()
    }

    /// The names of everything in the folder, sorted; names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// [`CheckpointError::Io`].
    pub fn names(&self) -> Result<Vec<String>, CheckpointError> {
        let io = |source| CheckpointError::io(&self.path, source);
        let mut names = Vec::new();
        for entry in fs_err::read_dir(&self.path).map_err(io)? {
            names.extend(entry.map_err(io)?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Folder::file`], and [`CheckpointError::TooLarge`].
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, CheckpointError> {
        let file = self.file(name)?;
        let size = usize::try_from(file.bytes).ok().filter(|_| file.bytes <= limit);
        let Some(size) = size else {
            let path = file.path().into();
            return Err(CheckpointError::TooLarge { path, bytes: file.bytes, limit });
        };
        let mut content = vec![0; size];
        file.read_at(&mut content, 0)?;
        Ok(content)
    }

    /// Reads and parses a JSON file of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Folder::read`], and [`CheckpointError::Json`].
    pub fn read_json<T: DeserializeOwned>(&self, name: &str, limit: u64) -> Result<T, CheckpointError> {
        let content = self.read(name, limit)?;
        from_bytes(without_bom(&content))
            .map_err(|error| CheckpointError::Json { path: self.path.join(name), detail: error.to_string() })
    }
}

impl RegularFile {
    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's size in bytes when it was opened.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the file was changed last before it was opened, in nanoseconds of Unix time; `None` where the system does
    /// not say.
    #[must_use]
    pub fn modified_ns(&self) -> Option<u128> {
        let since = self.modified?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_nanos())
    }

    /// Size and time of change are those from when it was opened.
    ///
    /// # Errors
    /// [`CheckpointError::Changed`] or [`CheckpointError::Io`].
    pub fn check_unchanged(&self) -> Result<(), CheckpointError> {
        let metadata = self.file.metadata().map_err(|source| CheckpointError::io(self.path(), source))?;
        if metadata.len() == self.bytes && metadata.modified().ok() == self.modified {
            Ok(())
        } else {
            Err(CheckpointError::Changed { path: self.path().into() })
        }
    }

    /// Fills the buffer from `offset` on, whatever other threads read.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], also where the file ends too early.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), CheckpointError> {
        read_exact_at(&self.file, buffer, offset).map_err(|source| CheckpointError::io(self.path(), source))
    }
}

/// `[A-Za-z0-9._-]`, not hidden, not too long: it cannot leave its folder on any file system.
pub fn is_file_name(name: &str) -> bool {
    (1..=NAME_BYTES_LIMIT).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// A name from a file as an error may show it.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(NAME_BYTES_LIMIT).flat_map(char::escape_default).collect()
}

fn check_regular(path: &Path, metadata: &std::fs::Metadata) -> Result<(), CheckpointError> {
    if !metadata.is_file() {
        let kind = match metadata.file_type() {
            kind if kind.is_symlink() => "a symbolic link",
            kind if kind.is_dir() => "a folder",
            _ => "a pipe, a socket or a device",
        };
        return Err(CheckpointError::NotARegularFile { path: path.into(), kind });
    }
    Ok(())
}

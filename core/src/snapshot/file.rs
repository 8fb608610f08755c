//! Where a session is kept.

use std::io;
use std::path::{Path, PathBuf};

use super::{SessionKey, SnapshotError};

/// A session's file, and the key that encrypts it, if any. Made from a path, it is not encrypted.
#[derive(Debug, Clone)]
pub struct SessionFile {
    pub(super) path: PathBuf,
    pub(super) key: Option<SessionKey>,
}

impl SessionFile {
    /// A file that is encrypted; see [`crate::snapshot`] for how.
    #[must_use]
    pub fn encrypted(path: impl Into<PathBuf>, key: SessionKey) -> Self {
        Self { path: path.into(), key: Some(key) }
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file and what an interrupted save may have left beside it. Nothing there is no error.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn delete(&self) -> Result<(), SnapshotError> {
        remove_if_there(&self.partial())?;
        Ok(remove_if_there(&self.path)?)
    }

    /// The name beside the file that it has until it is complete.
    pub(super) fn partial(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        self.path.with_file_name(name)
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for SessionFile {
    fn from(path: &P) -> Self {
        Self { path: path.as_ref().into(), key: None }
    }
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

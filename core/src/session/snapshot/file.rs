//! Where a session is kept.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelwork_package::disk::NameLock;
use wheelwork_package::vfs::Partial;

use super::{SessionKey, SnapshotError};

/// A session's file, and the key that encrypts it, if any. Made from a path, it is not encrypted.
#[derive(Debug, Clone)]
pub struct SessionFile {
    pub(super) path: PathBuf,
    pub(super) key: Option<SessionKey>,
    pub(super) is_salvaged: bool,
}

impl SessionFile {
    /// A file that is encrypted; see [`crate::snapshot`] for how.
    #[must_use]
    pub fn encrypted(path: impl Into<PathBuf>, key: SessionKey) -> Self {
        Self { path: path.into(), key: Some(key), is_salvaged: false }
    }

    /// The same file, from which all that is whole is read where it is damaged. It is the only copy of the rest: the session
    /// is kept in another one ([`SnapshotError::OnlyCopy`]).
    #[must_use]
    pub fn salvaged(self) -> Self {
        Self { is_salvaged: true, ..self }
    }

    /// A file at another path, with the same key.
    #[must_use]
    pub fn at(&self, path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), key: self.key.clone(), is_salvaged: false }
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file and what an interrupted save may have left beside it. Nothing there is no error.
    ///
    /// # Errors
    /// [`SnapshotError::InUse`] where a session is kept in it, [`SnapshotError::Io`].
    pub fn delete(&self) -> Result<(), SnapshotError> {
        let _lock = match self.lock() {
            Err(SnapshotError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            lock => lock?,
        };
        remove_if_there(&Partial::left_of(&self.path))?;
        Ok(remove_if_there(&self.path)?)
    }

    /// Whether a session, of this process or another, is kept in the file.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn is_in_use(&self) -> Result<bool, SnapshotError> {
        Ok(NameLock::is_held(&self.beside(".lock"))?)
    }

    /// The right to write the file, which one has at a time. It stands beside the file, which is replaced when it is
    /// saved whole.
    pub(crate) fn lock(&self) -> Result<Arc<NameLock>, SnapshotError> {
        match NameLock::try_take(self.beside(".lock"))? {
            Some(lock) => Ok(Arc::new(lock)),
            None => Err(SnapshotError::InUse { file: self.path.display().to_string() }),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        self.path.with_file_name(name)
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for SessionFile {
    fn from(path: &P) -> Self {
        Self { path: path.as_ref().into(), key: None, is_salvaged: false }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

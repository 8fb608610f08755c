//! A folder beside the models for a package that is made only to be installed, and gone afterwards. A process that is
//! killed leaves it; the next one to stage, and [`Store::collect_garbage`], remove it. Its own lock, which goes with
//! its process, tells what is left from what is at work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::owner;
use super::{Store, StoreError};
use crate::vfs::{Lock, Vfs};

/// The folder, empty at first; removed when this is dropped.
pub struct Staging {
    folder: PathBuf,
    vfs: Arc<dyn Vfs>,
    _lock: Box<dyn Send>,
}

impl Staging {
    /// Where to write.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next.
        let _ = self.vfs.remove_dir_all(&self.folder);
    }
}

impl Store {
    /// The folder to stage a package in, for one process at a time.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Io`].
    pub fn stage(&self) -> Result<Staging, StoreError> {
        self.make_folders(&self.layout.internal())?;
        let lock = match self.lock_staging()? {
            Lock::Held(lock) => lock,
            Lock::Busy { owner } => return Err(StoreError::busy(&owner)),
        };
        let folder = self.layout.staging();
        self.vfs.remove_dir_all(&folder).map_err(StoreError::io("remove", &folder))?;
        self.vfs.create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
        Ok(Staging { folder, vfs: Arc::clone(&self.vfs), _lock: lock })
    }

    /// Removes what a killed process has staged; returns its bytes, `None` where nothing was left.
    pub(super) fn remove_staged(&self) -> Result<Option<u64>, StoreError> {
        let folder = self.layout.staging();
        if self.vfs.kind(&folder).map_err(StoreError::io("look at", &folder))?.is_none() {
            return Ok(None);
        }
        let Lock::Held(_lock) = self.lock_staging()? else { return Ok(None) };
        let bytes = self.bytes_below(folder.clone())?;
        self.vfs.remove_dir_all(&folder).map_err(StoreError::io("remove", &folder))?;
        Ok(Some(bytes))
    }

    fn lock_staging(&self) -> Result<Lock, StoreError> {
        let path = self.layout.staging_lock();
        self.vfs.lock(&path, &owner()).map_err(StoreError::io("lock", &path))
    }
}

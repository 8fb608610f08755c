//! One writer at a time. The system keeps the lock and drops it with the process, whatever ends it; what stands in
//! the file only tells a person who it is.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Store, StoreError};
use crate::vfs::{Kind, Lock};

/// Dropped, the lock is free.
pub(super) struct Writer {
    _lock: Box<dyn Send>,
}

impl Store {
    /// Makes the store's folders and takes its lock.
    pub(super) fn lock(&self) -> Result<Writer, StoreError> {
        self.make_folders(&self.layout.models())?;
        let path = self.layout.lock();
        match self.vfs.lock(&path, &owner()).map_err(StoreError::io("lock", &path))? {
            Lock::Held(lock) => Ok(Writer { _lock: lock }),
            Lock::Busy { owner } => Err(StoreError::busy(&owner)),
        }
    }

    /// Refuses a folder of the store that is a link or no folder, or stands below one: what is written or removed there
    /// would be somewhere else.
    pub(super) fn check_own(&self, folder: &Path) -> Result<(), StoreError> {
        let models_dir = self.layout.models_dir();
        let mut below = folder.ancestors().take_while(|ancestor| *ancestor != models_dir);
        below.try_for_each(|folder| self.check_folder(folder))
    }

    /// As [`Store::check_own`], where the folders above are known.
    pub(super) fn check_folder(&self, folder: &Path) -> Result<(), StoreError> {
        match self.vfs.kind(folder).map_err(StoreError::io("look at", folder))? {
            None | Some(Kind::Folder) => Ok(()),
            Some(_) => Err(StoreError::NotOurs { path: folder.to_owned() }),
        }
    }

    /// Makes a folder of the store, and the names of those that were missing durable.
    pub(super) fn make_folders(&self, folder: &Path) -> Result<(), StoreError> {
        self.check_own(folder)?;
        let mut missing = Vec::new();
        for ancestor in folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
            if self.vfs.kind(ancestor).map_err(StoreError::io("look at", ancestor))?.is_some() {
                break;
            }
            missing.push(ancestor);
        }
        self.vfs.create_dir_all(folder).map_err(StoreError::io("make the folder", folder))?;
        for parent in missing.into_iter().rev().filter_map(Path::parent) {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            self.vfs.sync_dir(parent).map_err(StoreError::io("sync", parent))?;
        }
        Ok(())
    }
}

/// What a lock of this process says about it.
pub(super) fn owner() -> String {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("{} {started}\n", std::process::id())
}

impl StoreError {
    /// From what [`owner`] wrote, as far as it can be read.
    pub(super) fn busy(owner: &str) -> Self {
        let mut fields = owner.split_whitespace();
        let pid = fields.next().and_then(|pid| pid.parse().ok());
        Self::Busy { pid, started: fields.next().and_then(|time| time.parse().ok()) }
    }
}

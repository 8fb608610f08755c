//! Removing models, and what interrupted operations have left.

use super::layout::{is_partial, is_version};
use super::{Store, StoreError};
use crate::container::Name;

/// What [`Store::collect_garbage`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GarbageReport {
    /// Versions that no pointer named.
    pub versions: usize,
    /// Unfinished transfers.
    pub partials: usize,
    /// Packages that a killed process had made only to install them.
    pub staged: usize,
    /// Bytes of their files. Fewer are free afterwards where files were shared with what remains.
    pub bytes: u64,
}

impl Store {
    /// Removes a model with all its versions and unfinished transfers. The pointer goes first, for good, so that it
    /// never names half a model.
    ///
    /// # Errors
    /// [`StoreError::NotInstalled`] if there is no such model and nothing left of one; [`StoreError::NotOurs`],
    /// [`StoreError::Busy`], [`StoreError::Io`].
    pub fn remove(&self, name: &Name) -> Result<(), StoreError> {
        let _writer = self.lock()?;
        self.check_own(&self.layout.model(name))?;
        let current = self.current(name)?;
        if current.is_none() && self.folders(name)?.is_empty() {
            return Err(StoreError::NotInstalled { name: name.clone() });
        }
        if current.is_some() {
            let pointer = self.layout.pointer(name);
            self.vfs.remove_file(&pointer).map_err(StoreError::io("remove", &pointer))?;
        }
        let models_dir = self.layout.models_dir();
        self.vfs.sync_dir(models_dir).map_err(StoreError::io("sync", models_dir))?;
        let model = self.layout.model(name);
        self.vfs.remove_dir_all(&model).map_err(StoreError::io("remove", &model))
    }

    /// Removes versions that no pointer names, and, if asked, unfinished transfers: those are somebody's hours.
    /// What a killed process has staged goes always.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Io`].
    pub fn collect_garbage(&self, partials: bool) -> Result<GarbageReport, StoreError> {
        let _writer = self.lock()?;
        let mut report = GarbageReport::default();
        for name in self.names()? {
            self.check_own(&self.layout.model(&name))?;
            // A pointer that is not ours names nothing of ours.
            let current = match self.current(&name) {
                Ok(current) => current.map(|current| current.slot),
                Err(StoreError::NotOurs { .. }) => None,
                Err(error) => return Err(error),
            };
            for folder in self.folders(&name)? {
                let slot = self.layout.slot(&name, &folder);
                if current.as_ref() == Some(&slot) {
                    report.bytes += self.remove_unfinished_forms(&slot)?;
                    continue;
                }
                if is_partial(&folder) && !partials {
                    continue;
                }
                report.bytes += self.bytes_of(&slot)?;
                self.vfs.remove_dir_all(slot.path()).map_err(StoreError::io("remove", slot.path()))?;
                if is_version(&folder) {
                    report.versions += 1;
                } else {
                    report.partials += 1;
                }
            }
        }
        if let Some(bytes) = self.remove_staged()? {
            report.staged = 1;
            report.bytes += bytes;
        }
        Ok(report)
    }

    /// Removes what the pointer of a model does not name any more. What cannot be removed now, because somebody has it
    /// open or the disk refuses, the next installation or [`Store::collect_garbage`] removes.
    pub(super) fn remove_old_versions(&self, name: &Name) {
        let (Ok(Some(current)), Ok(versions)) = (self.current(name), self.versions(name)) else { return };
        for slot in versions.into_iter().filter(|slot| *slot != current.slot) {
            let _ = self.vfs.remove_dir_all(slot.path());
        }
    }
}

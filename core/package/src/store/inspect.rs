//! What is in the store. Reads without the lock: the pointer is read once, and what it names is complete.

use std::path::{Path, PathBuf};

use super::layout::{Layout, Slot, is_partial, is_version, read_pointer};
use super::record::read_head;
use super::{Store, StoreError};
use crate::container::{Digest, Head, Name};
use crate::signature::{SignatureState, Trust};
use crate::vfs::Kind;

/// What [`Store::list`] finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Installed models, by name.
    pub models: Vec<Installed>,
    /// Unfinished transfers, by name.
    pub partials: Vec<Partial>,
}

/// An installed model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The model.
    pub name: Name,
    /// The folder to open, of this version: the next installation replaces it.
    pub path: PathBuf,
    /// The package that it was made from; `None` if that record is missing or damaged, which a repair cures.
    pub package: Option<InstalledPackage>,
    /// How the signature stands, by the keys that the store was given ([`Store::trusting`]).
    pub signature: SignatureState,
}

/// The package that a model was installed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPackage {
    /// Its version counter.
    pub version: u64,
    /// Its id.
    pub id: Digest,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A transfer that ended early and that the next try continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// The model.
    pub name: Name,
    /// The version counter; `None` if the transfer ended before that was written.
    pub version: Option<u64>,
    /// Bytes that are there.
    pub bytes: u64,
}

/// The version that a pointer names.
pub(super) struct Current {
    pub(super) slot: Slot,
    /// `None` if it is missing or damaged.
    pub(super) head: Option<Head>,
}

impl Store {
    /// The installed models and the unfinished transfers.
    ///
    /// # Errors
    /// [`StoreError::Io`]. A model with something wrong is listed as far as it can be read.
    pub fn list(&self) -> Result<Contents, StoreError> {
        let mut contents = Contents::default();
        let models_dir = self.layout.models_dir();
        let entries = self.vfs.list(models_dir).map_err(StoreError::io("list", models_dir))?;
        for (file_name, kind) in entries {
            let is_file = matches!(kind, Kind::File { .. });
            let Some(name) = Layout::pointer_name(&file_name).filter(|_| is_file) else { continue };
            let Ok(Some(current)) = self.current(&name) else { continue };
            contents.models.push(Installed {
                path: current.slot.package(),
                package: current.head.as_ref().map(|head| InstalledPackage {
                    version: head.index.version,
                    id: head.id,
                    bytes: head.index.file_bytes(),
                }),
                signature: match &current.head {
                    Some(head) => Trust::shown(&self.keys).state(head),
                    None => SignatureState::NotChecked,
                },
                name,
            });
        }
        for name in self.names()? {
            for folder in self.folders(&name)?.into_iter().filter(|folder| is_partial(folder)) {
                let slot = self.layout.slot(&name, &folder);
                let head = read_head(self.vfs.as_ref(), &slot);
                let bytes = self.bytes_of(&slot)?;
                contents.partials.push(Partial {
                    name: name.clone(),
                    version: head.map(|head| head.index.version),
                    bytes,
                });
            }
        }
        contents.models.sort_by(|one, other| one.name.cmp(&other.name));
        contents.partials.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(contents)
    }

    /// Bytes that may still be written where the models stand; the folder itself need not exist yet.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        let models_dir = self.layout.models_dir();
        let above = models_dir.ancestors().filter(|folder| !folder.as_os_str().is_empty());
        for folder in above {
            match self.vfs.kind(folder).map_err(StoreError::io("look at", folder))? {
                None => {}
                Some(_) => return self.free_bytes_in(folder),
            }
        }
        self.free_bytes_in(Path::new("."))
    }

    fn free_bytes_in(&self, folder: &Path) -> Result<u64, StoreError> {
        self.vfs.free_bytes(folder).map_err(StoreError::io("look for space on", folder))
    }

    /// What the pointer of a model names.
    pub(super) fn current(&self, name: &Name) -> Result<Option<Current>, StoreError> {
        let pointer = self.layout.pointer(name);
        match self.vfs.kind(&pointer).map_err(StoreError::io("look at", &pointer))? {
            None => Ok(None),
            Some(Kind::File { .. }) => {
                let text =
                    read_pointer(self.vfs.as_ref(), &pointer).map_err(StoreError::io("read", &pointer))?;
                let version = Layout::version_of_pointer(name, &text)
                    .ok_or_else(|| StoreError::NotOurs { path: pointer.clone() })?;
                let slot = self.layout.slot(name, &version);
                Ok(Some(Current { head: read_head(self.vfs.as_ref(), &slot), slot }))
            }
            Some(_) => Err(StoreError::NotOurs { path: pointer }),
        }
    }

    /// The models that have anything in the store, installed or not.
    pub(super) fn names(&self) -> Result<Vec<Name>, StoreError> {
        let models = self.layout.models();
        let entries = self.vfs.list(&models).map_err(StoreError::io("list", &models))?;
        Ok(entries.into_iter().filter_map(|(name, _)| Name::new(&name).ok()).collect())
    }

    /// The names of a model's versions and partials.
    pub(super) fn folders(&self, name: &Name) -> Result<Vec<String>, StoreError> {
        let model = self.layout.model(name);
        let entries = self.vfs.list(&model).map_err(StoreError::io("list", &model))?;
        Ok(entries
            .into_iter()
            .map(|(folder, _)| folder)
            .filter(|folder| is_version(folder) || is_partial(folder))
            .collect())
    }

    /// The complete versions of a model, whether a pointer names them or not.
    pub(super) fn versions(&self, name: &Name) -> Result<Vec<Slot>, StoreError> {
        let folders = self.folders(name)?.into_iter().filter(|folder| is_version(folder));
        Ok(folders.map(|folder| self.layout.slot(name, &folder)).collect())
    }

    /// Bytes of the files in a slot's package.
    pub(super) fn bytes_of(&self, slot: &Slot) -> Result<u64, StoreError> {
        Ok(self.bytes_below(slot.package())? + self.bytes_below(slot.compact())?)
    }

    /// Bytes of the files in a folder and its folders.
    pub(super) fn bytes_below(&self, folder: PathBuf) -> Result<u64, StoreError> {
        let mut bytes = 0;
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for (name, kind) in self.vfs.list(&folder).map_err(StoreError::io("list", &folder))? {
                match kind {
                    Kind::File { bytes: size } => bytes += size,
                    Kind::Folder => folders.push(folder.join(name)),
                    Kind::Link | Kind::Other => {}
                }
            }
        }
        Ok(bytes)
    }
}

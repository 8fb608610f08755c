//! One result on the disk: finding it, and making it in the one way that leaves it whole or not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wheelwork_package::disk::NameLock;
use wheelwork_package::files::FileRecord;
use wheelwork_package::json;
use wheelwork_package::vfs::{self, DiskError, Partial, RealVfs, Vfs as _};

use super::error::CacheError;
use super::key::Key;

const RECORD: &str = "record.json";
const LOCK: &str = "lock";

/// The place of a result.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The folder of this kind of result.
    base: PathBuf,
    key: Key,
}

/// `record.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The key, which is also the folder's name.
    key: String,
    /// Every other file.
    pub(crate) files: Vec<FileRecord>,
    /// What else its maker wants to know at the next open.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) facts: BTreeMap<String, String>,
}

/// Why there is no result to use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// None was made.
    Missing,
    /// One was made for another key.
    Stale,
    /// It is not what was written; what is wrong with it.
    Damaged(String),
}

/// What a maker has made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) files: Vec<FileRecord>,
    pub(crate) facts: BTreeMap<String, String>,
}

/// The right to make a result, which one has at a time.
pub(crate) struct Held<'a> {
    entry: &'a Entry,
    _lock: NameLock,
}

impl Record {
    pub(crate) fn file(&self, name: &str) -> Option<&FileRecord> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl Entry {
    pub(crate) fn new(base: PathBuf, key: Key) -> Self {
        Self { base, key }
    }

    /// The folder of the result.
    pub(crate) fn folder(&self) -> PathBuf {
        self.base.join(self.key.as_str())
    }

    /// The record of what is there; its files are not looked at.
    pub(crate) fn find(&self) -> Result<Record, NotFound> {
        let folder = self.folder();
        if !folder.is_dir() {
            let entries = RealVfs.list(&self.base).unwrap_or_default();
            let is_stale = entries.iter().any(|(name, _)| self.base.join(name).join(RECORD).is_file());
            return Err(if is_stale { NotFound::Stale } else { NotFound::Missing });
        }
        let record: Record =
            json::read(&folder.join(RECORD)).map_err(|error| NotFound::Damaged(error.to_string()))?;
        if record.key != self.key.as_str() {
            let why = format!("it is of the key {}, expected {}", record.key, self.key.as_str());
            return Err(NotFound::Damaged(why));
        }
        Ok(record)
    }

    /// Removes the result; what cannot be removed is found again.
    pub(crate) fn remove(&self) {
        let _ = RealVfs.remove_dir_all(&self.folder());
    }

    /// Keeps others from making it meanwhile.
    pub(crate) fn hold(&self) -> Result<Held<'_>, CacheError> {
        let base = &self.base;
        RealVfs.create_dir_all(base).map_err(DiskError::of("make the folder", base))?;
        let lock = base.join(LOCK);
        match NameLock::try_take(lock.clone()).map_err(DiskError::of("lock", &lock))? {
            Some(lock) => Ok(Held { entry: self, _lock: lock }),
            None => Err(CacheError::Busy { path: base.clone() }),
        }
    }
}

impl Held<'_> {
    /// Makes the result in place of older ones, of which nobody will look at others. Needs so many bytes meanwhile: who
    /// writes may not tell that the disk is full, so that is asked before. `make` fills a folder.
    pub(crate) fn make<E: From<CacheError>>(
        &self,
        needed_bytes: u64,
        make: impl FnOnce(&Path) -> Result<Made, E>,
    ) -> Result<Record, E> {
        let partial = self.begin(needed_bytes)?;
        let made = make(partial.path())?;
        Ok(self.keep(partial, made)?)
    }

    fn begin(&self, needed_bytes: u64) -> Result<Partial<'static>, CacheError> {
        let path = &self.entry.base;
        let partial = Partial::folder(&RealVfs, &self.entry.folder())?;
        let free_bytes = RealVfs.free_bytes(path).map_err(DiskError::of("look for space on", path))?;
        if needed_bytes > free_bytes {
            return Err(CacheError::NoSpace { path: path.clone(), needed_bytes, free_bytes });
        }
        Ok(partial)
    }

    fn keep(&self, partial: Partial<'_>, made: Made) -> Result<Record, CacheError> {
        let Entry { base, key } = self.entry;
        let record = Record { key: key.as_str().to_owned(), files: made.files, facts: made.facts };
        for path in record.files.iter().map(|file| partial.path().join(&file.name)) {
            let sync = RealVfs.open_for_writing(&path).and_then(|file| file.sync());
            sync.map_err(DiskError::of("sync", &path))?;
        }
        let path = partial.path().join(RECORD);
        let bytes = json::to_bytes(&path, &record).map_err(std::io::Error::other);
        let written = bytes.and_then(|bytes| vfs::write(&RealVfs, &path, &bytes));
        written.map_err(DiskError::of("write", &path))?;
        let folder = self.entry.folder();
        RealVfs.remove_dir_all(&folder).map_err(DiskError::of("remove", &folder))?;
        partial.keep()?;
        for (name, _) in RealVfs.list(base).map_err(DiskError::of("list", base))? {
            if name != key.as_str() && name != LOCK {
                // The next one that is kept tries once more.
                let _ = RealVfs.remove_dir_all(&base.join(name));
            }
        }
        Ok(record)
    }
}

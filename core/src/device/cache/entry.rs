//! One result on the disk: finding it, and making it in the one way that leaves it whole or not there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wheelwork_package::disk::NameLock;
use wheelwork_package::files::FileRecord;
use wheelwork_package::json;
use wheelwork_package::vfs::{self, DiskError, FileError, Kind, Partial, RealVfs, Vfs as _};

use super::error::CacheError;
use super::key::Key;
use super::made_here::{self, Maker};
use super::place::Place;

const RECORD: &str = "record.json";
const LOCK: &str = "lock";

/// The place of a result.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The folder of this kind of result.
    base: PathBuf,
    key: Key,
    /// Who proves that results of that place were made here; `None` where the place is the caller's own.
    maker: Option<Maker>,
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
    /// Which file of that name was made, where the system tells.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    identities: BTreeMap<String, String>,
    /// That all this was made here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    proof: String,
}

/// Why there is no result to use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// None was made.
    Missing,
    /// One was made for another key.
    Stale,
    /// It came with its folder: nothing proves that it was made here.
    NotMadeHere,
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

    /// Whether a file has the content that was written; it is read, where it is another one than was made.
    pub(crate) fn holds(&self, folder: &Path, file: &FileRecord) -> bool {
        let is_same = match self.identities.get(&file.name) {
            Some(made) => made_here::identity(&folder.join(&file.name)).is_some_and(|found| found == *made),
            // Where the system tells files apart by nothing, only a folder of the caller's own is taken as it is.
            None => self.proof.is_empty(),
        };
        if is_same { file.check_size(folder).is_ok() } else { file.check_content(folder).is_ok() }
    }

    /// What the proof is about.
    fn proved(&self) -> Vec<u8> {
        let unproved = Self { proof: String::new(), ..self.clone() };
        serde_json::to_vec(&unproved).expect("a record of texts and numbers is always JSON")
    }
}

impl Entry {
    /// Below a place.
    pub(crate) fn new(place: Place, kind: &str, key: Key) -> Self {
        Self { base: place.folder.join(kind), key, maker: place.maker }
    }

    /// The folder of the result.
    pub(crate) fn folder(&self) -> PathBuf {
        self.base.join(self.key.as_str())
    }

    /// The record of what is there; its files are not looked at.
    pub(crate) fn find(&self) -> Result<Record, NotFound> {
        let folder = self.folder();
        self.check_place().map_err(|error| NotFound::Damaged(error.to_string()))?;
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
        let Some(maker) = &self.maker else { return Ok(record) };
        match maker.proof(&record.proved()) {
            Ok(Some(proof)) if proof == record.proof => Ok(record),
            Ok(_) => Err(NotFound::NotMadeHere),
            Err(error) => Err(NotFound::Damaged(error.to_string())),
        }
    }

    /// Refuses folders that are links or files: what is made or removed there would be so somewhere else.
    fn check_place(&self) -> Result<(), FileError> {
        let place = self.base.parent().unwrap_or(&self.base);
        for folder in [place, &self.base, &self.folder()] {
            if vfs::stands(folder)? {
                vfs::check_folder(folder)?;
            }
        }
        Ok(())
    }

    /// Removes the result; what cannot be removed is found again.
    pub(crate) fn remove(&self) {
        if self.check_place().is_ok() {
            let _ = RealVfs.remove_dir_all(&self.folder());
        }
    }

    /// Keeps others from making it meanwhile.
    pub(crate) fn hold(&self) -> Result<Held<'_>, CacheError> {
        let base = &self.base;
        self.check_place().map_err(io::Error::from).map_err(DiskError::of("use", base))?;
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
        let Entry { base, key, maker } = self.entry;
        let mut identities = BTreeMap::new();
        for FileRecord { name, .. } in &made.files {
            let path = partial.path().join(name);
            let sync = RealVfs.open_for_writing(&path).and_then(|file| file.sync());
            sync.map_err(DiskError::of("sync", &path))?;
            identities.extend(made_here::identity(&path).map(|identity| (name.clone(), identity)));
        }
        let Made { files, facts } = made;
        let (key_text, proof) = (key.as_str().to_owned(), String::new());
        let mut record = Record { key: key_text, files, facts, identities, proof };
        if let Some(maker) = maker {
            record.proof = maker.prove(&record.proved())?;
        }
        let path = partial.path().join(RECORD);
        let bytes = json::to_bytes(&path, &record).map_err(io::Error::other);
        let written = bytes.and_then(|bytes| vfs::write(&RealVfs, &path, &bytes));
        written.map_err(DiskError::of("write", &path))?;
        let folder = self.entry.folder();
        RealVfs.remove_dir_all(&folder).map_err(DiskError::of("remove", &folder))?;
        partial.keep()?;
        for (name, kind) in RealVfs.list(base).map_err(DiskError::of("list", base))? {
            if kind == Kind::Folder && Key::is_name(&name) && name != key.as_str() {
                // The next one that is kept tries once more.
                let _ = RealVfs.remove_dir_all(&base.join(&name));
            }
            // What a killed process has left of another key.
            let target = name.split('.').next().filter(|stem| Key::is_name(stem)).map(|stem| base.join(stem));
            if let Some(target) = target.filter(|target| Partial::left_of(target) == base.join(&name)) {
                drop(Partial::folder(&RealVfs, &target));
            }
        }
        Ok(record)
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::device::cache::key::DependsOn;

    struct Scene(tempfile::TempDir);

    impl Scene {
        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn entry(&self, keys: &str) -> Entry {
            let maker = Some(Maker::new(&self.path(keys)));
            let place = Place { folder: self.path("prepared"), maker };
            Entry::new(place, "kind", DependsOn::new("test", 1).key())
        }

        fn make(&self, keys: &str) -> Result<(), CacheError> {
            let entry = self.entry(keys);
            let made = entry.hold()?.make(0, |folder| {
                fs_err::write(folder.join("packed"), "numbers").unwrap();
                let files = vec![FileRecord::of(folder, "packed").unwrap()];
                Ok::<_, CacheError>(Made { files, facts: BTreeMap::new() })
            });
            made.map(drop)
        }

        /// Whether the result is one of that user's, and whether the file has its content.
        fn find(&self, keys: &str) -> Result<bool, NotFound> {
            let entry = self.entry(keys);
            let record = entry.find()?;
            Ok(record.holds(&entry.folder(), record.file("packed").unwrap()))
        }

        fn file(&self, name: &str) -> PathBuf {
            self.entry("keys").folder().join(name)
        }
    }

    #[test]
    fn fi_04_a_result_is_known_by_the_key_of_who_made_it_and_only_as_it_was_made() {
        let scene = Scene(tempfile::tempdir().unwrap());
        assert_eq!(scene.find("keys"), Err(NotFound::Missing));
        scene.make("keys").unwrap();
        assert_eq!(scene.find("keys"), Ok(true));
        // Another user, or one who has never made anything.
        assert_eq!(scene.find("other"), Err(NotFound::NotMadeHere));
        let good = fs_err::read_to_string(scene.file("record.json")).unwrap();
        for (from, to) in
            [("\"bytes\": 7", "\"bytes\": 8"), ("\"proof\": \"", "\"proof\": \"0"), ("packed", "pecked")]
        {
            fs_err::write(scene.file("record.json"), good.replace(from, to)).unwrap();
            assert_eq!(scene.find("keys"), Err(NotFound::NotMadeHere), "{to}");
        }
        fs_err::write(scene.file("record.json"), &good).unwrap();
        // A copy is another file, and is read; what differs is found though its size is the same.
        fs_err::copy(scene.file("packed"), scene.path("copy")).unwrap();
        fs_err::rename(scene.path("copy"), scene.file("packed")).unwrap();
        assert_eq!(scene.find("keys"), Ok(true));
        fs_err::write(scene.file("packed"), "numbErs").unwrap();
        assert_eq!(scene.find("keys"), Ok(false));
    }

    #[test]
    fn fi_06_a_key_that_others_can_read_proves_nothing() {
        let scene = Scene(tempfile::tempdir().unwrap());
        scene.make("keys").unwrap();
        let key = scene.path("keys").join(made_here::KEY_FILE);
        assert_eq!(fs_err::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        fs_err::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(scene.find("keys"), Err(NotFound::Damaged(why)) if why.contains("made-here.key")));
        assert!(scene.make("keys").is_err());
    }

    #[test]
    fn fi_02_nothing_is_made_or_removed_by_way_of_links() {
        let scene = Scene(tempfile::tempdir().unwrap());
        fs_err::create_dir_all(scene.path("home/kind")).unwrap();
        fs_err::write(scene.path("home/kind/thesis"), "precious").unwrap();
        symlink(scene.path("home"), scene.path("prepared")).unwrap();
        assert!(scene.make("keys").is_err());
        fs_err::remove_file(scene.path("prepared")).unwrap();
        fs_err::create_dir(scene.path("prepared")).unwrap();
        symlink(scene.path("home/kind"), scene.path("prepared/kind")).unwrap();
        assert!(scene.make("keys").is_err());
        fs_err::remove_file(scene.path("prepared/kind")).unwrap();
        // A folder of that name that holds something else keeps it.
        fs_err::rename(scene.path("home/kind"), scene.path("prepared/kind")).unwrap();
        symlink(scene.path("prepared/kind/thesis"), scene.path("prepared/kind/lock")).unwrap();
        assert!(scene.make("keys").is_err());
        fs_err::remove_file(scene.path("prepared/kind/lock")).unwrap();
        scene.make("keys").unwrap();
        assert_eq!(fs_err::read_to_string(scene.path("prepared/kind/thesis")).unwrap(), "precious");
    }
}
